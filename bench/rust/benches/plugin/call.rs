//! Calls by name, of one function and of several in turn.
//!
//! Must not know: how a name is looked up. Invariant: the functions do nothing, so that the call is all.

use criterion::Criterion;
use extism::Plugin;

/// Functions that do nothing, and some that fail.
pub(super) const EXPORTS: &str = include_str!("../../wat/exports.wat");

const NAMES: [&str; 8] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
];

pub(super) fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("call");
    for count in [1, 2, 8] {
        let names = &NAMES[..count];
        let mut plugin = Plugin::new(EXPORTS, [], false).expect("the plug-in is valid");
        let mut next = 0;
        group.bench_function(format!("by {count} names in turn"), |bencher| {
            bencher.iter(|| {
                next = (next + 1) % names.len();
                plugin
                    .call::<(), ()>(names[next], ())
                    .expect("it does nothing")
            })
        });
    }
    let mut plugin = Plugin::new(EXPORTS, [], false).expect("the plug-in is valid");
    group.bench_function("function_exists", |bencher| {
        bencher.iter(|| assert!(plugin.function_exists("eighth")))
    });
    group.bench_function("with a host context", |bencher| {
        bencher.iter(|| {
            plugin
                .call_with_host_context::<(), (), u64>("first", (), 7)
                .expect("it does nothing")
        })
    });
}
