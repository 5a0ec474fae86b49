//! Micro-benchmarks of the parts without an engine: `cargo bench -p extism-bench --bench parts [filter]`.
//!
//! Must not know: how the parts are put together. Invariant: linked without the engine, so that a change of
//! one part is measured again within seconds.

mod kernel;
mod manifest;
mod policy;
mod rewrite;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(50)
        .configure_from_args();
    kernel::all(&mut criterion);
    rewrite::all(&mut criterion);
    manifest::all(&mut criterion);
    policy::all(&mut criterion);
    criterion.final_summary();
}
