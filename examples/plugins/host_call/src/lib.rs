//! Greets whoever the input names, in a language the host chooses. Shows: a host function that takes a text
//! and gives one.

// snippet: host_call
use extism_pdk::{FnResult, host_fn, plugin_fn};

#[host_fn]
extern "ExtismHost" {
    /// The text in the language of whoever runs the host.
    fn translate(text: String) -> String;
}

#[plugin_fn]
pub fn greet(name: String) -> FnResult<String> {
    // SAFETY: the host function takes and gives text, as it is declared above.
    Ok(unsafe { translate(format!("Hello, {name}!"))? })
}
// end snippet
