//! The token among what it stands on here: a clock that stands still, and a watchdog that is the model's
//! own; with shuttle one that falls asleep as the runtime's does.
//!
//! Must not know: the models. Invariant: the token is the runtime's file.

/// A clock that stands still: a limit of nothing is over at once, any other never.
mod clock {
    use std::time::{Duration, Instant};

    pub(super) const NEVER: u64 = u64::MAX;

    pub(super) fn now_ns() -> u64 {
        1
    }

    pub(super) fn deadline_ns(limit: Option<Duration>) -> u64 {
        match limit {
            Some(Duration::ZERO) => 1,
            _ => NEVER,
        }
    }

    pub(super) fn instant(_: u64) -> Option<Instant> {
        None
    }
}

/// The thread is the model's own.
#[cfg(not(feature = "shuttle"))]
mod watchdog {
    use std::time::Duration;

    use super::token::Token;
    use crate::sync::Arc;

    pub(super) fn watch(_: &Arc<Token>) {}

    pub(super) fn period_ns(_: Duration) -> u64 {
        1
    }

    pub(super) fn expect(_: u64) -> bool {
        true
    }
}

#[cfg(feature = "shuttle")]
mod watchdog;

#[allow(
    dead_code,
    reason = "the model does not wait outside of Wasm in every way"
)]
#[path = "../../crates/runtime/src/call/token.rs"]
mod token;

use crate::engine::Engine;

#[cfg(feature = "shuttle")]
mod sleeping;
mod stopping;
