//! The instructions a call becomes, to the letter, and that nothing around them changes.

mod support;

use extism_rewrite::KernelMemory;
use support::{DEFINE, pass, print, wat};

const MODES: [KernelMemory; 2] = [DEFINE, KernelMemory::Import];

/// The text of the function `$f` after the pass, from its name to its last instruction.
fn function(text: &str, kernel_memory: KernelMemory) -> String {
    let rewritten = pass(&wat(text), kernel_memory).expect("it can be rewritten");
    let text = print(&rewritten.wasm);
    let (_, from) = text.split_once("(func $f ").expect("it is called f");
    let (function, _) = from.split_once("\n  )").expect("it ends");
    function.to_string()
}

#[test]
fn a_read_of_the_input_asks_for_its_first_and_its_last_byte() {
    let text = r#"(module (import "extism:host/env" "input_load_u64" (func $input (param i64) (result i64)))
        (func $f (param $at i64) (result i64) (call $input (local.get $at))))"#;
    let expected = "(;1;) (type 0) (param $at i64) (result i64)
    (local i64)
    local.get $at
    local.tee 1
    i32.const 0
    i64.load offset=16
    i64.lt_u
    if (result i64) ;; label = @1
      local.get 1
      i64.const 7
      i64.add
      i32.const 0
      i64.load offset=16
      i64.lt_u
      if (result i64) ;; label = @2
        i32.const 0
        i32.load offset=8
        local.get 1
        i32.wrap_i64
        i32.add
        i64.load align=1
      else
        i64.const 0
      end
    else
      i64.const 0
    end";
    for mode in MODES {
        assert_eq!(function(text, mode), expected);
    }
    let byte = text
        .replace("u64", "u8")
        .replace("(result i64)", "(result i32)");
    let expected = "(;1;) (type 0) (param $at i64) (result i32)
    (local i64)
    local.get $at
    local.tee 1
    i32.const 0
    i64.load offset=16
    i64.lt_u
    if (result i32) ;; label = @1
      i32.const 0
      i32.load offset=8
      local.get 1
      i32.wrap_i64
      i32.add
      i32.load8_u
    else
      i32.const 0
    end";
    assert_eq!(function(&byte, DEFINE), expected);
}

/// As a tail call, with a value below its operands, in a module whose own memory moves.
#[test]
fn a_store_keeps_its_operands_in_locals() {
    let text = r#"(module (import "env" "extism_store_u32" (func $store (param i64 i32))) (memory $mine 1)
        (func $f (param i64 i32) (result) f32.const 1 local.get 0 local.get 1 return_call $store))"#;
    let expected = |memory: &str| {
        format!(
            "(;1;) (type 0) (param i64 i32)
    (local i64 i32)
    f32.const 0x1p+0 (;=1;)
    local.get 0
    local.get 1
    local.set 3
    local.tee 2
    i64.const 64
    i64.sub
    memory.size{memory}
    i64.extend_i32_u
    i64.const 16
    i64.shl
    i64.const 67
    i64.sub
    i64.lt_u
    if ;; label = @1
      local.get 2
      i32.wrap_i64
      local.get 3
      i32.store{memory} align=1
    end
    return"
        )
    };
    assert_eq!(function(text, DEFINE), expected(" 1"));
    assert_eq!(function(text, KernelMemory::Import), expected(""));
}

/// Two calls among exceptions and collected types: one where it may be caught, one in the handler.
#[test]
fn labels_of_handlers_still_count_from_where_they_are() {
    let text = r#"(module
        (import "extism:host/env" "input_length" (func $length (result i64)))
        (type $node (struct (field (ref null $node)) (field (mut i64))))
        (tag $tag (param i64))
        (func $f (param (ref $node)) (result i64)
            (block $all (result exnref)
                (block $caught (result i64)
                    (try_table (catch $tag $caught) (catch_all_ref $all)
                        (struct.set $node 1 (local.get 0) (call $length))
                        (throw $tag (struct.get $node 1 (local.get 0))))
                    (unreachable))
                (i64.add (call $length))
                (return))
            throw_ref))"#;
    // Labels lose their names, because they are numbered in the order of their blocks.
    let expected = "(;1;) (type 3) (param (ref $node)) (result i64)
    block (result exnref) ;; label = @1
      block (result i64) ;; label = @2
        try_table (catch $tag 0 (;@2;)) (catch_all_ref 1 (;@1;)) ;; label = @3
          local.get 0
          i32.const 0
          i64.load offset=16
          struct.set $node 1
          local.get 0
          struct.get $node 1
          throw $tag
        end
        unreachable
      end
      i32.const 0
      i64.load offset=16
      i64.add
      return
    end
    throw_ref";
    for mode in MODES {
        assert_eq!(function(text, mode), expected);
    }
}

