//! The answer "no": a status and a text that says why.
//!
//! Must not know: how a decision was reached.
//!
//! Keeps: no text carries a user name or password of a URL, and none is longer than about a page.

use std::fmt;
use std::net::IpAddr;

use extism_abi::Status;

use crate::url::Url;

/// URLs in messages are cut after this many bytes: a plug-in chooses them.
const URL_BYTES_MAX: usize = 1024;

/// A request the policy refuses.
///
/// The text begins with `HTTP request to {url} is not allowed`, then says why.
///
/// ```
/// use extism_policy::HostPolicy;
///
/// let policy = HostPolicy::new(Some(&["*.example.com".to_string()]));
/// let denied = policy.decide(&"http://x/".parse().unwrap()).unwrap_err();
/// assert_eq!(
///     denied.to_string(),
///     "HTTP request to http://x/ is not allowed: host x is not in allowed_hosts (*.example.com)"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    status: Status,
    url: String,
    reason: String,
}

impl Denied {
    pub(crate) fn new(status: Status, url: &Url, reason: impl Into<String>) -> Denied {
        Denied {
            status,
            url: display_url(url),
            reason: reason.into(),
        }
    }

    /// The refusal of a host because none of the addresses it has is covered by its grant.
    pub fn addresses(url: &Url, addresses: &[IpAddr]) -> Denied {
        let mut list: Vec<String> = addresses.iter().take(4).map(IpAddr::to_string).collect();
        if addresses.len() > list.len() {
            list.push("…".to_string());
        }
        let reason = format!(
            "a pattern with a wildcard grants public addresses only, and host {} is at {}",
            url.host_str().unwrap_or_default(),
            list.join(", ")
        );
        Denied::new(Status::AddressDenied, url, reason)
    }

    /// The refusal to follow one more redirect than `redirects_max`, after a request for `url`.
    pub fn too_many_redirects(url: &Url, redirects_max: u32) -> Denied {
        let reason = format!("more than {redirects_max} redirects");
        Denied::new(Status::RedirectDenied, url, reason)
    }

    /// The same refusal, of a place that `from` redirected to.
    pub fn redirected_from(mut self, from: &Url) -> Denied {
        self.status = Status::RedirectDenied;
        self.reason = format!(
            "redirected there from {}: {}",
            from.origin().ascii_serialization(),
            self.reason
        );
        self
    }

    /// `HostDenied`, `SchemeDenied`, `AddressDenied` or, on any hop but the first, `RedirectDenied`.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Why, without the URL.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Denied { url, reason, .. } = self;
        write!(f, "HTTP request to {url} is not allowed: {reason}")
    }
}

impl std::error::Error for Denied {}

/// A URL as messages show it: without user name and password, cut if it is very long.
///
/// ```
/// let url = "https://ann:secret@example.com/a".parse().unwrap();
/// assert_eq!(extism_policy::display_url(&url), "https://example.com/a");
/// ```
pub fn display_url(url: &Url) -> String {
    let shown = without_credentials(url);
    // A parsed URL is ASCII, so that any byte is the border of a character.
    match shown.get(..URL_BYTES_MAX) {
        Some(head) if head.len() < shown.len() => format!("{head}…"),
        _ => shown,
    }
}

#[cfg(feature = "url")]
fn without_credentials(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for URLs that have no place for a user name.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}

#[cfg(not(feature = "url"))]
fn without_credentials(url: &Url) -> String {
    url.shown.clone()
}
