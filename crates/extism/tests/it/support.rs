//! What every test needs: plug-ins of the project's fixtures, and short ways to say what is expected.

use std::path::PathBuf;

use extism::{Error, ErrorExt, Plugin, Status, Wasm};

/// A plug-in of `fixtures/plugins`.
pub(crate) fn fixture(name: &str) -> Wasm {
    Wasm::file(root().join(format!("fixtures/plugins/{name}.wasm")))
}

/// A plug-in of `examples/plugins`.
pub(crate) fn example(name: &str) -> Wasm {
    Wasm::file(root().join(format!("examples/plugins/{name}.wasm")))
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A plug-in from text, without host functions or WASI.
pub(crate) fn wat(text: &str) -> Plugin {
    Plugin::new(text, [], false).unwrap()
}

/// Status and innermost text of an error.
pub(crate) fn told(error: &Error) -> (Status, String) {
    let status = error.status().expect("errors of the runtime have a status");
    (status, error.root_cause().to_string())
}

/// Copies its input to its output.
pub(crate) const ECHO: &str = r#"(module
    (import "extism:host/env" "input_offset" (func $offset (result i64)))
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (func (export "noop") (result i32) i32.const 0)
    (func (export "echo") (result i32) (call $output (call $offset) (call $length)) i32.const 0)
    (func (export "fail") (result i32) (call $output (call $offset) (call $length)) i32.const 7)
    (func (export "trap") unreachable)
    (func (export "spin") (loop (br 0))))"#;
