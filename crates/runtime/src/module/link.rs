//! Which import of which module is answered by what.
//!
//! Invariant: everything that can be known before an instance exists is checked here, so that a
//! plug-in that cannot be linked fails when it is compiled, with a message that names the import.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use extism_abi::import::{LEGACY_MODULE, USER_MODULE};
use extism_semantics::{Answer, Import, Links, answer, check_kind};
use wasmtime::{Engine, ExternType, FuncType, ImportType, InstancePre, Linker};

use super::compile::{CompiledModule, Rewrite, Rewritten};
use crate::call::outcome::import_status;
use crate::error::Error;
use crate::host::function::HostFunction;
use crate::source::MAIN;
use crate::state::State;
use crate::{Status, host, kernel, wasi};

/// The modules of a plug-in, ready to be instantiated any number of times.
pub(crate) struct Linked {
    pub(crate) modules: Vec<LinkedModule>,
    /// Indices into `modules`, dependencies first.
    pub(crate) order: Vec<usize>,
    /// Shared by the plug-ins that add nothing to it.
    pub(crate) linker: Arc<Linker<State>>,
    /// The main module with its imports resolved, if it is the only one.
    pub(crate) single: Option<InstancePre<State>>,
}

impl Linked {
    pub(crate) fn engine(&self) -> &Engine {
        self.linker.engine()
    }
}

pub(crate) struct LinkedModule {
    pub(crate) name: String,
    pub(crate) compiled: CompiledModule,
    /// What other modules import from it: the module name each import says, which is this module's or,
    /// as 0.1 allowed, `env`, and the name. No more of it is linked: what the host answers stays the host's.
    pub(crate) provides: BTreeSet<(String, String)>,
}

impl LinkedModule {
    pub(crate) fn is_main(&self) -> bool {
        self.name == MAIN
    }
}

/// Links `modules` with the kernel, the builtins, the host's functions, WASI if granted, and each other.
pub(crate) fn link(
    engine: &Engine,
    modules: Vec<(String, CompiledModule)>,
    functions: &[HostFunction],
    wasi: bool,
) -> Result<Linked, Error> {
    let mut linker = base(engine, wasi)?;
    for function in functions {
        function.define(Arc::make_mut(&mut linker))?;
    }
    let mut modules: Vec<LinkedModule> = modules
        .into_iter()
        .map(|(name, compiled)| LinkedModule {
            name,
            compiled,
            provides: BTreeSet::new(),
        })
        .collect();
    let order = resolve(&mut modules, &mut linker, functions, wasi)?;
    let single = match modules.as_slice() {
        [main] => Some(
            linker
                .instantiate_pre(&main.compiled.module)
                .map_err(|error| Error::from_chain(import_status(&error), error))?,
        ),
        _ => None,
    };
    Ok(Linked {
        modules,
        order,
        linker,
        single,
    })
}

/// Kernel, builtins and WASI, prepared once per engine.
fn base(engine: &Engine, wasi: bool) -> Result<Arc<Linker<State>>, Error> {
    /// Engines that live as long as the process are few; others build their linker each time.
    const KEPT_MAX: usize = 64;
    static KEPT: Mutex<Vec<(Arc<Linker<State>>, bool)>> = Mutex::new(Vec::new());
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let known = kept()
        .iter()
        .find(|(linker, with)| *with == wasi && Engine::same(linker.engine(), engine))
        .map(|(linker, _)| Arc::clone(linker));
    if let Some(linker) = known {
        return Ok(linker);
    }
    let linker =
        build_base(engine, wasi).map_err(|error| Error::from_chain(Status::Internal, error))?;
    let linker = Arc::new(linker);
    let mut kept = kept();
    if kept.len() < KEPT_MAX && crate::engine::is_shared(engine) {
        kept.push((Arc::clone(&linker), wasi));
    }
    Ok(linker)
}

fn build_base(engine: &Engine, wasi: bool) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    kernel::imports::define(&mut linker)?;
    host::builtin::define(&mut linker)?;
    if wasi {
        wasi::define(&mut linker)?;
    }
    // The host's functions may take the place of ours.
    linker.allow_shadowing(true);
    Ok(linker)
}

/// Finds an answer for every import; gives the order of instantiation.
fn resolve(
    modules: &mut [LinkedModule],
    linker: &mut Arc<Linker<State>>,
    functions: &[HostFunction],
    wasi: bool,
) -> Result<Vec<usize>, Error> {
    let mut needs = vec![Vec::new(); modules.len()];
    let mut provided = Vec::new();
    let links = Available {
        modules,
        functions,
        wasi,
    };
    for (index, module) in modules.iter().enumerate() {
        let exports = &module.compiled.module;
        check_kind(|name| matches!(exports.get_export(name), Some(ExternType::Func(_))))?;
        for import in module.compiled.module.imports() {
            match answer(described(&import, &function_type(&import)), index, &links)? {
                Answer::Host => {}
                Answer::User => {
                    let (namespace, name) = (USER_MODULE, import.name());
                    Arc::make_mut(linker)
                        .alias(namespace, name, LEGACY_MODULE, name)
                        .map_err(|error| Error::from_chain(Status::Internal, error))?;
                }
                Answer::Module(other) | Answer::AnyModule(other) => {
                    needs[index].push(other);
                    let (from, name) = (import.module(), import.name());
                    provided.push((other, (from.to_owned(), name.to_owned())));
                }
            }
        }
    }
    for (index, import) in provided {
        modules[index].provides.insert(import);
    }
    let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
    Ok(extism_semantics::order(&names, &needs)?)
}

/// The type of an import, if it is a function.
fn function_type(import: &ImportType<'_>) -> Option<FuncType> {
    import.ty().func().cloned()
}

fn described<'a>(import: &'a ImportType<'_>, function: &'a Option<FuncType>) -> Import<'a> {
    let text = function.as_ref().map(|ty| ty as &dyn std::fmt::Display);
    Import {
        module: import.module(),
        name: import.name(),
        function: text,
    }
}

/// What imports can be answered by.
struct Available<'a> {
    modules: &'a [LinkedModule],
    functions: &'a [HostFunction],
    wasi: bool,
}

impl Links for Available<'_> {
    fn modules(&self) -> usize {
        self.modules.len()
    }

    fn name(&self, module: usize) -> &str {
        &self.modules[module].name
    }

    fn exports(&self, module: usize, name: &str) -> bool {
        self.modules[module]
            .compiled
            .module
            .get_export(name)
            .is_some()
    }

    fn imports_kernel_memory(&self, module: usize) -> bool {
        self.modules[module].compiled.rewritten == Rewritten::Yes(Rewrite::Import)
    }

    fn by_host(&self, namespace: &str, name: &str) -> bool {
        self.functions
            .iter()
            .any(|function| function.namespace() == namespace && function.name() == name)
    }

    fn wasi(&self) -> bool {
        self.wasi
    }
}
