//! How a model is run.
//!
//! Must not know: the models. Invariant: with loom every order within the bound is tried; with shuttle as
//! many as are asked for.

/// Runs a model with up to three switches between threads that are not forced.
#[cfg(not(feature = "shuttle"))]
pub(crate) fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Runs a model in so many random orders as `EXTISM_TEST_SCHEDULES` says.
#[cfg(feature = "shuttle")]
pub(crate) fn explore(model: impl Fn() + Sync + Send + 'static) {
    let wanted = std::env::var("EXTISM_TEST_SCHEDULES").ok();
    let schedules = wanted.map_or(1_000, |wanted| wanted.parse().expect("a number"));
    shuttle::check_random(model, schedules);
}
