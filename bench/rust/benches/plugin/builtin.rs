//! What the builtins cost a guest: variables, configuration, log messages nobody wants.
//!
//! Must not know: how they are stored. Invariant: the loop is in the guest, so that a call of the plug-in
//! does not count; the guest checks what it gets. `blocks` is what each other one does beside its builtin.

use std::time::{Duration, Instant};

use criterion::Criterion;
use extism::{Level, Manifest, Plugin, PluginBuilder, Wasm};

const BUILTINS: &str = include_str!("../../wat/builtins.wat");

pub(super) fn all(criterion: &mut Criterion) {
    let manifest = Manifest::new([Wasm::data(BUILTINS)]).with_config_key("language", "language");
    let builder = PluginBuilder::new(manifest);
    // Warnings are wanted, so the level is asked for, and the message refused by it.
    let builder = builder.with_log_sink(Level::Warn, |record| {
        panic!("it was not to be delivered: {record:?}");
    });
    let mut plugin = builder.build().expect("the plug-in is valid");
    let mut group = criterion.benchmark_group("builtin");
    for name in [
        "blocks",
        "var_set",
        "var_get",
        "config_get",
        "log_info",
        "get_log_level",
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| time(&mut plugin, name, times))
        });
        // With a filter the variable may not be set when it is asked for.
        time(&mut plugin, "var_set", 1);
    }
    assert_eq!(plugin.vars()["language"], b"language");
}

fn time(plugin: &mut Plugin, name: &str, times: u64) -> Duration {
    let start = Instant::now();
    plugin
        .call::<u64, ()>(name, times)
        .expect("the guest gets the right answers");
    start.elapsed()
}
