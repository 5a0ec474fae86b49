//! The `#[encoding(...)]` attribute.
//!
//! Must not know: which encodings exist. Invariant: exactly one attribute holding exactly one path is
//! accepted, and everything else is answered by an error at the place of the mistake that says what to write.

use syn::{Attribute, Error, Meta, Path, Result};

/// The path inside the one `#[encoding(...)]` of a type.
pub(crate) fn path(type_name: &syn::Ident, attributes: &[Attribute]) -> Result<Path> {
    let mut encodings = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("encoding"));
    let Some(encoding) = encodings.next() else {
        return Err(Error::new(
            type_name.span(),
            "encoding needs to be specified: add `#[encoding(Json)]`",
        ));
    };
    if let Some(second) = encodings.next() {
        return Err(Error::new_spanned(
            second,
            "only one encoding can be specified: remove this one",
        ));
    }
    let Meta::List(list) = &encoding.meta else {
        return Err(Error::new_spanned(
            encoding,
            "expected a path in parentheses: `#[encoding(Json)]`",
        ));
    };
    list.parse_args().map_err(|cause| {
        Error::new(
            cause.span(),
            format!("expected one path, as in `#[encoding(Json)]`: {cause}"),
        )
    })
}
