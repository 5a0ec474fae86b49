//! Modules that are left as they are, and why.

mod support;

use extism_rewrite::{Declined, DeclinedKind, KernelMemory};
use support::random::Random;
use support::{DEFINE, pass, validate, wat};

const CALL: &str =
    r#"(import "extism:host/env" "input_length" (func $f (result i64))) (func (drop (call $f)))"#;

fn declined(wasm: &[u8], kernel_memory: KernelMemory) -> Declined {
    pass(wasm, kernel_memory).expect_err("it is declined")
}

#[test]
fn reserved_names_are_not_for_guests() {
    let texts = [
        r#"(module (import "extism:kernel" "memory" (memory 1)))"#,
        r#"(module (import "extism:kernel" "memory" (func)))"#,
        r#"(module (import "main" "extism:kernel/memory" (memory 1)))"#,
        r#"(module (memory (export "extism:kernel/memory") 1))"#,
        r#"(module (func (export "extism:kernel/memory")))"#,
    ];
    for text in texts {
        for mode in [DEFINE, KernelMemory::Import] {
            let declined = declined(&wat(text), mode);
            assert_eq!(declined.kind, DeclinedKind::Reserved, "{text}");
            assert!(declined.reason.contains("a reserved name"), "{declined}");
        }
    }
}

#[test]
fn a_rewritten_module_is_not_rewritten_again() {
    for mode in [DEFINE, KernelMemory::Import] {
        let once = pass(&wat(&format!("(module {CALL})")), mode).expect("it can be rewritten");
        assert_eq!(declined(&once.wasm, mode).kind, DeclinedKind::Reserved);
    }
}

/// A memory index that is out of range must not come into range by the pass.
#[cfg(feature = "validate")]
#[test]
fn kernel_memory_cannot_be_named_by_its_index() {
    let bodies = [
        "i32.const 64 i32.load 1 drop",
        "memory.size 1 drop",
        "i32.const 0 memory.grow 1 drop",
    ];
    for body in bodies {
        let wasm = wat(&format!("(module {CALL} (memory 1) (func {body}))"));
        assert_eq!(
            declined(&wasm, DEFINE).kind,
            DeclinedKind::Invalid,
            "{body}"
        );
    }
    for field in [
        r#"(export "mine" (memory 1))"#,
        r#"(data (memory 1) (i32.const 0) "x")"#,
    ] {
        let wasm = wat(&format!("(module {CALL} (memory 1) {field})"));
        assert_eq!(
            declined(&wasm, DEFINE).kind,
            DeclinedKind::Invalid,
            "{field}"
        );
    }
}

#[cfg(feature = "validate")]
#[test]
fn what_is_no_core_module_is_declined() {
    let component = declined(&wat("(component)"), DEFINE);
    assert_eq!(component.kind, DeclinedKind::Unsupported);
    let said = format!("module not rewritten: {}", component.reason);
    assert_eq!(component.to_string(), said);
    for bytes in [
        &b""[..],
        b"\0asm",
        b"\0asm\x01\0\0",
        b"\0asm\x02\0\0\0",
        b"not wasm at all",
    ] {
        assert_eq!(declined(bytes, DEFINE).kind, DeclinedKind::Invalid);
    }
    let legacy =
        b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x08\x01\x06\0\x06\x40\x19\x0b\x0b";
    assert_eq!(declined(legacy, DEFINE).kind, DeclinedKind::Invalid);
}

#[test]
fn nothing_to_do_is_said_when_only_an_import_would_be_added() {
    let unused = r#"(module (import "extism:host/env" "load_u8" (func (param i64) (result i32))) (memory 1))"#;
    assert_eq!(
        declined(&wat(unused), KernelMemory::Import).kind,
        DeclinedKind::Unneeded
    );
    assert_eq!(
        declined(&wat("(module)"), KernelMemory::Import).kind,
        DeclinedKind::Unneeded
    );
    assert!(pass(&wat(unused), DEFINE).is_ok());
}

#[test]
fn a_kernel_memory_must_have_32_bit_addresses() {
    let wasm = wat(&format!("(module {CALL})"));
    for (pages_min, pages_max) in [
        (65_537, None),
        (1, Some(65_537)),
        (3, Some(2)),
        (1, Some(0)),
        (u64::MAX, Some(u64::MAX)),
    ] {
        let kernel_memory = KernelMemory::Define {
            pages_min,
            pages_max,
        };
        assert_eq!(
            declined(&wasm, kernel_memory).kind,
            DeclinedKind::Unsupported
        );
    }
    for (pages_min, pages_max) in [
        (0, None),
        (65_536, None),
        (1, Some(1)),
        (65_536, Some(65_536)),
    ] {
        assert!(
            pass(
                &wasm,
                KernelMemory::Define {
                    pages_min,
                    pages_max
                }
            )
            .is_ok()
        );
    }
}

