//! Modules: compiled, put in order, linked.

pub(crate) mod compile;
pub(crate) mod link;
pub(crate) mod resolve;
