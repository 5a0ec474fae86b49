//! How Rust values become the bytes that hosts and plug-ins exchange, and back: the traits, the encodings
//! and the derives that the `extism` crate and the Rust plug-in kit share.
//!
//! Must not know: Wasm, memory, engines. Invariant: decoding is total; bytes from outside give a value or an
//! [`Error`], never a panic.
//!
//! Plain types have one obvious form: text is UTF-8, numbers are little-endian, `Option` is empty bytes for
//! `None`. For structured types an encoding is chosen by a newtype around the value, to be taken apart by
//! pattern:
//!
//! ```
//! use extism_convert::{FromBytes, Json, ToBytes};
//!
//! #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
//! struct Report {
//!     count: u32,
//! }
//!
//! let bytes = Json(Report { count: 4 }).to_bytes()?;
//! assert_eq!(bytes, br#"{"count":4}"#);
//! let Json(report): Json<Report> = Json::from_bytes(&bytes)?;
//! assert_eq!(report, Report { count: 4 });
//! # Ok::<(), extism_convert::Error>(())
//! ```
//!
//! or once for all by the derives, see [`ToBytes`] and [`FromBytes`].
#![deny(unsafe_code)]

// The derives name this crate absolutely, in its own documentation and tests as well.
extern crate self as extism_convert;

mod base64;
mod encoding;
mod from_bytes;
mod memory_handle;
#[cfg(any(feature = "prost", feature = "protobuf"))]
mod protocol_buffers;
#[cfg(all(feature = "raw", target_endian = "little"))]
mod raw;
mod to_bytes;

/// What every conversion fails with.
pub use anyhow::Error;

pub use crate::base64::Base64;
pub use encoding::Json;
#[cfg(feature = "msgpack")]
pub use encoding::Msgpack;
pub use from_bytes::{FromBytes, FromBytesOwned};
pub use memory_handle::MemoryHandle;
#[cfg(feature = "prost")]
pub use protocol_buffers::Prost;
#[cfg(feature = "protobuf")]
pub use protocol_buffers::Protobuf;
#[cfg(all(feature = "raw", target_endian = "little"))]
pub use raw::Raw;
pub use to_bytes::ToBytes;

/// What [`encoding!`] needs wherever it is used.
#[doc(hidden)]
pub mod __private {
    pub use serde;
}
