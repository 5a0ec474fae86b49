//! The manifest of a plug-in: which modules it is made of, and what it may do.
//!
//! This crate holds the types, a parser for JSON and TOML whose errors say which field is wrong and why, the
//! printed form, and (feature `json_schema`) the JSON schema. The fields are described in `docs/manifest.md`.
//!
//! It must not know Wasm, files or the network: whether a path exists, a hash matches or a host pattern makes
//! sense is for others to say. Invariant: no text, however hostile, makes the parser panic, recurse without
//! bound or use memory out of proportion to [`ParseOptions`].
//!
//! ```
//! use extism_manifest::{Manifest, ParseOptions, Wasm};
//!
//! let written = Manifest::new([Wasm::file("plugin.wasm")]).with_allowed_host("api.example.com");
//! let text = br#"{"wasm": [{"path": "plugin.wasm"}], "allowed_hosts": ["api.example.com"]}"#;
//! assert_eq!(Manifest::parse(text, &ParseOptions::default()), Ok(written));
//! ```
#![forbid(unsafe_code)]

mod embed;
mod error;
mod fields;
mod json;
mod manifest;
mod memory;
mod node;
mod parse;
mod place;
mod reader;
mod request;
#[cfg(feature = "json_schema")]
mod schema;
mod wasm;

pub use error::{ParseError, Position};
pub use manifest::Manifest;
pub use memory::MemoryOptions;
pub use parse::ParseOptions;
pub use request::HttpRequest;
pub use wasm::{Wasm, WasmMetadata};

/// The former name of [`MemoryOptions`].
#[deprecated(note = "renamed to `MemoryOptions`")]
pub type ManifestMemory = MemoryOptions;

/// The former name of [`Wasm`].
#[deprecated(note = "renamed to `Wasm`")]
pub type ManifestWasm = Wasm;
