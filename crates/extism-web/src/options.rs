//! What the host chose, as the page hands it over.
//!
//! Must not know: what a choice means. Keeps: a name that is not known is refused, never passed over.

use std::collections::BTreeMap;

use extism_abi::Status;
use extism_semantics::{Fault, LEVEL_OFF, Limits};
use serde::Deserialize;

/// The options of a plug-in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) wasi: bool,
    /// Namespace and name of each host function.
    pub(crate) functions: Vec<(String, String)>,
    /// Start from the limits for untrusted plug-ins.
    pub(crate) untrusted: bool,
    /// Single limits, by their names in C.
    pub(crate) limits: BTreeMap<String, u64>,
    pub(crate) http_response_headers: bool,
    /// The lowest level somebody listens to.
    pub(crate) log_level: Option<i32>,
    /// Whether kernel memory accesses become instructions.
    pub(crate) rewrite: bool,
    /// Fields of a manifest that take the place of the manifest's.
    pub(crate) overrides: Option<String>,
}

impl Options {
    /// Reads what the page hands over.
    pub(crate) fn parse(json: &[u8]) -> Result<Options, Fault> {
        serde_json::from_slice(json).map_err(|error| {
            let text = "the options are not what they have to be";
            Fault::new(Status::InvalidArgument, text).because(error)
        })
    }

    pub(crate) fn limits(&self) -> Result<Limits, Fault> {
        let mut limits = match self.untrusted {
            true => Limits::untrusted(),
            false => Limits::default(),
        };
        for (name, value) in &self.limits {
            if !limits.set(name, *value) {
                let text = format!("there is no limit {name}");
                return Err(Fault::new(Status::InvalidArgument, text));
            }
        }
        Ok(limits)
    }

    pub(crate) fn log_level(&self) -> i32 {
        self.log_level.unwrap_or(LEVEL_OFF)
    }
}
