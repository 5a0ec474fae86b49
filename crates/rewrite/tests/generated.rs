//! Modules nobody wrote: generated from fixed seeds, rewritten, validated, and run with the pass off and on.

mod support;

use extism_abi::import::{Import, KERNEL, LEGACY_ONLY, Ty};
use extism_rewrite::{DeclinedKind, KernelMemory};
use support::random::Random;
use support::{DEFINE, MODES, Run, pass, same_in_all_modes, wat};
use wasm_smith::{Config, Module};
use wasmi::{ExternType, Val};

/// A module that imports all kernel functions of both eras: generated ones take theirs from it.
fn imports() -> Vec<u8> {
    let signature = |import: &Import| {
        let types = |types: &[Ty]| -> String {
            types
                .iter()
                .map(|ty| if *ty == Ty::I32 { " i32" } else { " i64" })
                .collect()
        };
        format!(
            "(func (param{}) (result{}))",
            types(import.params),
            types(import.results)
        )
    };
    let new = KERNEL.iter().map(|import| {
        format!(
            r#"(import "extism:host/env" "{}" {})"#,
            import.name,
            signature(import)
        )
    });
    let both = KERNEL.iter().chain(LEGACY_ONLY);
    let old = both.map(|import| {
        format!(
            r#"(import "env" "extism_{}" {})"#,
            import.name,
            signature(import)
        )
    });
    wat(&format!("(module {})", new.chain(old).collect::<String>()))
}

fn generated(config: &Config, seed: u64) -> Option<Module> {
    let bytes = Random::new(seed).bytes(3000);
    Module::new(config.clone(), &mut arbitrary::Unstructured::new(&bytes)).ok()
}

/// All that is finished, in all combinations a generator comes upon.
#[test]
fn generated_modules_stay_valid() {
    let mut config = Config {
        available_imports: Some(imports()),
        max_memories: 4,
        max_tables: 4,
        min_funcs: 2,
        generate_custom_sections: true,
        custom_page_sizes_enabled: true,
        wide_arithmetic_enabled: true,
        ..Config::default()
    };
    let (mut inlined, mut moved, mut unneeded) = (0, 0, 0);
    for seed in 0..3000 {
        config.min_uleb_size = 1 + (seed % 4) as u8;
        config.export_everything = seed % 3 == 0;
        let Some(module) = generated(&config, seed) else {
            continue;
        };
        let wasm = module.to_bytes();
        let rewritten =
            pass(&wasm, DEFINE).unwrap_or_else(|declined| panic!("seed {seed}: {declined}"));
        inlined += rewritten.inlined_calls;
        match pass(&wasm, KernelMemory::Import) {
            Ok(rewritten) => moved += rewritten.inlined_calls,
            Err(declined) => {
                assert_eq!(
                    declined.kind,
                    DeclinedKind::Unneeded,
                    "seed {seed}: {declined}"
                );
                assert_eq!(rewritten.inlined_calls, 0);
                unneeded += 1;
            }
        }
    }
    assert_eq!(inlined, moved);
    assert!(
        inlined > 1000 && unneeded < 2900,
        "{inlined} calls, {unneeded} modules without any"
    );
}

/// What both the generator and the interpreter know.
fn runnable() -> Config {
    Config {
        available_imports: Some(imports()),
        max_memories: 3,
        max_memory32_bytes: 1 << 20,
        max_memory64_bytes: 1 << 20,
        max_table_elements: 1000,
        min_funcs: 2,
        export_everything: true,
        gc_enabled: false,
        exceptions_enabled: false,
        threads_enabled: false,
        simd_enabled: false,
        relaxed_simd_enabled: false,
        ..Config::default()
    }
}

