//! The C library as C programs see it: compiled against the header, linked with the shared library,
//! run.
#![cfg(unix)]

mod drop_in;
mod generated;
mod header;
mod library;
#[cfg(feature = "inject-panic")]
mod panics;
mod programs;
mod prototype;
mod symbols;
