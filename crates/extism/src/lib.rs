//! Make your software programmable: load plug-ins compiled to WebAssembly, and call them with bytes
//! or typed values.
//!
//! ```
//! use extism::{Manifest, Plugin, Wasm, convert::Json};
//!
//! #[derive(serde::Deserialize, Debug, PartialEq)]
//! struct Report {
//!     count: u32,
//! }
//!
//! # let count_vowels = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/plugins/count_vowels.wasm");
//! let manifest = Manifest::new([Wasm::file(count_vowels)]).with_config_key("vowels", "aeiouy");
//! let mut plugin = Plugin::new(&manifest, [], false)?;
//! let text: &str = plugin.call("count_vowels", "hello, yellow world")?;
//! assert!(text.starts_with(r#"{"count":6,"#));
//! let Json(report): Json<Report> = plugin.call("count_vowels", "hello")?;
//! assert_eq!(report, Report { count: 2 });
//! # Ok::<(), extism::Error>(())
//! ```
//!
//! A [`PluginBuilder`] offers every choice a host has: host functions ([`Function`], [`host_fn!`]),
//! [`Limits`], fuel, WASI, logs. A [`CompiledPlugin`] is compiled once for any number of instances,
//! a [`Pool`] shares them among threads, a [`Context`] keeps them under numbers. Errors are
//! [`anyhow`] errors that know their [`Status`] ([`ErrorExt`]).
//!
//! A program written for version 1.41 of this crate compiles and behaves the same; docs/compat.md
//! lists what differs.
//!
//! Must not know: engines, C types, HTTP; those are the runtime's. Invariant: no method can reach a
//! plug-in's memory but through checked ranges, and none panics on what a guest or a manifest says.
#![forbid(unsafe_code)]

mod builder;
mod compiled;
mod current_plugin;
mod debug;
mod error;
mod function;
mod input;
mod log;
mod macros;
mod plugin;
mod pool;
mod typed;
mod user_data;
mod value;

pub use anyhow::Error;
pub use builder::{PluginBuilder, inspect};
pub use compiled::CompiledPlugin;
pub use current_plugin::CurrentPlugin;
pub use debug::DebugOptions;
pub use error::{CallError, ErrorExt};
#[doc(inline)]
pub use extism_convert as convert;
pub use extism_convert::{FromBytes, FromBytesOwned, ToBytes};
#[doc(inline)]
pub use extism_manifest as manifest;
pub use extism_manifest::{Manifest, Wasm, WasmMetadata};
pub use extism_runtime::{Inspection, Level, Limits, PoolStats, Record, Rewriting, Stats, Status};
pub use function::Function;
pub use input::WasmInput;
pub use log::set_log_callback;
pub use plugin::{CancelHandle, Plugin};
pub use pool::{Pool, PoolBuilder, PoolPlugin};
pub use typed::{Number, Results, TypedFunction};
pub use user_data::UserData;
pub use value::{PTR, Val, ValType};
pub use wasmtime;

/// The namespace of what the runtime offers to plug-ins.
pub const EXTISM_ENV_MODULE: &str = extism_runtime::ENV_MODULE;

/// The namespace of host functions that name no other.
pub const EXTISM_USER_MODULE: &str = extism_runtime::USER_MODULE;

/// An arena of plug-ins under numbers: it owns those put into it, and dropping it frees them all.
///
/// ```
/// use extism::{Context, Plugin};
///
/// let context = Context::new();
/// let handle = context.insert(Plugin::new(r#"(module (func (export "run")))"#, [], false)?)?;
/// context.with(handle, |plugin| plugin.call::<_, ()>("run", ()))??;
/// context.remove(handle)?;
/// assert!(context.is_empty());
/// # Ok::<(), extism::Error>(())
/// ```
pub type Context = extism_runtime::Context<Plugin>;

/// The version of this library.
pub fn extism_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// What the macros need wherever they are used.
#[doc(hidden)]
pub mod __private {
    pub use crate::macros::{argument, expect_function, give};
}