#[test]
fn generated_modules_run_the_same() {
    let config = runnable();
    let (mut modules, mut calls) = (0, 0);
    for seed in 0..1500 {
        let Some(mut module) = generated(&config, seed) else {
            continue;
        };
        module
            .ensure_termination(1000)
            .expect("no invalid functions");
        let wasm = module.to_bytes();
        let runs = MODES.map(|mode| Run::new(&wasm, mode));
        let [Ok(mut off), Ok(define), Ok(import)] = runs else {
            let [off, define, import] = runs.map(|run| run.map(drop));
            assert_eq!(off, define, "seed {seed}");
            assert_eq!(off, import, "seed {seed}");
            continue;
        };
        modules += 1;
        let mut others = [define, import];
        let functions: Vec<String> = off
            .instance
            .exports(&off.store)
            .filter(|export| matches!(export.ty(&off.store), ExternType::Func(_)))
            .map(|export| export.name().to_string())
            .collect();
        for name in functions {
            let ty = off
                .instance
                .get_func(&off.store, &name)
                .expect("listed")
                .ty(&off.store);
            let arguments: Vec<Val> = ty
                .params()
                .iter()
                .map(|ty| Val::default_for_ty(*ty))
                .collect();
            let result = off.call(&name, &arguments);
            calls += 1;
            for other in &mut others {
                assert_eq!(other.call(&name, &arguments), result, "seed {seed}, {name}");
            }
        }
        for other in &mut others {
            let asked = std::mem::take(&mut other.store.data_mut().other_calls);
            assert_eq!(asked, off.store.data().other_calls, "seed {seed}");
            assert!(other.kernel_bytes() == off.kernel_bytes(), "seed {seed}");
        }
    }
    assert!(
        modules > 500 && calls > 2000,
        "{modules} modules, {calls} calls"
    );
}

/// Straight programs of kernel calls whose addresses lie mostly where it matters, each fed by the
/// ones before it.
#[test]
fn programs_of_accesses_run_the_same() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let wasm = wat(&program(&mut random));
        let arguments: Vec<i64> = (0..20).map(|_| random.next() as i64).collect();
        let lengths: Vec<u64> = (0..3)
            .map(|_| [0, 1, 7, 8, 9, 1000][random.below(6)])
            .collect();
        let results = same_in_all_modes(&wasm, |run| {
            let mut results = Vec::new();
            for length in &lengths {
                run.input(if *length == 0 { 0 } else { 64 + length % 5 }, *length);
                results.extend(
                    arguments
                        .iter()
                        .map(|argument| run.call("run", &[Val::I64(*argument)])),
                );
            }
            results
        });
        assert!(
            results.iter().all(|result| !result.starts_with("trap")),
            "no access traps"
        );
    }
}

/// A function of one i64 that mixes all it reads into its result.
fn program(random: &mut Random) -> String {
    let (host, prefix) = [("extism:host/env", ""), ("env", "extism_")][random.below(2)];
    let names = [
        ("load_u8", "(param i64) (result i32)"),
        ("load_u64", "(param i64) (result i64)"),
        ("store_u8", "(param i64 i32)"),
        ("store_u64", "(param i64 i64)"),
        ("input_load_u8", "(param i64) (result i32)"),
        ("input_load_u64", "(param i64) (result i64)"),
        ("input_length", "(result i64)"),
        ("input_offset", "(result i64)"),
        ("alloc", "(param i64) (result i64)"),
    ];
    let imports = names
        .map(|(name, ty)| format!("(import \"{host}\" \"{prefix}{name}\" (func ${name} {ty}))"));
    let mut body = String::new();
    for _ in 0..60 {
        let address = match random.below(6) {
            0 => format!(
                "(i64.const {})",
                [0, 56, 57, 63, 64, 65, 131_064, 131_065, 131_071, 131_072][random.below(10)]
            ),
            1 => format!(
                "(i64.and (local.get $x) (i64.const {}))",
                (1u64 << (3 + random.below(20))) - 1
            ),
            2 => format!(
                "(i64.sub (i64.const 131072) (i64.and (local.get $x) (i64.const {})))",
                random.below(20)
            ),
            3 => format!(
                "(i64.or (i64.const {}) (i64.and (local.get $x) (i64.const 255)))",
                1u64 << (31 + random.below(32))
            ),
            4 => "(i64.add (call $input_offset) (call $input_length))".to_string(),
            _ => "(local.get $x)".to_string(),
        };
        let value = match random.below(9) {
            0 => format!("(i64.extend_i32_u (call $load_u8 {address}))"),
            1 | 2 => format!("(call $load_u64 {address})"),
            3 => format!("(call $store_u8 {address} (i32.wrap_i64 (local.get $x))) (i64.const 3)"),
            4 => {
                format!("(call $store_u64 {address} (call $load_u64 (local.get $y))) (i64.const 5)")
            }
            5 => format!("(i64.extend_i32_u (call $input_load_u8 {address}))"),
            6 | 7 => format!("(call $input_load_u64 {address})"),
            _ => "(call $alloc (i64.and (local.get $x) (i64.const 131071)))".to_string(),
        };
        body += &format!(
            "(local.set $y {address}) {value} (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 31))))\n",
        );
    }
    format!(
        "(module {} (memory 1) (func (export \"run\") (param $x i64) (result i64) (local $y i64) {body} (local.get $x)))",
        imports.concat(),
    )
}
