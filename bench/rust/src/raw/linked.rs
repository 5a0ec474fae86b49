//! Modules with all their imports answered, ready to be instantiated.
//!
//! Must not know: what imports are for. Invariant: a stub takes the way host functions take, and answers 0.

use anyhow::{Result, bail};
use extism_bench::{Kit, module};
use extism_rewrite::{KernelMemory, Options, rewrite};
use wasmtime::{Engine, ExternType, FuncType, InstancePre, Linker, Module, ValType};

/// A plug-in with stubs for its imports.
pub(super) fn with_stubs(engine: &Engine, wasm: &[u8]) -> Result<InstancePre<()>> {
    let module = Module::new(engine, wasm)?;
    let mut linker = Linker::new(engine);
    for import in module.imports() {
        let (from, name) = (import.module(), import.name());
        let ExternType::Func(ty) = import.ty() else {
            bail!("{from}::{name} is no function");
        };
        stub(&mut linker, from, name, &ty)?;
    }
    Ok(linker.instantiate_pre(&module)?)
}

fn stub(linker: &mut Linker<()>, from: &str, name: &str, ty: &FuncType) -> Result<()> {
    let letter = |ty: ValType| match ty {
        ValType::I32 => 'i',
        ValType::I64 => 'l',
        _ => '?',
    };
    let params: String = ty.params().map(letter).collect();
    let results: String = ty.results().map(letter).collect();
    match (params.as_str(), results.as_str()) {
        ("", "i") => linker.func_wrap(from, name, || 0_i32),
        ("", "l") => linker.func_wrap(from, name, || 0_i64),
        ("l", "") => linker.func_wrap(from, name, |_: i64| ()),
        ("l", "i") => linker.func_wrap(from, name, |_: i64| 0_i32),
        ("l", "l") => linker.func_wrap(from, name, |_: i64| 0_i64),
        ("li", "") => linker.func_wrap(from, name, |_: i64, _: i32| ()),
        ("ll", "") => linker.func_wrap(from, name, |_: i64, _: i64| ()),
        ("ll", "l") => linker.func_wrap(from, name, |_: i64, _: i64| 0_i64),
        _ => bail!("no plug-in here imports a function like {from}::{name}: {ty}"),
    }?;
    Ok(())
}

/// What the runtime makes of the plug-in before it is compiled: a module with kernel memory as its second
/// memory.
pub(super) fn rewritten() -> Result<Vec<u8>> {
    let options = Options {
        kernel_memory: KernelMemory::Define {
            pages_min: 1,
            pages_max: None,
        },
        keep: &|_name| false,
    };
    Ok(rewrite(&module(Kit::Published)?, &options)?.wasm)
}
