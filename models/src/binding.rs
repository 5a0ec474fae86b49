//! The file that lends without a thread among what it stands on here: an alarm that goes off whenever it
//! likes, and a plug-in in no cell.
//!
//! Must not know: the models. Invariant: how places are given is the binding's file.

pub(crate) mod alarm {
    use std::io;
    use std::sync::Arc;
    use std::time::Instant;

    use super::lender::Shared;
    use crate::sync::thread;

    pub(crate) fn set(_: Instant, shared: &Arc<Shared>, number: u64) -> io::Result<()> {
        let shared = Arc::downgrade(shared);
        thread::spawn(move || {
            if let Some(shared) = shared.upgrade() {
                shared.expire(number);
            }
        });
        Ok(())
    }

    /// It may be going off just now.
    pub(crate) fn cancel(_: Instant, _: &Arc<Shared>, _: u64) {}
}

pub(crate) mod cell {
    use super::lender::Place;
    use crate::plugin::{Error, Plugin};
    use crate::pool::Lease;

    pub(crate) struct Entry {
        lease: Lease<Plugin, Error>,
        _place: Place,
    }

    impl Entry {
        pub(crate) fn placed(lease: Lease<Plugin, Error>, place: Place) -> Entry {
            Entry {
                lease,
                _place: place,
            }
        }

        pub(crate) fn call(&self) {
            self.lease.call();
        }
    }
}

#[allow(
    dead_code,
    unreachable_pub,
    reason = "it is public in the binding, and has more than the models ask for"
)]
#[path = "../../crates/binding/src/borrow.rs"]
pub(crate) mod borrow;

#[allow(unreachable_pub, reason = "it is public in the binding")]
#[path = "../../crates/binding/src/lender.rs"]
pub(crate) mod lender;
