//! One request on its way: first as a plug-in asked for it, then as each redirect changed it.
//!
//! Must not know: connections, whether it is allowed.
//!
//! Keeps: a request is built from the parsed URL and from checked headers only, and what a redirect may
//! not carry to another origin is gone before the next hop exists.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use extism_policy::url::{Position, Url};
use extism_policy::{Follow, check_headers, check_method, redirected_headers};
use ureq_proto::http;

use crate::error::HttpError;
use crate::request::Request;

const USER_AGENT: &str = concat!("extism/", env!("CARGO_PKG_VERSION"));

pub(crate) struct Hop<'a> {
    pub(crate) url: Url,
    /// Where a redirect came from; `None` on the first hop.
    pub(crate) from: Option<Url>,
    pub(crate) method: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Option<&'a [u8]>,
}

impl<'a> Hop<'a> {
    pub(crate) fn first(request: &Request<'a>) -> Result<Hop<'a>, HttpError> {
        let url = Url::parse(request.url)
            .map_err(|error| HttpError::Invalid(format!("Invalid URL: {error:?}")))?;
        let body_bytes = request.body.map_or(0, |body| body.len() as u64);
        let mut headers = check_headers(request.headers, &url, body_bytes)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user && !headers.iter().any(|(name, _)| name == "authorization") {
            headers.push(("authorization".to_string(), basic_authorization(&url)));
        }
        Ok(Hop {
            url,
            from: None,
            method: check_method(request.method)?,
            headers,
            body: request.body,
        })
    }

    /// The hop after this one.
    pub(crate) fn redirected(mut self, to: Url, how: Follow) -> Hop<'a> {
        redirected_headers(&mut self.headers, &self.url, &to, how);
        if how == Follow::AsGet {
            self.method = "GET".to_string();
            self.body = None;
        }
        self.from = Some(std::mem::replace(&mut self.url, to));
        self
    }

    /// The head to send, and the number of bytes it takes at most.
    pub(crate) fn head(&self) -> Result<(http::Request<()>, usize), HttpError> {
        let invalid = |error: http::Error| HttpError::Invalid(format!("HTTP request: {error}"));
        let mut head = http::Request::builder()
            .method(self.method.as_str())
            .uri(&self.url[Position::BeforePath..Position::AfterQuery])
            .body(())
            .map_err(invalid)?;
        let length = self.body.map_or(0, <[u8]>::len).to_string();
        let needs_length =
            self.body.is_some() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        let mut bytes_max = self.method.len().saturating_add(self.url.as_str().len());
        let mut put = |name: &str, value: &str| {
            // The name and value, a colon, a space, a line end; for the request line what is constant.
            bytes_max = bytes_max
                .saturating_add(name.len())
                .saturating_add(value.len())
                .saturating_add(16);
            let name = http::HeaderName::try_from(name).map_err(|error| invalid(error.into()))?;
            let value = http::HeaderValue::try_from(value).map_err(|e| invalid(e.into()))?;
            let appended = head.headers_mut().try_append(name, value);
            appended
                .map(|_| ())
                .map_err(|error| HttpError::Invalid(format!("HTTP request: {error}")))
        };
        put("host", &self.url[Position::BeforeHost..Position::AfterPort])?;
        for (name, value) in [
            ("user-agent", USER_AGENT),
            ("accept", "*/*"),
            ("accept-encoding", "gzip"),
        ] {
            if !self.headers.iter().any(|(given, _)| given == name) {
                put(name, value)?;
            }
        }
        put("connection", "close")?;
        if needs_length {
            put("content-length", &length)?;
        }
        for (name, value) in &self.headers {
            put(name, value)?;
        }
        Ok((head, bytes_max))
    }
}

/// The user name and password of a URL as a header value.
fn basic_authorization(url: &Url) -> String {
    let mut pair = percent_decode(url.username());
    pair.push(b':');
    pair.extend(percent_decode(url.password().unwrap_or_default()));
    format!("Basic {}", STANDARD.encode(pair))
}

fn percent_decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [b'%', high, low, after @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                let byte = hex(*high).unwrap_or_default() << 4 | hex(*low).unwrap_or_default();
                decoded.push(byte);
                after
            }
            [byte, after @ ..] => {
                decoded.push(*byte);
                after
            }
            [] => return decoded,
        };
    }
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}
