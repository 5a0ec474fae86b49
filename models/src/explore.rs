//! How a model is run.
//!
//! Must not know: the models. Invariant: every order within the bound is tried.

/// Runs a model with up to three switches between threads that are not forced.
pub(crate) fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}
