//! What goes into an exchange and what comes out.
//!
//! Must not know: how the exchange is made.
//!
//! Keeps: every wait and every size has a bound the caller chose or can read here.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use extism_policy::{HostPolicy, REDIRECTS_MAX};

/// A request as a plug-in asks for it; nothing in it is trusted.
///
/// ```
/// let request = extism_http::Request {
///     method: "POST",
///     url: "https://example.com/form",
///     headers: &[("content-type", "text/plain")],
///     body: Some(b"hello"),
/// };
/// # let _ = request;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// Any method in any case; an empty one means `GET`.
    pub method: &'a str,
    /// The URL, parsed by [`crate::Client::send`] and nowhere else. A user name and password in it become
    /// an `authorization` header, unless there is one.
    pub url: &'a str,
    /// Names and values. `accept`, `accept-encoding` and `user-agent` have defaults.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, allowed with any method; `None` is no body, which is not the same as an empty one.
    pub body: Option<&'a [u8]>,
}

/// The bounds of an exchange.
///
/// ```
/// use std::time::{Duration, Instant};
/// use extism_http::{HostPolicy, Rules};
///
/// let policy = HostPolicy::new(Some(&["api.example.com".to_string()]));
/// let rules = Rules {
///     response_bytes_max: 1 << 20,
///     deadline: Some(Instant::now() + Duration::from_secs(10)),
///     ..Rules::new(&policy)
/// };
/// assert_eq!(rules.redirects_max, 5);
/// ```
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// Which hosts and addresses may be reached.
    pub policy: &'a HostPolicy,
    /// The largest body, in bytes after decoding.
    pub response_bytes_max: u64,
    /// The largest head, in bytes: of the request, and of all heads and trailers of a response together.
    pub header_bytes_max: u64,
    /// How many redirects are followed; with 0 the answer that redirects is the response.
    pub redirects_max: u32,
    /// When to give up. `None` waits for the peer as long as it takes.
    pub deadline: Option<Instant>,
    /// Asked every few dozen milliseconds, on the calling thread; `true` gives up.
    pub interrupted: &'a dyn Fn() -> bool,
    /// Told how many bytes of the body have arrived, and of how many if that is known.
    pub progress: Option<&'a dyn Fn(u64, Option<u64>)>,
}

impl<'a> Rules<'a> {
    /// The defaults: a body of 50 MiB, headers of 64 KiB, 5 redirects, no deadline.
    pub fn new(policy: &'a HostPolicy) -> Rules<'a> {
        Rules {
            policy,
            response_bytes_max: 50 << 20,
            header_bytes_max: 64 << 10,
            redirects_max: REDIRECTS_MAX,
            deadline: None,
            interrupted: &|| false,
            progress: None,
        }
    }
}

impl fmt::Debug for Rules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("policy", &self.policy)
            .field("response_bytes_max", &self.response_bytes_max)
            .field("header_bytes_max", &self.header_bytes_max)
            .field("redirects_max", &self.redirects_max)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// The last answer of an exchange, whatever its status code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers by name in lower case: one value per name, the last one; values that are not visible ASCII
    /// are left out. If the body was compressed, `content-encoding` and `content-length` are left out.
    pub headers: BTreeMap<String, String>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}
