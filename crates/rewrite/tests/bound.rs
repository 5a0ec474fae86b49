//! Memories that may grow by so much at most.

mod support;

use extism_rewrite::bound_memories;
use support::{print, validate, wat};

const WASM32_PAGES: u64 = 1 << 16;
const WASM64_PAGES: u64 = 1 << 48;

/// A memory as it is declared, and as it is bound where it may grow by so many pages.
fn bound(memory: &str, pages_max: u64) -> String {
    let bounded = bound_memories(&wat(&format!("(module (memory {memory}))")), pages_max);
    let bounded = bounded.expect("a memory is defined");
    validate(&bounded);
    let text = print(&bounded);
    let memory = text.lines().find_map(|line| {
        let (_, memory) = line.split_once(";) ")?;
        memory.strip_suffix(')').map(str::to_string)
    });
    memory.unwrap_or_else(|| panic!("no memory\n{text}"))
}

#[test]
fn a_memory_grows_by_no_more_than_the_bound_and_what_it_declares() {
    for (declared, pages_max, expected) in [
        ("1", 4, "1 5".to_string()),
        ("0", 0, "0 0".to_string()),
        ("3 3", 4, "3 3".to_string()),
        ("1 5", 4, "1 5".to_string()),
        ("1 6", 4, "1 5".to_string()),
        ("1", WASM32_PAGES - 1, format!("1 {WASM32_PAGES}")),
        ("1", WASM32_PAGES, format!("1 {WASM32_PAGES}")),
        ("1", u64::MAX, format!("1 {WASM32_PAGES}")),
        ("1 2 shared", 4, "1 2 shared".to_string()),
        ("i64 1", 4, "i64 1 5".to_string()),
        ("i64 1", WASM64_PAGES, format!("i64 1 {WASM64_PAGES}")),
        ("i64 1", u64::MAX, format!("i64 1 {WASM64_PAGES}")),
    ] {
        let found = bound(declared, pages_max);
        assert_eq!(found, expected, "{declared}, {pages_max} pages more");
    }
}

#[test]
fn nothing_else_changes() {
    let module = |memories: &str| {
        let text = format!(
            r#"(module $named
                (import "env" "memory" (memory 1))
                (import "env" "f" (func $f (param i32)))
                {memories}
                (global $g (mut i32) (i32.const 7))
                (export "memory" (memory 1))
                (func (export "run") i32.const 9 call $f global.get $g drop)
                (data (memory 1) (i32.const 3) "abc")
                (@custom "note" "kept"))"#
        );
        print(&wat(&text))
    };
    let wasm = wat(&module("(memory $a 1) (memory $b 2 9)"));
    let bounded = bound_memories(&wasm, 3).expect("memories are defined");
    assert_eq!(print(&bounded), module("(memory $a 1 4) (memory $b 2 5)"));
}

#[test]
fn without_a_memory_of_its_own_or_damaged_there_is_nothing_to_bound() {
    for text in ["(module)", r#"(module (import "env" "memory" (memory 1)))"#] {
        assert_eq!(bound_memories(&wat(text), 1), None, "{text}");
    }
    let wasm = wat("(module (memory 1 2) (global i32 (i32.const 0)))");
    assert!(bound_memories(&wasm, 1).is_some());
    for length in 0..wasm.len() {
        // Where a section ends, what is left is a module, with the memory or still without.
        if let Some(bounded) = bound_memories(&wasm[..length], 1) {
            assert!(
                print(&bounded).contains("(memory (;0;) 1 2)"),
                "{length} bytes"
            );
        }
    }
    assert_eq!(bound_memories(b"no module", 1), None);
}
