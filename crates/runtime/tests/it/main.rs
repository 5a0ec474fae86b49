//! The runtime through its public surface.

mod allocations;
mod builtins;
mod calls;
mod counted;
mod documents;
mod hostile;
mod kernel;
mod limits;
mod linking;
mod loading;
mod pieces;
mod published;
mod sharing;
mod slots;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod stepper;
mod stopping;
mod support;
mod together;
mod wasi;
