//! `http_request` as a plug-in writes it.

use std::collections::BTreeMap;

use extism_abi::Status;
use serde::Deserialize;

use crate::Fault;

/// A request as a plug-in writes it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct GuestRequest {
    /// Where to.
    pub url: String,
    /// What to send along.
    #[serde(default, alias = "header")]
    pub headers: BTreeMap<String, String>,
    /// `GET` if it is missing.
    pub method: Option<String>,
}

impl GuestRequest {
    /// Reads the JSON of a plug-in.
    ///
    /// # Errors
    /// [`Status::HttpRequestInvalid`].
    pub fn parse(json: &[u8]) -> Result<GuestRequest, Fault> {
        serde_json::from_slice(json).map_err(|error| {
            let text = "the HTTP request is not valid JSON";
            Fault::new(Status::HttpRequestInvalid, text).because(error)
        })
    }

    /// Counts a request of the running call.
    ///
    /// # Errors
    /// [`Status::HttpRequests`] when it is one more than there may be.
    pub fn count(requests: &mut u32, requests_max: u32) -> Result<(), Fault> {
        *requests = requests.saturating_add(1);
        if *requests <= requests_max {
            return Ok(());
        }
        let text = format!("more than {requests_max} HTTP requests in one call");
        Err(Fault::new(Status::HttpRequests, text))
    }
}