#[test]
fn limits_of_engines_are_not_crossed() {
    let memories = |count: usize| wat(&format!("(module {CALL} {})", "(memory 1)".repeat(count)));
    assert!(pass(&memories(99), DEFINE).is_ok());
    assert_eq!(
        declined(&memories(100), DEFINE).kind,
        DeclinedKind::Unsupported
    );
    assert_eq!(
        declined(&memories(100), KernelMemory::Import).kind,
        DeclinedKind::Unsupported
    );

    // A function with no room for locals keeps its calls.
    let load = r#"(import "extism:host/env" "load_u8" (func $f (param i64) (result i32)))"#;
    let locals = |count: usize| {
        wat(&format!(
            "(module {load} (func (local{}) (drop (call $f (i64.const 1)))))",
            " i32".repeat(count)
        ))
    };
    let calls = |wasm: &[u8]| {
        pass(wasm, DEFINE).map(|rewritten| (rewritten.inlined_calls, rewritten.kept_calls))
    };
    assert_eq!(calls(&locals(49_996)), Ok((1, 0)));
    assert_eq!(calls(&locals(49_997)), Ok((0, 1)));
    assert_eq!(calls(&locals(50_000)), Ok((0, 1)));
}

/// A module that makes a call, with so many imports and exports.
fn crowded(imports: usize, exports: usize) -> Vec<u8> {
    let head = wat(&format!("(module {CALL})"));
    let [types, functions, code] = [1, 3, 10].map(|id| raw_section(&head, id));
    let mut imported = wasm_encoder::ImportSection::new();
    let access = wasm_encoder::EntityType::Function(0);
    imported.import("extism:host/env", "input_length", access);
    let global = wasm_encoder::GlobalType {
        val_type: wasm_encoder::ValType::I32,
        mutable: false,
        shared: false,
    };
    for _ in 1..imports {
        imported.import("", "", global);
    }
    let mut exported = wasm_encoder::ExportSection::new();
    for number in 0..exports {
        exported.export(&number.to_string(), wasm_encoder::ExportKind::Func, 1);
    }
    let mut module = wasm_encoder::Module::new();
    let section = |id, data| wasm_encoder::RawSection { id, data };
    module
        .section(&section(1, &types))
        .section(&imported)
        .section(&section(3, &functions))
        .section(&exported)
        .section(&section(10, &code));
    module.finish()
}

/// Engines add up the sizes of the types of all of them. The pass, which adds one import or two exports,
/// takes each for as large as the largest: of three here, of a function with one result.
#[test]
fn imports_and_exports_do_not_become_too_many() {
    const MOST: usize = 333_331;
    let imports = (KernelMemory::Import, 999_994);
    let exports = (DEFINE, 499_997);
    for (mode, all_an_engine_accepts) in [imports, exports] {
        let crowded = |count| match mode {
            KernelMemory::Import => crowded(count, 1),
            KernelMemory::Define { .. } => crowded(1, count),
        };
        let rewritten = pass(&crowded(MOST - 1), mode);
        assert_eq!(rewritten.map(|rewritten| rewritten.inlined_calls), Ok(1));
        for count in [MOST, all_an_engine_accepts] {
            let wasm = crowded(count);
            validate(&wasm);
            assert_eq!(declined(&wasm, mode).kind, DeclinedKind::Unsupported);
        }
    }
}

#[test]
fn growth_is_bounded() {
    let load = r#"(import "extism:host/env" "load_u64" (func $f (param i64) (result i64)))"#;
    let body = "(drop (call $f (i64.const 1)))".repeat(20_000);
    let wasm = wat(&format!(
        "(module {load} (memory 1) (func {body}) (func {body}))"
    ));
    for mode in [DEFINE, KernelMemory::Import] {
        let rewritten = pass(&wasm, mode).expect("it can be rewritten");
        assert_eq!(rewritten.inlined_calls + rewritten.kept_calls, 40_000);
        assert!(
            rewritten.inlined_calls > 5_000 && rewritten.kept_calls > 5_000,
            "{}",
            rewritten.inlined_calls
        );
    }
}

/// A short function may grow by more than its length: by up to 32 KiB.
#[test]
fn short_functions_have_room() {
    let load = r#"(import "extism:host/env" "load_u64" (func $f (param i64) (result i64)))"#;
    let body = "(drop (call $f (i64.const 1)))".repeat(300);
    let wasm = wat(&format!("(module {load} (memory 1) (func {body}))"));
    for mode in [DEFINE, KernelMemory::Import] {
        let rewritten = pass(&wasm, mode).expect("it can be rewritten");
        assert_eq!((rewritten.inlined_calls, rewritten.kept_calls), (300, 0));
        assert!(rewritten.wasm.len() > 2 * wasm.len() + 2048);
    }
}

