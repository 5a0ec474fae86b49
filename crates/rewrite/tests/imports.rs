//! Which imports are taken for kernel functions, and that all of them stay.

mod support;

use support::{DEFINE, MODES, Run, pass, pass_keeping, print, wat};

const LOAD_U8: &str =
    r#"(import "extism:host/env" "load_u8" (func $load_u8 (param i64) (result i32)))"#;

#[test]
fn only_the_right_types_are_recognised() {
    let text = r#"(module
        (import "extism:host/env" "load_u8" (func $a (param i32) (result i32)))
        (import "extism:host/env" "load_u64" (func $b (param i64) (result i32)))
        (import "extism:host/env" "input_length" (func $c (param i64) (result i64)))
        (import "env" "extism_load_u32" (func $d (param i64) (result i64)))
        (import "env" "load_u8" (func $e (param i64) (result i32)))
        (import "extism:host/env" "load_u32" (func $f (param i64) (result i32)))
        (import "extism:host/user" "load_u8" (func $g (param i64) (result i32)))
        (import "extism:host/env" "length" (func $h (param i64) (result i64)))
        (func (drop (call $a (i32.const 1))) (drop (call $b (i64.const 1))) (drop (call $c (i64.const 1)))
            (drop (call $d (i64.const 1))) (drop (call $e (i64.const 1))) (drop (call $f (i64.const 1)))
            (drop (call $g (i64.const 1))) (drop (call $h (i64.const 1)))))"#;
    let rewritten = pass(&wat(text), DEFINE).expect("it can be rewritten");
    assert_eq!((rewritten.inlined_calls, rewritten.kept_calls), (0, 0));
}

#[test]
fn kept_functions_stay_calls_in_both_eras() {
    let text = format!(
        r#"(module {LOAD_U8} (import "env" "extism_load_u8" (func $old (param i64) (result i32)))
            (import "extism:host/env" "input_offset" (func $offset (result i64)))
            (func (drop (call $load_u8 (call $offset))) (drop (call $old (i64.const 1)))))"#
    );
    let rewritten = pass_keeping(&wat(&text), DEFINE, &["load_u8"]).expect("it can be rewritten");
    assert_eq!((rewritten.inlined_calls, rewritten.kept_calls), (1, 0));
    assert!(print(&rewritten.wasm).contains("i64.load offset=8\n    call $load_u8"));
    assert!(print(&rewritten.wasm).contains("call $old"));
}

/// Every mode gives a module that imports what the old one did, in the same order.
#[test]
fn imports_are_all_kept_in_order() {
    let wasm = wat(&format!(
        r#"(module (import "a" "g" (global i32)) {LOAD_U8} (import "b" "t" (table 1 funcref))
            (import "c" "f" (func)) (func (param i64) (result i32) (call $load_u8 (local.get 0))))"#
    ));
    let imports = |wasm: &[u8]| -> Vec<String> {
        let text = print(wasm);
        let lines = text.lines().filter(|line| line.contains("(import"));
        lines
            .filter(|line| !line.contains("extism:kernel"))
            .map(str::to_string)
            .collect()
    };
    for mode in MODES.into_iter().flatten() {
        assert_eq!(
            imports(&pass(&wasm, mode).expect("it can be rewritten").wasm),
            imports(&wasm)
        );
    }
    assert!(Run::unchanged(&wasm).is_err(), "nobody links a, b and c");
}
