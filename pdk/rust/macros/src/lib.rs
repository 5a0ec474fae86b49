//! The attributes of `extism-pdk`: functions that a plug-in exports, shares with other modules, or imports.
//!
//! Must not know: how values become bytes or where blocks are; the generated code hands that to `extism_pdk`.
//! Invariant: what cannot work is refused here, at the place of the mistake.
#![forbid(unsafe_code)]

mod host;
mod plugin;
mod shared;
mod signature;

use proc_macro::TokenStream;
use syn::{Error, ItemFn, ItemForeignMod, LitStr, parse_macro_input};

/// Exports a function that the host calls by name.
///
/// The function is public and takes nothing or one value that implements `FromBytesOwned`, the input; it
/// returns `FnResult<T>` with `T: ToMemory`, the output. An error becomes the error text of the call and
/// its return code.
///
/// ```
/// use extism_pdk::*;
///
/// #[plugin_fn]
/// pub fn greet(name: String) -> FnResult<String> {
///     Ok(format!("Hello, {name}!"))
/// }
/// ```
#[proc_macro_attribute]
pub fn plugin_fn(_: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    plugin::export(function)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// Exports a function that other modules of the same plug-in call, or that stands in for a host function.
///
/// Parameters and result cross as blocks of memory: every parameter implements `FromBytesOwned`, the function
/// returns `SharedFnResult<T>` with `T: ToBytes`, or nothing.
///
/// ```
/// use extism_pdk::*;
///
/// #[shared_fn]
/// pub fn shout(text: String) -> SharedFnResult<String> {
///     Ok(text.to_uppercase())
/// }
/// ```
#[proc_macro_attribute]
pub fn shared_fn(_: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    shared::export(function)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// Imports functions that the host provides, from `extism:host/user` or the namespace given.
///
/// Each becomes an `unsafe` function that returns `Result<T, Error>`: parameters implement `ToMemory`, the
/// result implements `FromBytesOwned`.
///
/// ```
/// use extism_pdk::*;
///
/// #[host_fn("extism:host/user")]
/// extern "ExtismHost" {
///     fn kv_read(key: String) -> Vec<u8>;
/// }
/// ```
#[proc_macro_attribute]
pub fn host_fn(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let namespace = if attribute.is_empty() {
        "extism:host/user".to_owned()
    } else {
        parse_macro_input!(attribute as LitStr).value()
    };
    let block = parse_macro_input!(item as ItemForeignMod);
    host::import(&namespace, block)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}
