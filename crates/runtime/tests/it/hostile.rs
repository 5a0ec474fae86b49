//! What hostile plug-ins try; the host and its other plug-ins must not notice.

use extism_runtime::{Debug, Limits, Options, Plugin, Status};

use crate::support::{each_way, plugin};

#[test]
fn forged_block_headers_and_ranges_reach_nothing() {
    // The published kernel kept its books where a plug-in could write to them.
    let source = r#"(module
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
        (import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
        (import "extism:host/env" "config_get" (func $config_get (param i64) (result i64)))
        (import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
        (import "extism:host/env" "error_set" (func $error_set (param i64)))
        (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
        (func $forge (result i64) (local $p i64)
            (local.set $p (call $alloc (i64.const 4)))
            (call $store_u64 (i64.sub (local.get $p) (i64.const 12)) (i64.const -1))
            (call $store_u64 (i64.sub (local.get $p) (i64.const 8)) (i64.const -1))
            (call $store_u8 (i64.sub (local.get $p) (i64.const 1)) (i32.const 255))
            (call $store_u64 (local.get $p) (i64.const 0x6161616161616161))
            (call $store_u64 (i64.const 57) (i64.const 0x10000000000))
            (call $store_u64 (i64.const 16) (i64.const 0x10000000000))
            (local.get $p))
        (func (export "config") (drop (call $config_get (call $forge))))
        (func (export "var") (drop (call $var_get (call $forge))))
        (func (export "error") (result i32) (call $error_set (call $forge)) (i32.const 1))
        (func (export "output") (call $output_set (call $forge) (i64.const 0x10000000000))))"#;
    each_way(source, |plugin| {
        assert_eq!(plugin.call("config", b"").code, 0);
        assert_eq!(plugin.call("var", b"").code, 0);
        assert_eq!(plugin.call("error", b"").error.unwrap().message(), "aaaa");
        assert_eq!(plugin.call("output", b"").code, 0);
        assert_eq!(plugin.output(), b"");
    });
}

#[test]
fn handles_that_name_nothing_are_errors_with_their_argument() {
    let import = |name: &str, params: &str| {
        format!(r#"(module (import "extism:host/env" "{name}" (func $f {params}))"#)
    };
    let one = "(param i64) (result i64)";
    for (head, call, text) in [
        (
            import("config_get", one),
            "(drop (call $f (i64.const 99)))",
            "invalid handle offset for config key: 99",
        ),
        (
            import("var_get", one),
            "(drop (call $f (i64.const 99)))",
            "invalid handle offset for var key: 99",
        ),
        (
            import("var_set", "(param i64 i64)"),
            "(call $f (i64.const 99) (i64.const 0))",
            "invalid handle offset for var key: 99",
        ),
        (
            import("var_set", "(param i64 i64)"),
            "(call $f (i64.const 0) (i64.const 99))",
            "invalid handle offset for var value: 99",
        ),
        (
            import("http_request", "(param i64 i64) (result i64)"),
            "(drop (call $f (i64.const 99) (i64.const 0)))",
            "invalid handle offset for http request: 99",
        ),
    ] {
        let source = format!(r#"{head} (func (export "run") {call}))"#);
        each_way(&source, |plugin| {
            let outcome = plugin.call("run", b"");
            let error = outcome.error.unwrap();
            assert_eq!(
                (outcome.code, error.status()),
                (-1, Status::BadKernelHandle),
                "{source}"
            );
            assert_eq!(error.root_cause(), text);
        });
    }
}

#[test]
fn deep_recursion_is_a_stack_trap() {
    let source = r#"(module
        (func $down (param i64) (result i64) (i64.add (call $down (local.get 0)) (i64.const 1)))
        (func (export "run") (drop (call $down (i64.const 0))))
        (func (export "fine")))"#;
    each_way(source, |plugin| {
        assert_eq!(plugin.call("run", b"").status(), Status::TrapStack);
        assert_eq!(plugin.call("fine", b"").code, 0);
    });
}

/// Names that stand for twice as much with each four bytes, as compilers of C++ write them.
#[test]
fn names_of_functions_are_shown_as_they_are() {
    let doubled = |at: u32| format!("S_IS{at}_S{at}_E");
    let name = format!("_Z1f1AIiiE{}", (0..10).map(doubled).collect::<String>());
    let source = format!(r#"(module (func ${name} (export "run") unreachable))"#);
    each_way(&source, |plugin| {
        let text = plugin.call("run", b"").error.unwrap().report();
        assert!(
            text.contains(&name) && text.len() < 1000,
            "{} bytes",
            text.len()
        );
    });
}

#[test]
fn a_core_dump_that_cannot_be_written_changes_nothing() {
    let source = r#"(module
        (global (mut exnref) (ref.null exn))
        (func (export "run") unreachable)
        (func (export "fine")))"#;
    let folder = tempfile::tempdir().unwrap();
    let debug = Debug {
        coredump: Some(folder.path().join("core")),
        ..Debug::default()
    };
    let options = Options {
        debug,
        ..Options::default()
    };
    let mut plugin = plugin(source, options);
    assert_eq!(plugin.call("run", b"").status(), Status::TrapUnreachable);
    assert_eq!(plugin.call("fine", b"").code, 0);
}

#[test]
fn every_kind_of_trap_has_its_status() {
    use Status::*;
    let source = r#"(module
        (memory 1) (table 1 funcref) (type $t (func (result i32)))
        (func (export "divide") (drop (i32.div_s (i32.const 1) (i32.const 0))))
        (func (export "overflow") (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
        (func (export "convert") (drop (i32.trunc_f32_s (f32.const nan))))
        (func (export "memory") (drop (i32.load (i32.const 65536))))
        (func (export "table") (drop (table.get 0 (i32.const 1))))
        (func (export "indirect") (drop (call_indirect (type $t) (i32.const 0)))))"#;
    each_way(source, |plugin| {
        for (name, status) in [
            ("divide", TrapArithmetic),
            ("overflow", TrapArithmetic),
            ("convert", TrapArithmetic),
            ("memory", TrapMemory),
            ("table", TrapTable),
            ("indirect", TrapIndirectCall),
        ] {
            let outcome = plugin.call(name, b"");
            assert_eq!((outcome.code, outcome.status()), (134, status), "{name}");
        }
    });
}

#[test]
fn blocks_are_bounded_and_the_plugin_goes_on() {
    let source = r#"(module
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (func (export "run") (result i32) (local $n i32)
            (loop $next
                (if (i64.ne (call $alloc (i64.const 1)) (i64.const 0)) (then
                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (br $next))))
            (local.get $n)))"#;
    let options = Options {
        limits: Limits {
            blocks_max: 1_000,
            ..Limits::default()
        },
        ..Options::default()
    };
    let mut plugin = plugin(source, options);
    assert_eq!(plugin.call("run", b"").code, 1_000);
    assert_eq!(
        plugin.call("run", b"input").code,
        999,
        "the input is a block, too"
    );
}

#[test]
fn an_error_message_that_is_not_text_is_shown_all_the_same() {
    let source = r#"(module
        (import "extism:host/env" "input_offset" (func $offset (result i64)))
        (import "extism:host/env" "error_set" (func $error (param i64)))
        (func (export "run") (result i32) (call $error (call $offset)) (i32.const 1))
        (func (export "inside") (result i32)
            (call $error (i64.add (call $offset) (i64.const 1))) (i32.const 1)))"#;
    each_way(source, |plugin| {
        let error = plugin.call("run", b"a\xffb\0c").error.unwrap();
        assert_eq!(error.message(), "a\u{fffd}b\0c");
        assert_eq!(error.guest_code(), Some(1));
        assert_eq!(plugin.call("inside", b"abc").error.unwrap().message(), "");
    });
    let options = Options {
        limits: Limits {
            error_bytes_max: 3,
            ..Limits::default()
        },
        ..Options::default()
    };
    let error = plugin(source, options)
        .call("run", "ab\u{e9}d".as_bytes())
        .error
        .unwrap();
    assert_eq!(error.message(), "ab");
}

#[test]
fn a_new_borrower_finds_nothing_of_the_last_one() {
    use extism_runtime::Pooled;
    let source = r#"(module
        (import "extism:host/env" "load_u64" (func $load (param i64) (result i64)))
        (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
        (import "extism:host/env" "memory_bytes" (func $bytes (result i64)))
        (func (export "leave") (call $store (i64.sub (call $bytes) (i64.const 8)) (i64.const -1)))
        (func (export "look") (result i32) (local $p i64)
            (local.set $p (i64.const 64))
            (loop
                (if (i64.ne (call $load (local.get $p)) (i64.const 0)) (then (return (i32.const 1))))
                (local.set $p (i64.add (local.get $p) (i64.const 8)))
                (br_if 0 (i64.lt_u (local.get $p) (call $bytes))))
            (i32.const 0)))"#;
    each_way(source, |plugin| {
        assert_eq!(plugin.call("leave", b"secret").code, 0);
        assert_eq!(plugin.call("look", b"").code, 1);
        assert!(plugin.recycle());
        assert_eq!(plugin.call("look", b"").code, 0);
    });
}

#[test]
fn truncated_and_flipped_modules_are_refused_or_run() {
    let wasm = wat::parse_str(r#"(module (memory 1) (func (export "run") (result i32) i32.const 0) (data (i32.const 0) "abc"))"#).unwrap();
    for at in 0..wasm.len() {
        let _ = Plugin::load(&wasm[..at], Options::default());
        let mut flipped = wasm.clone();
        flipped[at] ^= 0x55;
        if let Ok(mut plugin) = Plugin::load(flipped, Options::default()) {
            let _ = plugin.call("run", b"");
        }
    }
}
