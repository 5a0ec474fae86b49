//! The ranges that loops copy at once: exactly those that lie inside of both memories.

mod support;

use extism_rewrite::KernelMemory;
use support::outcome::{GUEST, KERNEL, Start, runs, same};
use support::{Run, pass, wat};
use wasmi::Val;

/// A loop over an index that is made 64 bits wide, as a kit's is.
fn indexed(import: &str, sign: &str, offset: u64) -> String {
    let (ty, load, store) = match import.ends_with('8') {
        true => ("i32", "i32.load8_u", "i32.store8"),
        false => ("i64", "i64.load", "i64.store"),
    };
    let step = if ty == "i32" { 1 } else { 8 };
    let (kernel, guest) = (
        format!("(i64.add (local.get $handle) (i64.extend_i32_{sign} (local.get $index)))"),
        "(i32.add (local.get $start) (local.get $index))",
    );
    let (signature, copy) = match import.starts_with("store") {
        true => (
            format!("(param i64 {ty})"),
            format!("(call $access {kernel} ({load} offset={offset} {guest}))"),
        ),
        false => (
            format!("(param i64) (result {ty})"),
            format!("({store} offset={offset} {guest} (call $access {kernel}))"),
        ),
    };
    format!(
        r#"(module
            (import "extism:host/env" "{import}" (func $access {signature})) (memory (export "memory") 1)
            (func (export "run") (param $handle i64) (param $start i32) (param $index i32) (param $left i32)
                (result i32 i32)
                (loop {copy}
                    (local.set $index (i32.add (local.get $index) (i32.const {step})))
                    (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
                (local.get $index) (local.get $left))
            (func (export "noted") (result i32) (i32.const 0)))"#
    )
}

/// Every way a range can end near the end of something, for every access: to the byte.
#[test]
fn copies_agree_at_every_boundary() {
    let imports = [
        "input_load_u64",
        "load_u64",
        "store_u64",
        "input_load_u8",
        "load_u8",
        "store_u8",
    ];
    let mut copied = 0;
    for (import, offset) in imports
        .into_iter()
        .flat_map(|import| [(import, 0), (import, 24)])
    {
        let wasm = wat(&indexed(import, "u", offset));
        let mut runs = runs(&wasm);
        let width = if import.ends_with('8') { 1 } else { 8 };
        let bytes = 40 * width;
        let near =
            |end: i64| [-bytes - 1, -bytes, -bytes + 1, -bytes + width, 0, 1].map(|by| end + by);
        let handles = match import.starts_with("input") {
            true => [near(1000).to_vec(), vec![0, 1, -1, -bytes, 1 << 32]].concat(),
            false => [
                near(KERNEL).to_vec(),
                vec![0, 63, 64, -1, -bytes, 1 << 32, (1 << 32) + 64],
            ]
            .concat(),
        };
        let guests = [
            near(GUEST - offset as i64).to_vec(),
            vec![0, -1, -bytes, -24 - bytes],
        ]
        .concat();
        for (handle, guest) in handles
            .iter()
            .flat_map(|handle| guests.iter().map(move |guest| (handle, guest)))
        {
            for index in [0, 8, -8, -bytes, -bytes - 1] {
                let arguments = [
                    Val::I64(handle.wrapping_sub(index & 0xffff_ffff)),
                    Val::I32(guest.wrapping_sub(index) as i32),
                    Val::I32(index as i32),
                    Val::I32(40),
                ];
                let start = Start {
                    input_length: 1000,
                    arguments: arguments.to_vec(),
                };
                // The last of the forty rounds is the loop's own.
                let bytes = 39 * width;
                let in_kernel = match import.starts_with("input") {
                    true => (0..=1000 - bytes).contains(handle),
                    false => (64..=KERNEL - bytes).contains(handle),
                };
                let in_guest = i64::from(*guest as u32) + offset as i64 + bytes <= GUEST;
                let index_fits = i64::from(index as u32) + bytes <= i64::from(u32::MAX);
                let expected = 2 * usize::from(in_kernel && in_guest && index_fits);
                assert_eq!(
                    same(&mut runs, &start),
                    expected,
                    "{import} {:?}",
                    start.arguments
                );
                copied += expected;
            }
        }
    }
    assert!(copied > 2000, "{copied}");
}

/// An index that wraps around, with a sign and without, is no longer what the handle goes up by.
#[test]
fn indices_that_wrap_around_are_left_to_the_loop() {
    for (sign, edge) in [("u", u32::MAX), ("s", i32::MAX as u32)] {
        let wasm = wat(&indexed("store_u64", sign, 0));
        let mut runs = runs(&wasm);
        let mut copied = Vec::new();
        for before in [0, 80, 39 * 8 - 1, 39 * 8, 1000] {
            let index = edge.wrapping_sub(before);
            let wide = if sign == "s" {
                i64::from(index as i32)
            } else {
                i64::from(index)
            };
            let arguments = [
                Val::I64(1000 - wide),
                Val::I32(1000i32.wrapping_sub(index as i32)),
                Val::I32(index as i32),
                Val::I32(40),
            ];
            let start = Start {
                input_length: 0,
                arguments: arguments.to_vec(),
            };
            copied.push(same(&mut runs, &start));
        }
        assert_eq!(copied, [0, 0, 0, 2, 2], "{sign}");
    }
}

/// Several pieces, the last of them a part: 2.4 MiB there and back.
#[test]
fn long_copies_are_made_in_pieces() {
    let bytes = 2_400_000;
    for (store, load) in [("store_u64", "load_u64"), ("store_u8", "load_u8")] {
        let memory = KernelMemory::Define {
            pages_min: 40,
            pages_max: None,
        };
        let run = |import: &str| {
            let text = indexed(import, "u", 0).replace("\"memory\") 1", "\"memory\") 40");
            let rewritten = pass(&wat(&text), memory).expect("it can be rewritten");
            assert_eq!(rewritten.copy_loops, 1);
            Run::unchanged(&rewritten.wasm).expect("it runs")
        };
        let rounds = if store.ends_with('8') {
            bytes
        } else {
            bytes / 8
        };
        let arguments = [Val::I64(100), Val::I32(50), Val::I32(0), Val::I32(rounds)];
        let expected = format!("[I32({bytes}), I32(0)]");
        let mut run = [run(store), run(load)];
        let range = |start: usize| start..start + bytes as usize;
        for (at, byte) in run[0].guest_bytes().iter_mut().enumerate() {
            *byte = (at % 253) as u8;
        }
        assert_eq!(run[0].call("run", &arguments), expected);
        let guest = run[0].guest_bytes()[range(50)].to_vec();
        assert!(run[0].kernel_bytes()[range(100)] == guest);
        assert_eq!(run[1].call("run", &arguments), expected);
        let kernel = run[1].kernel_bytes()[range(100)].to_vec();
        assert!(run[1].guest_bytes()[range(50)] == kernel);
        assert!(run.iter().all(|run| run.fuel_used() < 100_000), "at once");
    }
}
