//! What a manifest asks for and what its host allows, whichever is less.

use std::time::Duration;

use extism_manifest::Manifest;

use crate::{HTTP_RESPONSE_BYTES_DEFAULT, Limits, VARS_BYTES_DEFAULT};

/// The longest a call of the plug-in may take.
pub fn call_time_max(manifest: &Manifest, limits: &Limits) -> Option<Duration> {
    match (
        manifest.timeout_ms.map(Duration::from_millis),
        limits.call_time_max,
    ) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The largest body of an HTTP response, in bytes.
pub fn http_response_bytes_max(manifest: &Manifest, limits: &Limits) -> u64 {
    let asked = manifest.memory.max_http_response_bytes;
    asked
        .unwrap_or(HTTP_RESPONSE_BYTES_DEFAULT)
        .min(limits.http_response_bytes_max)
}

/// What the manifest grants its variables, in bytes; [`Vars`](crate::Vars) knows the host's limit.
pub fn vars_bytes_max(manifest: &Manifest) -> u64 {
    manifest.memory.max_var_bytes.unwrap_or(VARS_BYTES_DEFAULT)
}
