//! The runtime through its public surface.

mod allocations;
mod builtins;
mod calls;
mod hostile;
mod kernel;
mod linking;
mod limits;
mod loading;
mod published;
mod sharing;
mod stopping;
mod support;
mod wasi;
