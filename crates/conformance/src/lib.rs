//! The lines that the runner and a driver exchange, for the runner and for those who fuzz it.
//!
//! Must not know: cases, drivers. Invariant: a line is read completely or refused, whatever it is.
#![forbid(unsafe_code)]

pub mod hex;
pub mod reply;
pub mod word;
