//! What a plug-in may put into the head of a request: its method and its headers.
//!
//! Must not know: how a request is sent.
//!
//! Keeps: what passes cannot end a line of the head, frame the body or choose another host, so that one
//! request of a plug-in is one request on the wire.

use std::fmt;

use extism_abi::{Quoted, Status};

use crate::url::Url;

/// A request whose method or headers are malformed or not a plug-in's to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRequest {
    text: String,
}

impl InvalidRequest {
    /// Always [`Status::HttpRequestInvalid`].
    pub fn status(&self) -> Status {
        Status::HttpRequestInvalid
    }
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for InvalidRequest {}

/// The method in upper case; an empty one means `GET`.
///
/// ```
/// assert_eq!(extism_policy::check_method("post").unwrap(), "POST");
/// ```
///
/// # Errors
///
/// If it is not a token as HTTP defines it, or is `CONNECT`, which asks for a tunnel and not for an
/// answer.
pub fn check_method(method: &str) -> Result<String, InvalidRequest> {
    match method.to_ascii_uppercase() {
        upper if upper.is_empty() => Ok("GET".to_string()),
        upper if is_token(&upper) && upper != "CONNECT" => Ok(upper),
        _ => Err(InvalidRequest {
            text: format!("HTTP method {} is not allowed", quote(method)),
        }),
    }
}

/// The headers to send, names in lower case, for a request to `url` with a body of `body_bytes`.
///
/// The host sets `host`, `content-length` and `connection` itself; a plug-in that gives them the value
/// they have anyway is not refused, its header is dropped.
///
/// ```
/// let url = "https://example.com/".parse().unwrap();
/// let headers = [("Accept", "text/html"), ("Host", "example.com")];
/// let kept = extism_policy::check_headers(&headers, &url, 0).unwrap();
/// assert_eq!(kept, [("accept".to_string(), "text/html".to_string())]);
///
/// let refused = extism_policy::check_headers(&[("Host", "evil.example")], &url, 0).unwrap_err();
/// assert!(refused.to_string().starts_with("HTTP header \"host\" is not allowed"));
/// ```
///
/// # Errors
///
/// If a name is not a token, a value has a control character (CR, LF and NUL among them), or the header
/// is one that frames the message or belongs to the connection.
pub fn check_headers(
    headers: &[(&str, &str)],
    url: &Url,
    body_bytes: u64,
) -> Result<Vec<(String, String)>, InvalidRequest> {
    let mut kept = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if !is_token(&name) {
            return Err(InvalidRequest {
                text: format!("HTTP header name {} is not valid", quote(&name)),
            });
        }
        if value.chars().any(|c| c.is_ascii_control() && c != '\t') {
            return Err(InvalidRequest {
                text: format!("HTTP header {} has a control character", quote(&name)),
            });
        }
        match ownership(&name, value.trim(), url, body_bytes) {
            Ownership::Guest => kept.push((name, (*value).to_string())),
            Ownership::HostAgrees => {}
            Ownership::Host(why) => {
                return Err(InvalidRequest {
                    text: format!("HTTP header {} is not allowed: {why}", quote(&name)),
                });
            }
        }
    }
    Ok(kept)
}

enum Ownership {
    /// The plug-in's own business.
    Guest,
    /// The host sets it, to the same effect.
    HostAgrees,
    /// The host sets it, or nobody does.
    Host(&'static str),
}

fn ownership(name: &str, value: &str, url: &Url, body_bytes: u64) -> Ownership {
    let (agrees, why) = match name {
        "host" => (is_host_of(value, url), "it is not the host of the URL"),
        "content-length" => (
            value.parse() == Ok(body_bytes),
            "it is not the length of the body",
        ),
        "connection" => (
            value.eq_ignore_ascii_case("close") || value.eq_ignore_ascii_case("keep-alive"),
            "the connection belongs to the host",
        ),
        "keep-alive" => (true, ""),
        "expect" => (
            value.eq_ignore_ascii_case("100-continue"),
            "the connection belongs to the host",
        ),
        "transfer-encoding" | "trailer" | "te" => (false, "the host frames the body"),
        "upgrade" => (false, "the connection belongs to the host"),
        _ if name.starts_with("proxy-") => (false, "the connection belongs to the host"),
        _ => return Ownership::Guest,
    };
    if agrees {
        Ownership::HostAgrees
    } else {
        Ownership::Host(why)
    }
}

/// Whether a `Host` value is the authority of the URL, its default port written out or not.
fn is_host_of(value: &str, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let with_port = format!("{host}:{port}");
    value.eq_ignore_ascii_case(&with_port)
        || (url.port().is_none() && value.eq_ignore_ascii_case(host))
}

/// A token of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// A piece of text chosen by a plug-in, as a message may show it.
fn quote(text: &str) -> String {
    let head: String = text.chars().take(64).collect();
    Quoted(&head).to_string()
}
