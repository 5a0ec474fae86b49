//! Every access at every boundary, with the pass off and on: the answers are the same, and are the
//! documented ones.

mod support;

use extism_abi::layout::PAGE_BYTES;
use support::{PAGES_MIN, Run, same_in_all_modes, wat};
use wasmi::Val;

const SIZE: u64 = PAGES_MIN * PAGE_BYTES;

/// The functions under test: name, parameters after the address, result.
const LOADS: [(&str, &str); 3] = [("load_u8", "i32"), ("load_u32", "i32"), ("load_u64", "i64")];
const STORES: [(&str, &str); 3] = [
    ("store_u8", "i32"),
    ("store_u32", "i32"),
    ("store_u64", "i64"),
];
const INPUTS: [(&str, &str); 2] = [("input_load_u8", "i32"), ("input_load_u64", "i64")];

/// The eras: module, prefix of names, whether the four-byte functions are there.
const ERAS: [(&str, &str, bool); 2] = [("extism:host/env", "", false), ("env", "extism_", true)];

/// Exports each function three times: called, tail-called, and called with operands waiting below
/// it on the stack.
fn module((host, prefix, four): (&str, &str, bool)) -> Vec<u8> {
    let usable = |name: &str| four || !name.ends_with("u32");
    let (mut imports, mut functions) = (String::new(), String::new());
    let mut add = |name: &str, params: &[&str], result: &str| {
        let result = if result.is_empty() {
            String::new()
        } else {
            format!("(result {result})")
        };
        let ty = format!("(param {}) {result}", params.join(" "));
        imports += &format!("(import \"{host}\" \"{prefix}{name}\" (func ${name} {ty}))\n");
        let arguments: String = (0..params.len())
            .map(|index| format!("(local.get {index})"))
            .collect();
        functions += &format!(
            "(func (export \"{name}\") {ty} (local f64 i32) (call ${name} {arguments}))\n"
        );
        functions += &format!(
            "(func (export \"{name} tail\") {ty} i32.const 7 (return_call ${name} {arguments}))\n"
        );
        let drop = if result.is_empty() { "" } else { "drop" };
        functions += &format!(
            "(func (export \"{name} twice\") (param {types}) (result i32 f32) i32.const 5 f32.const 2.5
                (block (loop (call ${name} {arguments}) {drop})) (call ${name} {arguments}) {drop})\n",
            types = params.join(" "),
        );
    };
    LOADS
        .iter()
        .filter(|load| usable(load.0))
        .for_each(|(name, result)| add(name, &["i64"], result));
    STORES
        .iter()
        .filter(|store| usable(store.0))
        .for_each(|(name, value)| add(name, &["i64", value], ""));
    INPUTS
        .iter()
        .for_each(|(name, result)| add(name, &["i64"], result));
    add("input_length", &[], "i64");
    add("input_offset", &[], "i64");
    add("alloc", &["i64"], "i64");
    wat(&format!("(module {imports} (memory 1) {functions})"))
}

/// Addresses around the ends of everything that has an end.
fn addresses(size: u64) -> Vec<u64> {
    let around =
        |middle: u64| (middle.wrapping_sub(10)..middle).chain(middle..middle.wrapping_add(10));
    let mut all: Vec<u64> = (0..80).collect();
    all.extend(
        around(size)
            .chain(around(1 << 31))
            .chain(around(1 << 32))
            .chain(around((1 << 32) + 64)),
    );
    all.extend(
        around((1 << 32) + size)
            .chain(around(1 << 63))
            .chain(around((1 << 63) + 64)),
    );
    all.extend((0..20).map(|back| u64::MAX - back));
    all.extend([100, 101, 4095, 4096, 65_528, 65_529, 65_535, 65_536]);
    all
}

fn forms(name: &str) -> [String; 3] {
    [
        name.to_string(),
        format!("{name} tail"),
        format!("{name} twice"),
    ]
}

#[test]
fn loads_and_stores_agree_at_every_boundary() {
    for era in ERAS {
        let wasm = module(era);
        same_in_all_modes(&wasm, |run| {
            let mut results = Vec::new();
            for growth in [0, PAGE_BYTES as i64] {
                run.call("alloc", &[Val::I64(growth)]);
                for address in addresses(run.size()) {
                    accesses(run, era, address, &mut results);
                }
            }
            results
        });
    }
}

