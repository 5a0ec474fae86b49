//! How a plug-in comes to life: instances, start functions, the initialisers of language runtimes.
//!
//! Wasm's own start functions run when the instance is made; the language runtime of the main
//! module is initialised at the first call, inside that call's deadline. Invariant: each of them
//! runs exactly once per instance.

use extism_abi::layout::{KERNEL_MEMORY_EXPORT, KERNEL_MEMORY_IMPORT};
use wasmtime::{Func, Instance, Linker, Memory, MemoryType, Store, Val};

use super::export::START;
use crate::Status;
use crate::error::Error;
use crate::kernel::memory;
use crate::module::compile::{Rewrite, Rewritten};
use crate::module::link::Linked;
use crate::state::State;

const INITIALIZE: &str = "_initialize";
const CONSTRUCTORS: &str = "__wasm_call_ctors";
const HASKELL_INIT: &str = "hs_init";

/// Makes the instances of a plug-in; answers the main one.
pub(crate) fn instantiate(store: &mut Store<State>, linked: &Linked) -> wasmtime::Result<Instance> {
    match &linked.single {
        Some(single) => {
            let [main] = linked.modules.as_slice() else {
                return Err(Error::new(Status::Internal, "a single module has others").into());
            };
            let brings_memory = main.compiled.rewritten == Rewritten::Yes(Rewrite::Define);
            if !brings_memory {
                host_memory(store)?;
            }
            let instance = single.instantiate(&mut *store)?;
            if brings_memory
                && let Some(memory) = instance.get_memory(&mut *store, KERNEL_MEMORY_EXPORT)
            {
                memory::adopt(&mut *store, memory);
            }
            Ok(instance)
        }
        None => instantiate_all(store, linked),
    }
}

fn host_memory(store: &mut Store<State>) -> wasmtime::Result<Memory> {
    if !store.data_mut().meter.0.takes_kernel_memory() {
        let text = "resource limit exceeded: no memory is allowed, not even the kernel's";
        return Err(Error::new(Status::Instances, text).into());
    }
    let memory = Memory::new(&mut *store, MemoryType::new(1, None))?;
    memory::adopt(&mut *store, memory);
    // The engine asks a limiter how many there may be when it is given it.
    store.limiter(|state| &mut state.meter);
    Ok(memory)
}

fn instantiate_all(store: &mut Store<State>, linked: &Linked) -> wasmtime::Result<Instance> {
    let mut linker = Linker::clone(&linked.linker);
    let memory = host_memory(store)?;
    let (module, name) = KERNEL_MEMORY_IMPORT;
    linker.define(&mut *store, module, name, memory)?;
    let mut main = None;
    for index in &linked.order {
        let module = &linked.modules[*index];
        let instance = linker.instantiate(&mut *store, &module.compiled.module)?;
        if module.is_main() {
            main = Some(instance);
        } else {
            initialize_library(store, &instance)?;
        }
        for (from, name) in &module.provides {
            if let Some(export) = instance.get_export(&mut *store, name) {
                linker.define(&mut *store, from, name, export)?;
            }
        }
    }
    main.ok_or_else(|| Error::new(Status::Internal, "no main module").into())
}

/// A module others import from is initialised before they are made: their start functions may need it.
fn initialize_library(store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<()> {
    if instance.get_func(&mut *store, START).is_some() {
        return Ok(());
    }
    run(store, instance, INITIALIZE).map(|_| ())
}

/// Initialises the language runtime of the main module, if it has one.
pub(crate) fn initialize(store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<()> {
    if let Some(hs_init) = instance.get_func(&mut *store, HASKELL_INIT) {
        run(store, instance, INITIALIZE)?;
        return call_with_zeros(store, &hs_init);
    }
    if run(store, instance, CONSTRUCTORS)? {
        return Ok(());
    }
    run(store, instance, INITIALIZE).map(|_| ())
}

/// Calls an export of type `() -> ()`; false if there is none.
fn run(store: &mut Store<State>, instance: &Instance, name: &str) -> wasmtime::Result<bool> {
    let Some(function) = instance.get_func(&mut *store, name) else {
        return Ok(false);
    };
    let Ok(function) = function.typed::<(), ()>(&*store) else {
        return Ok(false);
    };
    function.call(&mut *store, ())?;
    Ok(true)
}

/// Calls a function with zeros for its arguments (`argc` and `argv` of a C main); results are ignored.
fn call_with_zeros(store: &mut Store<State>, function: &Func) -> wasmtime::Result<()> {
    let ty = function.ty(&*store);
    let zeros: Vec<Val> = ty
        .params()
        .filter_map(|ty| Val::default_for_ty(&ty))
        .collect();
    let mut results = vec![Val::I32(0); ty.results().len()];
    function.call(store, &zeros, &mut results)
}
