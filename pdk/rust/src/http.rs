//! HTTP requests through the host, which decides where a plug-in may send them.
//!
//! Must not know: which hosts are allowed. Invariant: a request that is refused ends the call; what is
//! returned is a response of whatever status.

use crate::{Error, FromBytes, Json, Memory, ToMemory, extism};
use std::collections::{BTreeMap, HashMap};

/// A request without its body.
///
/// ```
/// use extism_pdk::HttpRequest;
///
/// let request = HttpRequest::new("https://example.com/")
///     .with_method("POST")
///     .with_header("accept", "text/plain");
/// assert_eq!(
///     extism_pdk::json::to_string(&request)?,
///     r#"{"url":"https://example.com/","headers":{"accept":"text/plain"},"method":"POST"}"#,
/// );
/// # Ok::<(), extism_pdk::Error>(())
/// ```
#[derive(Default, Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// Where to.
    pub url: String,
    /// Header values by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The method; GET if there is none.
    #[serde(default)]
    pub method: Option<String>,
}

impl HttpRequest {
    /// A GET request.
    pub fn new(url: impl Into<String>) -> Self {
        HttpRequest {
            url: url.into(),
            ..HttpRequest::default()
        }
    }

    /// The same request with this method.
    pub fn with_method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// The same request with one more header.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }
}

/// A response. Its body stays in a block of the host until it is asked for.
pub struct HttpResponse {
    memory: Memory,
    status: u16,
    headers: HashMap<String, String>,
}

impl HttpResponse {
    /// The status code.
    pub fn status_code(&self) -> u16 {
        self.status
    }

    /// A copy of the body.
    pub fn body(&self) -> Vec<u8> {
        self.memory.to_vec()
    }

    /// The body decoded from JSON.
    ///
    /// # Errors
    ///
    /// The body is no JSON for this type.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.body())?)
    }

    /// The headers by lower-case name; none if the host does not give them.
    pub fn headers(&self) -> &HashMap<String, String> {
        &self.headers
    }

    /// The value of a header by its lower-case name.
    pub fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        self.headers.get(name.as_ref()).map(String::as_str)
    }

    /// The block that holds the body.
    pub fn as_memory(&self) -> &Memory {
        &self.memory
    }

    /// The block that holds the body, to be given on as output without copying.
    pub fn into_memory(self) -> Memory {
        self.memory
    }
}

/// Sends a request with or without a body: `http::request::<()>(&request, None)`.
///
/// # Errors
///
/// There is no memory left, or the host's headers cannot be read. A request that the host refuses or that
/// gets no response ends the call.
pub fn request<T: ToMemory>(request: &HttpRequest, body: Option<T>) -> Result<HttpResponse, Error> {
    let request = Memory::from_bytes(serde_json::to_vec(request)?)?;
    let body = match body {
        Some(body) => body.to_memory()?,
        None => Memory::null(),
    };
    // SAFETY: the imports check the handles, and the first frees both blocks.
    let (response, status) = unsafe {
        (
            extism::http_request(request.offset(), body.offset()),
            extism::http_status_code(),
        )
    };
    Ok(HttpResponse {
        memory: Memory::from(response),
        status: u16::try_from(status).unwrap_or(0),
        headers: headers()?,
    })
}

fn headers() -> Result<HashMap<String, String>, Error> {
    // SAFETY: the import takes nothing and gives a number.
    let Some(memory) = Memory::find(unsafe { extism::http_headers() }) else {
        return Ok(HashMap::new());
    };
    let Json(headers) = Json::from_bytes(&memory.to_vec())?;
    memory.free();
    Ok(headers)
}