fn accesses(
    run: &mut Run,
    (_, _, four): (&str, &str, bool),
    address: u64,
    results: &mut Vec<String>,
) {
    let usable = |name: &str| four || !name.ends_with("u32");
    let at = Val::I64(address as i64);
    for (index, (name, ty)) in STORES
        .into_iter()
        .enumerate()
        .filter(|(_, store)| usable(store.0))
    {
        for form in forms(name) {
            let value = (address ^ 0xA5C3_9669_1234_8765).rotate_left(index as u32 * 8 + 1);
            let value = if ty == "i32" {
                Val::I32(value as i32)
            } else {
                Val::I64(value as i64)
            };
            results.push(run.call(&form, &[at.clone(), value]));
        }
    }
    for (name, _) in LOADS.into_iter().filter(|load| usable(load.0)) {
        for form in forms(name) {
            results.push(run.call(&form, std::slice::from_ref(&at)));
        }
    }
}

#[test]
fn inputs_agree_wherever_they_lie() {
    for era in ERAS {
        let wasm = module(era);
        same_in_all_modes(&wasm, |run| {
            let mut results = Vec::new();
            for length in [0, 1, 2, 6, 7, 8, 9, 15, 16, 100, SIZE - 64] {
                for offset in [0, 64, 65, SIZE - length] {
                    if offset + length > SIZE || (offset == 0) != (length == 0) {
                        continue;
                    }
                    run.input(offset, length);
                    for name in ["input_length", "input_offset"] {
                        results.extend(forms(name).map(|form| run.call(&form, &[])));
                    }
                    let near = addresses(length)
                        .into_iter()
                        .chain(addresses(SIZE - offset));
                    for at in near.map(|at| Val::I64(at as i64)) {
                        for form in INPUTS.iter().flat_map(|(name, _)| forms(name)) {
                            results.push(run.call(&form, std::slice::from_ref(&at)));
                        }
                    }
                }
            }
            results
        });
    }
}

/// The rules themselves, spelled out: the other tests only say that both ways are the same.
#[test]
fn answers_are_the_documented_ones() {
    let wasm = module(ERAS[1]);
    let ends = same_in_all_modes(&wasm, |run| {
        let size = run.size();
        let mut results = Vec::new();
        for address in [64, size - 8] {
            run.call(
                "store_u64",
                &[Val::I64(address as i64), Val::I64(0x0807_0605_0403_0201)],
            );
        }
        for address in [
            0,
            56,
            57,
            63,
            64,
            size - 8,
            size - 7,
            1 << 32,
            (1 << 32) + 64,
            0u64.wrapping_sub(1),
        ] {
            results.push(run.call("load_u64", &[Val::I64(address as i64)]));
        }
        for address in [
            63,
            64,
            65,
            size - 1,
            size,
            (1 << 32) + 64,
            1 << 63,
            0u64.wrapping_sub(1),
        ] {
            results.push(run.call("load_u8", &[Val::I64(address as i64)]));
        }
        for address in [63, 64, size - 4, size - 3] {
            results.push(run.call("load_u32", &[Val::I64(address as i64)]));
        }
        results
    });
    let word = "[I64(578437695752307201)]";
    let (zero64, zero) = ("[I64(0)]", "[I32(0)]");
    let expected64 = [
        zero64, zero64, zero64, zero64, word, word, zero64, zero64, zero64, zero64,
    ];
    let expected8 = [
        zero, "[I32(1)]", "[I32(2)]", "[I32(8)]", zero, zero, zero, zero,
    ];
    let expected32 = [zero, "[I32(67305985)]", "[I32(134678021)]", zero];
    let expected: Vec<&str> = [&expected64[..], &expected8, &expected32].concat();
    assert_eq!(ends, expected);
}

#[test]
fn input_reads_end_with_the_input() {
    let wasm = module(ERAS[0]);
    let results = same_in_all_modes(&wasm, |run| {
        run.call("store_u64", &[Val::I64(64), Val::I64(-1)]);
        run.call("store_u64", &[Val::I64(72), Val::I64(-1)]);
        run.input(64, 9);
        let ats = [0, 1, 2, 8, 9, -1, -8];
        let words = ats.map(|at| run.call("input_load_u64", &[Val::I64(at)]));
        let bytes = ats.map(|at| run.call("input_load_u8", &[Val::I64(at)]));
        [words, bytes].concat()
    });
    let (all, none) = ("[I64(-1)]", "[I64(0)]");
    let (byte, zero) = ("[I32(255)]", "[I32(0)]");
    let expected = [
        all, all, none, none, none, none, none, byte, byte, byte, byte, zero, zero, zero,
    ];
    assert_eq!(results, expected);
}

/// With everything inlined the host hears of `alloc` alone.
#[test]
fn no_access_reaches_the_host() {
    for mode in &support::MODES[1..] {
        let mut run = Run::new(&module(ERAS[1]), *mode).expect("it runs");
        for name in LOADS.map(|(name, _)| name) {
            run.call(name, &[Val::I64(64)]);
        }
        run.call("alloc", &[Val::I64(1)]);
        assert_eq!(run.store.data().access_calls(), 0);
        assert_eq!(run.store.data().other_calls, ["alloc [I64(1)]"]);
    }
}
