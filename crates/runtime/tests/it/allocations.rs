//! The call path allocates nothing on the heap, and what plug-ins ask for as little as it can.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use extism_runtime::{HostFunction, Limits, Status, ValueType};

use crate::support::plugin;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        LARGEST.with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations_of(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

const MODULE: &str = r#"(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "free" (func $free (param i64)))
    (import "extism:host/env" "length" (func $length (param i64) (result i64)))
    (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
    (import "extism:host/env" "input_offset" (func $offset (result i64)))
    (import "extism:host/env" "input_length" (func $input (result i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (import "extism:host/user" "add" (func $add (param i64 i64) (result i64)))
    (func (export "noop") (result i32) i32.const 0)
    (func (export "echo") (call $output (call $offset) (call $input)))
    (func (export "blocks") (local $p i64) (local $i i32)
        (loop
            (local.set $p (call $alloc (i64.const 100)))
            (call $store (local.get $p) (call $add (i64.const 1) (call $length (local.get $p))))
            (if (i32.and (local.get $i) (i32.const 1)) (then (call $free (local.get $p))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.get $i) (i32.const 50))))))"#;

#[test]
fn a_call_allocates_nothing() {
    let add = HostFunction::new("add", [ValueType::I64; 2], [ValueType::I64], |_, slots| {
        let [a, b] = [0, 1].map(|at| slots.get(at, ValueType::I64));
        slots.set(0, ValueType::I64, a + b);
        Ok(())
    });
    for mut options in crate::support::both_ways() {
        options.functions = vec![add.clone()];
        // With a deadline and a cancel handle alive, too.
        options.limits = Limits {
            call_time_max: Some(std::time::Duration::from_secs(60)),
            ..Limits::default()
        };
        let mut plugin = plugin(MODULE, options);
        let _handle = plugin.cancel_handle();
        let input = vec![7; 100_000];
        let mut calls = || {
            for name in ["noop", "echo", "blocks", "noop"] {
                assert_eq!(plugin.call(name, &input).code, 0);
                assert!(plugin.output().len() <= input.len());
            }
        };
        calls();
        assert_eq!(allocations_of(|| (0..10).for_each(|_| calls())), 0);
    }
}

/// However many a plug-in wants, and whether it has the memory for them or not.
#[test]
fn random_bytes_are_made_in_pieces() {
    let source = r#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (memory (export "memory") 1100)
        (func (export "all") (result i32)
            (call $random (i32.const 0) (i32.mul (memory.size) (i32.const 65_536))))
        (func (export "more") (result i32) (call $random (i32.const 65_536) (i32.const 72_089_600)))
        (func (export "last") (result i32) (i64.eqz (i64.load (i32.const 72_089_592)))))"#;
    crate::support::each_way(source, |plugin| {
        LARGEST.set(0);
        for (name, code) in [("more", -1), ("all", 0), ("last", 0)] {
            assert_eq!(plugin.call(name, b"").code, code, "{name}");
        }
        assert!(LARGEST.get() <= 1024 * 1024, "{}", LARGEST.get());
    });
}

/// A name that is longer than all there are is not copied to find that out.
#[test]
fn names_nobody_has_are_not_copied() {
    let source = r#"(module
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (import "extism:host/env" "config_get" (func $config (param i64) (result i64)))
        (import "extism:host/env" "var_get" (func $get (param i64) (result i64)))
        (import "extism:host/env" "var_set" (func $set (param i64 i64)))
        (func $name (result i64) (call $alloc (i64.const 10_000_000)))
        (func (export "config") (result i32) (i32.wrap_i64 (call $config (call $name))))
        (func (export "get") (result i32) (i32.wrap_i64 (call $get (call $name))))
        (func (export "remove") (call $set (call $name) (i64.const 0)))
        (func (export "set") (call $set (call $name) (call $alloc (i64.const 1)))))"#;
    crate::support::each_way(source, |plugin| {
        for (name, status) in [
            ("config", Status::Ok),
            ("get", Status::Ok),
            ("remove", Status::Ok),
            ("set", Status::Vars),
        ] {
            LARGEST.set(0);
            assert_eq!(plugin.call(name, b"").status(), status, "{name}");
            assert!(LARGEST.get() <= 1024 * 1024, "{name}: {}", LARGEST.get());
        }
    });
}

/// The host's own names are bound by nothing, and are found.
#[test]
fn long_names_of_the_host_are_found() {
    let source = r#"(module
        (import "extism:host/env" "input_offset" (func $offset (result i64)))
        (import "extism:host/env" "config_get" (func $config (param i64) (result i64)))
        (import "extism:host/env" "var_get" (func $get (param i64) (result i64)))
        (import "extism:host/env" "length" (func $length (param i64) (result i64)))
        (func (export "config") (result i32)
            (i32.wrap_i64 (call $length (call $config (call $offset)))))
        (func (export "get") (result i32) (i32.wrap_i64 (call $length (call $get (call $offset))))))"#;
    let long = "k".repeat(10_000);
    crate::support::each_way(source, |plugin| {
        plugin.vars_mut().insert(long.clone(), vec![1; 5]);
        plugin.configure([(long.clone(), Some("seven..".into()))]);
        for (name, bytes) in [("get", 5), ("config", 7)] {
            assert_eq!(plugin.call(name, long.as_bytes()).code, bytes);
            assert_eq!(plugin.call(name, &long.as_bytes()[1..]).code, 0);
            assert_eq!(plugin.call(name, &[long.as_bytes(), b"k"].concat()).code, 0);
        }
    });
}
