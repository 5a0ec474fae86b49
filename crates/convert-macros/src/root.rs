//! Where the traits live, seen from the crate under compilation.
//!
//! Must not know: what is derived. Invariant: a crate that depends on any of `extism`, `extism-convert` or
//! `extism-pdk`, under whatever name, gets a path that resolves.

use proc_macro_crate::{FoundCrate, crate_name};
use quote::format_ident;
use syn::{Path, parse_quote};

/// The path under which the crate under compilation can name `ToBytes`, `FromBytesOwned` and `Error`.
pub(crate) fn path() -> Path {
    choose(
        found("extism"),
        found("extism-convert"),
        found("extism-pdk"),
    )
}

/// How the crate under compilation knows another crate.
#[derive(Clone)]
enum Known {
    As(String),
    Itself,
}

fn found(package: &str) -> Option<Known> {
    match crate_name(package).ok()? {
        FoundCrate::Name(name) => Some(Known::As(name)),
        FoundCrate::Itself => Some(Known::Itself),
    }
}

/// A dependency is preferred over the crate itself: examples and tests of a crate are crates of their own,
/// but its manifest is also theirs.
fn choose(extism: Option<Known>, convert: Option<Known>, pdk: Option<Known>) -> Path {
    if let Some(Known::As(name)) = extism {
        let name = format_ident!("{name}");
        return parse_quote!(::#name::convert);
    }
    for known in [&convert, &pdk] {
        if let Some(Known::As(name)) = known {
            let name = format_ident!("{name}");
            return parse_quote!(::#name);
        }
    }
    if extism.is_some() || cfg!(feature = "extism-path") && convert.is_none() && pdk.is_none() {
        return parse_quote!(::extism::convert);
    }
    if convert.is_none() && (pdk.is_some() || cfg!(feature = "extism-pdk-path")) {
        return parse_quote!(::extism_pdk);
    }
    parse_quote!(::extism_convert)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;

    fn text(extism: Option<Known>, convert: Option<Known>, pdk: Option<Known>) -> String {
        choose(extism, convert, pdk)
            .to_token_stream()
            .to_string()
            .replace(' ', "")
    }

    fn named(name: &str) -> Option<Known> {
        Some(Known::As(name.into()))
    }

    #[test]
    fn a_dependency_is_named_as_the_user_named_it() {
        assert_eq!(
            text(named("host"), named("c"), named("p")),
            "::host::convert"
        );
        assert_eq!(text(None, named("c"), named("p")), "::c");
        assert_eq!(text(None, None, named("p")), "::p");
    }

    #[test]
    fn a_dependency_goes_before_the_crate_itself() {
        assert_eq!(text(Some(Known::Itself), named("c"), None), "::c");
        assert_eq!(text(None, Some(Known::Itself), named("p")), "::p");
    }

    #[test]
    fn the_crates_name_themselves() {
        assert_eq!(text(Some(Known::Itself), None, None), "::extism::convert");
        assert_eq!(text(None, Some(Known::Itself), None), "::extism_convert");
        assert_eq!(text(None, None, Some(Known::Itself)), "::extism_pdk");
    }
}
