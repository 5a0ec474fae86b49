//! A plug-in. Every function marked `plugin_fn` can be called by a host.

use extism_pdk::{FnResult, plugin_fn};

/// Greets whoever the input names.
#[plugin_fn]
pub fn greet(name: String) -> FnResult<String> {
    Ok(format!("Hello, {name}!"))
}

#[cfg(test)]
mod tests {
    use extism_pdk::testing;

    #[test]
    fn it_greets() {
        assert_eq!(
            testing::call(super::greet, "Ada"),
            Ok(b"Hello, Ada!".to_vec())
        );
    }
}
