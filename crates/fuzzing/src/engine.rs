//! What the targets that run plug-ins share: bounds, generated plug-ins, a plug-in that always answers.
//!
//! Must not know: what a target demands. Invariant: a plug-in of a target is bounded in time and memory, and
//! its code is not kept.

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::Unstructured;
use extism_runtime::{Cache, Limits, Options, Plugin, Rewriting, Status};
use wasm_smith::{Config, Module};

use crate::rewrite_validate::{IMPORTS, stretched};

/// The exports of generated plug-ins: all are of a type that can be called.
pub(crate) const EXPORTS: [&str; 4] = ["call_a", "call_b", "call_c", "call_d"];

static EXPORTS_OF: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let functions: String = EXPORTS
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let result = if at % 2 == 0 { "(result i32)" } else { "" };
            format!("(func (export \"{name}\") {result} unreachable)")
        })
        .collect();
    wat::parse_str(format!("(module {functions})")).expect("it is a module")
});

/// Options for code nobody has read.
pub(crate) fn bounded(rewrite: Rewriting) -> Options {
    Options {
        rewrite,
        cache: Cache::Off,
        limits: Limits {
            call_time_max: Some(Duration::from_millis(50)),
            memory_bytes_max: Some(64 << 20),
            kernel_bytes_max: 4 << 20,
            blocks_max: 1_000,
            ..Limits::untrusted()
        },
        ..Options::default()
    }
}

/// The same for code that ends by itself: how long it takes is the machine's affair.
pub(crate) fn unhurried(rewrite: Rewriting) -> Options {
    let mut options = bounded(rewrite);
    options.limits.call_time_max = None;
    options
}

/// A module that imports kernel functions and exports [`EXPORTS`].
pub(crate) fn generated(input: &[u8]) -> Option<Module> {
    let config = Config {
        available_imports: Some(IMPORTS.clone()),
        exports: Some(EXPORTS_OF.clone()),
        max_memories: 3,
        max_memory32_bytes: 1 << 20,
        max_table_elements: 1_000,
        max_funcs: 10,
        max_instructions: 150,
        memory64_enabled: false,
        threads_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    };
    let bytes = stretched(input, 3_000);
    Module::new(config, &mut Unstructured::new(&bytes)).ok()
}

/// A status that nothing a guest does may lead to.
pub(crate) fn is_ours(status: Status) -> bool {
    matches!(status, Status::Panic | Status::Internal)
}

/// A plug-in that has nothing to do with the others still answers.
pub(crate) fn bystander_answers() {
    let text = r#"(module
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
        (import "extism:host/env" "output_set" (func $output (param i64 i64)))
        (func (export "run") (result i32) (local $at i64)
            (local.set $at (call $alloc (i64.const 1)))
            (call $store (local.get $at) (i32.const 42))
            (call $output (local.get $at) (i64.const 1))
            (i32.const 0)))"#;
    let mut plugin = Plugin::load(text, Options::default()).expect("it loads");
    assert_eq!(plugin.call("run", b"").status(), Status::Ok);
    assert_eq!(plugin.output(), [42]);
}
