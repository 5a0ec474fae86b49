//! Modules: compiled, put in order, linked.

pub(crate) mod compile;
pub(crate) mod graph;
pub(crate) mod link;
