//! Which loops are seen to copy, and the instructions put before them, to the letter.

mod support;

use extism_rewrite::KernelMemory;
use support::{DEFINE, pass, pass_keeping, print, wat};

/// A module with one function of that text, over imports of either era.
fn module(function: &str) -> String {
    format!(
        r#"(module
            (import "extism:host/env" "input_load_u64" (func $input (param i64) (result i64)))
            (import "extism:host/env" "input_load_u8" (func $input8 (param i64) (result i32)))
            (import "extism:host/env" "load_u64" (func $load (param i64) (result i64)))
            (import "env" "extism_load_u64" (func $old_load (param i64) (result i64)))
            (import "env" "extism_store_u32" (func $store32 (param i64 i32)))
            (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
            (import "extism:host/env" "store_u8" (func $store8 (param i64 i32)))
            (import "extism:host/env" "input_length" (func $length (result i64)))
            (memory $mine 1)
            (func $f (param $from i64) (param $end i64) (param $to i32) (param $left i64) (param $small i32)
                (param $base i64) {function}))"#
    )
}

/// A copy of a block, out of kernel memory.
const COPY: &str = "(loop (i64.store (local.get $to) (call $load (local.get $from)))
        (local.set $to (i32.add (local.get $to) (i32.const 8)))
        (local.set $from (i64.add (local.get $from) (i64.const 8)))
        (br_if 0 (i64.lt_u (local.get $from) (local.get $end))))";

/// The copies made at once in a function.
fn copy_loops(function: &str) -> usize {
    let rewritten = pass(&wat(&module(function)), DEFINE).expect("it can be rewritten");
    rewritten.copy_loops
}

/// What a function that begins with a loop begins with now.
fn guard(function: &str, kernel_memory: KernelMemory) -> String {
    let rewritten = pass(&wat(&module(function)), kernel_memory).expect("it can be rewritten");
    assert_eq!(rewritten.copy_loops, 1);
    let text = print(&rewritten.wasm);
    let (_, from) = text.split_once("(func $f ").expect("it is called f");
    let (_, from) = from.split_once("    (local ").expect("it has locals");
    let mut ends = from.match_indices("\n    end\n");
    let (end, _) = ends.next().expect("the guard ends");
    from[..end].to_string()
}

const SIZE: &str = "
        i64.extend_i32_u
        i64.const 16
        i64.shl";

/// The input loop of a kit: its test comes first, so that it is left a round.
#[test]
fn a_copy_of_the_input() {
    let text = "(loop (br_if 1 (i64.eq (local.get $end) (local.get $from)))
        (i64.store (local.get $to) (call $input (local.get $from)))
        (local.set $to (i32.add (local.get $to) (i32.const 8)))
        (local.set $from (i64.add (local.get $from) (i64.const 8)))
        (br 0))";
    let expected = |kernel: &str, mine: &str, copy: &str| {
        format!(
            "i64 i64 i64)
    loop ;; label = @1
      block ;; label = @2
        local.get $end
        local.get $from
        i64.sub
        i64.const 8
        i64.div_u
        local.tee 8
        i64.const 16
        i64.lt_u
        br_if 0 (;@2;)
        local.get 8
        i64.const 1
        i64.sub
        local.tee 8
        i64.const 131072
        local.get 8
        i64.const 131072
        i64.lt_u
        select
        local.set 8
        local.get $from
        local.tee 6
        i32.const 0
        i64.load{kernel} offset=16
        i64.gt_u
        br_if 0 (;@2;)
        local.get 8
        i64.const 8
        i64.mul
        i32.const 0
        i64.load{kernel} offset=16
        local.get 6
        i64.sub
        i64.gt_u
        br_if 0 (;@2;)
        local.get 6
        i32.const 0
        i64.load{kernel} offset=8
        i64.add
        local.set 6
        local.get $to
        i64.extend_i32_u
        local.tee 7
        local.get 8
        i64.const 8
        i64.mul
        i64.add
        memory.size{mine}{SIZE}
        i64.gt_u
        br_if 0 (;@2;)
        local.get 7
        i32.wrap_i64
        local.get 6
        i32.wrap_i64
        local.get 8
        i64.const 8
        i64.mul
        i32.wrap_i64
        memory.copy {copy}
        local.get $from
        local.get 8
        i64.const 8
        i64.mul
        i64.add
        local.set $from
        local.get $to
        local.get 8
        i64.const 8
        i64.mul
        i32.wrap_i64
        i32.add
        local.set $to
        local.get 8
        i64.const 131072
        i64.eq
        br_if 1 (;@1;)
      end"
        )
    };
    assert_eq!(guard(text, DEFINE), expected(" 1", "", "$mine 1"));
    assert_eq!(
        guard(text, KernelMemory::Import),
        expected("", " $mine", "$mine 0")
    );
}

