//! What Extism is fuzzed with: the targets, the generators of their inputs, and what has to hold.
//!
//! A target is a function of bytes that panics where something is wrong. The same functions are run by
//! `cargo test` over the committed inputs and fixed seeds, by `cargo xtask fuzz` for as long as one
//! likes, and by libFuzzer, which looks for inputs that reach new code (the folder `fuzz`).
//!
//! Must not know: who runs a target. Invariant: a target is a pure function of its input; what it demands
//! is taken from the documents, never from the code under test.
#![deny(unsafe_code)]

mod input;
mod runner;
mod target;

pub mod manifest_json;
pub mod mock_network;
pub mod url_rules;

mod convert_values;
mod driver_protocol;
mod http_response;
mod kernel_alloc_model;
mod manifest_parse;
mod manifest_roundtrip;
mod path_policy;
mod redirect_chain;
mod request_head;
mod rewrite_validate;
mod url_policy;

#[cfg(feature = "engine")]
mod abi_sequence;
#[cfg(feature = "engine")]
#[allow(unsafe_code, reason = "it calls the C library as C does")]
mod capi_sequence;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod host_calls;
#[cfg(feature = "engine")]
mod plugin_load;
#[cfg(feature = "engine")]
mod rewrite_diff;
#[cfg(feature = "engine")]
mod sniff_load;

pub use input::{Fixture, fixtures};
pub use runner::{Effort, Outcome, run};
pub use target::{TARGETS, Target, execute, find};

// The model of the kernel's own tests: one model, two ways to drive it.
#[path = "../../kernel/tests/support/mod.rs"]
mod kernel_support;

// As above: the validator of the manifest's tests.
#[allow(unreachable_pub, reason = "written for the tests of another crate")]
#[path = "../../manifest/tests/support/schema.rs"]
mod schema;
