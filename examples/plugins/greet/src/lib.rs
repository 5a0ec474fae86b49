//! Greets whoever the input names. Shows: the smallest plug-in there is.

use extism_pdk::{FnResult, plugin_fn};

#[plugin_fn]
pub fn greet(name: String) -> FnResult<String> {
    Ok(format!("Hello, {name}!"))
}
