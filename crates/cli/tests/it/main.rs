//! The program as its users meet it: arguments in, bytes and exit codes out.
//!
//! Must not know: how the program is built. Invariant: no network but loopback, no file outside of a
//! folder of the test.

mod access;
mod call;
mod commands;
mod failures;
mod forged;
#[cfg(unix)]
mod interrupt;
mod json;
mod library;
mod limits;
mod project;
mod server;
mod support;
mod written;