/// A module with something of every kind. The one function that is changed comes last.
const EVERYTHING: &str = r#"(module $everything
    (rec (type $node (sub (struct (field $next (ref null $node)) (field $value (mut i32)))))
         (type $array (array (mut i8))))
    (type $load (func (param i64) (result i32)))
    (import "extism:host/env" "load_u8" (func $load_u8 (type $load)))
    (import "m" "memory" (memory $first 1)) (import "m" "table" (table $far 2 funcref))
    (import "m" "global" (global $base i32)) (import "m" "tag" (tag $far_tag (param i32)))
    (import "m" "other" (func $other (param i32)))
    (table $near 8 funcref) (table $typed 1 (ref $load) (ref.func $load_u8))
    (memory $second 1 4) (memory $third 2)
    (tag $tag (param i32))
    (global $counter (mut i32) (i32.const 3)) (global $where funcref (ref.func $load_u8))
    (global $node (ref null $node) (ref.null $node))
    (export "load" (func $load_u8)) (export "second" (memory $second)) (export "tag" (tag $tag))
    (export "near" (table $near)) (export "counter" (global $counter))
    (start $starts)
    (elem $active (table $near) (i32.const 1) func $load_u8 $starts)
    (elem $passive funcref (ref.func $load_u8) (ref.null func)) (elem declare func $f)
    (data $in_first (memory $first) (i32.const 1) "a") (data $in_third (memory $third) (global.get $base) "b")
    (data $passive "passive")
    (func $starts (global.set $counter (i32.add (global.get $counter) (i32.const 1))))
    (func $uses (param i64) (result i32)
        (table.init $near $passive (i32.const 0) (i32.const 0) (i32.const 2)) (elem.drop $passive)
        (table.copy $near $far (i32.const 0) (i32.const 0) (i32.const 1))
        (memory.init $second $passive (i32.const 0) (i32.const 0) (i32.const 7)) (data.drop $passive)
        (drop (array.new_data $array $passive (i32.const 0) (i32.const 0)))
        (drop (ref.func $f)) (call $other (global.get $counter))
        (drop (struct.new $node (global.get $node) (i32.const 1)))
        (return_call_ref $load (local.get 0) (table.get $typed (i32.const 0))))
    (func $f (result i32) (call $load_u8 (i64.const 70))))"#;

#[test]
fn every_index_space_but_that_of_memories_stays() {
    let before = print(&wat(EVERYTHING));
    let (before, _) = before.split_once("(func $f ").expect("it is there");
    for (mode, added) in [
        (
            DEFINE,
            &[
                "  (memory (;3;) 2 6)\n",
                "  (export \"extism:kernel/memory\" (memory 3))\n",
            ][..],
        ),
        (
            KernelMemory::Import,
            &["  (import \"extism:kernel\" \"memory\" (memory (;1;) 1))\n"],
        ),
    ] {
        let rewritten = pass(&wat(EVERYTHING), mode).expect("it can be rewritten");
        assert_eq!((rewritten.inlined_calls, rewritten.kept_calls), (1, 0));
        let after = print(&rewritten.wasm);
        let (after, _) = after.split_once("(func $f ").expect("it is there");
        let mut after = after.to_string();
        for line in added {
            assert_eq!(after.matches(line).count(), 1, "{line} in\n{after}");
            after = after.replace(line, "");
        }
        if mode == KernelMemory::Import {
            after = after
                .replace("(memory $second (;2;)", "(memory $second (;1;)")
                .replace("(memory $third (;3;)", "(memory $third (;2;)");
        }
        assert_eq!(after, before, "{mode:?}");
    }
}

/// Imports of one module written as a group: the kernel memory comes after it, as one by itself.
#[test]
fn grouped_imports_are_read() {
    let text = r#"(module
        (import "extism:host/env" (item "load_u8" (func $load_u8 (param i64) (result i32)))
            (item "input_length" (func $length (result i64))))
        (memory $mine 1)
        (func $f (result i32) (i32.store (i32.const 4) (i32.const 5)) (call $load_u8 (call $length))))"#;
    for (mode, kernel, mine) in [(DEFINE, " 1", ""), (KernelMemory::Import, "", " $mine")] {
        let rewritten = pass(&wat(text), mode).expect("it can be rewritten");
        assert_eq!(rewritten.inlined_calls, 2);
        let function = function(text, mode);
        assert!(
            function.contains(&format!("i32.load8_u{kernel}\n")),
            "{function}"
        );
        assert!(
            function.contains(&format!("i32.store{mine}\n")),
            "{function}"
        );
    }
}
