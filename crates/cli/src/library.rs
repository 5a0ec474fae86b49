//! The C library on this machine: where it is, what it is, whether what belongs to it fits.
//!
//! Must not know: plug-ins. Invariant: only `loaded` runs code of a library, and nothing outside of a
//! prefix the user named is written.

pub(crate) mod check;
pub(crate) mod files;
pub(crate) mod loaded;
pub(crate) mod search;
