//! A call allocates nothing but what its output owns.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use extism::{Function, Manifest, PTR, Plugin, UserData, ValType};

use crate::support::{ECHO, fixture, wat};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
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

/// How often `work` allocates, after a first time that may fill caches.
fn allocations_of(mut work: impl FnMut()) -> u64 {
    work();
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn calls() {
    let mut plugin = wat(ECHO);
    let input = vec![7; 100_000];
    assert_eq!(
        allocations_of(|| plugin.call::<_, ()>("noop", ()).unwrap()),
        0
    );
    assert_eq!(
        allocations_of(|| assert_eq!(plugin.call::<_, &[u8]>("echo", &input[..]).unwrap(), input)),
        0
    );
    assert_eq!(
        allocations_of(|| assert_eq!(plugin.call::<_, &str>("echo", "text").unwrap(), "text")),
        0
    );
    assert_eq!(
        allocations_of(|| assert_eq!(
            plugin.call::<_, Vec<u8>>("echo", &input[..]).unwrap(),
            input
        )),
        1
    );

    let manifest =
        Manifest::new([fixture("published")]).with_timeout(std::time::Duration::from_secs(60));
    let mut plugin = Plugin::new(&manifest, [], false).unwrap();
    let _handle = plugin.cancel_handle();
    assert_eq!(
        allocations_of(|| plugin.call::<_, ()>("noop", ()).unwrap()),
        0
    );
}

#[test]
fn host_functions() {
    let text = r#"(module
        (import "extism:host/user" "few" (func $few (param i64 i64) (result i64)))
        (import "extism:host/user" "upper" (func $upper (param i64) (result i64)))
        (import "extism:host/user" "many" (func $many (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "extism:host/env" "input_offset" (func $input (result i64)))
        (func (export "run") (result i32)
            (drop (call $few (i64.const 1) (i64.const 2)))
            (drop (call $upper (call $input)))
            (call $many (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1)
                        (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1))))"#;
    let data = UserData::new(0u64);
    let functions = [
        Function::new(
            "few",
            [ValType::I64; 2],
            [ValType::I64],
            data.clone(),
            |_, inputs, outputs, data| {
                *data.get()?.lock().unwrap() += 1;
                outputs[0] = inputs[1];
                Ok(())
            },
        ),
        Function::new(
            "upper",
            [PTR],
            [PTR],
            data.clone(),
            |plugin, inputs, outputs, _| {
                let handle = plugin.memory_from_val(&inputs[0]).unwrap();
                plugin.memory_str_mut(handle)?.make_ascii_uppercase();
                plugin.memory_set_val(&mut outputs[0], "done")
            },
        ),
        Function::new(
            "many",
            [ValType::I32; 8],
            [ValType::I32],
            data,
            |_, inputs, outputs, _| {
                outputs[0] = extism::Val::I32(
                    inputs.iter().filter_map(|value| value.i32()).sum::<i32>() - 8,
                );
                Ok(())
            },
        ),
    ];
    let mut plugin = Plugin::new(text, functions, false).unwrap();
    assert_eq!(
        allocations_of(|| plugin.call::<_, ()>("run", "input").unwrap()),
        0
    );
}
