//! Plug-ins as compilers make them, with the published kit and with ours.

mod support;

use std::path::{Path, PathBuf};

use extism_abi::layout::FIRST_HANDLE;
use extism_rewrite::KernelMemory;
use support::{DEFINE, MODES, Run, pass, same_in_all_modes};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name)
}

fn fixture(name: &str) -> Vec<u8> {
    let path = folder("fixtures/plugins").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every plug-in in the tree is rewritten in both modes, at a few hundred bytes and the moved indices.
#[test]
fn all_plugins_can_be_rewritten() {
    let mut count = 0;
    for name in ["fixtures/plugins", "examples/plugins"] {
        for entry in std::fs::read_dir(folder(name)).expect("a folder of the repository") {
            let path = entry.expect("readable").path();
            if path.extension().is_none_or(|extension| extension != "wasm") {
                continue;
            }
            count += 1;
            let wasm = std::fs::read(&path).expect("readable");
            // The published kit copies in loops: of the input, of blocks, to blocks, by words and by
            // bytes. One of the six, of the input's last bytes, mostly checks an index too. Ours have
            // bulk functions; that of the conformance plug-in has a loop of its own beside them.
            let name = path.file_stem().map(|name| name.to_string_lossy());
            let (bulk, copy_loops) = match name.as_deref() {
                Some("conformance_published") => (0, 6),
                Some("conformance_rust") => (2, 1),
                Some(name) if name.starts_with("published") => (0, 5),
                _ => (2, 0),
            };
            for mode in [DEFINE, KernelMemory::Import] {
                let rewritten = pass(&wasm, mode)
                    .unwrap_or_else(|declined| panic!("{}: {declined}", path.display()));
                assert_eq!(
                    (rewritten.bulk, rewritten.copy_loops, rewritten.kept_calls),
                    (bulk, copy_loops, 0),
                    "{}",
                    path.display()
                );
                assert!(rewritten.inlined_calls >= 4, "{}", path.display());
                assert!(
                    rewritten.wasm.len() < wasm.len() + wasm.len() / 10 + 2048,
                    "{}",
                    path.display()
                );
            }
        }
    }
    assert!(count >= 8, "{count} plug-ins");
}

/// What a plug-in answers to an input in the input's place.
fn answers(name: &str, export: &str, inputs: &[Vec<u8>]) -> Vec<String> {
    let wasm = fixture(name);
    let run_all = |run: &mut Run| {
        let results = inputs.iter().map(|input| {
            run.set_input(FIRST_HANDLE, input);
            let result = run.call(export, &[]);
            let output = run.output();
            format!("{result} {output:?}")
        });
        results.collect()
    };
    same_in_all_modes(&wasm, run_all)
}

#[test]
fn echoed_bytes_are_the_same() {
    let lengths = [
        0, 1, 7, 8, 9, 15, 16, 17, 127, 128, 136, 144, 1000, 4099, 100_003,
    ];
    let inputs: Vec<Vec<u8>> = lengths
        .iter()
        .map(|length| (0..*length).map(|at| (at * 7 % 251) as u8).collect())
        .collect();
    let expected: Vec<String> = inputs
        .iter()
        .map(|input| format!("[I32(0)] {input:?}"))
        .collect();
    for name in ["published.wasm", "ours.wasm"] {
        assert_eq!(answers(name, "echo", &inputs), expected, "{name}");
    }
}

#[test]
fn counted_vowels_are_the_same() {
    let inputs = [&b"this is a test"[..], b"", b"AEIOU", b"xyz"].map(<[u8]>::to_vec);
    let published = answers("published.wasm", "count_vowels", &inputs);
    assert_eq!(answers("ours.wasm", "count_vowels", &inputs), published);
    let count: Vec<String> = br#""count":4"#.iter().map(u8::to_string).collect();
    assert!(published[0].contains(&count.join(", ")), "{}", published[0]);
}

/// Nor do they take an instruction per byte: some of a plug-in's own are left, none of the copies'.
#[test]
fn published_copies_are_made_at_once() {
    let mut run = Run::new(&fixture("published.wasm"), Some(DEFINE)).expect("it runs");
    let mut fuel = |length: usize| {
        run.set_input(FIRST_HANDLE, &vec![5; length]);
        let before = run.fuel_used();
        assert_eq!(run.call("echo", &[]), "[I32(0)]");
        run.fuel_used() - before
    };
    fuel(100_000);
    let (short, long) = (fuel(1000), fuel(81_000));
    // Three instructions of the engine copy or fill these bytes; loops took 20 a word.
    assert!(long < short + 10_000, "{short}, {long}");
}

/// Copies of a plug-in go through the host once per call of a kernel function that is left, not
/// once per eight bytes.
#[test]
fn copies_do_not_reach_the_host() {
    for name in ["published.wasm", "ours.wasm"] {
        for mode in MODES {
            let mut run = Run::new(&fixture(name), mode).expect("it runs");
            run.set_input(FIRST_HANDLE, &[5; 8000]);
            assert_eq!(run.call("echo", &[]), "[I32(0)]");
            let calls = run.store.data().access_calls();
            assert_eq!(
                calls == 0,
                mode.is_some(),
                "{name}, {mode:?}: {calls} calls"
            );
        }
    }
}
