//! What went wrong: a stable status, the guest's own code, the whole cause in words.
//!
//! Invariant: every error the runtime gives out carries a [`Status`]; nobody ever has to match on
//! text. The texts that published SDKs do match on are kept (docs/compat.md).

use std::fmt;
use std::sync::Arc;

use extism_abi::Status;
use extism_semantics::Fault;

/// An error of the runtime, cheap to clone.
///
/// [`Display`](fmt::Display) gives the outermost message; [`std::error::Error::source`] leads to the causes;
/// [`Error::report`] is all of it in one text.
///
/// ```
/// use extism_runtime::{Error, Status};
///
/// let error = Error::new(Status::FunctionNotFound, "Function not found: greet");
/// assert_eq!(error.status(), Status::FunctionNotFound);
/// assert_eq!(error.to_string(), "Function not found: greet");
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    status: Status,
    guest_code: Option<i32>,
    message: String,
    cause: Cause,
}

enum Cause {
    None,
    /// The message stands above this whole chain.
    Below(anyhow::Error),
    /// The message is the first link of this chain; the causes are the rest.
    Rest(anyhow::Error),
}

impl Error {
    /// An error without a cause below it.
    pub fn new(status: Status, message: impl Into<String>) -> Error {
        Error::build(status, message.into(), Cause::None)
    }

    /// An error whose message stands above `cause`.
    pub fn with_cause(
        status: Status,
        message: impl Into<String>,
        cause: impl Into<anyhow::Error>,
    ) -> Error {
        Error::build(status, message.into(), Cause::Below(cause.into()))
    }

    /// Gives a status to a chain of errors: its first link becomes the message, the rest the causes.
    pub fn from_chain(status: Status, chain: impl Into<anyhow::Error>) -> Error {
        let chain = chain.into();
        Error::build(status, chain.to_string(), Cause::Rest(chain))
    }

    /// As [`Error::from_chain`], with another text in place of the first link's.
    pub(crate) fn from_chain_as(
        status: Status,
        message: String,
        chain: impl Into<anyhow::Error>,
    ) -> Error {
        Error::build(status, message, Cause::Rest(chain.into()))
    }

    fn build(status: Status, message: String, cause: Cause) -> Error {
        Error(Arc::new(Inner {
            status,
            guest_code: None,
            message,
            cause,
        }))
    }

    /// The same error with the code the guest returned or exited with.
    pub fn with_guest_code(self, code: i32) -> Error {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => Error(Arc::new(Inner {
                guest_code: Some(code),
                ..inner
            })),
            Err(shared) => Error(Arc::new(Inner {
                status: shared.status,
                guest_code: Some(code),
                message: shared.message.clone(),
                cause: match &shared.cause {
                    Cause::None => Cause::None,
                    Cause::Below(_) | Cause::Rest(_) => {
                        Cause::Below(anyhow::Error::new(Error(shared.clone())))
                    }
                },
            })),
        }
    }

    /// The stable status.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// The code the guest returned or exited with, where it did.
    pub fn guest_code(&self) -> Option<i32> {
        self.0.guest_code
    }

    /// The outermost message, without its causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The innermost message: what actually happened.
    pub fn root_cause(&self) -> String {
        let mut last: &dyn std::error::Error = self;
        while let Some(next) = last.source() {
            last = next;
        }
        last.to_string()
    }

    /// The first cause of this type, however deep: a trap of the engine, or what a host function failed with.
    pub fn find<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E> {
        let (Cause::Below(chain) | Cause::Rest(chain)) = &self.0.cause else {
            return None;
        };
        chain.downcast_ref::<E>().or_else(|| {
            chain
                .chain()
                .find_map(|link| match link.downcast_ref::<Error>() {
                    Some(error) => error.find(),
                    None => link.downcast_ref::<E>(),
                })
        })
    }

    /// The message and every cause below it, each on lines of its own.
    pub fn report(&self) -> String {
        let mut text = self.0.message.clone();
        let mut cause = std::error::Error::source(self);
        if cause.is_some() {
            text.push_str("\n\nCaused by:");
        }
        while let Some(error) = cause {
            text.push_str("\n    ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        match fault.cause() {
            Some(cause) => {
                Error::with_cause(fault.status(), fault.message(), anyhow::anyhow!("{cause}"))
            }
            None => Error::new(fault.status(), fault.message()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.report(), self.0.status)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            Cause::None => None,
            Cause::Below(cause) => Some(cause.as_ref()),
            Cause::Rest(chain) => chain.source(),
        }
    }
}
