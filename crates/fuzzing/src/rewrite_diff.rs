//! Generated plug-ins with the rewriting pass and without: nobody can tell the difference.
//!
//! Input: what a module is generated from.

use extism_runtime::{CompiledPlugin, Plugin, Rewriting, Status};

use crate::engine::{EXPORTS, generated, is_ours, unhurried};
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "rewrite_diff",
    about: "generated plug-ins with the rewriting pass and without",
    bytes_max: 4096,
    words: &[],
    smoke: 500,
    run,
};

fn run(input: &[u8]) {
    let Some(mut module) = generated(input) else {
        return;
    };
    // Every loop and every function counts down: that bounds the run, and the same way in both.
    if module.ensure_termination(2_000).is_err() {
        return;
    }
    let wasm = module.to_bytes();
    let [with, without] = [Rewriting::Auto, Rewriting::Off].map(|rewrite| {
        let compiled = CompiledPlugin::new(wasm.as_slice(), unhurried(rewrite));
        compiled
            .and_then(|compiled| Plugin::new(&compiled))
            .map_err(|error| error.status())
    });
    let (mut with, mut without) = match (with, without) {
        (Ok(with), Ok(without)) => (with, without),
        (with, without) => {
            let [with, without] = [with.err(), without.err()];
            return assert_eq!(with, without, "loading");
        }
    };
    for name in EXPORTS.iter().chain(&EXPORTS[..1]) {
        let ends = [&mut with, &mut without].map(|plugin| {
            let outcome = plugin.call(name, b"0123456789abcdef");
            assert!(!is_ours(outcome.status()), "{outcome:?}");
            (outcome.code, outcome.status(), plugin.output().to_vec())
        });
        let [one, other] = &ends;
        // How much stack a function takes is the compiler's affair, and the pass changes functions.
        let deep = [one.1, other.1].contains(&Status::TrapStack);
        if deep {
            return;
        }
        assert_eq!(one, other, "{name}");
    }
}
