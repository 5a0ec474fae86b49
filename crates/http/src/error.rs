//! What can go wrong in an exchange.
//!
//! Must not know: how a status reaches a plug-in or its host.
//!
//! Keeps: every failure has exactly one status, and no text carries a user name or password of a URL.

use std::fmt;
use std::io;

use extism_abi::Status;
use extism_policy::{Denied, InvalidRequest};

/// Why an exchange gave no response.
///
/// ```
/// use extism_http::{Client, HostPolicy, HttpError, Request, Rules};
///
/// let policy = HostPolicy::new(None);
/// let request = Request { url: "http://example.com/", ..Request::default() };
/// let error = Client::new().send(request, &Rules::new(&policy)).unwrap_err();
/// assert!(matches!(error, HttpError::Denied(_)));
/// assert_eq!(error.status().code(), 600);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// The URL, the method or a header is malformed.
    Invalid(String),
    /// The policy refuses the request, an address or a redirect.
    Denied(Denied),
    /// The decoded body is larger than this many bytes.
    BodyTooLarge(u64),
    /// The head of the response is larger than this many bytes.
    HeadersTooLarge(u64),
    /// The deadline passed first.
    TimedOut,
    /// The caller's `interrupted` said so.
    Interrupted,
    /// No memory for the body.
    OutOfMemory,
    /// There was no complete response: name, connection, TLS or protocol.
    Failed(String),
}

impl HttpError {
    /// The status that stands for this error everywhere.
    pub fn status(&self) -> Status {
        match self {
            HttpError::Invalid(_) => Status::HttpRequestInvalid,
            HttpError::Denied(denied) => denied.status(),
            HttpError::BodyTooLarge(_) | HttpError::HeadersTooLarge(_) => Status::HttpSize,
            HttpError::TimedOut => Status::Timeout,
            HttpError::Interrupted => Status::Cancelled,
            HttpError::OutOfMemory => Status::OutOfMemory,
            HttpError::Failed(_) => Status::HttpFailed,
        }
    }

    /// What an IO error means: one of ours that travelled as an IO error, or a failure while `doing`
    /// something.
    pub(crate) fn from_io(error: io::Error, doing: impl fmt::Display) -> HttpError {
        match error.downcast::<HttpError>() {
            Ok(own) => own,
            Err(error) => HttpError::Failed(format!("{doing}: {error}")),
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::Invalid(text) | HttpError::Failed(text) => f.write_str(text),
            HttpError::Denied(denied) => denied.fmt(f),
            HttpError::BodyTooLarge(max) => write!(
                f,
                "HTTP response exceeds the configured maximum number of bytes: {max}"
            ),
            HttpError::HeadersTooLarge(max) => write!(
                f,
                "HTTP response headers exceed the configured maximum number of bytes: {max}"
            ),
            HttpError::TimedOut => f.write_str("timeout"),
            HttpError::Interrupted => f.write_str("cancelled"),
            HttpError::OutOfMemory => f.write_str("not enough memory for the HTTP response"),
        }
    }
}

impl std::error::Error for HttpError {}

impl From<Denied> for HttpError {
    fn from(denied: Denied) -> HttpError {
        HttpError::Denied(denied)
    }
}

impl From<InvalidRequest> for HttpError {
    fn from(invalid: InvalidRequest) -> HttpError {
        HttpError::Invalid(invalid.to_string())
    }
}

impl From<HttpError> for io::Error {
    fn from(error: HttpError) -> io::Error {
        io::Error::other(error)
    }
}
