//! `http_request` as a plug-in writes it.

use extism_abi::Status;
use extism_manifest::HttpRequest;

use crate::Fault;

/// How many bytes of JSON stand for one of a text at most, and what there is beside the texts.
const ESCAPED_BYTES: u64 = 6;
const JSON_BYTES: u64 = 64 << 10;

/// Checks the size of what a plug-in has written: what is to become of it is bounded, and each byte of that
/// may be written in six.
///
/// # Errors
/// [`Status::HttpRequestInvalid`].
pub fn check_http_request_size(bytes: u64, header_bytes_max: u64) -> Result<(), Fault> {
    let most = header_bytes_max
        .saturating_mul(ESCAPED_BYTES)
        .saturating_add(JSON_BYTES);
    if bytes <= most {
        return Ok(());
    }
    let text = format!("the HTTP request of {bytes} bytes is too large");
    Err(Fault::new(Status::HttpRequestInvalid, text))
}

/// Reads the JSON of a plug-in.
///
/// # Errors
/// [`Status::HttpRequestInvalid`].
pub fn parse_http_request(json: &[u8]) -> Result<HttpRequest, Fault> {
    HttpRequest::from_json(json).map_err(|error| {
        let text = "the HTTP request is not valid JSON";
        let cause = match error.field() {
            Some(field) => format!("{field}: {}", error.message()),
            None => error.message().to_owned(),
        };
        Fault::new(Status::HttpRequestInvalid, text).because(cause)
    })
}

/// Counts a request of the running call.
///
/// # Errors
/// [`Status::HttpRequests`] when it is one more than there may be.
pub fn count_http_request(requests: &mut u32, requests_max: u32) -> Result<(), Fault> {
    *requests = requests.saturating_add(1);
    if *requests <= requests_max {
        return Ok(());
    }
    let text = format!("more than {requests_max} HTTP requests in one call");
    Err(Fault::new(Status::HttpRequests, text))
}
