//! What runs on the host side when a plug-in calls an import.

pub(crate) mod builtin;
pub(crate) mod context;
pub(crate) mod function;
