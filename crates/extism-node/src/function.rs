//! Functions of JavaScript that plug-ins import. They have no types of their own unless they were
//! given some: they get those of the import.
//!
//! Must not know: what a function does; it is a number for JavaScript. Invariant: JavaScript's
//! functions are not held here, so its garbage collector sees who holds them.

use extism_abi::import::{BUILTINS, Import, KERNEL, LEGACY_ONLY, LEGACY_PREFIX, Ty};
use extism_runtime::{
    CurrentPlugin, ENV_MODULE, Error, FunctionImport, HostFunction, LEGACY_MODULE, Slots, Status,
    USER_MODULE, ValueType,
};
use napi_derive::napi;

use crate::call::{self, Request};
use crate::error::Failure;
use crate::loan::Loan;
use crate::{realm, signature};

/// A host function as JavaScript gives it; its number is its place.
#[napi(object)]
pub struct FunctionGiven {
    /// The module plug-ins import it from.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The types of its parameters, if it has any of its own.
    pub params: Option<Vec<String>>,
    /// The types of its results.
    pub results: Option<Vec<String>>,
}

/// All host functions of a plug-in.
pub(crate) struct Functions(Vec<FunctionGiven>);

impl Functions {
    pub(crate) fn new(given: Vec<FunctionGiven>) -> Functions {
        Functions(given)
    }

    /// Those whose types are known before the plug-in is: they were given, or the function takes
    /// the place of one of the kernel's.
    pub(crate) fn typed(&self) -> Result<Vec<HostFunction>, Failure> {
        let mut typed = Vec::new();
        for (at, given) in self.0.iter().enumerate() {
            let types = match (&given.params, &given.results) {
                (Some(params), Some(results)) => {
                    Some((signature::types(params)?, signature::types(results)?))
                }
                _ => kernel_types(&given.namespace, &given.name),
            };
            if let Some((params, results)) = types {
                let function = function(at, &given.name, &params, &results)?;
                typed.push(function.with_namespace(&given.namespace));
            }
        }
        Ok(typed)
    }

    /// The one a plug-in imports. As elsewhere, what a plug-in of the 0.1 era imports from `env`
    /// may be a function of the ordinary namespace.
    pub(crate) fn find(&self, import: &FunctionImport<'_>) -> Option<HostFunction> {
        let named = |namespace: &str| {
            let is_it =
                |given: &FunctionGiven| given.namespace == namespace && given.name == import.name;
            self.0.iter().rposition(is_it)
        };
        let (at, namespace) = match named(import.namespace) {
            Some(at) => (at, import.namespace),
            None if import.namespace == LEGACY_MODULE => (named(USER_MODULE)?, USER_MODULE),
            None => return None,
        };
        let function = function(at, import.name, import.params, import.results).ok()?;
        Some(function.with_namespace(namespace))
    }
}

/// The types of a function of the kernel.
fn kernel_types(namespace: &str, name: &str) -> Option<(Vec<ValueType>, Vec<ValueType>)> {
    let name = match namespace {
        ENV_MODULE => name,
        LEGACY_MODULE => name.strip_prefix(LEGACY_PREFIX)?,
        _ => return None,
    };
    let mut all = [KERNEL, BUILTINS, LEGACY_ONLY].into_iter().flatten();
    let Import {
        params, results, ..
    } = all.find(|import| import.name == name)?;
    let types = |types: &[Ty]| {
        let ty = |ty: &Ty| match ty {
            Ty::I32 => ValueType::I32,
            Ty::I64 => ValueType::I64,
        };
        types.iter().map(ty).collect()
    };
    Some((types(params), types(results)))
}

fn function(
    at: usize,
    name: &str,
    params: &[ValueType],
    results: &[ValueType],
) -> Result<HostFunction, Failure> {
    let number = u32::try_from(at).map_err(|_| Failure::invalid("too many host functions"))?;
    let function = Function {
        numbers: (number, signature::number(params, results)?),
        params: params.to_vec(),
        results: results.to_vec(),
    };
    Ok(HostFunction::new(
        name,
        params,
        results,
        move |plugin, slots| function.enter(plugin, slots),
    ))
}

struct Function {
    /// Its own, and that of its types.
    numbers: (u32, u32),
    params: Vec<ValueType>,
    results: Vec<ValueType>,
}

impl Function {
    fn enter(&self, plugin: &mut CurrentPlugin<'_>, slots: &mut Slots<'_>) -> anyhow::Result<()> {
        let params = self.params.iter().enumerate();
        if let Some(near) = realm::caller() {
            let arguments = params.map(|(at, ty)| slots.get(at, *ty));
            near.run(self.numbers, arguments, plugin)?;
            self.give(slots, |at| near.window.slot(at));
            return Ok(());
        }
        let Some(call) = call::current() else {
            let text = "no JavaScript has called the plug-in";
            anyhow::bail!(Error::new(Status::HostFunction, text));
        };
        let arguments = params.map(|(at, ty)| slots.get(at, *ty)).collect();
        let results = Loan::lend(plugin, |loan| {
            call.ask(Request::new(
                self.numbers,
                arguments,
                self.results.len(),
                loan,
            ))
        })?;
        self.give(slots, |at| results.get(at).copied().unwrap_or_default());
        Ok(())
    }

    fn give(&self, slots: &mut Slots<'_>, result: impl Fn(usize) -> u64) {
        for (at, ty) in self.results.iter().enumerate() {
            slots.set(at, *ty, result(at));
        }
    }
}
