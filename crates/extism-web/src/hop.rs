//! One HTTP request on its way: first as a plug-in asked for it, then as each redirect changed it.
//!
//! Must not know: how the page sends it. Keeps: every hop is decided from the top, on the URL the page is
//! then given, and what a redirect may not carry to another origin is gone before the next hop exists.

use extism_abi::Status;
use extism_policy::url::Url;
use extism_policy::{
    Denied, Follow, check_headers, check_method, display_url, follow, redirected_headers,
};
use extism_semantics::{
    Fault, Guest, check_http_request_size, count_http_request, parse_http_request,
};

use crate::json::Json;
use crate::plugin::{Plugin, refusal};

/// A request that may be sent.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    url: Url,
    method: String,
    headers: Vec<(String, String)>,
    has_body: bool,
    followed: u32,
}

fn denied(denied: &Denied) -> Fault {
    Fault::new(denied.status(), denied.to_string())
}

impl Plugin {
    /// `http_request` begins: what may be sent.
    pub(crate) fn http_begin(&mut self, request: u64, body: u64) -> Result<(), Fault> {
        self.http.status = 0;
        if let Some(headers) = &mut self.http.headers {
            headers.clear();
        }
        count_http_request(&mut self.http.requests, self.limits.http_requests_max)?;
        let length = self.kernel.length(request);
        check_http_request_size(length, self.limits.http_header_bytes_max)?;
        let request = parse_http_request(&self.take(request, "http request")?)?;
        let body = match body {
            0 => None,
            handle => Some(self.take(handle, "http request body")?),
        };
        let invalid = |error: &dyn std::fmt::Display| {
            Fault::new(Status::HttpRequestInvalid, error.to_string())
        };
        let url = Url::parse(&request.url).map_err(|error| {
            Fault::new(Status::HttpRequestInvalid, format!("Invalid URL: {error}"))
        })?;
        let pairs = request.headers.iter();
        let pairs: Vec<(&str, &str)> = pairs.map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let body_bytes = body.as_ref().map_or(0, |body| body.len() as u64);
        let headers = check_headers(&pairs, &url, body_bytes).map_err(|error| invalid(&error))?;
        let method = request.method.as_deref().unwrap_or_default();
        let method = check_method(method).map_err(|error| invalid(&error))?;
        self.hosts.decide(&url).map_err(|error| denied(&error))?;
        self.http.hop = Some(Hop {
            url,
            method,
            headers,
            has_body: body.is_some(),
            followed: 0,
        });
        self.http.body = body;
        Ok(())
    }

    /// What the page has to send now, as JSON. The body, if there is one, is fetched beside it.
    pub(crate) fn http_sent(&self) -> Vec<u8> {
        let Some(hop) = &self.http.hop else {
            return Vec::new();
        };
        let mut json = Json::object();
        json.key("url").text(&hop.url.href);
        json.key("method").text(&hop.method);
        json.key("headers").open('[');
        for (name, value) in &hop.headers {
            json.texts([name, value]);
        }
        json.close(']');
        json.key("has_body").boolean(hop.has_body);
        let bytes_max = self.http_response_bytes_max;
        json.key("response_bytes_max").number(bytes_max);
        let header_bytes_max = self.limits.http_header_bytes_max;
        json.key("header_bytes_max").number(header_bytes_max);
        json.end('}')
    }

    /// An answer has this status and leads there; whether the page has to send another request.
    pub(crate) fn http_redirected(&mut self, status: u16, location: &str) -> Result<bool, Fault> {
        let redirects_max = self.limits.http_redirects_max;
        let Some(hop) = &mut self.http.hop else {
            return Ok(false);
        };
        let Some(how) = follow(status, &hop.method).filter(|_| redirects_max > 0) else {
            return Ok(false);
        };
        if hop.followed >= redirects_max {
            return Err(denied(&Denied::too_many_redirects(&hop.url, redirects_max)));
        }
        let to = hop.url.join(location).map_err(|error| {
            let text = format!("redirect to an invalid URL: {error}");
            failed(&hop.url, &text)
        })?;
        let decided = self.hosts.decide_redirect(&hop.url, &to);
        decided.map_err(|error| denied(&error))?;
        redirected_headers(&mut hop.headers, &hop.url, &to, how);
        if how == Follow::AsGet {
            hop.method = "GET".to_owned();
            hop.has_body = false;
        }
        hop.url = to;
        hop.followed = hop.followed.saturating_add(1);
        Ok(true)
    }

    /// The answer is complete but for its body: a block of that size for the page to write it to.
    pub(crate) fn http_end(
        &mut self,
        status: u16,
        headers: Vec<(String, String)>,
        body_bytes: u64,
    ) -> Result<u64, Fault> {
        self.http.hop = None;
        self.http.body = None;
        self.http.status = status;
        if let Some(kept) = &mut self.http.headers {
            *kept = headers;
        }
        self.alloc(body_bytes).map_err(refusal)
    }

    /// The page could not get an answer, for this reason.
    pub(crate) fn http_failed(&mut self, reason: HttpFailure, text: &str) -> Fault {
        let hop = self.http.hop.take();
        self.http.body = None;
        match reason {
            HttpFailure::BodyTooLarge => {
                let max = self.http_response_bytes_max;
                let text =
                    format!("HTTP response exceeds the configured maximum number of bytes: {max}");
                Fault::new(Status::HttpSize, text)
            }
            HttpFailure::HeadersTooLarge => {
                let max = self.limits.http_header_bytes_max;
                let text = format!(
                    "HTTP response headers exceed the configured maximum number of bytes: {max}"
                );
                Fault::new(Status::HttpSize, text)
            }
            HttpFailure::HiddenRedirect => match hop {
                Some(hop) => {
                    let shown = display_url(&hop.url);
                    let text = format!(
                        "HTTP request to {shown} was redirected, and this platform does not say where to: \
                         the redirect is not followed"
                    );
                    Fault::new(Status::RedirectDenied, text)
                }
                None => Fault::new(Status::RedirectDenied, "a redirect is not followed"),
            },
            HttpFailure::Failed => match hop {
                Some(hop) => failed(&hop.url, text),
                None => Fault::new(Status::HttpFailed, text),
            },
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpFailure {
    Failed,
    BodyTooLarge,
    HeadersTooLarge,
    HiddenRedirect,
}

fn failed(url: &Url, reason: &str) -> Fault {
    let text = format!("HTTP request to {} failed: {reason}", display_url(url));
    Fault::new(Status::HttpFailed, text)
}
