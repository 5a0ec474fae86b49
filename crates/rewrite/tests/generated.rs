//! Modules nobody wrote: generated from fixed seeds, rewritten, validated, and run with the pass off and on.

mod support;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use extism_abi::import::{Import, KERNEL, LEGACY_ONLY, Ty};
use extism_rewrite::{DeclinedKind, KernelMemory};
use support::kernel::Accesses;
use support::program::{Proposals, program};
use support::random::Random;
use support::survey::{INLINED, Survey};
use support::{DEFINE, MODES, Run, compared, pass, wat};
use wasm_smith::{Config, Module};
use wasmi::{ExternType, Val, ValType};

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
    let mut survey = Survey::default();
    for seed in 0..3000 {
        config.min_uleb_size = 1 + (seed % 4) as u8;
        config.export_everything = seed % 3 == 0;
        let Some(module) = generated(&config, seed) else {
            continue;
        };
        let wasm = module.to_bytes();
        survey.add(&wasm);
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
    assert_eq!(inlined, survey.count("live") + survey.count("dead"));
    survey.demand(&INLINED.map(|name| (name, 1)));
    survey.demand(&[
        ("live", 1000),
        ("dead", 3000),
        ("tail", 200),
        ("in a loop", 300),
        ("in try_table", 300),
        ("in a block of several values", 30),
        ("in a function of several results", 100),
        ("beside collected types", 500),
        ("exported", 1000),
        ("element", 5),
        ("ref.func", 500),
    ]);
    assert!(
        inlined > 1000 && unneeded < 2900,
        "{inlined} calls, {unneeded} modules without any"
    );
}

/// From how many seeds modules are generated and run: a campaign asks for more than a test has time for.
fn seeds() -> u64 {
    let more = std::env::var("EXTISM_TEST_SEEDS").ok();
    more.map_or(10_000, |more| more.parse().expect("a number of seeds"))
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

/// Whatever a generated module does, it does the same. What it does is mostly dull: the programs below
/// are not.
#[test]
fn generated_modules_run_the_same() {
    let config = runnable();
    let (mut modules, mut calls, mut instructions, mut lost) = (0, 0, 0, 0);
    let seeds = seeds();
    'seeds: for seed in 0..seeds {
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
        let mut random = Random::new(seed);
        for name in functions(&off) {
            for fill in [|_: &mut Random| 0, edge] {
                let arguments = arguments(&off, &name, || fill(&mut random));
                // There are modules the interpreter itself cannot compile, as they were generated.
                let call = AssertUnwindSafe(|| off.call(&name, &arguments));
                let Ok(result) = catch_unwind(call) else {
                    lost += 1;
                    continue 'seeds;
                };
                calls += 1;
                for other in &mut others {
                    let same = other.call(&name, &arguments);
                    assert_eq!(same, result, "seed {seed}, {name} {arguments:?}");
                }
            }
        }
        for other in &mut others {
            let asked = std::mem::take(&mut other.store.data_mut().other_calls);
            assert_eq!(asked, off.store.data().other_calls, "seed {seed}");
            assert!(other.kernel_bytes() == off.kernel_bytes(), "seed {seed}");
        }
        instructions += off.store.data().access_calls() - others[0].store.data().access_calls();
    }
    assert!(lost * 1000 <= modules, "{lost} of {modules} were lost");
    assert!(
        modules * 10 > seeds * 9 && calls > seeds * 40 && instructions > seeds as usize * 20,
        "{modules} modules, {calls} calls, {instructions} accesses that were no calls"
    );
}

/// An address near the end of something.
fn edge(random: &mut Random) -> u64 {
    let ends = [64, 100, 164, 131_072, 196_608, 1 << 32];
    (ends[random.below(ends.len())] + random.below(18) as u64).wrapping_sub(9)
}

/// The names of all exported functions.
fn functions(run: &Run) -> Vec<String> {
    let exports = run.instance.exports(&run.store);
    let functions = exports.filter(|export| matches!(export.ty(&run.store), ExternType::Func(_)));
    functions.map(|export| export.name().to_string()).collect()
}

