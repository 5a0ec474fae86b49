//! What every test needs: plug-ins from text, and short ways to say what is expected.

use extism_runtime::{CompiledPlugin, Options, Plugin, Rewriting, Status};

/// Options for both ways a plug-in can run; every behaviour has to be the same.
pub(crate) fn both_ways() -> [Options; 2] {
    [Rewriting::Auto, Rewriting::Off].map(|rewrite| Options {
        rewrite,
        wasi: true,
        ..Options::default()
    })
}

/// Runs `check` with a plug-in made from `source`, with the rewriting pass and without.
pub(crate) fn each_way(source: &str, check: impl Fn(&mut Plugin)) {
    for options in both_ways() {
        check(&mut plugin(source, options));
    }
}

pub(crate) fn plugin(source: &str, options: Options) -> Plugin {
    Plugin::load(source, options).unwrap()
}

/// The error of a source that cannot be loaded.
pub(crate) fn load_error(source: &str, options: Options) -> (Status, String) {
    let made = CompiledPlugin::new(source, options).and_then(|compiled| Plugin::new(&compiled));
    let error = made.err().expect("must not load");
    (error.status(), error.root_cause())
}

/// Code, status and text of a call.
pub(crate) fn call(plugin: &mut Plugin, name: &str, input: &[u8]) -> (i32, Status, String) {
    let outcome = plugin.call(name, input);
    let text = outcome
        .error
        .as_ref()
        .map_or(String::new(), |error| error.report());
    (outcome.code, outcome.status(), text)
}
