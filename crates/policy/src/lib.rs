//! What a plug-in may reach: which hosts, which addresses, which redirects, which headers, which
//! folders.
//!
//! Must not know: sockets, files, time, wasmtime. Everything here is a pure function of its arguments,
//! so that the native runtime and the browser SDK decide alike; the crate compiles to Wasm.
//!
//! Keeps: nothing is allowed unless a rule of the host says so, and a decision is always taken on the
//! parsed [`url::Url`], the very value a request is then built from. The rules are written down in
//! `docs/http-policy.md`.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod address;
mod denied;
mod glob;
mod header;
mod host;
pub mod page;
mod path;
mod pattern;
mod redirect;

pub use address::{Grant, address_allowed, is_public};
pub use denied::{Denied, display_url};
pub use header::{InvalidRequest, check_headers, check_method};
pub use host::HostPolicy;
#[cfg(not(feature = "url"))]
pub use page as url;
pub use path::{Access, PathRule, PathRuleError, path_rules};
pub use redirect::{Follow, REDIRECTS_MAX, follow, is_same_origin, redirected_headers};
#[cfg(feature = "url")]
pub use url;
