//! The kernel functions: both eras, both ways of access, the boundaries of every argument.

use crate::support::{call, each_way};

/// A module with every load and store under test, in the names of one era.
fn accesses(module: &str, prefix: &str) -> String {
    let import = |name: &str, ty: &str| {
        format!(r#"(import "{module}" "{prefix}{name}" (func ${name} {ty}))"#)
    };
    format!(
        r#"(module
        {alloc} {length} {load_u8} {load_u64} {store_u8} {store_u64} {in_len} {in_u8} {in_u64} {out} {bytes}
        (func $end (result i64) (i64.add (i64.const 64) (call $memory_bytes)))
        (func (export "boundaries") (result i32) (local $end i64)
            (call $store_u64 (i64.const 64) (i64.const -1))
            (local.set $end (call $end))
            ;; Below the first handle nothing is there.
            (if (call $load_u8 (i64.const 0)) (then (return (i32.const 1))))
            (if (call $load_u8 (i64.const 63)) (then (return (i32.const 2))))
            (if (i32.ne (call $load_u8 (i64.const 64)) (i32.const 255)) (then (return (i32.const 3))))
            (if (i64.ne (call $load_u64 (i64.const 63)) (i64.const 0)) (then (return (i32.const 4))))
            (call $store_u64 (i64.const 63) (i64.const 0))
            (if (i64.ne (call $load_u64 (i64.const 64)) (i64.const -1)) (then (return (i32.const 5))))
            ;; At the very end.
            (call $store_u8 (i64.sub (local.get $end) (i64.const 1)) (i32.const 0x1ff))
            (if (i32.ne (call $load_u8 (i64.sub (local.get $end) (i64.const 1))) (i32.const 255))
                (then (return (i32.const 6))))
            (if (call $load_u8 (local.get $end)) (then (return (i32.const 7))))
            (call $store_u8 (local.get $end) (i32.const 1))
            (call $store_u64 (i64.sub (local.get $end) (i64.const 8)) (i64.const 7))
            (if (i64.ne (call $load_u64 (i64.sub (local.get $end) (i64.const 8))) (i64.const 7))
                (then (return (i32.const 8))))
            (if (i64.ne (call $load_u64 (i64.sub (local.get $end) (i64.const 7))) (i64.const 0))
                (then (return (i32.const 9))))
            (call $store_u64 (i64.sub (local.get $end) (i64.const 7)) (i64.const -1))
            (if (i64.ne (call $load_u64 (i64.sub (local.get $end) (i64.const 8))) (i64.const 7))
                (then (return (i32.const 10))))
            ;; Far away: nothing wraps.
            (if (call $load_u8 (i64.const -1)) (then (return (i32.const 11))))
            (if (i64.ne (call $load_u64 (i64.const -4)) (i64.const 0)) (then (return (i32.const 12))))
            (if (call $load_u8 (i64.const 0x100000040)) (then (return (i32.const 13))))
            (if (call $load_u8 (i64.const 0x8000000000000000)) (then (return (i32.const 14))))
            (call $store_u64 (i64.const -8) (i64.const 1))
            (call $store_u8 (i64.const 0x100000040) (i32.const 1))
            (if (i64.ne (call $load_u64 (i64.const 64)) (i64.const -1)) (then (return (i32.const 15))))
            (i32.const 0))
        (func (export "input") (result i32)
            ;; The input is "0123456789".
            (if (i64.ne (call $input_length) (i64.const 10)) (then (return (i32.const 1))))
            (if (i32.ne (call $input_load_u8 (i64.const 9)) (i32.const 57)) (then (return (i32.const 2))))
            (if (call $input_load_u8 (i64.const 10)) (then (return (i32.const 3))))
            (if (call $input_load_u8 (i64.const -1)) (then (return (i32.const 4))))
            (if (i64.ne (call $input_load_u64 (i64.const 2)) (i64.const 0x3938373635343332))
                (then (return (i32.const 5))))
            (if (i64.ne (call $input_load_u64 (i64.const 3)) (i64.const 0)) (then (return (i32.const 6))))
            (if (i64.ne (call $input_load_u64 (i64.const -4)) (i64.const 0)) (then (return (i32.const 7))))
            (if (i64.ne (call $input_load_u64 (i64.const -8)) (i64.const 0)) (then (return (i32.const 8))))
            (i32.const 0))
        (func (export "blocks") (result i32) (local $a i64)
            (if (i64.ne (call $alloc (i64.const 0)) (i64.const 0)) (then (return (i32.const 1))))
            (if (i64.ne (call $alloc (i64.const -1)) (i64.const 0)) (then (return (i32.const 2))))
            (if (i64.ne (call $alloc (i64.const -12)) (i64.const 0)) (then (return (i32.const 3))))
            (if (i64.ne (call $alloc (i64.const 0x1000000000000)) (i64.const 0)) (then (return (i32.const 4))))
            (if (i64.ne (call $alloc (i64.const 0x100000000)) (i64.const 0)) (then (return (i32.const 5))))
            (local.set $a (call $alloc (i64.const 100)))
            (if (i64.ne (call $length (local.get $a)) (i64.const 100)) (then (return (i32.const 6))))
            (if (i64.ne (call $length (i64.add (local.get $a) (i64.const 1))) (i64.const 0))
                (then (return (i32.const 7))))
            ;; Nothing a plug-in stores can change what a block is.
            (call $store_u8 (i64.sub (local.get $a) (i64.const 1)) (i32.const 255))
            (call $store_u64 (i64.sub (local.get $a) (i64.const 12)) (i64.const -1))
            (call $store_u64 (i64.const 57) (i64.const -1))
            (if (i64.ne (call $length (local.get $a)) (i64.const 100)) (then (return (i32.const 8))))
            ;; A block may be as large as many pages.
            (if (i64.ne (call $length (call $alloc (i64.const 1000000))) (i64.const 1000000))
                (then (return (i32.const 9))))
            (i32.const 0))
        (func (export "output") (result i32)
            (call $store_u64 (i64.const 64) (i64.const 0x6867666564636261))
            (call $output_set (i64.const 65) (i64.const 3))
            ;; None of these is a range: the last good one stays.
            (call $output_set (i64.const 64) (i64.const -64))
            (call $output_set (i64.const 64) (i64.const 0x7fffffffffffffff))
            (call $output_set (i64.const -1) (i64.const 2))
            (call $output_set (i64.const 0) (i64.const 0))
            (call $output_set (call $end) (i64.const 1))
            (i32.const 0))
        )"#,
        alloc = import("alloc", "(param i64) (result i64)"),
        length = import("length", "(param i64) (result i64)"),
        load_u8 = import("load_u8", "(param i64) (result i32)"),
        load_u64 = import("load_u64", "(param i64) (result i64)"),
        store_u8 = import("store_u8", "(param i64 i32)"),
        store_u64 = import("store_u64", "(param i64 i64)"),
        in_len = import("input_length", "(result i64)"),
        in_u8 = import("input_load_u8", "(param i64) (result i32)"),
        in_u64 = import("input_load_u64", "(param i64) (result i64)"),
        out = import("output_set", "(param i64 i64)"),
        bytes = import("memory_bytes", "(result i64)"),
    )
}

