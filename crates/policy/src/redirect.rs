//! Redirects: which answers are one, what the next request looks like, what it must not carry along.
//!
//! Must not know: whether the target is allowed; that is [`crate::HostPolicy::decide_redirect`].
//!
//! Keeps: a secret that a plug-in sent to one origin is never sent to another.

use crate::url::Url;

/// How many redirects of one request are followed unless the host says otherwise.
pub const REDIRECTS_MAX: u32 = 5;

/// How a redirect is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// The same method with the same body.
    Same,
    /// A `GET` without a body.
    AsGet,
}

/// How to follow an answer with this status code to a request with this (upper-case) method; `None` if
/// the answer is not a redirect.
///
/// ```
/// use extism_policy::{Follow, follow};
///
/// assert_eq!(follow(302, "POST"), Some(Follow::AsGet));
/// assert_eq!(follow(307, "POST"), Some(Follow::Same));
/// assert_eq!(follow(304, "GET"), None);
/// ```
pub fn follow(status: u16, method: &str) -> Option<Follow> {
    match (status, method) {
        (301 | 302, "POST") => Some(Follow::AsGet),
        (303, "GET" | "HEAD") => Some(Follow::Same),
        (303, _) => Some(Follow::AsGet),
        (301 | 302 | 307 | 308, _) => Some(Follow::Same),
        _ => None,
    }
}

/// Whether two URLs have the same scheme, host and port.
pub fn is_same_origin(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin() && a.origin().is_tuple()
}

/// The headers of the next request: without secrets if the origin changes, without what describes a
/// body if the body is dropped. Names must be in lower case.
///
/// ```
/// use extism_policy::{Follow, redirected_headers};
///
/// let from = "https://a.example/".parse().unwrap();
/// let to = "https://b.example/".parse().unwrap();
/// let mut headers = vec![("authorization".to_string(), "Bearer 1".to_string())];
/// redirected_headers(&mut headers, &from, &to, Follow::Same);
/// assert!(headers.is_empty());
/// ```
pub fn redirected_headers(headers: &mut Vec<(String, String)>, from: &Url, to: &Url, how: Follow) {
    let keeps_secrets = is_same_origin(from, to);
    headers.retain(|(name, _)| {
        (keeps_secrets || !is_secret(name)) && (how == Follow::Same || !describes_body(name))
    });
}

/// Headers that prove who is asking, by name.
const SECRETS: [&str; 8] = [
    "authorization",
    "cookie",
    "cookie2",
    "proxy-authorization",
    "www-authenticate",
    "x-amz-security-token",
    "x-functions-key",
    "ocp-apim-subscription-key",
];

/// Parts of names that authors give to headers with a secret of their own.
const SECRET_PARTS: [&str; 9] = [
    "api-key",
    "api_key",
    "apikey",
    "auth",
    "credential",
    "passw",
    "secret",
    "session",
    "token",
];

fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name) || SECRET_PARTS.iter().any(|part| name.contains(part))
}

fn describes_body(name: &str) -> bool {
    matches!(
        name,
        "content-encoding"
            | "content-language"
            | "content-length"
            | "content-location"
            | "content-type"
    )
}
