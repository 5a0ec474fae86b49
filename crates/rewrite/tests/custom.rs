//! Which custom sections a rewritten module keeps.

mod support;

use extism_rewrite::KernelMemory;
use support::{DEFINE, pass, wat};
use wasmparser::{KnownCustom, Name, Parser, Payload};

const MODULE: &str = r#"(module $plugin
    (@custom "first" (before first) "1")
    (import "extism:host/env" "load_u8" (func $load_u8 (param $handle i64) (result i32)))
    (memory $mine 1) (global $count (mut i32) (i32.const 0))
    (func $read (export "read") (param $at i64) (result i32) (local $copy i64)
        (local.set $copy (local.get $at))
        (block $out (result i32) (br $out (call $load_u8 (local.get $copy)))))
    (@custom "producers" "\00")
    (@custom ".debug_info" "x") (@custom ".debug_line" "x") (@custom "sourceMappingURL" "\01m")
    (@custom "reloc.CODE" "x") (@custom "linking" "x") (@custom "external_debug_info" "\01m")
    (@custom "metadata.code.trace" "x") (@custom "target_features" "\00") (@custom "last" "2"))"#;

fn customs(wasm: &[u8]) -> Vec<String> {
    let payloads = Parser::new(0)
        .parse_all(wasm)
        .map(|payload| payload.expect("a valid module"));
    let names = payloads.filter_map(|payload| match payload {
        Payload::CustomSection(section) => Some(section.name().to_string()),
        _ => None,
    });
    names.collect()
}

#[test]
fn sections_about_positions_in_code_are_dropped() {
    for mode in [DEFINE, KernelMemory::Import] {
        let rewritten = pass(&wat(MODULE), mode).expect("it can be rewritten");
        let mut names = customs(&rewritten.wasm);
        names.sort();
        assert_eq!(
            names,
            ["first", "last", "name", "producers", "target_features"]
        );
    }
}

/// The name section's entries as text, in order.
fn names(wasm: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::CustomSection(section) = payload.expect("a valid module") else {
            continue;
        };
        let KnownCustom::Name(subsections) = section.as_known() else {
            continue;
        };
        for subsection in subsections {
            let (kind, map) = match subsection.expect("a readable name section") {
                Name::Module { name, .. } => {
                    all.push(format!("module {name}"));
                    continue;
                }
                Name::Function(map) => ("function", map),
                Name::Memory(map) => ("memory", map),
                Name::Global(map) => ("global", map),
                Name::Local(map) => {
                    for function in map {
                        let function = function.expect("readable");
                        let locals = function
                            .names
                            .into_iter()
                            .map(|local| local.expect("readable"));
                        all.extend(locals.map(|local| {
                            format!("local {}.{} {}", function.index, local.index, local.name)
                        }));
                    }
                    continue;
                }
                Name::Label(_) => panic!("labels have moved"),
                _ => continue,
            };
            let entries = map.into_iter().map(|name| name.expect("readable"));
            all.extend(entries.map(|name| format!("{kind} {} {}", name.index, name.name)));
        }
    }
    all
}

#[test]
fn names_stay_true() {
    let expected = |memory: &str| {
        vec![
            "module plugin".to_string(),
            "function 0 load_u8".to_string(),
            "function 1 read".to_string(),
            "local 0.0 handle".to_string(),
            "local 1.0 at".to_string(),
            "local 1.1 copy".to_string(),
            memory.to_string(),
            "global 0 count".to_string(),
        ]
    };
    let of = |mode| names(&pass(&wat(MODULE), mode).expect("it can be rewritten").wasm);
    assert_eq!(of(DEFINE), expected("memory 0 mine"));
    assert_eq!(of(KernelMemory::Import), expected("memory 1 mine"));
}

#[test]
fn a_broken_name_section_is_left_out() {
    let text = r#"(module (import "env" "extism_input_length" (func $f (result i64)))
        (func (export "g") (result i64) (call 0)) (@custom "name" "\01\7f\00") (@custom "kept" ""))"#;
    assert_eq!(customs(&wat(text)), ["name", "kept"]);
    let rewritten = pass(&wat(text), DEFINE).expect("it can be rewritten");
    assert_eq!(customs(&rewritten.wasm), ["kept"]);
}
