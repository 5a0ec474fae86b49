//! A plug-in that knows whether it is lent, and what goes wrong.
//!
//! Must not know: the models. Invariant: two borrowers of one plug-in, or two plug-ins of a pool of one, fail
//! the model.

use crate::pool::{Pool, PoolOptions, Pooled};
use crate::sync::{Arc, AtomicUsize, Ordering};

/// As much of the runtime's status as the files know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Internal,
    WaitTimeout,
}

#[derive(Debug)]
pub(crate) struct Error(pub(crate) Status);

impl Error {
    pub(crate) fn new(status: Status, _: String) -> Error {
        Error(status)
    }
}

pub(crate) struct Plugin {
    calls: AtomicUsize,
    alive: Arc<AtomicUsize>,
    /// Whether it is fit for another borrower.
    fit: bool,
}

impl Plugin {
    pub(crate) fn call(&self) {
        assert_eq!(self.calls.fetch_add(1, Ordering::AcqRel), 0, "lent twice");
        self.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Pooled for Plugin {
    fn recycle(&mut self) -> bool {
        self.fit
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A pool of one, whose plug-ins are fit for another borrower or not; the first `failures` cannot be made.
pub(crate) fn pool_of_one(fit: bool, failures: usize) -> Pool<Plugin, Error> {
    let alive = Arc::new(AtomicUsize::new(0));
    let attempts = AtomicUsize::new(0);
    Pool::new(PoolOptions { instances_max: 1 }, move || {
        if attempts.fetch_add(1, Ordering::AcqRel) < failures {
            return Err(Error(Status::Internal));
        }
        assert_eq!(
            alive.fetch_add(1, Ordering::AcqRel),
            0,
            "two plug-ins at once"
        );
        Ok(Plugin {
            calls: AtomicUsize::new(0),
            alive: Arc::clone(&alive),
            fit,
        })
    })
}