fn arguments(run: &Run, name: &str, mut number: impl FnMut() -> u64) -> Vec<Val> {
    let function = run.instance.get_func(&run.store, name).expect("listed");
    let ty = function.ty(&run.store);
    let values = ty.params().iter().map(|ty| match ty {
        ValType::I32 => Val::I32(number() as i32),
        ValType::I64 => Val::I64(number() as i64),
        other => Val::default_for_ty(*other),
    });
    values.collect()
}

/// Programs that reach every access, inside and outside of its bounds, in loops and behind branches.
#[test]
fn programs_of_accesses_run_the_same() {
    let (mut accesses, mut left) = (Accesses::new(), Accesses::new());
    let (mut survey, mut answers) = (Survey::default(), BTreeSet::new());
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let wasm = wat(&program(&mut random, Proposals::Interpreter));
        survey.add(&wasm);
        let arguments: Vec<i64> = (0..4).map(|_| random.next() as i64).collect();
        let lengths: Vec<u64> = (0..3)
            .map(|_| [0, 1, 7, 8, 9, 1000][random.below(6)])
            .collect();
        let script = |run: &mut Run| {
            let mut results = Vec::new();
            for length in &lengths {
                run.input(if *length == 0 { 0 } else { 64 + length % 5 }, *length);
                let each = arguments.iter().map(|argument| [Val::I64(*argument)]);
                results.extend(each.map(|arguments| run.call("run", &arguments)));
            }
            results
        };
        let (results, instructions, calls) = compared(&wasm, script);
        assert!(
            results.iter().all(|result| !result.starts_with("trap")),
            "no access traps"
        );
        answers.extend(results);
        for (sum, counts) in [(&mut accesses, instructions), (&mut left, calls)] {
            for (access, count) in counts {
                *sum.entry(access).or_default() += count;
            }
        }
    }
    for name in INLINED {
        for inside in [true, false] {
            let count = accesses.get(&(name, inside)).copied().unwrap_or(0);
            let always_inside = ["input_length", "input_offset"].contains(&name);
            assert!(
                count >= 10_000 || (always_inside && !inside),
                "{name} {inside}: {count}"
            );
        }
    }
    assert!(answers.len() > 3000, "{} answers differ", answers.len());
    assert!(
        left.keys().all(|(name, _)| name.ends_with("load_u64")),
        "{left:?}"
    );
    assert!(left.values().sum::<usize>() > 5000, "by address: {left:?}");
    survey.demand(&INLINED.map(|name| (name, 1000)));
    survey.demand(&[
        ("dead", 500),
        ("tail", 3000),
        ("in a loop", 5000),
        ("in a block of several values", 500),
        ("in a function of several results", 10_000),
        ("element", 600),
    ]);
}

/// The same with exceptions and collected types around them, which no interpreter at hand runs: the
/// calls are all replaced, and what comes out is valid.
#[test]
fn programs_with_exceptions_and_collected_types_stay_valid() {
    let mut survey = Survey::default();
    for seed in 0..300 {
        let wasm = wat(&program(&mut Random::new(seed), Proposals::All));
        let calls = |survey: &Survey| survey.count("live") + survey.count("dead");
        let before = calls(&survey);
        survey.add(&wasm);
        for mode in [DEFINE, KernelMemory::Import] {
            let rewritten = pass(&wasm, mode).unwrap_or_else(|declined| panic!("{declined}"));
            assert_eq!(
                rewritten.inlined_calls,
                calls(&survey) - before,
                "seed {seed}"
            );
            let mut after = Survey::default();
            after.add(&rewritten.wasm);
            assert_eq!(calls(&after), 0, "seed {seed}");
            assert_eq!(after.count("element"), 2, "seed {seed}");
        }
    }
    survey.demand(&INLINED.map(|name| (name, 500)));
    survey.demand(&[("in try_table", 500), ("beside collected types", 10_000)]);
}