/// The two that are compared may come in either order.
#[test]
fn a_test_for_a_meeting_is_read_from_both_sides() {
    let text = |test: &str| {
        format!(
            "(loop (br_if 1 (i64.eq {test}))
            (i64.store (local.get $to) (call $load (local.get $from)))
            (local.set $to (i32.add (local.get $to) (i32.const 8)))
            (local.set $from (i64.add (local.get $from) (i64.const 8)))
            (br 0))"
        )
    };
    assert_eq!(
        guard(&text("(local.get $from) (local.get $end)"), DEFINE),
        guard(&text("(local.get $end) (local.get $from)"), DEFINE)
    );
}

/// A number that is made 64 bits wide must not wrap around, which is asked once however often it is used, and
/// not at all of one that stands still.
#[test]
fn an_index_is_asked_once_whether_it_wraps() {
    let guarded = |from: &str, while_: &str, step: &str| {
        let text = format!(
            "(loop (br_if 1 (i32.eqz (i64.lt_u {while_})))
                (i32.store8 (local.get $to) (call $input8 {from}))
                (local.set $to (i32.add (local.get $to) (i32.const 1)))
                {step}
                (br 0))"
        );
        guard(&text, DEFINE)
    };
    let asked = |guard: &str| guard.matches("i64.const 4294967295").count();
    let from = "(local.get $from)";
    let wide = "(i64.extend_i32_u (local.get $small))";
    let on = "(local.set $from (i64.add (local.get $from) (i64.const 1)))";
    let up = "(local.set $small (i32.add (local.get $small) (i32.const 1)))";
    let down = "(local.set $small (i32.sub (local.get $small) (i32.const 1)))";
    let upwards = guarded(wide, &format!("{wide} (local.get $end)"), up);
    assert_eq!(asked(&upwards), 1);
    assert!(upwards.contains("i64.add\n        i64.const 4294967295"));
    let downwards = guarded(
        from,
        &format!("(i64.const 0) {wide}"),
        &format!("{on} {down}"),
    );
    assert_eq!(asked(&downwards), 1);
    assert!(downwards.contains("i64.sub\n        i64.const 4294967295"));
    let still = guarded(from, &format!("{from} {wide}"), on);
    assert_eq!(asked(&still), 0);
}

