//! `http_request`, `http_status_code` and `http_headers`.

use std::collections::BTreeMap;

use extism_http::{Client, HttpError, Request, Rules};
use serde::Deserialize;
use wasmtime::{Caller, Linker};

use super::{give, take};
use crate::Status;
use crate::call::outcome::stopped;
use crate::call::token::Stop;
use crate::error::Error;
use crate::kernel::imports::both;
use crate::state::State;

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    both(linker, "http_request", http_request)?;
    both(linker, "http_status_code", |cx: Caller<'_, State>| {
        i32::from(cx.data().http.status)
    })?;
    both(linker, "http_headers", http_headers)
}

/// How many bytes of JSON stand for one of a text at most, and what there is beside the texts.
const ESCAPED_BYTES: u64 = 6;
const JSON_BYTES: u64 = 64 << 10;

/// A request as a plug-in writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GuestRequest {
    url: String,
    #[serde(default, alias = "header")]
    headers: BTreeMap<String, String>,
    method: Option<String>,
}

/// Makes a request within the plug-in's policy and deadline; answers the body, 0 if it is empty.
fn http_request(mut cx: Caller<'_, State>, request: u64, body: u64) -> wasmtime::Result<u64> {
    let http = &mut cx.data_mut().http;
    http.forget();
    http.requests += 1;
    let requests_max = cx.data().compiled.options.limits.http_requests_max;
    if cx.data().http.requests > requests_max {
        let text = format!("more than {requests_max} HTTP requests in one call");
        return Err(Error::new(Status::HttpRequests, text).into());
    }
    let length = cx.data().kernel.length(request);
    let head_bytes_max = cx.data().compiled.options.limits.http_header_bytes_max;
    // What is to become of it is bounded; each byte of that may be written in six.
    if length
        > head_bytes_max
            .saturating_mul(ESCAPED_BYTES)
            .saturating_add(JSON_BYTES)
    {
        let text = format!("the HTTP request of {length} bytes is too large");
        return Err(Error::new(Status::HttpRequestInvalid, text).into());
    }
    let request = take(&mut cx, request, "http request")?;
    let request: GuestRequest = serde_json::from_slice(&request).map_err(|error| {
        let text = "the HTTP request is not valid JSON";
        Error::with_cause(Status::HttpRequestInvalid, text, error)
    })?;
    let body = match body {
        0 => None,
        handle => Some(take(&mut cx, handle, "http request body")?),
    };
    let body = exchange(&mut cx, &request, body.as_deref())?;
    give(&mut cx, &body)
}

fn exchange(
    cx: &mut Caller<'_, State>,
    request: &GuestRequest,
    body: Option<&[u8]>,
) -> wasmtime::Result<Vec<u8>> {
    let state = cx.data_mut();
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let limits = &state.compiled.options.limits;
    let rules = Rules {
        response_bytes_max: state.compiled.http_response_bytes_max,
        header_bytes_max: limits.http_header_bytes_max,
        redirects_max: limits.http_redirects_max,
        deadline: state.token.deadline(),
        interrupted: &|| state.token.stop().is_some(),
        ..Rules::new(&state.compiled.hosts)
    };
    let request = Request {
        method: request.method.as_deref().unwrap_or_default(),
        url: &request.url,
        headers: &headers,
        body,
    };
    let response = Client::new().send(request, &rules).map_err(|error| {
        match (&error, state.token.stop()) {
            (HttpError::TimedOut | HttpError::Interrupted, stop) => {
                stopped(stop.unwrap_or(Stop::Timeout))
            }
            _ => Error::from_chain(error.status(), error),
        }
    })?;
    state.http.status = response.status;
    if let Some(headers) = &mut state.http.headers {
        *headers = response.headers;
    }
    Ok(response.body)
}

/// The headers of the last response as a JSON object; 0 if the host does not let the plug-in see them.
fn http_headers(mut cx: Caller<'_, State>) -> wasmtime::Result<u64> {
    let Some(headers) = &cx.data().http.headers else {
        return Ok(0);
    };
    let json =
        serde_json::to_vec(headers).map_err(|error| Error::from_chain(Status::Internal, error))?;
    give(&mut cx, &json)
}
