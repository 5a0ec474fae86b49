//! The two implementations that are generated.
//!
//! Must not know: where the traits live; the path is given. Invariant: the bounds of the type are kept and
//! one is added, that the encoding works for it, so a mistake is reported against the user's type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Path, Result, parse_quote};

/// `impl ToBytes` for a type, with the traits found at `root`.
pub(crate) fn to_bytes(input: DeriveInput, root: &Path) -> Result<TokenStream> {
    let DeriveInput {
        attrs,
        ident,
        generics,
        ..
    } = input;
    let encoding = crate::encoding::path(&ident, &attrs)?;
    let mut extended = generics.clone();
    extended.params.insert(0, parse_quote!('__extism_bytes));
    extended.make_where_clause().predicates.push(parse_quote! {
        for<'__extism_value> #encoding<&'__extism_value Self>: #root::ToBytes<'__extism_value>
    });
    let (impl_generics, _, where_clause) = extended.split_for_impl();
    let (_, type_generics, _) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #root::ToBytes<'__extism_bytes> for #ident #type_generics #where_clause {
            type Bytes = ::std::vec::Vec<::core::primitive::u8>;

            fn to_bytes(&self) -> ::core::result::Result<Self::Bytes, #root::Error> {
                let __bytes = #root::ToBytes::to_bytes(&#encoding(self))?;
                ::core::result::Result::Ok(
                    <[::core::primitive::u8]>::to_vec(::core::convert::AsRef::as_ref(&__bytes))
                )
            }
        }
    })
}

/// `impl FromBytesOwned` for a type, with the traits found at `root`.
pub(crate) fn from_bytes(input: DeriveInput, root: &Path) -> Result<TokenStream> {
    let DeriveInput {
        attrs,
        ident,
        mut generics,
        ..
    } = input;
    let encoding = crate::encoding::path(&ident, &attrs)?;
    generics
        .make_where_clause()
        .predicates
        .push(parse_quote!(#encoding<Self>: #root::FromBytesOwned));
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #root::FromBytesOwned for #ident #type_generics #where_clause {
            fn from_bytes_owned(
                __data: &[::core::primitive::u8],
            ) -> ::core::result::Result<Self, #root::Error> {
                let __encoded = <#encoding<Self> as #root::FromBytesOwned>::from_bytes_owned(__data)?;
                ::core::result::Result::Ok(__encoded.0)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Path {
        parse_quote!(::extism_convert)
    }

    fn message(input: DeriveInput) -> String {
        let error = to_bytes(input.clone(), &root())
            .expect_err("the attribute is wrong")
            .to_string();
        assert_eq!(
            from_bytes(input, &root())
                .expect_err("the attribute is wrong")
                .to_string(),
            error
        );
        error
    }

    #[test]
    fn a_missing_encoding_is_asked_for() {
        assert_eq!(
            message(parse_quote!(
                struct Plain;
            )),
            "encoding needs to be specified: add `#[encoding(Json)]`"
        );
    }

    #[test]
    fn a_second_encoding_is_refused() {
        assert_eq!(
            message(parse_quote!(
                #[encoding(Json)]
                #[encoding(Msgpack)]
                struct Twice;
            )),
            "only one encoding can be specified: remove this one"
        );
    }

    #[test]
    fn an_encoding_without_parentheses_is_refused() {
        let expected = "expected a path in parentheses: `#[encoding(Json)]`";
        assert_eq!(
            message(parse_quote!(
                #[encoding]
                struct Empty;
            )),
            expected
        );
        assert_eq!(
            message(parse_quote!(
                #[encoding = "Json"]
                struct Text;
            )),
            expected
        );
    }

    #[test]
    fn more_or_less_than_one_path_is_refused() {
        assert_eq!(
            message(parse_quote!(
                #[encoding(Json, Msgpack)]
                struct Two;
            )),
            "expected one path, as in `#[encoding(Json)]`: unexpected token"
        );
        assert_eq!(
            message(parse_quote!(
                #[encoding()]
                struct None;
            )),
            "expected one path, as in `#[encoding(Json)]`: unexpected end of input, expected identifier"
        );
    }

    #[test]
    fn lifetimes_types_and_bounds_are_kept() {
        let input: DeriveInput = parse_quote! {
            #[encoding(codec::Json)]
            struct Pair<'a, T: Clone, const N: usize>
            where
                T: Copy,
            {
                items: &'a [T; N],
            }
        };
        let code = to_bytes(input, &root())
            .expect("the type is valid")
            .to_string();
        let expected = quote! {
            impl<'__extism_bytes, 'a, T: Clone, const N: usize> ::extism_convert::ToBytes<'__extism_bytes>
                for Pair<'a, T, N>
            where
                T: Copy,
                for<'__extism_value> codec::Json<&'__extism_value Self>:
                    ::extism_convert::ToBytes<'__extism_value>
        };
        assert!(code.contains(&expected.to_string()), "{code}");
    }
}
