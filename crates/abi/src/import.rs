//! The functions a plug-in may import, and under which names.
//!
//! Two eras live side by side: 1.x plug-ins import `alloc` from [`ENV_MODULE`], plug-ins of the 0.1
//! to 0.5 era import `extism_alloc` from [`LEGACY_MODULE`]. The functions are the same; only the
//! names differ.

/// Where 1.x plug-ins import the kernel functions and the builtins from.
pub const ENV_MODULE: &str = "extism:host/env";

/// Where host functions live unless they are given a namespace of their own.
pub const USER_MODULE: &str = "extism:host/user";

/// Where plug-ins of the 0.1 era import everything from.
pub const LEGACY_MODULE: &str = "env";

/// What 0.1-era names begin with.
pub const LEGACY_PREFIX: &str = "extism_";

/// WASI preview 1.
pub const WASI_MODULE: &str = "wasi_snapshot_preview1";

/// A value type of an imported function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// 32-bit integer.
    I32,
    /// 64-bit integer: lengths, offsets and memory handles.
    I64,
}

/// One importable function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// The 1.x name.
    pub name: &'static str,
    /// Parameter types.
    pub params: &'static [Ty],
    /// Result types, at most one.
    pub results: &'static [Ty],
}

const fn f(name: &'static str, params: &'static [Ty], results: &'static [Ty]) -> Import {
    Import {
        name,
        params,
        results,
    }
}

use Ty::{I32, I64};

// BEGIN GENERATED: imports
/// The kernel functions: memory blocks, input, output and error.
pub const KERNEL: &[Import] = &[
    f("alloc", &[I64], &[I64]),
    f("free", &[I64], &[]),
    f("length", &[I64], &[I64]),
    f("length_unsafe", &[I64], &[I64]),
    f("load_u8", &[I64], &[I32]),
    f("load_u64", &[I64], &[I64]),
    f("store_u8", &[I64, I32], &[]),
    f("store_u64", &[I64, I64], &[]),
    f("input_length", &[], &[I64]),
    f("input_offset", &[], &[I64]),
    f("input_load_u8", &[I64], &[I32]),
    f("input_load_u64", &[I64], &[I64]),
    f("input_set", &[I64, I64], &[]),
    f("output_set", &[I64, I64], &[]),
    f("output_offset", &[], &[I64]),
    f("output_length", &[], &[I64]),
    f("error_set", &[I64], &[]),
    f("error_get", &[], &[I64]),
    f("reset", &[], &[]),
    f("memory_bytes", &[], &[I64]),
];

/// The builtins: config, variables, HTTP and logging.
pub const BUILTINS: &[Import] = &[
    f("config_get", &[I64], &[I64]),
    f("var_get", &[I64], &[I64]),
    f("var_set", &[I64, I64], &[]),
    f("http_request", &[I64, I64], &[I64]),
    f("http_status_code", &[], &[I32]),
    f("http_headers", &[], &[I64]),
    f("log_warn", &[I64], &[]),
    f("log_info", &[I64], &[]),
    f("log_debug", &[I64], &[]),
    f("log_error", &[I64], &[]),
    f("log_trace", &[I64], &[]),
    f("get_log_level", &[], &[I32]),
];

/// Kernel functions that only existed before 0.1 and only in the legacy module.
pub const LEGACY_ONLY: &[Import] = &[
    f("load_u32", &[I64], &[I32]),
    f("store_u32", &[I64, I32], &[]),
];
// END GENERATED: imports
