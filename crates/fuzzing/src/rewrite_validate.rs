//! Any bytes through the rewriting pass: what comes out is valid, bounded, and has all it had before.
//!
//! Input: a byte that says what the rest is, a module or what the generator makes one from; the last bytes
//! choose which functions are overridden.

use std::sync::LazyLock;

use arbitrary::Unstructured;
use extism_abi::import::{KERNEL, LEGACY_ONLY, Ty};
use extism_abi::layout::KERNEL_MEMORY_EXPORT;
use extism_rewrite::{DeclinedKind, KernelMemory, Options, Rewritten, rewrite};
use wasm_smith::{Config, Module};
use wasmparser::{ElementItems, ExternalKind, Parser, Payload, Validator, WasmFeatures};

use crate::input::Numbers;
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "rewrite_validate",
    about: "generated and damaged modules through the rewriting pass",
    bytes_max: 8192,
    words: &[
        "\0asm\x01\0\0\0",
        "extism:host/env",
        "env",
        "load_u8",
        "store_u64",
        "input_length",
        "extism_alloc",
        "extism:kernel",
        "memory",
        "input_load_u64",
    ],
    smoke: 10_000,
    run,
};

/// A module that imports all kernel functions of both eras: generated modules take theirs from it.
pub(crate) static IMPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let types = |types: &[Ty]| -> String {
        types
            .iter()
            .map(|ty| if *ty == Ty::I32 { " i32" } else { " i64" })
            .collect()
    };
    let line = |module: &str, name: String, params: &[Ty], results: &[Ty]| {
        format!(
            "(import \"{module}\" \"{name}\" (func (param{}) (result{})))\n",
            types(params),
            types(results)
        )
    };
    let new = KERNEL
        .iter()
        .map(|f| line("extism:host/env", f.name.to_string(), f.params, f.results));
    let old = KERNEL.iter().chain(LEGACY_ONLY);
    let old = old.map(|f| line("env", format!("extism_{}", f.name), f.params, f.results));
    wat::parse_str(format!("(module {})", new.chain(old).collect::<String>()))
        .expect("it is a module")
});

fn run(input: &[u8]) {
    let [kind, rest @ ..] = input else {
        return;
    };
    let kept = rest.last().copied().unwrap_or(0);
    if kind % 4 == 0 {
        let is_valid = Validator::new_with_features(features())
            .validate_all(rest)
            .is_ok();
        return check(rest, kept, is_valid);
    }
    let config = Config {
        available_imports: Some(IMPORTS.clone()),
        max_memories: 4,
        max_tables: 4,
        min_funcs: 1,
        max_funcs: 12,
        max_instructions: 200,
        generate_custom_sections: true,
        export_everything: kind % 3 == 0,
        min_uleb_size: 1 + kind % 5,
        ..Config::default()
    };
    let bytes = stretched(rest, 3000);
    if let Ok(module) = Module::new(config, &mut Unstructured::new(&bytes)) {
        check(&module.to_bytes(), kept, true);
    }
}

/// The bytes, and then as many as the generator needs, made from them: with too few it gives up.
pub(crate) fn stretched(bytes: &[u8], count: usize) -> Vec<u8> {
    let mix = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let mut numbers = Numbers::new(bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix));
    let mut all = bytes.to_vec();
    all.extend(numbers.bytes(count));
    all
}

fn features() -> WasmFeatures {
    WasmFeatures::all()
}

fn check(wasm: &[u8], kept: u8, is_valid: bool) {
    let keep = |name: &str| kept & 1 << (name.len() % 8) != 0;
    let define = KernelMemory::Define {
        pages_min: 2,
        pages_max: Some(6),
    };
    let mut inlined = Vec::new();
    for kernel_memory in [define, KernelMemory::Import] {
        let options = Options {
            kernel_memory,
            keep: &keep,
        };
        let result = rewrite(wasm, &options);
        assert_eq!(rewrite(wasm, &options), result, "the same each time");
        match result {
            Ok(rewritten) => {
                assert!(is_valid, "an invalid module was rewritten");
                inlined.push(rewritten.inlined_calls);
                good(wasm, &rewritten, &options);
            }
            Err(declined) => {
                assert!(!declined.reason.is_empty());
                let unneeded = declined.kind == DeclinedKind::Unneeded;
                assert!(!unneeded || kernel_memory == KernelMemory::Import);
            }
        }
    }
    if let [first, second] = inlined[..] {
        assert_eq!(first, second, "calls that became instructions");
    }
}

fn good(wasm: &[u8], rewritten: &Rewritten, options: &Options<'_>) {
    let out = &rewritten.wasm;
    let valid = Validator::new_with_features(features()).validate_all(out);
    assert!(valid.is_ok(), "{:?}", valid.err());
    assert!(
        out.len() <= wasm.len() * 3 + 64 * 1024,
        "{} of {} bytes",
        out.len(),
        wasm.len()
    );
    let (before, after) = (Shape::read(wasm), Shape::read(out));
    assert_eq!(before, after, "what the module has");
    // Rewritten modules are recognised, so that nothing is rewritten twice.
    let again = rewrite(out, options).map_err(|declined| declined.kind);
    assert_eq!(again.err(), Some(DeclinedKind::Reserved));
}

/// What stays as it is.
#[derive(Debug, Default, PartialEq)]
struct Shape {
    functions: usize,
    tables: usize,
    globals: usize,
    tags: usize,
    exports: Vec<(String, ExternalKind, Option<u32>)>,
    start: Option<u32>,
    elements: Vec<(usize, Vec<u32>)>,
    data: Vec<Vec<u8>>,
    bodies: usize,
}

impl Shape {
    fn read(wasm: &[u8]) -> Shape {
        let mut shape = Shape::default();
        for payload in Parser::new(0).parse_all(wasm) {
            shape.add(payload.expect("it is valid"));
        }
        shape
    }

    fn add(&mut self, payload: Payload<'_>) {
        match payload {
            Payload::FunctionSection(section) => self.functions = section.count() as usize,
            Payload::TableSection(section) => self.tables = section.count() as usize,
            Payload::GlobalSection(section) => self.globals = section.count() as usize,
            Payload::TagSection(section) => self.tags = section.count() as usize,
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::CodeSectionEntry(_) => self.bodies += 1,
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.expect("it is valid");
                    // A memory may have moved; its name may not.
                    let index = (export.kind != ExternalKind::Memory).then_some(export.index);
                    if export.name != KERNEL_MEMORY_EXPORT {
                        self.exports
                            .push((export.name.to_string(), export.kind, index));
                    }
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    let element = element.expect("it is valid");
                    self.elements.push(match element.items {
                        ElementItems::Functions(all) => {
                            let all: Vec<u32> =
                                all.into_iter().map(|index| index.expect("valid")).collect();
                            (all.len(), all)
                        }
                        ElementItems::Expressions(_, all) => (all.count() as usize, Vec::new()),
                    });
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    self.data.push(data.expect("it is valid").data.to_vec());
                }
            }
            _ => {}
        }
    }
}
