//! Fetches the URL that is the input, and gives back the body of the response. Shows: HTTP through the
//! host, which allows it only to the hosts in the manifest's `allowed_hosts`.

// snippet: http
use extism_pdk::{FnResult, HttpRequest, Memory, WithReturnCode, http, info, plugin_fn};

#[plugin_fn]
pub fn fetch(url: String) -> FnResult<Memory> {
    let response = http::request::<()>(&HttpRequest::new(url.trim()), None)?;
    let status = response.status_code();
    info!("{url} answered {status}");
    if !(200..300).contains(&status) {
        return Err(WithReturnCode::from(extism_pdk::Error::msg(format!(
            "{url} answered {status}"
        ))));
    }
    Ok(response.into_memory())
}
// end snippet