#[test]
fn every_access_stays_inside() {
    for (module, prefix) in [("extism:host/env", ""), ("env", "extism_")] {
        each_way(&accesses(module, prefix), |plugin| {
            for name in ["boundaries", "blocks"] {
                let (code, _, text) = call(plugin, name, b"");
                assert_eq!(code, 0, "{name} in {module}: {text}");
            }
            assert_eq!(plugin.call("input", b"0123456789").code, 0, "{module}");
            assert_eq!(plugin.call("output", b"12345678").code, 0);
            assert_eq!(plugin.output(), b"bcd");
        });
    }
}

#[test]
fn functions_only_the_earliest_plugins_had() {
    let early = r#"(module
        (import "env" "extism_load_u32" (func $load (param i64) (result i32)))
        (import "env" "extism_store_u32" (func $store (param i64 i32)))
        (import "env" "extism_alloc" (func $alloc (param i64) (result i64)))
        (func (export "run") (result i32) (local $p i64)
            (local.set $p (call $alloc (i64.const 4)))
            (call $store (local.get $p) (i32.const 123456))
            (call $store (i64.const 62) (i32.const -1))
            (if (call $load (i64.const -2)) (then (return (i32.const 1))))
            (i32.sub (call $load (local.get $p)) (i32.const 123456))))"#;
    each_way(early, |plugin| assert_eq!(plugin.call("run", b"").code, 0));
}

#[test]
fn freeing_the_input_leaves_none() {
    let free = r#"(module
        (import "extism:host/env" "free" (func $free (param i64)))
        (import "extism:host/env" "input_offset" (func $offset (result i64)))
        (import "extism:host/env" "input_length" (func $length (result i64)))
        (import "extism:host/env" "input_set" (func $set (param i64 i64)))
        (import "extism:host/env" "reset" (func $reset))
        (func (export "free") (result i32)
            (call $free (call $offset)) (i32.wrap_i64 (call $length)))
        (func (export "shrink") (result i32)
            (call $set (call $offset) (i64.const 2))
            (call $set (call $offset) (i64.const -1))
            (i32.wrap_i64 (call $length)))
        (func (export "reset") (result i32)
            (call $reset) (i32.wrap_i64 (call $length))))"#;
    each_way(free, |plugin| {
        assert_eq!(plugin.call("free", b"input").code, 0);
        assert_eq!(plugin.call("shrink", b"input").code, 2);
        assert_eq!(plugin.call("reset", b"input").code, 0);
    });
}
