//! What the exported kinds of functions have in common.
//!
//! Must not know: the generated code. Invariant: only functions that can be exported pass.

use syn::{Error, FnArg, ItemFn, Result, Type, Visibility};

/// Refuses what no export can be. `attribute` is named in the messages.
pub(crate) fn check(attribute: &str, function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let fail = |place: &dyn quote::ToTokens, text: &str| {
        Err(Error::new_spanned(place, format!("{attribute} {text}")))
    };
    if !matches!(function.vis, Visibility::Public(_)) {
        return fail(
            &signature.ident,
            "expects a public function: write `pub fn`",
        );
    }
    if signature.ident == "main" {
        return fail(
            &signature.ident,
            "cannot export a function named `main`: rename it",
        );
    }
    if signature.asyncness.is_some() {
        return fail(&signature.asyncness, "cannot export an async function");
    }
    if signature.constness.is_some() {
        return fail(&signature.constness, "cannot export a const function");
    }
    if signature.generics.type_params().next().is_some()
        || signature.generics.const_params().next().is_some()
    {
        return fail(&signature.generics, "cannot export a generic function");
    }
    if let Some(receiver) = signature.receiver() {
        return fail(receiver, "cannot export a method");
    }
    for input in &signature.inputs {
        if let FnArg::Typed(typed) = input
            && let Type::Reference(_) = &*typed.ty
        {
            let text = "hands over values, not references: take `String` or `Vec<u8>`";
            return fail(&typed.ty, text);
        }
    }
    Ok(())
}

/// The last name of a type's path: `FnResult` of `extism_pdk::FnResult<()>`.
pub(crate) fn last_name(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    path.path
        .segments
        .last()
        .map(|segment| segment.ident.to_string())
}
