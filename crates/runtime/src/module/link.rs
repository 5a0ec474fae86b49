//! Which import of which module is answered by what.
//!
//! Invariant: everything that can be known before an instance exists is checked here, so that a
//! plug-in that cannot be linked fails when it is compiled, with a message that names the import.

use std::sync::{Arc, Mutex, PoisonError};

use extism_abi::import::{
    BUILTINS, ENV_MODULE, KERNEL, LEGACY_MODULE, LEGACY_ONLY, LEGACY_PREFIX, USER_MODULE,
    WASI_MODULE,
};
use extism_abi::layout::KERNEL_MEMORY_IMPORT;
use wasmtime::{Engine, ExternType, ImportType, InstancePre, Linker, Module};

use super::compile::{CompiledModule, Rewrite, Rewritten};
use super::graph;
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
    /// Names other modules import from `env` although this module exports them, as 0.1 allowed.
    pub(crate) aliases: Vec<String>,
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
            aliases: Vec::new(),
        })
        .collect();
    let order = resolve(&mut modules, &mut linker, functions, wasi)?;
    let single = match modules.as_slice() {
        [main] => Some(
            linker
                .instantiate_pre(&main.compiled.module)
                .map_err(|error| Error::from_chain(Status::ImportType, error))?,
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

/// What answers an import.
enum Answer {
    /// The linker as it stands.
    Linker,
    /// A host function under another namespace.
    Alias(String),
    /// Another module, under its name.
    Module(usize),
    /// Another module, although the import says `env`.
    AnyModule(usize),
}

/// Finds an answer for every import; gives the order of instantiation.
fn resolve(
    modules: &mut [LinkedModule],
    linker: &mut Arc<Linker<State>>,
    functions: &[HostFunction],
    wasi: bool,
) -> Result<Vec<usize>, Error> {
    let mut needs = vec![Vec::new(); modules.len()];
    let mut aliases = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        check_kind(&module.compiled.module)?;
        for import in module.compiled.module.imports() {
            match answer(&import, &module.compiled, modules, functions, wasi)? {
                Answer::Linker => {}
                Answer::Alias(namespace) => {
                    Arc::make_mut(linker)
                        .alias(&namespace, import.name(), LEGACY_MODULE, import.name())
                        .map_err(|error| Error::from_chain(Status::Internal, error))?;
                }
                Answer::Module(other) => needs[index].push(other),
                Answer::AnyModule(other) => {
                    needs[index].push(other);
                    aliases.push((other, import.name().to_owned()));
                }
            }
        }
    }
    for (index, name) in aliases {
        modules[index].aliases.push(name);
    }
    let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
    graph::order(&names, &needs)
}

fn check_kind(module: &Module) -> Result<(), Error> {
    let exports = |name| matches!(module.get_export(name), Some(ExternType::Func(_)));
    if exports("_start") && exports("_initialize") {
        let text = "Program cannot be both a Command and a Reactor";
        return Err(Error::new(Status::CommandAndReactor, text));
    }
    Ok(())
}

fn answer(
    import: &ImportType<'_>,
    importer: &CompiledModule,
    modules: &[LinkedModule],
    functions: &[HostFunction],
    wasi: bool,
) -> Result<Answer, Error> {
    let (from, name) = (import.module(), import.name());
    let by_host = |namespace: &str| {
        functions
            .iter()
            .any(|function| function.namespace() == namespace && function.name() == name)
    };
    if (from, name) == KERNEL_MEMORY_IMPORT {
        return match importer.rewritten {
            Rewritten::Yes(Rewrite::Import) => Ok(Answer::Linker),
            // Only the rewriting pass may put kernel memory where instructions reach it.
            _ => Err(unknown(import)),
        };
    }
    if by_host(from) {
        return Ok(Answer::Linker);
    }
    if from == ENV_MODULE {
        return kernel_import(import).map(|()| Answer::Linker);
    }
    let legacy = name.strip_prefix(LEGACY_PREFIX);
    if from == LEGACY_MODULE && legacy.is_some_and(is_legacy_import) {
        return Ok(Answer::Linker);
    }
    if from == WASI_MODULE && wasi {
        return Ok(Answer::Linker);
    }
    if let Some(index) = modules.iter().position(|module| module.name == from) {
        let exporter = &modules[index].compiled;
        // A module that imports from itself is told so, whatever it exports.
        let exports =
            exporter.module.get_export(name).is_some() || std::ptr::eq(exporter, importer);
        return match exports {
            true => Ok(Answer::Module(index)),
            false => Err(unknown(import)),
        };
    }
    if from == LEGACY_MODULE {
        if by_host(USER_MODULE) {
            return Ok(Answer::Alias(USER_MODULE.to_owned()));
        }
        let exporter = modules.iter().position(|module| {
            !module.is_main() && module.compiled.module.get_export(name).is_some()
        });
        if let Some(index) = exporter {
            return Ok(Answer::AnyModule(index));
        }
    }
    Err(unknown(import))
}

fn kernel_import(import: &ImportType<'_>) -> Result<(), Error> {
    let ExternType::Func(ty) = import.ty() else {
        let text = "linked modules cannot access non-function exports of extism kernel";
        return Err(Error::new(Status::ImportType, text));
    };
    let known = |table: &[extism_abi::import::Import]| {
        table.iter().any(|known| known.name == import.name())
    };
    if known(KERNEL) || known(BUILTINS) {
        return Ok(());
    }
    let text = format!(
        "Invalid function import from {ENV_MODULE}: {} {ty}\n\nNote: This may indicate that the PDK that was used to \
         build this plugin has additional features that aren't available in this version of the SDK, try updating \
         the SDK to the latest version.",
        import.name()
    );
    Err(Error::new(Status::ImportUnknown, text))
}

fn is_legacy_import(name: &str) -> bool {
    [KERNEL, BUILTINS, LEGACY_ONLY]
        .iter()
        .any(|table| table.iter().any(|known| known.name == name))
}

fn unknown(import: &ImportType<'_>) -> Error {
    let (from, name) = (import.module(), import.name());
    let text = format!("unknown import: `{from}::{name}` has not been defined");
    let hint = match from {
        WASI_MODULE => "the plug-in uses WASI: load it with WASI enabled".to_owned(),
        _ if from.starts_with("wbg") || from.starts_with("__wbindgen") => {
            "the module was made by wasm-bindgen for a browser: build it without, for wasm32-unknown-unknown or \
             wasm32-wasip1"
                .to_owned()
        }
        LEGACY_MODULE if name == "abort" => {
            "give the host function `abort` in namespace `env`, or build the AssemblyScript module with \
             `--use abort=` and a function of its own"
                .to_owned()
        }
        _ => format!(
            "give a host function `{name}` in namespace `{from}`, or a module named `{from}` in the manifest"
        ),
    };
    Error::new(Status::ImportUnknown, format!("{text}\n\nNote: {hint}."))
}
