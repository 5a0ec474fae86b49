//! How long the programs that were waited for have had a processor.
//!
//! Must not know: which programs. Invariant: on a busy machine it grows slower than the clock of the wall.

use std::fs;
use std::time::{Duration, Instant};

/// The clock a long run is measured by.
pub(crate) struct Clock {
    began: Instant,
    used: Option<Duration>,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock {
            began: Instant::now(),
            used: of_children(),
        }
    }

    /// The time since the start: of processors where the system tells it, of the wall elsewhere.
    pub(crate) fn elapsed(&self) -> Duration {
        match (self.used, of_children()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.began.elapsed(),
        }
    }
}

/// What Linux says in `/proc/self/stat`; its fields are described in proc_pid_stat(5).
fn of_children() -> Option<Duration> {
    parse(&fs::read_to_string("/proc/self/stat").ok()?)
}

fn parse(stat: &str) -> Option<Duration> {
    // The name before it may hold spaces and brackets.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(13);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // In hundredths of a second, whatever the kernel's own tick is.
    Some(Duration::from_millis((user + system) * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_linux() {
        let stat = "12 (a ) b) S 1 2 3 4 5 6 7 8 9 10 11 12 250 50 20 0";
        assert_eq!(parse(stat), Some(Duration::from_secs(3)));
        assert_eq!(parse("12 (a) S 1"), None);
        assert_eq!(parse(""), None);
    }
}
