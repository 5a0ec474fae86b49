//! An HTTP request without its body: where to fetch a module from, and what a plug-in asks the host to send.
//!
//! Must not know HTTP itself: whether the URL, the method and the headers are legal is decided where they are
//! used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::place::{Place, Syntax};
use crate::{ParseError, ParseOptions, parse, reader};

/// A URL with the method and headers to request it with.
///
/// ```
/// use extism_manifest::HttpRequest;
///
/// let request = HttpRequest::new("https://example.com/plugin.wasm").with_header("Accept", "application/wasm");
/// assert_eq!(request.headers["Accept"], "application/wasm");
/// assert_eq!(request.method, None);
/// ```
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(
    feature = "json_schema",
    derive(schemars::JsonSchema),
    schemars(transform = crate::schema::allow_header)
)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// The absolute URL.
    pub url: String,

    /// Request headers, by name. `header` is its old name.
    #[serde(default, alias = "header")]
    pub headers: BTreeMap<String, String>,

    /// The request method. Absent or null: GET.
    pub method: Option<String>,
}

impl HttpRequest {
    /// A GET request for `url`, without headers.
    pub fn new(url: impl Into<String>) -> HttpRequest {
        HttpRequest {
            url: url.into(),
            headers: BTreeMap::new(),
            method: None,
        }
    }

    /// Reads a request written in JSON.
    ///
    /// ```
    /// use extism_manifest::HttpRequest;
    ///
    /// let request = HttpRequest::from_json(br#"{"url": "https://example.com", "method": "PUT"}"#);
    /// assert_eq!(request, Ok(HttpRequest::new("https://example.com").with_method("PUT")));
    /// ```
    ///
    /// # Errors
    /// As [`Manifest::parse`](crate::Manifest::parse).
    pub fn from_json(json: &[u8]) -> Result<HttpRequest, ParseError> {
        let node = parse::json_tree(json, &ParseOptions::default())?;
        reader::request(node, &Place::Root(Syntax::Json))
    }

    /// Sets the method.
    pub fn with_method(mut self, method: impl Into<String>) -> HttpRequest {
        self.method = Some(method.into());
        self
    }

    /// Adds a header, in place of an earlier one of the same name.
    pub fn with_header(mut self, key: impl Into<String>, value: impl Into<String>) -> HttpRequest {
        self.headers.insert(key.into(), value.into());
        self
    }
}