/// Everything else there can be: a test that orders, extended numbers of both kinds, an offset, a
/// store, bytes.
#[test]
fn a_copy_to_a_block() {
    let text = "(loop
        (call $store8 (i64.add (local.get $base) (i64.extend_i32_s (local.get $small)))
            (i32.load8_u offset=3 (local.get $to)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $small (i32.sub (local.get $small) (i32.const -1)))
        (local.set $left (i64.sub (local.get $left) (i64.const 2)))
        (br_if 0 (i64.lt_u (i64.extend_i32_u (local.get $small)) (local.get $end))))";
    let expected = format!(
        "i64 i64 i64 i32)
    loop ;; label = @1
      block ;; label = @2
        local.get $small
        i32.const 1
        i32.add
        i64.extend_i32_u
        local.get $end
        i64.lt_u
        i32.eqz
        br_if 0 (;@2;)
        local.get $end
        local.get $small
        i32.const 1
        i32.add
        i64.extend_i32_u
        i64.sub
        local.tee 8
        i64.const 16
        i64.lt_u
        br_if 0 (;@2;)
        local.get 8
        i64.const 1048576
        local.get 8
        i64.const 1048576
        i64.lt_u
        select
        local.set 8
        local.get $small
        i64.extend_i32_s
        local.get 8
        i64.add
        i64.const 2147483648
        i64.add
        i64.const 4294967295
        i64.gt_u
        br_if 0 (;@2;)
        local.get $small
        i32.const 1
        i32.add
        i64.extend_i32_u
        local.get 8
        i64.add
        i64.const 4294967295
        i64.gt_u
        br_if 0 (;@2;)
        local.get $base
        local.get $small
        i64.extend_i32_s
        i64.add
        local.tee 6
        i64.const 64
        i64.lt_u
        br_if 0 (;@2;)
        local.get 6
        memory.size 1{SIZE}
        i64.gt_u
        br_if 0 (;@2;)
        local.get 8
        memory.size 1{SIZE}
        local.get 6
        i64.sub
        i64.gt_u
        br_if 0 (;@2;)
        local.get $to
        i64.extend_i32_u
        i64.const 3
        i64.add
        local.tee 7
        local.get 8
        i64.add
        memory.size{SIZE}
        i64.gt_u
        br_if 0 (;@2;)
        local.get 6
        i32.wrap_i64
        local.get 7
        i32.wrap_i64
        local.get 8
        i32.wrap_i64
        memory.copy 1 $mine
        local.get $to
        local.get 8
        i32.wrap_i64
        i32.add
        local.set $to
        local.get $left
        local.get 8
        i64.const 2
        i64.mul
        i64.sub
        local.set $left
        local.get $small
        local.get 8
        i32.wrap_i64
        i32.add
        local.set $small
        local.get 8
        i64.const 1048576
        i64.eq
        br_if 1 (;@1;)
      end"
    );
    assert_eq!(guard(text, DEFINE), expected);
}

/// The loops of compilers, each at another level of optimisation, and the older names.
#[test]
fn loops_are_seen_however_they_are_written() {
    let store = "(i64.store (local.get $to) (call $load (local.get $from)))";
    let on = "(local.set $to (i32.add (local.get $to) (i32.const 8)))
        (local.set $from (i64.add (local.get $from) (i64.const 8)))";
    let down = "(local.tee $left (i64.add (local.get $left) (i64.const -1)))";
    let shapes = [
        // Size first, with the code behind the loop inside of it.
        format!(
            "(loop (block (br_if 0 (i64.ne (local.get $left) (i64.const 0)))
                (loop (br_if 0 (i32.eqz (local.get $small)))) (return))
            {store} {on} (drop {down}) (br 0))"
        ),
        format!("(loop (br_if 1 (i64.eqz (local.get $left))) {store} {on} (drop {down}) (br 0))"),
        // Speed first.
        format!("(loop {store} {on} (br_if 0 (i32.eqz (i64.eqz {down}))))"),
        // As a tool for small modules writes it.
        format!(
            "(loop (if (i64.ne (local.get $from) (local.get $end)) (then {store} {on} (br 1))))"
        ),
        format!(
            "(loop (if (i64.eqz (local.get $left)) (then) (else {store} {on} (drop {down}) (br 1))))"
        ),
        // With a value that the loop leaves.
        format!(
            "(drop (loop (result i32) {store} {on} (br_if 0 (i64.gt_s {down} (i64.const 0)))
                (i32.const 4)))"
        ),
        // With one that it takes and leaves.
        format!(
            "(i32.const 1) (loop (param i32) (result i32) {store} {on}
                (br_if 0 {down} (i64.ne (i64.const 0)))) (drop)"
        ),
        // With instructions that do nothing.
        format!(
            "(loop (nop) {store} (nop) {on} (br_if 0 (i64.lt_u (local.get $from) (local.get $end))))"
        ),
        // With code that is never reached.
        format!(
            "(loop (block (br 0) (if (local.get $small) (then) (else)))
                {store} {on} (br_if 0 (i64.lt_u (local.get $from) (local.get $end))))"
        ),
        // In a block of its own.
        format!(
            "(loop (block {store} {on}) (br_if 0 (i64.lt_u (local.get $from) (local.get $end))))"
        ),
        format!("(loop {store} {on} (br_if 0 (i64.lt_u (local.get $from) (local.get $end))))")
            .replace("call $load", "call $old_load"),
        "(loop (call $store32 (local.get $from) (i32.load (local.get $to)))
            (local.set $to (i32.add (local.get $to) (i32.const 4)))
            (br_if 0 (i64.ge_u (local.get $end)
                (local.tee $from (i64.add (local.get $from) (i64.const 4))))))"
            .to_string(),
    ];
    for shape in &shapes {
        assert_eq!(copy_loops(shape), 1, "{shape}");
    }
    // Two of them in two others, after which nothing is left of the stack.
    let nested = format!(
        "(loop (loop {} (br_if 1 (local.get $small))) {})",
        shapes[1], shapes[2]
    );
    assert_eq!(copy_loops(&nested), 2);
}

