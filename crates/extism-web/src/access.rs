//! The kernel functions on the bytes of kernel memory, as a module of its own: for modules that call
//! them, because the rewriting pass left them alone or the page's engine has no second memories.
//!
//! Must not know: how a load is done. Keeps: the instructions are those of the rewriting pass, since the
//! module is put through it.

use extism_abi::import::{
    ENV_MODULE, Import, KERNEL, LEGACY_MODULE, LEGACY_ONLY, LEGACY_PREFIX, Ty,
};
use extism_rewrite::{KernelMemory, Options};
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    Module, TypeSection, ValType,
};

/// The module: it imports kernel memory and exports each function under its 1.x name.
pub(crate) fn module() -> Vec<u8> {
    let options = Options {
        kernel_memory: KernelMemory::Import,
        keep: &|_| false,
    };
    let wrappers = wrappers();
    match extism_rewrite::rewrite(&wrappers, &options) {
        Ok(rewritten) => rewritten.wasm,
        Err(declined) => unreachable!("{declined}"),
    }
}

/// A function around each import, with the import's type.
fn wrappers() -> Vec<u8> {
    let touches_bytes = |import: &&Import| {
        let mut words = import.name.split('_');
        words.any(|word| matches!(word, "load" | "store"))
    };
    let modern = KERNEL
        .iter()
        .filter(touches_bytes)
        .map(|import| (ENV_MODULE, import.name.to_owned(), import));
    let legacy = LEGACY_ONLY.iter().map(|import| {
        (
            LEGACY_MODULE,
            format!("{LEGACY_PREFIX}{}", import.name),
            import,
        )
    });
    let all: Vec<_> = modern.chain(legacy).collect();

    let mut types = TypeSection::new();
    let mut imports = ImportSection::new();
    let mut functions = FunctionSection::new();
    let mut exports = ExportSection::new();
    let mut code = CodeSection::new();
    for (index, (module, name, import)) in (0_u32..).zip(&all) {
        types.ty().function(
            import.params.iter().map(value_type),
            import.results.iter().map(value_type),
        );
        imports.import(module, name, EntityType::Function(index));
        functions.function(index);
        let function = index.saturating_add(all.len() as u32);
        exports.export(import.name, ExportKind::Func, function);
        let mut body = Function::new([]);
        let mut instructions = body.instructions();
        for (parameter, _) in (0_u32..).zip(import.params) {
            instructions.local_get(parameter);
        }
        instructions.call(index).end();
        code.function(&body);
    }
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&exports)
        .section(&code);
    module.finish()
}

fn value_type(ty: &Ty) -> ValType {
    match ty {
        Ty::I32 => ValType::I32,
        Ty::I64 => ValType::I64,
    }
}
