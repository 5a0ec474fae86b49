//! Extism for C: every function of `include/extism.h`, one file per noun.
//!
//! Must not know: policy, limits, parsing; all of that is the runtime's. A function here turns
//! pointers into references, does one thing with the runtime, and turns the result into what its C
//! caller was promised.
//!
//! Invariants: the body of an exported function is one `boundary!`, so no panic crosses into C;
//! every object C holds is an `Object`, made and freed in one place; a callback runs on the thread
//! that called, and a release callback runs once. include/extism.h is the contract of each
//! function, docs/abi.md the rules they share.
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract of each function stands in include/extism.h, for those who call it"
)]
#![allow(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "every exported function is unsafe to call from Rust; C has no such word"
)]
#![deny(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

#[macro_use]
mod ffi;

pub mod buffer;
pub mod cancel;
pub mod compiled;
pub mod context;
pub mod current;
mod entry;
pub mod error;
pub mod function;
mod gate;
#[cfg(feature = "inject-panic")]
pub mod inject;
pub mod inspect;
pub mod limits;
pub mod log;
pub mod options;
pub mod plugin;
pub mod pool;
pub mod published;
pub mod sink;
mod sized;
mod source;
pub mod stats;
pub mod status;
mod userdata;
pub mod vars;
pub mod version;