/// Loops that nothing can be said of, and memories that no such copy is possible with.
#[test]
fn other_loops_are_left_alone() {
    let on = "(local.set $to (i32.add (local.get $to) (i32.const 8)))
        (local.set $from (i64.add (local.get $from) (i64.const 8)))";
    let test = "(br_if 0 (i64.lt_u (local.get $from) (local.get $end)))";
    let copy = "(i64.store (local.get $to) (call $load (local.get $from)))";
    let good = format!("(loop {copy} {on} {test})");
    assert_eq!(copy_loops(&good), 1);
    for bad in [
        format!("(loop {copy} {on} (br 0))"),
        format!("(loop {copy} {on} (br_if 0 (call $length) (i64.ne (local.get $from))))"),
        format!("(loop {copy} {copy} {on} {test})"),
        format!(
            "(loop (drop (call $load (local.get $from))) (drop (i64.load (local.get $to))) {on} {test})"
        ),
        format!("(loop (drop (i64.load (local.get $to))) {copy} {on} {test})"),
        format!("(loop {copy} {on} (br_if 0 (i64.gt_u (local.get $from) (local.get $end))))"),
        format!("(loop {copy} {on} (br_if 0 (i64.eq (local.get $from) (local.get $end))))"),
        format!("(i32.const 1) (loop (param i32) (drop) {copy} {on} (i32.const 2) {test} (drop))"),
        format!("(loop {on} {test}) {copy}"),
        // Both sides of the order move.
        format!(
            "(loop {copy} {on} (br_if 0 (i64.lt_u (local.get $from)
                (local.tee $end (i64.add (local.get $end) (i64.const 8))))))"
        ),
        // The bytes go to two places.
        format!(
            "(loop (i64.store (local.get $to) (local.tee $left (call $load (local.get $from))))
                (i64.store offset=99 (local.get $to) (local.get $left)) {on} {test})"
        ),
        // They come from two places.
        format!(
            "(loop (i64.store (local.get $to) (call $load (i64.add (local.get $from) (i64.const 99))))
                (drop (call $load (local.get $from))) {on} {test})"
        ),
        // What the loop takes from the stack is another value in the second round.
        format!(
            "(i32.const 1) (loop (param i32) (result i32) {copy} {on} (i32.const 2) {test} (drop))
                (local.set $to)"
        ),
        // What a block leaves is added, and not what lay below it.
        format!(
            "(loop (br_if 1 (i64.eq (local.get $from) (local.get $end))) {copy}
                (local.set $to (i32.add (local.get $to) (i32.const 8)))
                (i64.const 8) (local.get $from) (block (result i64) (i64.const 16) (br 0))
                i64.add (local.set $from) (br 0))"
        ),
        // They go nowhere, and something else is stored.
        format!(
            "(loop (drop (call $load (local.get $from)))
                (i64.store (local.get $to) (local.get $base)) {on} {test})"
        ),
        format!(
            "(loop (drop (i64.load (local.get $to)))
                (call $store (local.get $from) (local.get $base)) {on} {test})"
        ),
        format!(
            "(loop {} {on} {test})",
            copy.replace("$load", "$input")
                .replace("i64.store", "i64.store8")
        ),
    ] {
        assert_eq!(copy_loops(&bad), 0, "{bad}");
    }
    for memory in [
        "(memory $mine i64 1)",
        "(memory $mine 1 1 (pagesize 1))",
        "(memory $mine 1 1 shared)",
    ] {
        let text = module(&good).replace("(memory $mine 1)", memory);
        let text = match memory.contains("i64") {
            true => text.replace(
                "(i64.store (local.get $to)",
                "(i64.store (i64.extend_i32_u (local.get $to))",
            ),
            false => text,
        };
        let rewritten = pass(&wat(&text), DEFINE).expect("it can be rewritten");
        assert_eq!(
            (rewritten.inlined_calls, rewritten.copy_loops),
            (1, 0),
            "{memory}"
        );
    }
}

