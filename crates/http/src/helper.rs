//! The threads that look up names and connect, which nobody can stop: how many there are, and how many
//! look-ups one client has left behind. Connecting ends by itself soon.
//!
//! Must not know: how either is done.
//!
//! Keeps: whoever has left so many behind starts no more, so that what one client gave up does not use up the
//! threads of the others. The child of a fork, to which no thread comes along, begins at zero.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::error::HttpError;

/// How many there are in the process at most, those left behind included.
const HELPERS_MAX: u32 = 512;

/// How many look-ups one client can have left behind.
const BEHIND_MAX: u32 = 8;

static HELPERS: Count = Count::new();

/// What the exchanges of a client left behind. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Share(Arc<Count>);

impl Share {
    pub(crate) fn new() -> Share {
        Share(Arc::new(Count::new()))
    }

    /// A place for a thread, and one for whoever waits for it.
    pub(crate) fn enter(&self) -> Result<(Helper, Waiting), HttpError> {
        let refused = |why: &str| Err(HttpError::Failed(why.to_string()));
        if self.0.get() >= BEHIND_MAX {
            return refused("too many look-ups that were given up have not ended");
        }
        if !HELPERS.add(HELPERS_MAX) {
            return refused("too many connections are being opened");
        }
        let link = Arc::new(Link {
            state: AtomicU8::new(BOTH),
            behind: Arc::clone(&self.0),
        });
        Ok((Helper(Arc::clone(&link)), Waiting(link)))
    }
}

/// What a thread and who waits for it know of each other: whether the look-up has ended, or was given up.
struct Link {
    state: AtomicU8,
    behind: Arc<Count>,
}

const BOTH: u8 = 0;
const GIVEN_UP: u8 = 1;
const ENDED: u8 = 2;

/// Held by the thread until it ends.
pub(crate) struct Helper(Arc<Link>);

impl Helper {
    /// What remains ends by itself.
    pub(crate) fn looked_up(&self) {
        if self.0.state.swap(ENDED, Ordering::AcqRel) == GIVEN_UP {
            self.0.behind.remove();
        }
    }

    /// Whether nobody waits any more.
    pub(crate) fn is_given_up(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        HELPERS.remove();
        self.looked_up();
    }
}

/// Held by whoever waits for the thread.
pub(crate) struct Waiting(Arc<Link>);

impl Drop for Waiting {
    fn drop(&mut self) {
        let Link { state, behind } = &*self.0;
        if state.load(Ordering::Acquire) == ENDED {
            return;
        }
        // Before the thread can know of it, which then takes it off again.
        behind.add(u32::MAX);
        if state.swap(GIVEN_UP, Ordering::AcqRel) == ENDED {
            behind.remove();
        }
    }
}

/// How many threads of this process: in the lower half, and above it the number of the process.
#[derive(Debug)]
struct Count(AtomicU64);

impl Count {
    const fn new() -> Count {
        Count(AtomicU64::new(0))
    }

    fn get(&self) -> u32 {
        count_in(self.0.load(Ordering::Relaxed), std::process::id())
    }

    /// One more, unless there are as many already.
    fn add(&self, most: u32) -> bool {
        self.update(|count| count.checked_add(1).filter(|count| *count <= most))
    }

    fn remove(&self) {
        self.update(|count| count.checked_sub(1));
    }

    fn update(&self, change: impl Fn(u32) -> Option<u32>) -> bool {
        let process = std::process::id();
        let changed = |both| {
            let count = change(count_in(both, process))?;
            Some(u64::from(process) << 32 | u64::from(count))
        };
        self.0
            .try_update(Ordering::Relaxed, Ordering::Relaxed, changed)
            .is_ok()
    }
}

fn count_in(both: u64, process: u32) -> u32 {
    let [a, b, c, d, count @ ..] = both.to_be_bytes();
    match u32::from_be_bytes([a, b, c, d]) == process {
        true => u32::from_be_bytes(count),
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_another_process_do_not_count() {
        let count = Count::new();
        assert!(count.add(2) && count.add(2) && !count.add(2));
        let process = std::process::id();
        let parent = u64::from(process.wrapping_add(1)) << 32;
        for (both, left) in [(parent | 512, 0), (u64::from(process) << 32 | 2, 2)] {
            count.0.store(both, Ordering::Relaxed);
            assert_eq!(count.get(), left);
            count.remove();
            assert_eq!(count.get(), left.saturating_sub(1));
            assert!(count.add(2));
        }
    }

    #[test]
    fn what_was_waited_for_is_not_left_behind() {
        let share = Share::new();
        let (first, second) = (share.enter(), share.enter());
        let (Ok((helper, waiting)), Ok((given_up, gone))) = (first, second) else {
            panic!("there is room");
        };
        drop(helper);
        drop(waiting);
        assert_eq!(share.0.get(), 0);
        assert!(!given_up.is_given_up());
        drop(gone);
        assert_eq!(share.0.get(), 1);
        assert!(given_up.is_given_up());
        drop(given_up);
        assert_eq!(share.0.get(), 0);
        let Ok((connecting, gone)) = share.enter() else {
            panic!("there is room");
        };
        connecting.looked_up();
        drop(gone);
        assert_eq!(share.0.get(), 0);
        assert!(connecting.is_given_up());
    }
}
