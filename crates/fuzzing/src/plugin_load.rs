//! Generated modules, half of them damaged, loaded and called within tight limits.
//!
//! Input: two bytes that say where and how to damage, then what a module is generated from.

use std::time::{Duration, Instant};

use extism_runtime::{CompiledPlugin, Plugin, Rewriting};
use wasmparser::{Validator, WasmFeatures};

use crate::engine::{EXPORTS, bounded, bystander_answers, generated, is_ours};
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "plugin_load",
    about: "generated and damaged modules, loaded and called within tight limits",
    bytes_max: 4096,
    words: &[],
    smoke: 500,
    run,
};

/// Beyond the limit of a call: for a machine that has other things to do. A run-away call takes for ever.
const SLACK: Duration = Duration::from_secs(5);

fn run(input: &[u8]) {
    let [place, change, rest @ ..] = input else {
        return;
    };
    let Some(module) = generated(rest) else {
        return;
    };
    let mut wasm = module.to_bytes();
    if change % 2 == 1 {
        let at = wasm.len() * usize::from(*place) / 256;
        wasm[at] ^= change;
    }
    let options = bounded(if change % 4 < 2 {
        Rewriting::Auto
    } else {
        Rewriting::Off
    });
    let call_time = options.limits.call_time_max.unwrap_or_default();
    let within =
        |started: Instant| assert!(started.elapsed() < call_time + SLACK, "it takes too long");
    let compiled = match CompiledPlugin::new(wasm.as_slice(), options) {
        Ok(compiled) => compiled,
        Err(error) => return assert!(!is_ours(error.status()), "{}", error.report()),
    };
    let valid = Validator::new_with_features(WasmFeatures::all()).validate_all(&wasm);
    let invalid = valid.err();
    assert!(
        invalid.is_none(),
        "an invalid module was loaded: {invalid:?}"
    );
    let started = Instant::now();
    let made = Plugin::new(&compiled);
    within(started);
    match made {
        Ok(mut plugin) => {
            for name in EXPORTS {
                let started = Instant::now();
                let outcome = plugin.call(name, b"input");
                within(started);
                assert!(!is_ours(outcome.status()), "{outcome:?}");
                assert!(plugin.output().len() as u64 <= 4 << 20);
            }
        }
        Err(error) => assert!(!is_ours(error.status()), "{}", error.report()),
    }
    bystander_answers();
}
