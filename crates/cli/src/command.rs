//! The commands, one a file.
//!
//! Must not know: each other. Invariant: a command answers with an exit code or a failure, and exits
//! nowhere itself.

pub(crate) mod bench;
pub(crate) mod call;
pub(crate) mod compile;
pub(crate) mod completion;
pub(crate) mod generate;
pub(crate) mod inspect;
pub(crate) mod lib;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod schema;
