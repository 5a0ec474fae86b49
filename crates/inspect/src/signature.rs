//! Types of imports and exports, as text.
//!
//! Knows the validator's types only. Invariant: a signature's text never depends on how the
//! validator numbers types, so the same module always gives the same text.

use std::fmt;

use wasmparser::types::{CoreTypeId, TypesRef};
use wasmparser::{CompositeInnerType, GlobalType, RefType, ValType};

/// The type of a function, each value type as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) params: Vec<String>,
    pub(crate) results: Vec<String>,
}

impl Signature {
    /// The type of a function or tag.
    pub(super) fn of(types: TypesRef<'_>, id: CoreTypeId) -> Signature {
        let CompositeInnerType::Func(ty) = &types[id].composite_type.inner else {
            // A valid module gives functions and tags function types.
            return Signature::default();
        };
        Signature {
            params: ty.params().iter().map(|ty| value(*ty)).collect(),
            results: ty.results().iter().map(|ty| value(*ty)).collect(),
        }
    }

    /// Memory this takes, roughly, in bytes.
    pub(super) fn cost_bytes(&self) -> usize {
        const VALUE_BYTES: usize = 32;
        (self.params.len() + self.results.len()).saturating_mul(VALUE_BYTES)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) -> ", self.params.join(", "))?;
        match self.results.as_slice() {
            [result] => f.write_str(result),
            results => write!(f, "({})", results.join(", ")),
        }
    }
}

/// Whether a function of this type can be called by a host: no parameters, and a code as result or none.
pub(super) fn is_callable(ty: &str) -> bool {
    ty == "() -> ()" || ty == "() -> i32"
}

/// The type of a global.
pub(super) fn global(ty: &GlobalType) -> String {
    let content = value(ty.content_type);
    match ty.mutable {
        true => format!("mut {content}"),
        false => content,
    }
}

fn value(ty: ValType) -> String {
    match ty {
        ValType::Ref(ty) => reference(ty),
        _ => ty.to_string(),
    }
}

/// A reference type; types a module defines itself have no name to show.
pub(super) fn reference(ty: RefType) -> String {
    match (ty.is_concrete_type_ref(), ty.is_nullable()) {
        (true, true) => "(ref null defined)".to_owned(),
        (true, false) => "(ref defined)".to_owned(),
        (false, _) => ty.to_string(),
    }
}
