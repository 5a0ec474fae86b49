//! Borrowing from a pool.
//!
//! Must not know: who borrows. Invariant: a borrower that is no longer wanted takes nothing.

use std::time::{Duration, Instant};

use extism_runtime::{Error, Lease, Plugin, Pool, Status};

/// How long a borrower waits before it asks whether it is still wanted.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

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

/// Borrows a plug-in for somebody who may be gone before one comes back, which `check` says.
///
/// # Errors
/// As [`borrow`], and what `check` answers.
pub fn borrow_while<E: From<Error>>(
    pool: &Pool<Plugin, Error>,
    timeout: Duration,
    check: impl Fn() -> Result<(), E>,
) -> Result<Lease<Plugin, Error>, E> {
    // Longer than a clock can say is for ever.
    let deadline = Instant::now().checked_add(timeout);
    loop {
        check()?;
        let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
        let wait = left.map_or(LOOK_INTERVAL, |left| left.min(LOOK_INTERVAL));
        if let Some(lease) = pool.get(wait)? {
            check()?;
            return Ok(lease);
        }
        if left.is_some_and(|left| left <= LOOK_INTERVAL) {
            return Err(late(timeout).into());
        }
    }
}

fn late(timeout: Duration) -> Error {
    let text = format!("no plug-in of the pool came back within {timeout:?}");
    Error::new(Status::WaitTimeout, text)
}
