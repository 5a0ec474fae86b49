//! Errors on their way to JavaScript: the status and the plug-in's code as the `code` of an exception.
//!
//! Must not know: when they happen. Invariant: every error has a status.

use extism_runtime::{Error, Status};

/// An error of the library.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) guest_code: i32,
    pub(crate) message: String,
}

/// What functions that JavaScript calls throw.
pub(crate) type Thrown = napi::Error<String>;

impl Failure {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Failure {
        Failure {
            status,
            guest_code: 0,
            message: message.into(),
        }
    }

    pub(crate) fn closed(what: &str) -> Failure {
        Failure::new(Status::Closed, format!("the {what} is closed"))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Failure {
        Failure::new(Status::InvalidArgument, message)
    }

    /// The status and the plug-in's code, as JavaScript reads them.
    pub(crate) fn code(&self) -> String {
        format!("EXTISM:{}:{}", self.status.code(), self.guest_code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure {
            status: error.status(),
            guest_code: error.guest_code().unwrap_or(0),
            message: error.report(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error::new(failure.status, failure.message)
    }
}

impl From<Failure> for Thrown {
    fn from(failure: Failure) -> Thrown {
        napi::Error::new(failure.code(), failure.message)
    }
}

/// What Node itself refuses; a thread that ends refuses everything.
pub(crate) fn refused(error: napi::Error) -> Failure {
    Failure::new(Status::Internal, error.reason.clone())
}
