//! The plug-in that calls a host function, lent to JavaScript while the function runs: it may be on
//! another thread than the call, which waits.
//!
//! Must not know: what is done with it. Invariant: a loan ends before the host function does, and
//! nobody is inside of the plug-in then.

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use extism_runtime::CurrentPlugin;

/// A plug-in, until the loan ends.
pub(crate) struct Loan(Mutex<Option<Lent>>);

struct Lent(NonNull<CurrentPlugin<'static>>);

// SAFETY: what is lent is an exclusive reference, and a plug-in may move between threads: `Plugin`
// is `Send`, and the thread whose call it is does nothing with it before the loan has ended.
unsafe impl Send for Lent {}

const fn assert_send<T: Send>() {}
const _: () = assert_send::<extism_runtime::Plugin>();

/// Ends a loan, also when a panic does.
struct End(Arc<Loan>);

impl Drop for End {
    fn drop(&mut self) {
        let mut lent = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        *lent = None;
    }
}

impl Loan {
    /// Lends a plug-in for as long as `during` runs.
    pub(crate) fn lend<R>(
        plugin: &mut CurrentPlugin<'_>,
        during: impl FnOnce(&Arc<Loan>) -> R,
    ) -> R {
        let lent = Lent(NonNull::from(plugin).cast());
        let end = End(Arc::new(Loan(Mutex::new(Some(lent)))));
        during(&end.0)
    }

    /// Does something with the plug-in, which must not come back here; `None` if the loan has ended.
    pub(crate) fn borrow<R>(&self, work: impl FnOnce(&mut CurrentPlugin<'_>) -> R) -> Option<R> {
        let mut lent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lent = lent.as_mut()?;
        // SAFETY: the reference this was made from lives until `lend` returns, which first waits
        // for this lock; it is exclusive, and so is the lock.
        let plugin = unsafe { lent.0.as_mut() };
        Some(work(plugin))
    }
}
