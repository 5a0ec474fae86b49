//! A call from the host into a plug-in: its deadline, its start, what became of it.

mod backtrace;
pub(crate) mod cancel;
mod clock;
pub(crate) mod depth;
pub(crate) mod dump;
pub(crate) mod export;
pub(crate) mod outcome;
mod stack;
pub(crate) mod start;
pub(crate) mod token;
pub(crate) mod watchdog;

use wasmtime::Engine;
