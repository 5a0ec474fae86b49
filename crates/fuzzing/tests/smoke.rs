//! Every target over its committed inputs and over inputs made from a fixed seed.
//!
//! Invariant: the number of executions is the one written down at the target; a run that does less fails.

use std::sync::{PoisonError, RwLock};

use extism_fuzzing::{Effort, find, run};

/// The seed of the smoke runs. Other seeds are for `cargo xtask fuzz`.
const SEED: u64 = 1;

/// One target counts what is alive in the process, so it runs alone; where each test is a process nothing
/// waits.
static ALONE: RwLock<()> = RwLock::new(());

fn smoke(name: &str) {
    let alone =
        (name == "capi_sequence").then(|| ALONE.write().unwrap_or_else(PoisonError::into_inner));
    let among_others = alone
        .is_none()
        .then(|| ALONE.read().unwrap_or_else(PoisonError::into_inner));
    let target = find(name).unwrap_or_else(|| panic!("no target {name}"));
    let effort = Effort {
        seed: SEED,
        executions: target.smoke,
        time: None,
    };
    let outcome = run(target, effort).expect("the committed inputs can be read");
    assert_eq!(outcome.executions, target.smoke + outcome.fixtures);
    assert!(outcome.fixtures > 0, "{name} has no committed input");
    println!(
        "{name}: {} executions in {:.1?}",
        outcome.executions, outcome.time
    );
    drop((alone, among_others));
}

macro_rules! smoke {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            smoke(stringify!($name));
        })*

        #[test]
        fn every_target_is_run() {
            let names = [$(stringify!($name)),*];
            for target in extism_fuzzing::TARGETS {
                assert!(names.contains(&target.name), "{} is not run", target.name);
            }
        }
    };
}

smoke!(
    manifest_parse,
    manifest_roundtrip,
    sniff_load,
    plugin_load,
    kernel_alloc_model,
    abi_sequence,
    rewrite_validate,
    rewrite_diff,
    host_calls,
    capi_sequence,
    url_policy,
    redirect_chain,
    path_policy,
    http_response,
    driver_protocol,
    request_head,
    convert_values,
);
