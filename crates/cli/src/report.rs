//! What became of a call, or of what should have become one, for programs: the object behind `--json`.
//!
//! Must not know: commands. Invariant: a failure is told once, and on standard error only if standard
//! output does not take it.

use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use extism_runtime::Status;
use serde::Serialize;

use crate::failure::Failure;
use crate::output;

/// One call.
#[derive(Serialize)]
pub(crate) struct Report {
    /// The output, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// The output, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_base64: Option<String>,
    code: i32,
    status: &'static str,
    status_code: u32,
    /// Null if there was no call.
    duration_us: Option<u64>,
    /// Null if fuel is not counted.
    fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// What a call took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    pub(crate) duration_us: Option<u64>,
    pub(crate) fuel: Option<u64>,
}

impl Report {
    pub(crate) fn success(used: Used) -> Report {
        Report {
            output: None,
            output_base64: None,
            code: 0,
            status: Status::Ok.name(),
            status_code: Status::Ok.code(),
            duration_us: used.duration_us,
            fuel: used.fuel,
            error: None,
            hint: None,
        }
    }

    pub(crate) fn with_output(self, bytes: &[u8]) -> Report {
        match std::str::from_utf8(bytes) {
            Ok(text) => Report {
                output: Some(text.to_owned()),
                ..self
            },
            Err(_) => Report {
                output_base64: Some(STANDARD.encode(bytes)),
                ..self
            },
        }
    }

    fn failure(failure: &Failure, used: Used) -> Report {
        Report {
            code: failure.code,
            status: failure.status.name(),
            status_code: failure.status.code(),
            error: Some(failure.text()),
            hint: failure.hint.clone(),
            ..Report::success(used)
        }
    }
}

/// Tells on standard output what a command failed with, and answers the exit code of the program.
pub(crate) fn tell(failure: &Failure, used: Used) -> Result<ExitCode, Failure> {
    output::json(&Report::failure(failure, used))?;
    Ok(failure.code())
}
