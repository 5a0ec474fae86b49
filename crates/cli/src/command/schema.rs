//! `extism schema`: the JSON schema of the manifest, on standard output.
//!
//! Must not know: the manifest. Invariant: it is the schema in `docs/`, which a test of the manifest
//! keeps true.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::output;

const SCHEMA: &str = include_str!("../../../../docs/manifest.schema.json");

pub(crate) fn run() -> Result<ExitCode, Failure> {
    output::print(&[SCHEMA.as_bytes()])?;
    Ok(ExitCode::SUCCESS)
}
