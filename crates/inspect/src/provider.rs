//! Who answers an import.
//!
//! Follows the rules by which `module::link` answers imports, without an engine. Invariant: an
//! import that linking would refuse whatever functions the host adds is [`Provider::Unknown`].

use std::collections::HashSet;

use extism_abi::import::{
    BUILTINS, ENV_MODULE, Import, KERNEL, LEGACY_MODULE, LEGACY_ONLY, LEGACY_PREFIX, Ty,
    USER_MODULE, WASI_MODULE,
};
use extism_abi::layout::KERNEL_MEMORY_IMPORT;
use extism_semantics::MAIN;
use serde::Serialize;

use super::module::{ImportInspection, ModuleInspection};
use super::signature::Signature;

/// Who provides what a module imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// The kernel: memory blocks, input, output, error.
    Kernel,
    /// A builtin: config, variables, HTTP, log.
    Builtin,
    /// WASI preview 1, if the host grants it.
    Wasi,
    /// A function the host must add.
    Host,
    /// Another module of the plug-in.
    Module,
    /// Nobody: the name, or the type under this name, does not exist, or no host function can be of
    /// this kind.
    Unknown,
}

/// Says of every import who provides it. `given` tells whether the host has a function of this
/// namespace and name; `wasi` whether it grants WASI.
pub(super) fn classify(
    modules: &mut [ModuleInspection],
    given: &dyn Fn(&str, &str) -> bool,
    wasi: bool,
) {
    let siblings: Vec<Sibling> = modules
        .iter()
        .map(|module| Sibling {
            name: module.name.clone(),
            exports: module
                .exports
                .iter()
                .map(|export| export.name.clone())
                .collect(),
        })
        .collect();
    let surroundings = Surroundings {
        siblings: &siblings,
        given,
        wasi,
    };
    for module in modules {
        for import in &mut module.imports {
            import.provider = surroundings.provider(import);
        }
    }
}

/// A module of the same plug-in.
struct Sibling {
    name: String,
    exports: HashSet<String>,
}

struct Surroundings<'a> {
    siblings: &'a [Sibling],
    given: &'a dyn Fn(&str, &str) -> bool,
    wasi: bool,
}

impl Surroundings<'_> {
    fn provider(&self, import: &ImportInspection) -> Provider {
        let (from, name) = (import.module.as_str(), import.name.as_str());
        // Only the rewriting pass may put kernel memory where instructions reach it.
        if (from, name) == KERNEL_MEMORY_IMPORT {
            return Provider::Unknown;
        }
        let by_host = match import.signature {
            Some(_) => Provider::Host,
            None => Provider::Unknown,
        };
        if (self.given)(from, name) {
            return by_host;
        }
        if from == ENV_MODULE {
            return ours(name, import.signature.as_ref(), false).unwrap_or(Provider::Unknown);
        }
        if from == LEGACY_MODULE
            && let Some(name) = name.strip_prefix(LEGACY_PREFIX)
            && let Some(provider) = ours(name, import.signature.as_ref(), true)
        {
            return provider;
        }
        let named = self.siblings.iter().find(|sibling| sibling.name == from);
        match named {
            _ if from == WASI_MODULE && (self.wasi || named.is_none()) => match by_host {
                Provider::Host => Provider::Wasi,
                _ => Provider::Unknown,
            },
            Some(sibling) if sibling.exports.contains(name) => Provider::Module,
            Some(_) => Provider::Unknown,
            None if from == LEGACY_MODULE && self.any_exports(name) => Provider::Module,
            None => by_host,
        }
    }

    /// Whether a module answers an import from `env`, as 0.1 allowed; a host function comes first.
    fn any_exports(&self, name: &str) -> bool {
        !(self.given)(USER_MODULE, name)
            && self
                .siblings
                .iter()
                .any(|sibling| sibling.name != MAIN && sibling.exports.contains(name))
    }
}

/// Which part of the runtime has a function of this 1.x name, if it has one; `Unknown` if of another type.
fn ours(name: &str, signature: Option<&Signature>, legacy: bool) -> Option<Provider> {
    let tables: [(&[Import], Provider); 3] = [
        (KERNEL, Provider::Kernel),
        (BUILTINS, Provider::Builtin),
        (if legacy { LEGACY_ONLY } else { &[] }, Provider::Kernel),
    ];
    tables.into_iter().find_map(|(table, provider)| {
        let known = table.iter().find(|known| known.name == name)?;
        match signature.is_some_and(|signature| is_of(signature, known)) {
            true => Some(provider),
            false => Some(Provider::Unknown),
        }
    })
}

fn is_of(signature: &Signature, known: &Import) -> bool {
    let same = |types: &[String], known: &[Ty]| {
        types
            .iter()
            .map(String::as_str)
            .eq(known.iter().map(|ty| match ty {
                Ty::I32 => "i32",
                Ty::I64 => "i64",
            }))
    };
    same(&signature.params, known.params) && same(&signature.results, known.results)
}
