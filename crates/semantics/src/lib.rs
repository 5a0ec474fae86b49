//! What loading, linking and calling a plug-in means: the rules that hold whatever engine runs it.
//!
//! The native runtime and the core of the browser SDK both ask here, so that neither has rules of its
//! own: limits and what counts against them, variables, log messages, names and hashes of modules,
//! which import is answered by what, in which order modules are made, and the texts of refusals.
//!
//! Must not know: an engine, files, sockets, time. Keeps: every refusal is a [`Fault`] with a status.
#![forbid(unsafe_code)]

pub mod bounds;
mod fault;
mod graph;
mod guest;
mod limits;
mod link;
mod log;
mod meter;
mod request;
mod source;
mod vars;

pub use fault::Fault;
pub use graph::order;
pub use guest::{Facilities, Guest, refusal_text};
pub use limits::{
    HTTP_RESPONSE_BYTES_DEFAULT, LimitNumber, Limits, VAR_OVERHEAD_BYTES, VARS_BYTES_DEFAULT,
    WASI_DESCRIPTORS_MAX,
};
pub use link::{Answer, Import, Links, answer, check_kind, overrides_kernel};
pub use log::{LEVEL_OFF, Level, Share, cut, one_line};
pub use meter::Meter;
pub use request::{check_http_request_size, count_http_request, parse_http_request};
pub use source::{
    MAIN, check_count, check_hash, check_size, hex, is_binary, is_module, names, parse_options,
};
pub use vars::Vars;
