//! Codes and texts of calls, as the published table has them.

use extism_runtime::Status;

use crate::support::{call, each_way};

const RESULTS: &str = r#"(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "error_set" (func $error (param i64)))
    (func $fail (local $p i64)
        (local.set $p (call $alloc (i64.const 2)))
        (call $store (local.get $p) (i32.const 104))
        (call $store (i64.add (local.get $p) (i64.const 1)) (i32.const 105))
        (call $error (local.get $p)))
    (func (export "none"))
    (func (export "zero") (result i32) i32.const 0)
    (func (export "seven") (result i32) i32.const 7)
    (func (export "long") (result i64) i64.const 0)
    (func (export "two") (result i32 i32) i32.const 0 i32.const 0)
    (func (export "takes") (param i32))
    (func (export "trap") unreachable)
    (func (export "error_zero") (result i32) call $fail i32.const 0)
    (func (export "error_seven") (result i32) call $fail i32.const 7)
    (func (export "error_trap") call $fail unreachable)
    (global (export "global") i32 (i32.const 1)))"#;

#[test]
fn the_table_of_codes_and_texts() {
    use Status::*;
    each_way(RESULTS, |plugin| {
        for (name, code, status, text) in [
            ("none", 0, Ok, ""),
            ("zero", 0, Ok, ""),
            ("seven", 7, GuestError, ""),
            ("long", -1, GuestError, ""),
            (
                "two",
                -1,
                FunctionType,
                "Function two has 2 results, expected 0 or 1",
            ),
            ("takes", -1, FunctionType, "expected 1 arguments, got 0"),
            ("nope", -1, FunctionNotFound, "Function not found: nope"),
            ("global", -1, FunctionNotFound, "Function not found: global"),
            ("error_zero", 0, GuestError, "hi"),
            ("error_seven", 7, GuestError, "hi"),
        ] {
            let expected = (code, status, text.to_owned());
            assert_eq!(call(plugin, name, b""), expected, "{name}");
        }
        let (code, status, text) = call(plugin, "trap", b"");
        assert_eq!((code, status), (134, TrapUnreachable));
        assert!(
            text.starts_with("error while executing at wasm backtrace:\n"),
            "{text}"
        );
        assert!(text.contains("\n\nCaused by:\n"), "{text}");
        assert!(
            text.ends_with("wasm trap: wasm `unreachable` instruction executed"),
            "{text}"
        );
        let (code, status, text) = call(plugin, "error_trap", b"");
        assert_eq!((code, status), (-1, GuestError));
        assert!(text.starts_with("hi\n\nCaused by:\n"), "{text}");
        assert_eq!(call(plugin, "zero", b"").0, 0, "works after all of that");
    });
}

#[test]
fn echo_of_any_size() {
    let echo = r#"(module
        (import "extism:host/env" "input_offset" (func $offset (result i64)))
        (import "extism:host/env" "input_length" (func $length (result i64)))
        (import "extism:host/env" "output_set" (func $output (param i64 i64)))
        (func (export "echo") (call $output (call $offset) (call $length))))"#;
    each_way(echo, |plugin| {
        for bytes in [0usize, 1, 7, 8, 65_000, 65_536, 1 << 20, 40 << 20, 3] {
            let input: Vec<u8> = (0..bytes).map(|i| i as u8).collect();
            assert_eq!(plugin.call("echo", &input).code, 0);
            assert!(plugin.output() == input, "{bytes}");
        }
        plugin.reset();
        assert_eq!(plugin.output(), b"");
    });
}

#[test]
fn a_command_starts_afresh_and_keeps_its_variables() {
    let command = r#"(module
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
        (import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
        (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
        (import "extism:host/env" "length" (func $length (param i64) (result i64)))
        (global $runs (mut i32) (i32.const 0))
        (func $name (result i64) (local $p i64)
            (local.set $p (call $alloc (i64.const 1)))
            (call $store (local.get $p) (i32.const 118))
            (local.get $p))
        (func (export "_start")
            (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
            (call $var_set (call $name) (call $name)))
        (func (export "runs") (result i32) global.get $runs)
        (func (export "variable") (result i32)
            (i32.wrap_i64 (call $length (call $var_get (call $name))))))"#;
    each_way(command, |plugin| {
        assert_eq!(plugin.call("variable", b"").code, 0);
        assert_eq!(plugin.call("_start", b"").code, 0);
        assert_eq!(plugin.call("runs", b"").code, 0, "a fresh instance");
        assert_eq!(plugin.call("variable", b"").code, 1, "with the variables");
    });
}

#[test]
fn initialisers_run_exactly_once_at_the_first_call() {
    for (initialise, exports) in [("_initialize", 1), ("__wasm_call_ctors", 1), ("hs_init", 1)] {
        let params = if initialise == "hs_init" {
            "(param i32 i32)"
        } else {
            ""
        };
        let reactor = format!(
            r#"(module
            (global $count (mut i32) (i32.const 0))
            (func $start (global.set $count (i32.add (global.get $count) (i32.const 10))))
            (start $start)
            (func (export "{initialise}") {params}
                (global.set $count (i32.add (global.get $count) (i32.const 1))))
            (func (export "count") (result i32) global.get $count))"#
        );
        each_way(&reactor, |plugin| {
            assert_eq!(plugin.call("count", b"").code, 10 + exports, "{initialise}");
            assert_eq!(plugin.call("count", b"").code, 10 + exports, "{initialise}");
        });
    }
}

#[test]
fn haskell_is_initialised_after_its_c_runtime() {
    let haskell = r#"(module
        (global $order (mut i32) (i32.const 0))
        (func $digit (param i32)
            (global.set $order
                (i32.add (i32.mul (global.get $order) (i32.const 10)) (local.get 0))))
        (func (export "hs_init") (param i32 i32) (call $digit (i32.const 2)))
        (func (export "_initialize") (call $digit (i32.const 1)))
        (func (export "order") (result i32) global.get $order))"#;
    each_way(haskell, |plugin| {
        assert_eq!(plugin.call("order", b"").code, 12);
    });
}

#[test]
fn the_backtrace_names_functions() {
    let named = r#"(module
        (func $inner unreachable)
        (func $outer (export "outer") call $inner))"#;
    each_way(named, |plugin| {
        let (_, _, text) = call(plugin, "outer", b"");
        assert!(
            text.contains("!inner\n") && text.contains("!outer\n"),
            "{text}"
        );
    });
}
