//! Modules that are too large to be written down, made from a name and numbers.
//!
//! Must not know: what must come of them. Invariant: the same words make the same bytes.

use anyhow::{Context, Result, bail};
use extism_manifest::{Manifest, Wasm};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function,
    FunctionSection, ImportSection, Instruction, MemorySection, MemoryType, Module, RefType,
    TableSection, TableType, TypeSection, ValType,
};

/// What `name number…` stands for.
pub(crate) fn build(words: &str) -> Result<Manifest> {
    let mut words = words.split_whitespace();
    let name = words.next().context("no name")?;
    let mut number = || -> Result<u32> {
        Ok(words
            .next()
            .with_context(|| format!("{name} takes a number"))?
            .parse()?)
    };
    let module = match name {
        "exports" => exports(number()?),
        "imports" => imports(number()?),
        "types" => types(number()?),
        "locals" => locals(number()?),
        "tables" => tables(number()?),
        "data" => data(number()?, number()?),
        "large_function" => large_function(number()?, number()?),
        "nested" => nested(number()?),
        "nested_text" => return Ok(Manifest::new([Wasm::data(nested_text(number()?))])),
        "linked" => return Ok(linked(number()?, number()?)),
        _ => bail!("{name} is no module"),
    };
    Ok(Manifest::new([Wasm::data(module.finish())]))
}

/// A function that does nothing, under the name all cases call afterwards.
struct Parts {
    types: TypeSection,
    imports: ImportSection,
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    exports: ExportSection,
    code: CodeSection,
    data: DataSection,
}

impl Parts {
    fn new() -> Parts {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        Parts {
            types,
            imports: ImportSection::new(),
            functions: FunctionSection::new(),
            tables: TableSection::new(),
            memories: MemorySection::new(),
            exports: ExportSection::new(),
            code: CodeSection::new(),
            data: DataSection::new(),
        }
    }

    fn function(&mut self, name: &str, function: &Function) {
        let index = self.imports.len() + self.functions.len();
        self.functions.function(0);
        self.exports.export(name, ExportKind::Func, index);
        self.code.function(function);
    }

    fn finish(mut self) -> Module {
        self.function("fine", &empty());
        let mut module = Module::new();
        module.section(&self.types);
        module.section(&self.imports);
        module.section(&self.functions);
        module.section(&self.tables);
        module.section(&self.memories);
        module.section(&self.exports);
        module.section(&self.code);
        module.section(&self.data);
        module
    }
}

fn empty() -> Function {
    let mut function = Function::new([]);
    function.instruction(&Instruction::End);
    function
}

fn exports(count: u32) -> Module {
    let mut parts = Parts::new();
    parts.function("first", &empty());
    for at in 0..count {
        parts.exports.export(&format!("e{at}"), ExportKind::Func, 0);
    }
    parts.finish()
}

fn imports(count: u32) -> Module {
    let mut parts = Parts::new();
    for at in 0..count {
        let name = format!("i{at}");
        parts
            .imports
            .import("m", &name, wasm_encoder::EntityType::Function(0));
    }
    parts.finish()
}

fn types(count: u32) -> Module {
    let mut parts = Parts::new();
    for _ in 0..count {
        parts.types.ty().function([ValType::I32], [ValType::I64]);
    }
    parts.finish()
}

fn locals(count: u32) -> Module {
    let mut parts = Parts::new();
    let mut function = Function::new([(count, ValType::I64)]);
    function.instruction(&Instruction::End);
    parts.function("run", &function);
    parts.finish()
}

fn tables(count: u32) -> Module {
    let mut parts = Parts::new();
    for _ in 0..count {
        parts.tables.table(TableType {
            element_type: RefType::FUNCREF,
            minimum: 1,
            maximum: None,
            table64: false,
            shared: false,
        });
    }
    parts.finish()
}

/// A memory of so many pages, and so many bytes of data for it, a page each but the last.
fn data(pages: u32, bytes: u32) -> Module {
    const PAGE: u32 = 65_536;
    let mut parts = Parts::new();
    parts.memories.memory(MemoryType {
        minimum: u64::from(pages),
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut at = 0;
    while at < bytes {
        let length = PAGE.min(bytes - at);
        let offset = ConstExpr::i32_const(at.cast_signed());
        parts.data.active(0, &offset, vec![0xaa; length as usize]);
        at += length;
    }
    parts.finish()
}

/// One function with so many locals and so many switches, each with a thousand targets.
fn large_function(locals: u32, switches: u32) -> Module {
    const TARGETS: u32 = 1_000;
    let mut parts = Parts::new();
    let mut function = Function::new([(locals, ValType::I32)]);
    for at in 0..switches {
        function.instruction(&Instruction::Block(BlockType::Empty));
        function.instruction(&Instruction::Block(BlockType::Empty));
        function.instruction(&Instruction::LocalGet(at % locals));
        let targets: Vec<u32> = (0..TARGETS).map(|target| target % 2).collect();
        function.instruction(&Instruction::BrTable(targets.into(), 0));
        function.instruction(&Instruction::End);
        function.instruction(&Instruction::I32Const(1));
        function.instruction(&Instruction::LocalSet(at % locals));
        function.instruction(&Instruction::End);
    }
    function.instruction(&Instruction::End);
    parts.function("run", &function);
    parts.finish()
}

/// One function with blocks within each other.
fn nested(depth: u32) -> Module {
    let mut parts = Parts::new();
    let mut function = Function::new([]);
    for _ in 0..depth {
        function.instruction(&Instruction::Block(BlockType::Empty));
    }
    for _ in 0..=depth {
        function.instruction(&Instruction::End);
    }
    parts.function("run", &function);
    parts.finish()
}

/// A module in text form with parentheses within each other.
fn nested_text(depth: u32) -> String {
    let depth = depth as usize;
    let (open, close) = ("(block ".repeat(depth), ")".repeat(depth));
    format!("(module (func (export \"fine\")) (func (export \"run\") {open}{close}))")
}

/// So many modules, each with a memory of so many pages and importing from the one before.
fn linked(count: u32, pages: u32) -> Manifest {
    let modules = (0..count).map(|at| {
        let import = match at {
            0 => String::new(),
            _ => format!("(import \"m{}\" \"fine\" (func))", at - 1),
        };
        let text = format!("(module {import} (memory {pages}) (func (export \"fine\")))");
        Wasm::data(text).with_name(format!("m{at}"))
    });
    Manifest::new(modules)
}
