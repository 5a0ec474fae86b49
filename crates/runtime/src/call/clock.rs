//! The clock of deadlines: nanoseconds of monotonic time since it was first read.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Later than any time.
pub(super) const NEVER: u64 = u64::MAX;

/// Now.
pub(super) fn now_ns() -> u64 {
    nanoseconds(origin().elapsed())
}

/// The instant of a time on this clock; `None` if it is too far away to be one.
pub(super) fn instant(ns: u64) -> Option<Instant> {
    origin().checked_add(Duration::from_nanos(ns))
}

/// When something that begins now and may take `time_max` must be over.
pub(super) fn deadline_ns(time_max: Option<Duration>) -> u64 {
    time_max.map_or(NEVER, |time_max| {
        now_ns().saturating_add(nanoseconds(time_max))
    })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(NEVER)
}

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}
