//! Write Extism plug-ins in Rust.
//!
//! A plug-in is a library compiled to Wasm whose public functions a host calls with bytes and gets bytes
//! back. [`plugin_fn`] exports such a function; everything else here is what a plug-in can ask of its host.
//!
//! ```
//! use extism_pdk::*;
//!
//! #[plugin_fn]
//! pub fn greet(name: String) -> FnResult<String> {
//!     let greeting = config::get("greeting")?.unwrap_or_else(|| "Hello".into());
//!     let greeted = var::get("greeted")?.unwrap_or(0) + 1;
//!     var::set("greeted", greeted)?;
//!     info!("greeting number {greeted}");
//!     Ok(format!("{greeting}, {name}!"))
//! }
//!
//! // On the machine that develops the plug-in its functions run against a host inside the test.
//! testing::set_config("greeting", "Welcome");
//! assert_eq!(testing::call(greet, "Ada"), Ok(b"Welcome, Ada!".to_vec()));
//! ```
//!
//! Must not know: any host. Invariant: what the host answers is checked, an allocation that failed is an
//! error and not a write to nowhere.

#[cfg(target_arch = "wasm32")]
pub use std::arch::wasm32::v128;

#[doc(hidden)]
pub mod __private;
mod bulk;
pub mod config;
pub mod extism;
#[cfg(feature = "http")]
pub mod http;
mod log;
pub mod memory;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod to_memory;
pub mod var;

pub use anyhow::Error;
pub use extism_convert::*;
pub use extism_pdk_macros::{host_fn, plugin_fn, shared_fn};
#[cfg(feature = "http")]
pub use http::{HttpRequest, HttpResponse};
pub use log::LogLevel;
pub use memory::{ManagedMemory, Memory, MemoryPointer};
pub use serde_json as json;
pub use to_memory::{Base64, ToMemory, WithReturnCode};

/// What a [`plugin_fn`] returns. Any error becomes one with the return code −1, see [`WithReturnCode`].
pub type FnResult<T> = Result<T, WithReturnCode<Error>>;

/// What a [`shared_fn`] returns.
pub type SharedFnResult<T> = Result<T, Error>;

/// The bytes the host called with.
pub fn input_bytes() -> Vec<u8> {
    memory::internal::input().to_vec()
}

/// The value the host called with.
///
/// # Errors
///
/// The bytes are no value of this type.
pub fn input<T: for<'a> FromBytes<'a>>() -> Result<T, Error> {
    decode(input_bytes())
}

/// The value that bytes stand for which nobody else needs.
fn decode<T: for<'a> FromBytes<'a>>(bytes: Vec<u8>) -> Result<T, Error> {
    T::adopt(bytes).unwrap_or_else(|bytes| T::from_bytes(&bytes))
}

/// Gives the host a value as the output of this call. The last one counts.
///
/// # Errors
///
/// The value cannot be encoded, or there is no memory left for it.
pub fn output<T: ToMemory>(value: T) -> Result<(), Error> {
    value.to_memory()?.set_output();
    Ok(())
}
