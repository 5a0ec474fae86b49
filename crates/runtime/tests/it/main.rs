//! The runtime through its public surface.

mod allocations;
mod builtins;
mod calls;
mod documents;
mod hostile;
mod kernel;
mod limits;
mod linking;
mod loading;
mod published;
mod sharing;
mod slots;
mod stopping;
mod support;
mod together;
mod wasi;
