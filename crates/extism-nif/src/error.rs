//! Errors as terms: maps of `status` (an atom), `code`, `guest_code` (or `undefined`) and `message`.
//!
//! Must not know: when they happen. Invariant: every error has a status.

use extism_runtime::{Error, Status};
use rustler::types::atom::{Atom, undefined};
use rustler::{Encoder, Env, Term};

use crate::term::Text;

rustler::atoms! {
    code,
    guest_code,
    message,
    status,
}

/// An error on its way to a process.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    guest_code: Option<i32>,
    message: String,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Failure {
        Failure {
            status,
            guest_code: None,
            message: message.into(),
        }
    }

    pub(crate) fn closed(what: &str) -> Failure {
        Failure::new(Status::Closed, format!("the {what} is closed"))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Failure {
        Failure::new(Status::InvalidArgument, message)
    }

    /// What a call that was stopped from outside says.
    pub(crate) fn stopped(status: Status) -> Failure {
        Failure::new(status, "timeout")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure {
            status: error.status(),
            guest_code: error.guest_code(),
            message: error.report(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error::new(failure.status, failure.message)
    }
}

impl Encoder for Failure {
    fn encode<'a>(&self, env: Env<'a>) -> Term<'a> {
        let name = self.status.name().to_ascii_lowercase();
        let name = match Atom::from_str(env, &name) {
            Ok(name) => name.encode(env),
            // A status is a few letters of ASCII, so this is never seen.
            Err(_) => Text(name.as_bytes()).encode(env),
        };
        let guest = match self.guest_code {
            Some(guest) => guest.encode(env),
            None => undefined().encode(env),
        };
        let pairs = [
            (status(), name),
            (code(), self.status.code().encode(env)),
            (guest_code(), guest),
            (message(), Text(self.message.as_bytes()).encode(env)),
        ];
        Term::map_from_pairs(env, &pairs).unwrap_or(name)
    }
}
