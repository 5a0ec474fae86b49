//! The deadline of an exchange and the caller's wish to stop it.
//!
//! Must not know: what is being waited for.
//!
//! Keeps: whoever waits asks [`Watch::check`] first and then waits no longer than [`Watch::slice`].

use std::time::{Duration, Instant};

use crate::error::HttpError;
use crate::request::Rules;

/// The longest a wait goes on without looking up.
pub(crate) const SLICE: Duration = Duration::from_millis(40);

#[derive(Clone, Copy)]
pub(crate) struct Watch<'a> {
    pub(crate) deadline: Option<Instant>,
    interrupted: &'a dyn Fn() -> bool,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(rules: &Rules<'a>) -> Watch<'a> {
        Watch {
            deadline: rules.deadline,
            interrupted: rules.interrupted,
        }
    }

    pub(crate) fn check(&self) -> Result<(), HttpError> {
        if (self.interrupted)() {
            return Err(HttpError::Interrupted);
        }
        match self.remaining() {
            Some(Duration::ZERO) => Err(HttpError::TimedOut),
            _ => Ok(()),
        }
    }

    /// The time left until the deadline, if there is one.
    fn remaining(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// How long to wait next: never zero, which would mean "for ever" to a socket.
    pub(crate) fn slice(&self) -> Duration {
        let left = self.remaining().unwrap_or(SLICE);
        left.clamp(Duration::from_millis(1), SLICE)
    }
}
