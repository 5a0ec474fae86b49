//! How many objects of the library are alive, for leak tests and telemetry.

use extism_runtime::{Stats, Status};

use crate::error::status_of;
use crate::sized::{self, Grows};
use crate::status::ExtismStatus;
use crate::{cancel, log};

/// A snapshot of this process.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ExtismStats {
    size: u64,
    plugins: u64,
    compiled_plugins: u64,
    host_functions: u64,
    cancel_handles: u64,
    log_lines_dropped: u64,
}

// SAFETY: nothing but u64, the first of them the size.
unsafe impl Grows for ExtismStats {}

/// Fills `stats`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_stats(stats: *mut ExtismStats) -> ExtismStatus {
    boundary!(extism_stats, Status::Panic.code(), {
        let now = Stats::now();
        let value = ExtismStats {
            size: 0,
            plugins: now.plugins,
            compiled_plugins: now.compiled_plugins,
            host_functions: now.host_functions,
            cancel_handles: cancel::alive(),
            log_lines_dropped: log::lines_dropped(),
        };
        // SAFETY: the caller passes NULL or a struct of the size it states.
        status_of(&unsafe { sized::fill(stats, &value) }).code()
    })
}
