//! Plug-ins under numbers: one is found in a fraction of the time in which Node finds what is behind an
//! object.
//!
//! Must not know: calls. Invariant: a number stands for one plug-in as long as that is there, and then for
//! none or for another one.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use crate::plugin::Seat;

/// Those of one JavaScript thread. It keeps nobody: what is dropped when the thread has ended cannot reach
/// JavaScript any more.
#[derive(Default)]
struct Numbers {
    seats: Vec<Weak<Seat>>,
    free: Vec<u32>,
}

thread_local! {
    static NUMBERS: RefCell<Numbers> = RefCell::default();
}

/// The number of a plug-in, until this is dropped.
pub(crate) struct Number(u32);

impl Number {
    pub(crate) fn of(seat: &Rc<Seat>) -> Number {
        NUMBERS.with_borrow_mut(|numbers| {
            let seat = Rc::downgrade(seat);
            let free = numbers.free.pop();
            let number = free.unwrap_or(numbers.seats.len() as u32);
            match numbers.seats.get_mut(number as usize) {
                Some(place) => *place = seat,
                None => numbers.seats.push(seat),
            }
            Number(number)
        })
    }

    pub(crate) fn get(&self) -> u32 {
        self.0
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // Else the thread is ending.
        _ = NUMBERS.try_with(|numbers| numbers.borrow_mut().free.push(self.0));
    }
}

/// The plug-in with this number.
pub(crate) fn find(number: u32) -> Option<Rc<Seat>> {
    NUMBERS.with_borrow(|numbers| numbers.seats.get(number as usize)?.upgrade())
}