/// A function that the embedder keeps is called for every access.
#[test]
fn overridden_functions_are_called() {
    let loops = |kept: &[&str]| {
        pass_keeping(&wat(&module(COPY)), DEFINE, kept).map(|rewritten| rewritten.copy_loops)
    };
    assert_eq!(loops(&["load_u64"]), Ok(0));
    assert_eq!(loops(&["load_u8"]), Ok(1));
}

/// Guards are left out, like calls are kept, where a module would grow too much.
#[test]
fn growth_is_bounded() {
    let wasm = wat(&module(&COPY.repeat(5000)));
    for mode in [DEFINE, KernelMemory::Import] {
        let rewritten = pass(&wasm, mode).expect("it can be rewritten");
        let guards = rewritten.copy_loops;
        assert!((500..5000).contains(&guards), "{guards}");
        assert_eq!(rewritten.inlined_calls + rewritten.kept_calls, 5000);
        assert!(rewritten.kept_calls > 0 && rewritten.wasm.len() < wasm.len() * 3 + 64 * 1024);
    }
}

/// A function that has as many locals as engines accept gets no more of them, in a module whose other
/// memories move either.
#[test]
fn a_loop_in_a_function_without_room_is_left_alone() {
    const PARAMETERS: usize = 6;
    for (count, expected) in [(49_900, (1, 2, 0)), (50_000, (0, 1, 1))] {
        let locals = " i32".repeat(count - PARAMETERS);
        let other = "(func (drop (call $load (i64.const 64)))";
        let wasm = wat(&module(&format!("(local{locals}) {COPY}) {other}")));
        for mode in [DEFINE, KernelMemory::Import] {
            let rewritten = pass(&wasm, mode).expect("it can be rewritten");
            let found = (
                rewritten.copy_loops,
                rewritten.inlined_calls,
                rewritten.kept_calls,
            );
            assert_eq!(found, expected, "{count} locals");
        }
    }
}

/// The work is linear, however deep loops are nested: this would not end otherwise.
#[test]
fn nested_loops_do_not_take_for_ever() {
    let call = "(drop (call $load (local.get $from)))";
    let nested = format!(
        "{}{}",
        format!("(loop {call} ").repeat(900),
        ")".repeat(900)
    );
    assert_eq!(copy_loops(&nested.repeat(50)), 0);
    let depth = 50_000;
    let before = "loop block local.get $small br_if 0 ".repeat(depth);
    let after = "end local.get $from call $load drop end ".repeat(depth);
    assert_eq!(copy_loops(&format!("{before}{after}")), 0);
}
