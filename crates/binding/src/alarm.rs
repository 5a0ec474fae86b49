//! The thread that tells those who wait for a plug-in of any pool when their time is up. It is made once: who
//! asks may be a scheduler of a virtual machine, which had better not make threads.
//!
//! Must not know: why somebody waits. Invariant: it does nothing that takes long, and has nothing locked when
//! it tells somebody.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::Builder;
use std::time::Instant;

use crate::lender::Shared;

/// When, where, and who: numbers are those of a pool.
type Key = (Instant, usize, u64);

struct Alarms {
    waiting: BTreeMap<Key, Weak<Shared>>,
    is_watched: bool,
}

static ALARMS: Mutex<Alarms> = Mutex::new(Alarms {
    waiting: BTreeMap::new(),
    is_watched: false,
});
static CHANGED: Condvar = Condvar::new();

/// Has a borrower told when it is so late.
///
/// # Errors
/// When there is no thread and none can be made.
pub(crate) fn set(at: Instant, shared: &Arc<Shared>, number: u64) -> io::Result<()> {
    let key = key(at, shared, number);
    let mut alarms = lock();
    alarms.waiting.insert(key, Arc::downgrade(shared));
    let is_first = alarms
        .waiting
        .first_key_value()
        .is_some_and(|(first, _)| *first == key);
    let is_watched = std::mem::replace(&mut alarms.is_watched, true);
    drop(alarms);
    if is_watched {
        if is_first {
            CHANGED.notify_one();
        }
        return Ok(());
    }
    let made = Builder::new().name("extism-wait".to_owned()).spawn(watch);
    made.map(drop).inspect_err(|_| {
        let mut alarms = lock();
        alarms.is_watched = false;
        alarms.waiting.remove(&key);
    })
}

/// Nobody needs to be told any more.
pub(crate) fn cancel(at: Instant, shared: &Arc<Shared>, number: u64) {
    let key = key(at, shared, number);
    let removed = lock().waiting.remove(&key);
    drop(removed);
}

fn key(at: Instant, shared: &Arc<Shared>, number: u64) -> Key {
    (at, Arc::as_ptr(shared).addr(), number)
}

fn watch() {
    let mut alarms = lock();
    loop {
        let now = Instant::now();
        let first = alarms.waiting.first_entry();
        let left = match first {
            Some(first) if first.key().0 <= now => {
                let ((_, _, number), shared) = first.remove_entry();
                drop(alarms);
                if let Some(shared) = shared.upgrade() {
                    shared.expire(number);
                }
                alarms = lock();
                continue;
            }
            Some(first) => first.key().0.saturating_duration_since(now),
            None => {
                let woken = CHANGED.wait(alarms);
                alarms = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
        };
        let woken = CHANGED.wait_timeout(alarms, left);
        alarms = woken.unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn lock() -> MutexGuard<'static, Alarms> {
    ALARMS.lock().unwrap_or_else(PoisonError::into_inner)
}
