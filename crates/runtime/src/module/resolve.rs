//! Host functions that have no types of their own get them from the plug-in that imports them.
//!
//! Must not know: how a plug-in is linked. Invariant: a function that the host gave with its types is
//! never asked for again.

use wasmtime::{ExternType, Module, ValType};

use crate::host::function::{HostFunction, ValueType};

/// A function a module imports, and its type.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FunctionImport<'a> {
    /// The module name it is imported from.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Parameter types.
    pub params: &'a [ValueType],
    /// Result types.
    pub results: &'a [ValueType],
}

/// Gives a host function for an import, if there is one.
pub type Resolve<'a> = &'a dyn Fn(&FunctionImport<'_>) -> Option<HostFunction>;

/// Adds the host functions that a module imports and `functions` do not have.
pub(crate) fn add(module: &Module, functions: &mut Vec<HostFunction>, resolve: Resolve<'_>) {
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else {
            continue;
        };
        let (namespace, name) = (import.module(), import.name());
        let is_given = functions
            .iter()
            .any(|function| function.namespace() == namespace && function.name() == name);
        let (Some(params), Some(results)) = (types(ty.params()), types(ty.results())) else {
            continue;
        };
        if !is_given {
            functions.extend(resolve(&FunctionImport {
                namespace,
                name,
                params: &params,
                results: &results,
            }));
        }
    }
}

/// The types of a host function; `None` if none can be of these.
fn types(types: impl Iterator<Item = ValType>) -> Option<Vec<ValueType>> {
    types
        .map(|ty| match ty {
            ValType::I32 => Some(ValueType::I32),
            ValType::I64 => Some(ValueType::I64),
            ValType::F32 => Some(ValueType::F32),
            ValType::F64 => Some(ValueType::F64),
            _ => None,
        })
        .collect()
}
