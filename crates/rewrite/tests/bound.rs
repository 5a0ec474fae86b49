//! Memories and tables that may grow by so much at most, and start functions that the host calls.

mod support;

use extism_abi::layout::START_EXPORT;
use extism_rewrite::{Bounds, bound};
use support::{print, validate, wat};

const WASM32_PAGES: u64 = 1 << 16;
const WASM64_PAGES: u64 = 1 << 48;

fn pages(pages_max: u64) -> Bounds {
    Bounds {
        pages_max: Some(pages_max),
        elements_max: None,
    }
}

fn elements(elements_max: u64) -> Bounds {
    Bounds {
        pages_max: None,
        elements_max: Some(elements_max),
    }
}

/// A memory or table as it is declared, and as it is bound.
fn declared(what: &str, bounds: Bounds) -> String {
    let bounded = bound(&wat(&format!("(module (func $f) {what})")), bounds);
    let bounded = bounded.expect("it is defined");
    validate(&bounded);
    let text = print(&bounded);
    let declared = text.lines().find_map(|line| {
        let line = line.trim_start();
        let is_it = line.starts_with("(memory") || line.starts_with("(table");
        let (_, declared) = line.split_once(";) ").filter(|_| is_it)?;
        declared.strip_suffix(')').map(str::to_string)
    });
    declared.unwrap_or_else(|| panic!("nothing of this\n{text}"))
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
        let found = self::declared(&format!("(memory {declared})"), pages(pages_max));
        assert_eq!(found, expected, "{declared}, {pages_max} pages more");
    }
}

#[test]
fn a_table_grows_by_no_more_than_the_bound_and_what_it_declares() {
    const LARGEST: u64 = u32::MAX as u64;
    for (declared, elements_max, expected) in [
        ("1 funcref", 4, "1 5 funcref".to_string()),
        ("0 externref", 0, "0 0 externref".to_string()),
        ("3 3 funcref", 4, "3 3 funcref".to_string()),
        ("1 5 funcref", 4, "1 5 funcref".to_string()),
        ("1 6 funcref", 4, "1 5 funcref".to_string()),
        ("1 funcref", u64::MAX, format!("1 {LARGEST} funcref")),
        ("i64 1 funcref", 4, "i64 1 5 funcref".to_string()),
        ("i64 1 9 funcref", 4, "i64 1 5 funcref".to_string()),
        (
            "i64 1 funcref",
            u64::MAX,
            format!("i64 1 {} funcref", u64::MAX),
        ),
        ("2 (ref null func)", 4, "2 6 funcref".to_string()),
        (
            "2 (ref func) (ref.func $f)",
            4,
            "2 6 (ref func) ref.func $f".to_string(),
        ),
    ] {
        let found = self::declared(&format!("(table {declared})"), elements(elements_max));
        assert_eq!(found, expected, "{declared}, {elements_max} elements more");
    }
}

#[test]
fn the_start_function_is_put_off() {
    let module = |exports: &str, start: &str| {
        wat(&format!(
            r#"(module (import "a" "b" (func $b)) (global $g i32 (i32.const 1)) {exports}
                (func $f) (table 1 funcref) {start} (elem (i32.const 0) $f))"#
        ))
    };
    let ours = format!("(export \"{START_EXPORT}\" (func $f))");
    let other = r#"(export "f" (func $f))"#;
    for exports in ["", other] {
        let bounded = bound(&module(exports, "(start $f)"), Bounds::default());
        let bounded = bounded.expect("there is a start function");
        validate(&bounded);
        let expected = module(&format!("{exports} {ours}"), "");
        assert_eq!(print(&bounded), print(&expected));
        assert_eq!(bound(&module(exports, ""), Bounds::default()), None);
    }
    let theirs = module(&ours, "(start $b)");
    assert_eq!(bound(&theirs, Bounds::default()), None, "{START_EXPORT}");
}

#[test]
fn nothing_else_changes() {
    let module = |memories: &str, tables: &str| {
        let text = format!(
            r#"(module $named
                (import "env" "memory" (memory 1))
                (import "env" "f" (func $f (param i32)))
                {tables}
                {memories}
                (global $g (mut i32) (i32.const 7))
                (export "memory" (memory 1))
                (func (export "run") i32.const 9 call $f global.get $g drop)
                (data (memory 1) (i32.const 3) "abc")
                (@custom "note" "kept"))"#
        );
        print(&wat(&text))
    };
    let (memories, tables) = ("(memory $a 1) (memory $b 2 9)", "(table $t 1 funcref)");
    let (bounded_memories, bounded_tables) =
        ("(memory $a 1 4) (memory $b 2 5)", "(table $t 1 6 funcref)");
    let wasm = wat(&module(memories, tables));
    let both = Bounds {
        pages_max: Some(3),
        elements_max: Some(5),
    };
    for (bounds, expected) in [
        (pages(3), module(bounded_memories, tables)),
        (elements(5), module(memories, bounded_tables)),
        (both, module(bounded_memories, bounded_tables)),
    ] {
        let bounded = bound(&wasm, bounds).expect("memories and tables are defined");
        assert_eq!(print(&bounded), expected);
    }
    assert_eq!(bound(&wasm, Bounds::default()), None);
}

#[test]
fn without_a_memory_of_its_own_or_damaged_there_is_nothing_to_bound() {
    for text in ["(module)", r#"(module (import "env" "memory" (memory 1)))"#] {
        assert_eq!(bound(&wat(text), pages(1)), None, "{text}");
    }
    let wasm = wat("(module (memory 1 2) (global i32 (i32.const 0)))");
    assert!(bound(&wasm, pages(1)).is_some());
    for length in 0..wasm.len() {
        // Where a section ends, what is left is a module, with the memory or still without.
        if let Some(bounded) = bound(&wasm[..length], pages(1)) {
            assert!(
                print(&bounded).contains("(memory (;0;) 1 2)"),
                "{length} bytes"
            );
        }
    }
    assert_eq!(bound(b"no module", pages(1)), None);
}
