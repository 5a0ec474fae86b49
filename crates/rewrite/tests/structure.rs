//! What happens to each part of a module, by exact comparison of the text before and after.

mod support;

use extism_rewrite::KernelMemory;
use support::{DEFINE, pass, print, same_in_all_modes, wat};
use wasmi::Val;

const LOAD_U8: &str =
    r#"(import "extism:host/env" "load_u8" (func $load_u8 (param i64) (result i32)))"#;

/// The text of a module after the pass.
fn after(text: &str, kernel_memory: KernelMemory) -> String {
    print(
        &pass(&wat(text), kernel_memory)
            .expect("it can be rewritten")
            .wasm,
    )
}

fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}` in\n{text}");
}

#[test]
fn a_single_module_brings_the_kernel_memory() {
    let text = format!("(module {LOAD_U8} (func (drop (call $load_u8 (i64.const 0)))))");
    let single = after(&text, KernelMemory::for_plugin_of(1));
    assert_has(&single, "(memory (;0;) 1)");
    assert_has(&single, r#"(export "extism:kernel/memory" (memory 0))"#);
    for modules in [2, 3] {
        let one_of_many = after(&text, KernelMemory::for_plugin_of(modules));
        assert_has(&one_of_many, r#"(import "extism:kernel" "memory" (memory"#);
    }
}

#[test]
fn a_call_becomes_one_comparison_and_one_load() {
    let text = after(
        r#"(module (import "extism:host/env" "load_u64" (func $load (param i64) (result i64)))
            (func $f (export "f") (param $at i64) (result i64) (call $load (local.get $at))))"#,
        KernelMemory::Define {
            pages_min: 3,
            pages_max: Some(9),
        },
    );
    let expected = r#"(module
  (type (;0;) (func (param i64) (result i64)))
  (import "extism:host/env" "load_u64" (func $load (;0;) (type 0)))
  (memory (;0;) 3 9)
  (export "f" (func $f))
  (export "extism:kernel/memory" (memory 0))
  (func $f (;1;) (type 0) (param $at i64) (result i64)
    (local i64)
    local.get $at
    local.tee 1
    i64.const 64
    i64.sub
    memory.size
    i64.extend_i32_u
    i64.const 16
    i64.shl
    i64.const 71
    i64.sub
    i64.lt_u
    if (result i64) ;; label = @1
      local.get 1
      i32.wrap_i64
      i64.load align=1
    else
      i64.const 0
    end
  )
)
"#;
    assert_eq!(text, expected);
}

#[test]
fn an_imported_kernel_memory_moves_the_defined_ones() {
    let text = after(
        &format!(
            r#"(module {LOAD_U8}
            (import "m" "first" (memory $first 1))
            (memory $second 1) (memory $third 1)
            (export "third" (memory $third)) (export "first" (memory $first))
            (data (memory $first) (i32.const 1) "a") (data (memory $second) (i32.const 2) "b") (data "c")
            (func $f (param i64) (result i32)
                (i32.store8 $second offset=3 (i32.const 4) (call $load_u8 (local.get 0)))
                (memory.copy $first $third (i32.const 0) (i32.const 0) (i32.const 8))
                (memory.fill $third (i32.const 0) (i32.const 0) (i32.const 8))
                (memory.init $second 2 (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop 2)
                (drop (v128.load8_lane $third 0 (i32.const 0) (v128.const i64x2 0 0)))
                (drop (memory.grow $second (i32.const 1)))
                (i32.add (memory.size $third) (i32.load16_s (i32.const 6)))))"#
        ),
        KernelMemory::Import,
    );
    let expected = [
        r#"(import "extism:kernel" "memory" (memory (;1;) 1))"#,
        "(memory $second (;2;) 1)\n  (memory $third (;3;) 1)",
        r#"(export "third" (memory $third))"#,
        r#"(export "first" (memory $first))"#,
        r#"(data (;0;) (i32.const 1) "a")"#,
        r#"(data (;1;) (memory $second) (i32.const 2) "b")"#,
        "memory.size 1\n",
        "i32.load8_u 1\n",
        "i32.store8 $second offset=3",
        "memory.copy $first $third",
        "memory.fill $third",
        "memory.init $second 2",
        "v128.load8_lane $third 0",
        "memory.grow $second",
        "memory.size $third",
        "i32.load16_s\n",
    ];
    expected.iter().for_each(|part| assert_has(&text, part));
}

#[test]
fn an_imported_kernel_memory_moves_nothing_without_defined_ones() {
    let text = format!(
        r#"(module {LOAD_U8} (import "m" "first" (memory 1)) (data (i32.const 1) "a")
            (func (param i64) (result i32) (drop (i32.load (i32.const 4))) (call $load_u8 (local.get 0))))"#
    );
    let text = after(&text, KernelMemory::Import);
    assert_has(
        &text,
        r#"(import "extism:kernel" "memory" (memory (;1;) 1))"#,
    );
    assert_has(&text, "i32.load\n");
    assert_has(&text, "i32.load8_u 1\n");
}

#[test]
fn a_defined_kernel_memory_comes_after_all_others() {
    let text = format!(
        r#"(module {LOAD_U8} (import "m" "first" (memory 1)) (memory $second 1) (export "second" (memory $second))
            (func (export "f") (param i64) (result i32) (call $load_u8 (local.get 0))))"#
    );
    let text = after(&text, DEFINE);
    assert_has(&text, "(memory $second (;1;) 1)\n  (memory (;2;) 2 6)");
    let exports = "(export \"second\" (memory $second))\n  (export \"f\" (func 1))\n  \
                   (export \"extism:kernel/memory\" (memory 2))";
    assert_has(&text, exports);
    assert_has(&text, "i32.load8_u 2\n");
}

#[test]
fn sections_that_are_missing_are_made_in_their_place() {
    // Neither memory nor exports, but sections before, between and after them.
    let text = format!(
        r#"(module {LOAD_U8} (table 1 funcref) (tag (param i32)) (global i32 (i32.const 1)) (start $f)
            (elem (i32.const 0) func $f) (func $f (drop (call $load_u8 (i64.const 64)))))"#
    );
    let text = after(&text, DEFINE);
    assert_has(
        &text,
        "(table (;0;) 1 funcref)\n  (memory (;0;) 2 6)\n  (tag (;0;) (type 1) (param i32))",
    );
    assert_has(
        &text,
        "(export \"extism:kernel/memory\" (memory 0))\n  (start $f)",
    );
    // Nothing at all.
    let expected =
        "(module\n  (memory (;0;) 1)\n  (export \"extism:kernel/memory\" (memory 0))\n)\n";
    assert_eq!(
        after(
            "(module)",
            KernelMemory::Define {
                pages_min: 0,
                pages_max: None
            }
        ),
        expected
    );
}

/// Imports whose address is taken, in every way there is, stay what they are.
#[test]
fn address_taken_imports_stay_linked() {
    let wasm = wat(&format!(
        r#"(module {LOAD_U8}
            (type $load (func (param i64) (result i32)))
            (table $t 8 funcref) (table $u funcref (elem $load_u8))
            (global $g funcref (ref.func $load_u8))
            (elem (table $t) (i32.const 0) func $load_u8)
            (elem (table $t) (i32.const 1) funcref (ref.func $load_u8) (ref.null func))
            (elem $passive func $load_u8) (elem $passive_expressions funcref (ref.func $load_u8))
            (elem declare func $load_u8)
            (export "again" (func $load_u8))
            (func (export "direct") (param i64) (result i32) (call $load_u8 (local.get 0)))
            (func (export "table") (param i64) (result i32) (call_indirect $t (type $load) (local.get 0) (i32.const 1)))
            (func (export "other table") (param i64) (result i32)
                (call_indirect $u (type $load) (local.get 0) (i32.const 0)))
            (func (export "passive") (param i64) (result i32)
                (table.init $t $passive_expressions (i32.const 5) (i32.const 0) (i32.const 1))
                (table.init $t $passive (i32.const 6) (i32.const 0) (i32.const 1))
                (call_indirect $t (type $load) (local.get 0) (i32.const 5)))
            (func (export "reference") (param i64) (result i32)
                (table.set $t (i32.const 7) (ref.func $load_u8))
                (return_call_indirect $t (type $load) (local.get 0) (i32.const 7))))"#
    ));
    assert_eq!(
        pass(&wasm, DEFINE)
            .expect("it can be rewritten")
            .inlined_calls,
        1
    );
    let names = [
        "direct",
        "table",
        "other table",
        "passive",
        "reference",
        "again",
    ];
    let results = same_in_all_modes(&wasm, |run| {
        let at = |address: i64| Val::I64(address);
        let calls = names
            .iter()
            .flat_map(|name| [63, 64, 1000].map(|address| (name, address)));
        calls
            .map(|(name, address)| run.call(name, &[at(address)]))
            .collect()
    });
    let each = ["[I32(0)]", "[I32(141)]", "[I32(108)]"];
    assert_eq!(results.len(), names.len() * each.len());
    assert!(
        results.chunks(3).all(|answers| answers == &results[..3]),
        "{results:?}"
    );
    assert_eq!(results[0], each[0]);
}

#[test]
fn a_start_function_may_read_kernel_memory() {
    let wasm = wat(&format!(
        r#"(module {LOAD_U8}
            (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
            (import "extism:host/env" "memory_bytes" (func $bytes (result i64)))
            (global $seen (export "seen") (mut i32) (i32.const 9))
            (func $start (call $store (i64.const 64) (i64.const 0x0102)) (drop (call $bytes))
                (global.set $seen (call $load_u8 (i64.const 65))))
            (start $start)
            (func (export "seen now") (result i32) (global.get $seen)))"#
    ));
    let results = same_in_all_modes(&wasm, |run| vec![run.call("seen now", &[])]);
    assert_eq!(results, ["[I32(1)]"]);
}

#[test]
fn an_import_as_start_function_stays() {
    let text = r#"(module (import "extism:host/env" "reset" (func $reset)) (start $reset))"#;
    assert_has(&after(text, DEFINE), "(start $reset)");
}

#[test]
fn tail_calls_return() {
    let text = format!(
        r#"(module {LOAD_U8} (func (param i64) (result i32) (return_call $load_u8 (local.get 0))))"#
    );
    assert_has(
        &after(&text, DEFINE),
        "    else\n      i32.const 0\n    end\n    return\n  )",
    );
}

#[test]
fn calls_in_dead_code_stay_valid() {
    let text = format!(
        r#"(module {LOAD_U8}
            (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
            (import "extism:host/env" "input_load_u64" (func $input (param i64) (result i64)))
            (func (result i32) unreachable call $load_u8)
            (func (result i32) unreachable return_call $load_u8)
            (func (result i64) (return (i64.const 1)) call $store call $input drop call $store br 0 call $input))"#
    );
    for mode in [DEFINE, KernelMemory::Import] {
        assert_eq!(
            pass(&wat(&text), mode)
                .expect("it can be rewritten")
                .inlined_calls,
            6
        );
    }
}

#[test]
fn labels_and_locals_mean_what_they_meant() {
    let wasm = wat(&format!(
        r#"(module {LOAD_U8}
            (import "extism:host/env" "store_u64" (func $store (param i64 i64))) (memory 1)
            (func (export "f") (param $at i64) (param $n i32) (result i32) (local $sum i32) (local f32 f32 i64)
                (block $done (loop $again
                    (br_if $done (i32.eqz (local.get $n)))
                    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                    (call $store (local.get $at) (i64.extend_i32_u (local.get $sum)))
                    (local.set $at (i64.add (local.get $at) (i64.const 3)))
                    (if (i32.and (call $load_u8 (local.get $at)) (i32.const 1)) (then
                        (local.set $sum (i32.add (local.get $sum) (call $load_u8 (local.get $at))))
                        (br_table $again $done (i32.gt_u (local.get $sum) (i32.const 1000)))))
                    (local.set $sum (i32.add (local.get $sum) (i32.const 1)))
                    (br $again)))
                (local.get $sum)))"#
    ));
    let results = same_in_all_modes(&wasm, |run| {
        let starts = [60i64, 64, 70, 4000, 131_060];
        starts
            .map(|at| run.call("f", &[Val::I64(at), Val::I32(40)]))
            .to_vec()
    });
    assert_eq!(results.len(), 5);
}

#[test]
fn exceptions_and_garbage_collected_types_pass_through() {
    let text = format!(
        r#"(module
            (rec (type $node (sub (struct (field $next (ref null $node)) (field $value (mut i32)))))
                 (type $leaf (sub final $node (struct (field $next (ref null $node)) (field (mut i32)) (field i64)))))
            (rec (type $array (array (mut i8))) (type $pair (func (param (ref $array)) (result i32))))
            {LOAD_U8} (tag $tag (param i32)) (memory 1)
            (func (export "caught") (param i64) (result i32)
                (block $handler (result i32)
                    (try_table (result i32) (catch $tag $handler)
                        (throw $tag (call $load_u8 (local.get 0))))))
            (func (export "node") (param i64) (result i32) (local $leaf (ref null $leaf))
                (local.set $leaf (struct.new $leaf (ref.null $node) (call $load_u8 (local.get 0)) (i64.const 1)))
                (struct.get $node $value (ref.cast (ref $node) (local.get $leaf)))))"#
    );
    for mode in [DEFINE, KernelMemory::Import] {
        let text = after(&text, mode);
        assert_has(
            &text,
            "(rec\n    (type $node (;0;) (sub (struct (field $next (ref null $node))",
        );
        assert_has(&text, "(catch $tag ");
        assert_has(&text, "struct.new $leaf");
    }
}

#[test]
fn memories_of_64_bits_and_shared_ones_are_left_alone() {
    let text = format!(
        r#"(module {LOAD_U8} (memory $big i64 1) (memory $shared 1 2 shared)
            (func (param i64) (result i32)
                (i64.store $big offset=0x1_0000_0000 (i64.const 0) (i64.const 1))
                (drop (i32.atomic.rmw.add $shared (i32.const 8) (i32.const 1)))
                (call $load_u8 (local.get 0))))"#
    );
    let defined = after(&text, DEFINE);
    assert_has(
        &defined,
        "(memory $big (;0;) i64 1)\n  (memory $shared (;1;) 1 2 shared)\n  (memory (;2;) 2 6)",
    );
    assert_has(&defined, "i64.store offset=4294967296");
    let imported = after(&text, KernelMemory::Import);
    assert_has(&imported, "i64.store $big offset=4294967296");
    assert_has(&imported, "i32.atomic.rmw.add $shared");
    assert_has(&imported, "memory.size\n");
}
