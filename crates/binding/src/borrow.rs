//! Borrowing from a pool on a thread that may wait.
//!
//! Must not know: who borrows. Invariant: the time is counted from when the borrower asks.

use std::time::Duration;

use extism_runtime::{Error, Lease, Plugin, Pool, Status};

/// Borrows a plug-in, waiting up to `timeout` for one to come back.
///
/// # Errors
/// [`Status::WaitTimeout`] if none does, and what making a new one answers.
pub fn borrow(
    pool: &Pool<Plugin, Error>,
    timeout: Duration,
) -> Result<Lease<Plugin, Error>, Error> {
    pool.get(timeout)?.ok_or_else(|| late(timeout))
}

pub(crate) fn late(timeout: Duration) -> Error {
    let text = format!("no plug-in of the pool came back within {timeout:?}");
    Error::new(Status::WaitTimeout, text)
}
