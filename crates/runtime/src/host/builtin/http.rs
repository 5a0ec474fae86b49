//! `http_request`, `http_status_code` and `http_headers`.

use extism_http::{HttpError, Request, Rules};
use extism_manifest::HttpRequest;
use extism_semantics::{Guest, check_http_request_size, count_http_request, parse_http_request};
use wasmtime::{Caller, Linker};

use super::{Calling, Ended, ended};
use crate::Status;
use crate::call::outcome::stopped;
use crate::call::token::Stop;
use crate::error::Error;
use crate::kernel::imports::both;
use crate::kernel::memory;
use crate::state::State;

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    both(linker, "http_request", http_request)?;
    both(linker, "http_status_code", |cx: Caller<'_, State>| {
        i32::from(cx.data().http.status)
    })?;
    both(linker, "http_headers", http_headers)
}

/// Makes a request within the plug-in's policy and deadline; answers the body, 0 if it is empty.
fn http_request(cx: Caller<'_, State>, request: u64, body: u64) -> wasmtime::Result<u64> {
    let mut calling = Calling(cx);
    let (request, body) = ended(asked(&mut calling, request, body))?;
    let Calling(mut cx) = calling;
    let body = exchange(&mut cx, &request, body.as_deref())?;
    give(&mut cx, &body)
}

/// What the plug-in asks for: a request, and the body it comes with.
fn asked(
    calling: &mut Calling<'_>,
    request: u64,
    body: u64,
) -> Result<(HttpRequest, Option<Vec<u8>>), Ended> {
    let state = calling.facilities_mut();
    state.http.forget();
    let limits = &state.compiled.options.limits;
    count_http_request(&mut state.http.requests, limits.http_requests_max)?;
    check_http_request_size(state.kernel.length(request), limits.http_header_bytes_max)?;
    let request = parse_http_request(&calling.take(request, "http request")?)?;
    let body = match body {
        0 => None,
        handle => Some(calling.take(handle, "http request body")?),
    };
    Ok((request, body))
}

/// A new block with these bytes.
fn give(cx: &mut Caller<'_, State>, bytes: &[u8]) -> wasmtime::Result<u64> {
    let kernel = memory::of_caller(cx)?;
    memory::store(cx, kernel, bytes).map_err(|refused| memory::refused(refused).into())
}

fn exchange(
    cx: &mut Caller<'_, State>,
    request: &HttpRequest,
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
    let response = state.compiled.http.send(request, &rules).map_err(|error| {
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
