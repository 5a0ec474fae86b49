//! What the bindings of languages to the runtime have in common: the C library, the Rust SDK, and the native
//! parts of the packages for the Erlang virtual machine and for Node.
//!
//! Must not know: a language. Invariant: nothing here decides what a plug-in may do.
#![forbid(unsafe_code)]

mod borrow;
mod cell;
mod log;

pub use borrow::{borrow, borrow_while};
pub use cell::{Cell, Entry, Holder, Taken};
pub use log::{filter, install, set_file};
