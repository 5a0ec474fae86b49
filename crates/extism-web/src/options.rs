//! What the host chose, as the page hands it over.
//!
//! Must not know: what a choice means. Keeps: a name that is not known is refused, never passed over.

use extism_abi::Status;
use extism_semantics::{Fault, LEVEL_OFF, Limits};

use crate::fields::Fields;

/// The options of a plug-in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) wasi: bool,
    /// Start from the limits for untrusted plug-ins.
    untrusted: bool,
    pub(crate) http_response_headers: bool,
    /// Whether kernel memory accesses become instructions.
    pub(crate) rewrite: bool,
    /// The lowest level somebody listens to.
    log_level: Option<i32>,
    /// Fields of a manifest that take the place of the manifest's.
    pub(crate) overrides: Option<String>,
    /// Namespace and name of each host function.
    pub(crate) functions: Vec<(String, String)>,
    /// Single limits, by their names in C.
    limits: Vec<(String, u64)>,
}

impl Options {
    /// Reads what the page hands over: flags, level, overrides, functions, limits.
    pub(crate) fn read(mut fields: Fields) -> Options {
        let flags = fields.number();
        let flag = |bit: u32| flags >> bit & 1 == 1;
        Options {
            wasi: flag(0),
            untrusted: flag(1),
            http_response_headers: flag(2),
            rewrite: flag(3),
            log_level: fields.optional_number().map(|level| level as i32),
            overrides: fields.optional(),
            functions: fields.list(|fields| (fields.text(), fields.text())),
            limits: fields.list(|fields| (fields.text(), fields.number())),
        }
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
