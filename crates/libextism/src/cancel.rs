//! Handles that cancel a running call from any thread, and may outlive their plug-in.
//!
//! What C holds is a number in a pointer's clothes, never an address
//! (docs/adr/0006-cancel-handles.md). Invariant: a number is given out once, so a handle whose
//! plug-in is gone cancels nothing, whatever was made since.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use extism_runtime::CancelHandle;

use crate::plugin::ExtismPlugin;

/// What C points to a handle with. There is nothing behind it.
pub struct ExtismCancelHandle {
    _nothing: [u8; 0],
}

/// Numbers look like aligned addresses above the first page, as some languages expect of a pointer.
const FIRST: usize = 1 << 16;
const STEP: usize = 16;

static HANDLES: Mutex<Handles> = Mutex::new(Handles {
    next: FIRST,
    live: BTreeMap::new(),
});

struct Handles {
    next: usize,
    live: BTreeMap<usize, Live>,
}

struct Live {
    handle: CancelHandle,
    owner: Owner,
}

/// Who ends a handle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The plug-in, when it is freed.
    Plugin,
    /// The caller, who made a copy.
    Caller,
}

fn handles() -> MutexGuard<'static, Handles> {
    HANDLES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Handles {
    /// The number of a new handle; `None` once all numbers were given out.
    fn add(&mut self, handle: CancelHandle, owner: Owner) -> Option<usize> {
        let number = self.next;
        self.next = number.checked_add(STEP)?;
        self.live.insert(number, Live { handle, owner });
        Some(number)
    }
}

/// The handle of one plug-in, from the first time somebody asks for it until the plug-in is freed.
pub(crate) struct PluginHandle {
    handle: CancelHandle,
    number: Mutex<Option<usize>>,
}

impl PluginHandle {
    pub(crate) fn new(handle: CancelHandle) -> PluginHandle {
        PluginHandle {
            handle,
            number: Mutex::new(None),
        }
    }

    pub(crate) fn pointer(&self) -> *const ExtismCancelHandle {
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        if number.is_none() {
            *number = handles().add(self.handle.clone(), Owner::Plugin);
        }
        number.map_or(ptr::null(), ptr::without_provenance)
    }
}

impl Drop for PluginHandle {
    fn drop(&mut self) {
        let number = self
            .number
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = number {
            handles().live.remove(number);
        }
    }
}

/// How many handles there are.
pub(crate) fn alive() -> u64 {
    handles().live.len() as u64
}

/// The handle of a plug-in, which it owns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_cancel_handle(
    plugin: *const ExtismPlugin,
) -> *const ExtismCancelHandle {
    boundary!(extism_plugin_cancel_handle, ptr::null(), {
        // SAFETY: the caller passes NULL or a live plug-in.
        let plugin = unsafe { crate::ffi::Object::get(plugin) };
        plugin.map_or(ptr::null(), |plugin| plugin.cancel_handle().pointer())
    })
}

/// Cancels the running call of the handle's plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_cancel(handle: *const ExtismCancelHandle) -> bool {
    boundary!(extism_plugin_cancel, false, {
        let handles = handles();
        let live = handles.live.get(&handle.addr());
        live.inspect(|live| live.handle.cancel()).is_some()
    })
}

/// Another handle of the same plug-in, which the caller owns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_cancel_handle_clone(
    handle: *const ExtismCancelHandle,
) -> *const ExtismCancelHandle {
    boundary!(extism_cancel_handle_clone, ptr::null(), {
        let mut handles = handles();
        let live = handles.live.get(&handle.addr());
        let number = live
            .map(|live| live.handle.clone())
            .and_then(|copy| handles.add(copy, Owner::Caller));
        number.map_or(ptr::null(), ptr::without_provenance)
    })
}

/// Ends a handle that the caller owns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_cancel_handle_free(handle: *const ExtismCancelHandle) {
    boundary!(extism_cancel_handle_free, (), {
        let mut handles = handles();
        let number = handle.addr();
        let owner = handles.live.get(&number).map(|live| live.owner);
        if owner == Some(Owner::Caller) {
            handles.live.remove(&number);
        }
    })
}