/// A module of two functions: one that makes a call, one that does so too and is `bytes` long.
fn long_function(bytes: usize, instructions: &[u8]) -> Vec<u8> {
    const CALL_AND_DROP: [u8; 5] = [0x42, 1, 0x10, 0, 0x1A];
    let short = [&[0], &CALL_AND_DROP[..], &[0x0B]].concat();
    let mut long = [&[0], &CALL_AND_DROP[..], instructions].concat();
    long.resize(bytes - 1, 0x01);
    long.push(0x0B);
    let mut code = wasm_encoder::CodeSection::new();
    code.raw(&short).raw(&long);
    let mut module = wasm_encoder::Module::new();
    let head = r#"(module (import "extism:host/env" "load_u64" (func (param i64) (result i64))) (type (func))
        (memory 1))"#;
    let [types, imports, memories] = [1, 2, 5].map(|id| raw_section(&wat(head), id));
    module.section(&wasm_encoder::RawSection {
        id: 1,
        data: &types,
    });
    module.section(&wasm_encoder::RawSection {
        id: 2,
        data: &imports,
    });
    module.section(&wasm_encoder::RawSection {
        id: 3,
        data: &[2, 0, 0],
    });
    module.section(&wasm_encoder::RawSection {
        id: 5,
        data: &memories,
    });
    module.section(&code);
    module.finish()
}

fn raw_section(wasm: &[u8], id: u8) -> Vec<u8> {
    let payloads = wasmparser::Parser::new(0)
        .parse_all(wasm)
        .map(|payload| payload.expect("a valid module"));
    let mut sections = payloads.filter_map(|payload| payload.as_section());
    let (_, range) = sections
        .find(|(found, _)| *found == id)
        .expect("it has that section");
    wasm[range].to_vec()
}

/// A function at the size limit stays as long as it is, or the module is declined: never an output
/// engines refuse.
#[test]
fn a_function_as_long_as_engines_accept_is_not_made_longer() {
    const BYTES_MAX: usize = 7_654_321;
    let calls = |wasm: &[u8], mode| {
        pass(wasm, mode).map(|rewritten| (rewritten.inlined_calls, rewritten.kept_calls))
    };
    assert_eq!(calls(&long_function(BYTES_MAX, &[]), DEFINE), Ok((1, 1)));
    assert_eq!(
        calls(&long_function(BYTES_MAX - 1000, &[]), DEFINE),
        Ok((2, 0))
    );
    #[cfg(feature = "validate")]
    assert_eq!(
        declined(&long_function(BYTES_MAX + 1, &[]), DEFINE).kind,
        DeclinedKind::Invalid
    );

    // Each load names the memory that moves, and grows by a byte.
    let loads = [0x41, 0, 0x28, 2, 0, 0x1A].repeat(40);
    let wasm = long_function(BYTES_MAX, &loads);
    assert_eq!(
        declined(&wasm, KernelMemory::Import).kind,
        DeclinedKind::Unsupported
    );
    assert_eq!(calls(&wasm, DEFINE), Ok((1, 1)));
    assert_eq!(
        calls(&long_function(BYTES_MAX - 40, &loads), KernelMemory::Import),
        Ok((1, 1))
    );
    // Room for a third more is kept where a memory moves.
    let wasm = long_function(BYTES_MAX / 4 * 3, &loads);
    assert_eq!(calls(&wasm, KernelMemory::Import), Ok((1, 1)));
    assert_eq!(calls(&wasm, DEFINE), Ok((2, 0)));
    let wasm = long_function(BYTES_MAX / 2, &loads);
    assert_eq!(calls(&wasm, KernelMemory::Import), Ok((2, 0)));
}

/// Bytes that are almost a module: the pass answers, whatever it answers.
#[test]
fn damaged_modules_never_panic() {
    let wasm = wat(&format!(
        r#"(module {CALL} (memory 1) (table 2 funcref) (elem (i32.const 0) func $f) (data (i32.const 1) "abc")
            (func (export "__extism_bulk_load") (param i64 i32 i32)) (@custom "name" "\01\02\01\00"))"#
    ));
    let mut random = Random::new(7);
    let mut valid = 0;
    for length in 0..wasm.len() {
        let _ = pass(&wasm[..length], DEFINE);
    }
    for _ in 0..20_000 {
        let mut bytes = wasm.clone();
        for _ in 0..=random.below(3) {
            let position = random.below(bytes.len());
            bytes[position] = random.next().to_be_bytes()[0];
        }
        valid += usize::from(pass(&bytes, DEFINE).is_ok());
        let _ = pass(&bytes, KernelMemory::Import);
    }
    assert!(valid > 100, "some damage does not matter");
}
