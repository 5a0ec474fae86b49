//! Why something is refused or has failed: a status, a text, and what is below it.
//!
//! Must not know: how a surface shows errors; each turns this into a type of its own.

use std::collections::TryReserveError;
use std::fmt;

use extism_abi::Status;

/// A refusal or a failure. It is no `std::error::Error`, so that no surface takes it for one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    status: Status,
    message: String,
    cause: Option<String>,
}

impl Fault {
    /// One without a cause below it.
    pub fn new(status: Status, message: impl Into<String>) -> Fault {
        Fault {
            status,
            message: message.into(),
            cause: None,
        }
    }

    /// The host has no memory for so many bytes, which a guest has asked for.
    #[cold]
    pub fn no_memory(error: &TryReserveError, bytes: usize) -> Fault {
        Fault::new(Status::OutOfMemory, format!("no memory for {bytes} bytes")).because(error)
    }

    /// The same, above a cause.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Fault {
        self.cause = Some(cause.to_string());
        self
    }

    /// The stable status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The text, without the cause.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What is below it.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
