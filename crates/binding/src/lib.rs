//! What the bindings of languages to the runtime have in common: the C library, the Rust SDK, and the native
//! parts of the packages for the Erlang virtual machine and for Node.
//!
//! Must not know: a language. Invariant: nothing here decides what a plug-in may do.
#![forbid(unsafe_code)]

mod alarm;
mod borrow;
mod cell;
mod crowd;
mod lender;
mod limits;
mod log;
mod sync;

pub use borrow::borrow;
pub use cell::{Cell, Entry, Holder, Taken};
pub use crowd::Crowd;
pub use lender::{Lender, Place, Ticket};
pub use limits::{IDLE_SECONDS_MAX, THREADS_MAX, WORKING_MAX};
pub use log::{filter, install, set_file};
