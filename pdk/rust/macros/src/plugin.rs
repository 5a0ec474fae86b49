//! `#[plugin_fn]`: a function without Wasm parameters that returns 0 or an error code.
//!
//! Must not know: input and output themselves. Invariant: the exported function does nothing but hand the
//! user's function to `extism_pdk`, so all behaviour is in ordinary, tested code.

use crate::signature;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemFn, Result, ReturnType};

pub(crate) fn export(function: ItemFn) -> Result<TokenStream> {
    signature::check("plugin_fn", &function)?;
    let ItemFn {
        attrs,
        vis,
        sig,
        block,
    } = function;
    let output = match &sig.output {
        ReturnType::Type(_, ty)
            if signature::last_name(ty).is_none_or(|name| name == "FnResult") =>
        {
            ty
        }
        other => {
            let text = "plugin_fn expects a function that returns `FnResult`: `FnResult<()>` for no output";
            return Err(match other {
                ReturnType::Default => Error::new(sig.ident.span(), text),
                ReturnType::Type(_, ty) => Error::new_spanned(ty, text),
            });
        }
    };
    if let Some(second) = sig.inputs.iter().nth(1) {
        let text =
            "plugin_fn takes at most one parameter, the input: put several values into one type";
        return Err(Error::new_spanned(second, text));
    }
    let name = &sig.ident;
    let unsafety = &sig.unsafety;
    let inputs = &sig.inputs;
    let (generics, _, where_clause) = sig.generics.split_for_impl();
    let (runner, input) = match inputs.is_empty() {
        true => (quote!(run), None),
        false => (quote!(run_with_input), Some(quote!(input))),
    };
    let mut call = quote!(__extism_body(#input));
    if unsafety.is_some() {
        call = quote!(unsafe { #call });
    }
    Ok(quote! {
        #(#attrs)*
        #[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
        #vis #unsafety extern "C" fn #name() -> i32 {
            #unsafety fn __extism_body #generics(#inputs) -> #output #where_clause #block

            extism_pdk::__private::#runner(|#input| #call)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::export;
    use syn::parse_quote;

    #[track_caller]
    fn refused(function: syn::ItemFn, text: &str) {
        assert_eq!(
            export(function)
                .expect_err("it cannot be exported")
                .to_string(),
            text
        );
    }

    #[test]
    fn what_cannot_be_exported_is_refused() {
        refused(
            parse_quote!(
                fn f() -> FnResult<()> {}
            ),
            "plugin_fn expects a public function: write `pub fn`",
        );
        refused(
            parse_quote!(
                pub fn main() -> FnResult<()> {}
            ),
            "plugin_fn cannot export a function named `main`: rename it",
        );
        refused(
            parse_quote!(
                pub async fn f() -> FnResult<()> {}
            ),
            "plugin_fn cannot export an async function",
        );
        refused(
            parse_quote!(
                pub const fn f() -> FnResult<()> {}
            ),
            "plugin_fn cannot export a const function",
        );
        refused(
            parse_quote!(
                pub fn f<T>(t: T) -> FnResult<()> {}
            ),
            "plugin_fn cannot export a generic function",
        );
        refused(
            parse_quote!(
                pub fn f(self) -> FnResult<()> {}
            ),
            "plugin_fn cannot export a method",
        );
        refused(
            parse_quote!(
                pub fn f<'a>(text: &'a str) -> FnResult<()> {}
            ),
            "plugin_fn hands over values, not references: take `String` or `Vec<u8>`",
        );
    }

    #[test]
    fn the_signature_is_checked() {
        let result =
            "plugin_fn expects a function that returns `FnResult`: `FnResult<()>` for no output";
        refused(
            parse_quote!(
                pub fn f() {}
            ),
            result,
        );
        refused(
            parse_quote!(
                pub fn f() -> String {}
            ),
            result,
        );
        refused(
            parse_quote!(
                pub fn f(a: String, b: String) -> FnResult<()> {}
            ),
            "plugin_fn takes at most one parameter, the input: put several values into one type",
        );
    }
}
