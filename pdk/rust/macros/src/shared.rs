//! `#[shared_fn]`: a function whose parameters and result are handles of blocks.
//!
//! Must not know: how a block becomes a value. Invariant: the exported function has one i64 per parameter,
//! and one as its result unless it returns nothing.

use crate::signature;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Block, Error, Expr, FnArg, GenericArgument, ItemFn, PathArguments, Result, ReturnType, Stmt,
    Type,
};

pub(crate) fn export(function: ItemFn) -> Result<TokenStream> {
    signature::check("shared_fn", &function)?;
    let ItemFn {
        attrs,
        vis,
        sig,
        block,
    } = function;
    let name = &sig.ident;
    let unsafety = &sig.unsafety;
    let inputs = &sig.inputs;
    let (generics, _, where_clause) = sig.generics.split_for_impl();
    let mut parameters = Vec::new();
    let mut arguments = Vec::new();
    for (at, input) in inputs.iter().enumerate() {
        let FnArg::Typed(typed) = input else { continue };
        let (name, ty) = (format_ident!("block_{at}"), &typed.ty);
        parameters.push(quote!(#name: extism_pdk::MemoryPointer<#ty>));
        arguments.push(quote!(#name.get()?));
    }
    let (output, gives) = match &sig.output {
        ReturnType::Default => (quote!(extism_pdk::SharedFnResult<()>), false),
        ReturnType::Type(_, ty)
            if signature::last_name(ty).is_none_or(|name| name == "SharedFnResult") =>
        {
            (quote!(#ty), !is_of_unit(ty))
        }
        ReturnType::Type(_, ty) => {
            let text = "shared_fn expects a function that returns `SharedFnResult`, or nothing";
            return Err(Error::new_spanned(ty, text));
        }
    };
    let body = match &sig.output {
        ReturnType::Default if !ends_with_value(&block) => {
            let statements = &block.stmts;
            quote!({ #(#statements)* ::core::result::Result::Ok(()) })
        }
        ReturnType::Default => quote!(#block),
        ReturnType::Type(..) => quote!(#block),
    };
    let mut call = quote!(__extism_body(#(#arguments),*));
    if unsafety.is_some() {
        call = quote!(unsafe { #call });
    }
    let (result, runner) = if gives {
        (quote!(-> u64), quote!(share))
    } else {
        (quote!(), quote!(share_nothing))
    };
    Ok(quote! {
        #(#attrs)*
        #[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
        #vis #unsafety extern "C" fn #name(#(#parameters),*) #result {
            #unsafety fn __extism_body #generics(#inputs) -> #output #where_clause #body

            extism_pdk::__private::#runner(|| #call)
        }
    })
}

/// Whether a block ends with an expression that is its value. A function that says nothing about its result
/// may give a `SharedFnResult<()>` all the same, as the published kit wants it.
fn ends_with_value(block: &Block) -> bool {
    let Some(Stmt::Expr(last, None)) = block.stmts.last() else {
        return false;
    };
    match last {
        Expr::ForLoop(_) | Expr::While(_) | Expr::Assign(_) => false,
        Expr::If(branches) => branches.else_branch.is_some(),
        _ => true,
    }
}

/// Whether a type is `SomeResult<()>`.
fn is_of_unit(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let Some(segment) = path.path.segments.last() else {
        return false;
    };
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return false;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(Type::Tuple(tuple))) => tuple.elems.is_empty(),
        _ => false,
    }
}
