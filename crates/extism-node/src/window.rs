//! Memory that JavaScript and the addon both see: values of host functions, short inputs and small
//! outputs cross in it, for less than what making an object costs.
//!
//! Must not know: what is in it. Invariant: it is touched on the thread of its JavaScript only, and
//! by one of the two sides at a time: JavaScript runs while the addon does not.

use std::cell::RefCell;

use napi::bindgen_prelude::Uint8Array;

/// Where values are: at the beginning, 8 bytes each.
const SLOT_BYTES: usize = 8;

pub(crate) struct Window(RefCell<Uint8Array>);

impl Window {
    pub(crate) fn new(memory: Uint8Array) -> Window {
        Window(RefCell::new(memory))
    }

    /// Puts bytes at the beginning; false if they do not fit.
    pub(crate) fn put(&self, bytes: &[u8]) -> bool {
        self.change(|memory| match memory.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                true
            }
            None => false,
        })
    }

    /// The bytes at the beginning, as a copy; `None` if there are not so many.
    pub(crate) fn read(&self, length: u32) -> Option<Vec<u8>> {
        let memory = self.0.borrow();
        memory.get(..length as usize).map(<[u8]>::to_vec)
    }

    /// Puts values where JavaScript looks for arguments; false if they do not fit.
    pub(crate) fn put_slots(&self, slots: impl Iterator<Item = u64>) -> bool {
        self.change(|memory| {
            let mut places = memory.chunks_exact_mut(SLOT_BYTES);
            for slot in slots {
                match places.next() {
                    Some(place) => place.copy_from_slice(&slot.to_ne_bytes()),
                    None => return false,
                }
            }
            true
        })
    }

    /// The value JavaScript has put at a place.
    pub(crate) fn slot(&self, at: usize) -> u64 {
        let memory = self.0.borrow();
        let (places, _) = memory.as_chunks::<SLOT_BYTES>();
        places.get(at).map_or(0, |place| u64::from_ne_bytes(*place))
    }

    fn change<R>(&self, change: impl FnOnce(&mut [u8]) -> R) -> R {
        let mut memory = self.0.borrow_mut();
        // SAFETY: only this thread's JavaScript knows the memory, and it does not run before this
        // returns. The array keeps the memory alive, and the package never transfers it.
        change(unsafe { memory.as_mut() })
    }
}
