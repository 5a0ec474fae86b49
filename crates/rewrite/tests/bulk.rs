//! The two bulk functions: one instruction where it may be, their own loop where not, and never
//! another answer.

mod support;

use std::hash::{DefaultHasher, Hasher};

use extism_abi::layout::PAGE_BYTES;
use extism_rewrite::KernelMemory;
use support::{DEFINE, PAGES_MIN, pass, pass_keeping, print, same_in_all_modes, wat};
use wasmi::Val;

const KERNEL: i64 = (PAGES_MIN * PAGE_BYTES) as i64;
const GUEST: i32 = PAGE_BYTES as i32;

const TYPE: &str = "(param $handle i64) (param $guest i32) (param $length i32)";

/// A plug-in as our kits build it: loops over the byte functions.
fn plugin() -> String {
    let body = |copy: &str| {
        format!(
            "(local $i i32) (loop $next
                (if (i32.lt_u (local.get $i) (local.get $length)) (then
                    {copy}
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br $next))))"
        )
    };
    let handle = "(i64.add (local.get $handle) (i64.extend_i32_u (local.get $i)))";
    let guest = "(i32.add (local.get $guest) (local.get $i))";
    format!(
        r#"(module
            (import "extism:host/env" "load_u8" (func $load_u8 (param i64) (result i32)))
            (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
            (memory (export "memory") 1)
            (func (export "__extism_bulk_load") {TYPE} {load})
            (func (export "__extism_bulk_store") {TYPE} {store}))"#,
        load = body(&format!("(i32.store8 {guest} (call $load_u8 {handle}))")),
        store = body(&format!("(call $store_u8 {handle} (i32.load8_u {guest}))")),
    )
}

/// Ranges that end inside, at, and outside of their memories.
fn ranges() -> Vec<[Val; 3]> {
    let handles = [
        0,
        63,
        64,
        65,
        1000,
        KERNEL - 16,
        KERNEL - 15,
        KERNEL,
        KERNEL + 1,
        1 << 32,
        (1 << 32) + 64,
        -1,
        -8,
    ];
    let guests = [0, 1, 100, GUEST - 16, GUEST - 15, GUEST, GUEST + 1, -1, -16];
    let lengths = [0, 1, 15, 16, 17];
    let mut all = Vec::new();
    for handle in handles {
        for guest in guests {
            all.extend(lengths.map(|length| [Val::I64(handle), Val::I32(guest), Val::I32(length)]));
        }
    }
    all.push([Val::I64(64), Val::I32(0), Val::I32(GUEST)]);
    all.push([Val::I64(64), Val::I32(0), Val::I32(GUEST + 1)]);
    all.push([Val::I64(64), Val::I32(0), Val::I32(-1)]);
    all.push([Val::I64(-64), Val::I32(0), Val::I32(128)]);
    all
}

#[test]
fn copies_agree_at_every_boundary() {
    let wasm = wat(&plugin());
    let results = same_in_all_modes(&wasm, |run| {
        for (number, byte) in run.guest_bytes().iter_mut().enumerate() {
            *byte = (number * 167) as u8;
        }
        let mut results = Vec::new();
        for range in ranges() {
            results.push(run.call("__extism_bulk_store", &range));
            results.push(run.call("__extism_bulk_load", &range));
            let mut hasher = DefaultHasher::new();
            hasher.write(run.guest_bytes());
            results.push(format!("{:x}", hasher.finish()));
        }
        results
    });
    let traps = results.iter().filter(|result| result.starts_with("trap"));
    assert!(
        traps.count() > 100,
        "guest ranges outside of its memory trap, as without the pass"
    );
}

/// The whole check, to the letter: were it stricter than it must be, the loop would hide it.
#[test]
fn a_range_inside_of_both_memories_is_one_instruction() {
    let rewritten = pass(&wat(&plugin()), DEFINE).expect("it can be rewritten");
    assert_eq!((rewritten.bulk, rewritten.inlined_calls), (2, 2));
    let kernel_size = "memory.size 1
    i64.extend_i32_u
    i64.const 16
    i64.shl";
    let check = format!(
        "    local.get $handle
    i64.const 64
    i64.ge_u
    local.get $handle
    {kernel_size}
    i64.le_u
    i32.and
    local.get $length
    i64.extend_i32_u
    {kernel_size}
    local.get $handle
    i64.sub
    i64.le_u
    i32.and
    local.get $guest
    i64.extend_i32_u
    local.get $length
    i64.extend_i32_u
    i64.add
    {guest_size}
    i64.le_u
    i32.and
    if ;; label = @1
",
        guest_size = kernel_size.replace(" 1\n", "\n"),
    );
    let load = "      local.get $guest
      local.get $handle
      i32.wrap_i64
      local.get $length
      memory.copy 0 1
      return
    end
";
    let store = "      local.get $handle
      i32.wrap_i64
      local.get $guest
      local.get $length
      memory.copy 1 0
      return
    end
";
    let text = print(&rewritten.wasm);
    for copy in [load, store] {
        assert!(
            text.contains(&format!("{check}{copy}")),
            "no\n{check}{copy} in\n{text}"
        );
    }
    let shifted = pass(&wat(&plugin()), KernelMemory::Import).expect("it can be rewritten");
    let shifted = print(&shifted.wasm);
    assert!(
        shifted.contains("memory.copy 1 0\n      return"),
        "{shifted}"
    );
    assert!(
        shifted.contains("memory.copy 0 1\n      return"),
        "{shifted}"
    );
}

fn bulk_of(text: &str, kept: &[&str]) -> usize {
    pass_keeping(&wat(text), DEFINE, kept)
        .expect("it can be rewritten")
        .bulk
}

#[test]
fn overridden_functions_are_not_copied_past() {
    assert_eq!(bulk_of(&plugin(), &["load_u8"]), 1);
    assert_eq!(bulk_of(&plugin(), &["load_u64", "store_u64"]), 0);
    assert_eq!(bulk_of(&plugin(), &["store_u8"]), 1);
    assert_eq!(bulk_of(&plugin(), &["length"]), 2);
}

#[test]
fn reserved_names_on_anything_else_mean_nothing() {
    let name = "__extism_bulk_load";
    let others = [
        format!(r#"(module (memory 1) (func (export "{name}") (param i64 i32 i64)))"#),
        format!(
            r#"(module (memory 1) (func (export "{name}") {TYPE} (result i32) (i32.const 0)))"#
        ),
        format!(r#"(module (memory i64 1) (func (export "{name}") {TYPE}))"#),
        format!(r#"(module (func (export "{name}") {TYPE}))"#),
        format!(r#"(module (memory (export "{name}") 1))"#),
        format!(r#"(module (memory (export "{name}") 1) (func {TYPE}))"#),
        format!(
            r#"(module (import "m" "f" (func $f {TYPE})) (memory 1) (export "{name}" (func $f)))"#
        ),
        format!(
            r#"(module (memory 1) (func (export "{name}") (export "__extism_bulk_store") {TYPE}))"#
        ),
        format!(r#"(module (memory 1 1 (pagesize 1)) (func (export "{name}") {TYPE}))"#),
    ];
    for text in others {
        assert_eq!(bulk_of(&text, &[]), 0, "{text}");
    }
    assert_eq!(
        bulk_of(
            &format!(r#"(module (memory 1) (func (export "{name}") {TYPE}))"#),
            &[]
        ),
        1
    );
    assert_eq!(
        bulk_of(
            &format!(r#"(module (import "m" "m" (memory 1)) (func (export "{name}") {TYPE}))"#),
            &[]
        ),
        1
    );
}
