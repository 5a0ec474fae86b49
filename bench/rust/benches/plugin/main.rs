//! Micro-benchmarks of plug-ins through the crate `extism`: `cargo bench -p extism-bench --bench plugin
//! [filter]`.
//!
//! Must not know: how the runtime does it. Invariant: every answer is checked, beside the timed part where
//! checking would show.

mod builtin;
mod call;
mod failure;
mod load;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(50)
        .configure_from_args();
    load::all(&mut criterion);
    call::all(&mut criterion);
    builtin::all(&mut criterion);
    failure::all(&mut criterion);
    criterion.final_summary();
}
