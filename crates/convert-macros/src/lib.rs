//! The derives of `ToBytes` and `FromBytes`: a type is encoded by wrapping it into the newtype that its
//! `#[encoding(...)]` attribute names.
//!
//! Must not know: any encoding. It copies the path it is given. Invariant: the generated code names nothing
//! but absolute paths, so that it means the same whatever the user has in scope.
#![forbid(unsafe_code)]

mod derive;
mod encoding;
mod root;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, parse_macro_input};

/// Derives `ToBytes` through the encoding named by `#[encoding(...)]`, for instance `#[encoding(Json)]`.
///
/// The encoding is a newtype with one type parameter; `ToBytes` must hold for it around a reference to the
/// type.
#[proc_macro_derive(ToBytes, attributes(encoding))]
pub fn to_bytes(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive::to_bytes(input, &root::path())
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// Derives `FromBytesOwned`, and by it `FromBytes`, through the encoding named by `#[encoding(...)]`.
///
/// The encoding is a newtype with one type parameter and a public field; `FromBytesOwned` must hold for it
/// around the type.
#[proc_macro_derive(FromBytes, attributes(encoding))]
pub fn from_bytes(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive::from_bytes(input, &root::path())
        .unwrap_or_else(Error::into_compile_error)
        .into()
}
