//! Which custom sections a rewritten module keeps.

mod support;

use extism_rewrite::KernelMemory;
use support::{DEFINE, pass, wat};
use wasmparser::{BinaryReader, KnownCustom, Name, Parser, Payload};

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
    (@custom "metadata.code.trace" "x") (@custom "metadata.code.branch_hint" "\01\01\01\07\01\01")
    (@custom ".debug_str" "x") (@custom "target_features" "\00") (@custom "last" "2"))"#;

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

/// All kinds of names there are, and one nobody knows yet.
#[test]
fn names_of_everything_are_kept() {
    let text = r#"(module $plugin
        (type $pair (struct (field $left i32) (field $right i64)))
        (import "env" "extism_input_length" (func $length (result i64)))
        (table $table 1 funcref) (memory $mine 1) (global $global i32 (i32.const 1)) (tag $tag)
        (func $f (result i64) (local $unused i64) (block $label (br $label)) (call $length))
        (elem $elements func $f) (data $bytes "x"))"#;
    let subsections = |wasm: &[u8]| -> Vec<(u8, Vec<u8>)> {
        let payloads = Parser::new(0).parse_all(wasm);
        let section = payloads
            .filter_map(|payload| match payload.expect("a valid module") {
                Payload::CustomSection(section) if section.name() == "name" => Some(section),
                _ => None,
            })
            .next()
            .expect("it has names");
        let mut reader = BinaryReader::new(section.data(), 0);
        let mut all = Vec::new();
        while !reader.eof() {
            let kind = reader.read_u8().expect("readable");
            let length = reader.read_var_u32().expect("readable") as usize;
            all.push((kind, reader.read_bytes(length).expect("readable").to_vec()));
        }
        all
    };
    let before = subsections(&wat(text));
    let kinds: Vec<u8> = before.iter().map(|(kind, _)| *kind).collect();
    let (labels, memories) = (3, 6);
    assert_eq!(kinds, [0, 1, 2, labels, 4, 5, memories, 7, 8, 9, 10, 11]);
    let kept: Vec<_> = before
        .into_iter()
        .filter(|(kind, _)| *kind != labels)
        .collect();

    let defined = pass(&wat(text), DEFINE).expect("it can be rewritten");
    assert_eq!(subsections(&defined.wasm), kept);
    let imported = pass(&wat(text), KernelMemory::Import).expect("it can be rewritten");
    let moved = |(kind, names): (u8, Vec<u8>)| match kind == memories {
        true => (kind, b"\x01\x01\x04mine".to_vec()),
        false => (kind, names),
    };
    let expected: Vec<_> = kept.into_iter().map(moved).collect();
    assert_eq!(subsections(&imported.wasm), expected);
}

#[test]
fn a_broken_name_section_is_left_out() {
    let text = r#"(module (import "env" "extism_input_length" (func $f (result i64)))
        (func (export "g") (result i64) (call 0)) (@custom "name" "\01\7f\00") (@custom "kept" ""))"#;
    assert_eq!(customs(&wat(text)), ["name", "kept"]);
    let rewritten = pass(&wat(text), DEFINE).expect("it can be rewritten");
    assert_eq!(customs(&rewritten.wasm), ["kept"]);
}
