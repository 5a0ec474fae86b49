//! One HTTP exchange of a plug-in: policy, redirects, deadline, cancelling and size limits in one place.
//!
//! Must not know: wasmtime, manifests, kernel memory; what may be reached is `extism-policy`'s to say.
//!
//! Keeps: a URL is parsed once, and the connection goes to an address that was checked under the grant
//! the policy gave for that very URL, at every redirect anew. No wait is longer than a slice before the
//! deadline and the caller's wish to stop are looked at. No environment variable is read.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod body;
mod client;
mod connection;
mod dial;
mod error;
mod exchange;
mod helper;
mod hop;
mod network;
mod request;
mod watch;

pub use client::Client;
pub use error::HttpError;
pub use extism_policy::HostPolicy;
pub use network::{Network, SystemNetwork};
pub use request::{Request, Response, Rules};
