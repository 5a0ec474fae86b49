//! What the pass has to know of a module before it changes anything.
//!
//! Reads and validates in one go; decides nothing about the new module. Invariant: whoever holds an
//! [`Outline`] holds a valid module that does not name the kernel memory in any way, neither by a
//! reserved name nor by a memory index that would only become valid once the kernel memory is
//! there.

use std::ops::Range;

use extism_abi::layout::{KERNEL_MEMORY_EXPORT, KERNEL_MEMORY_IMPORT, START_EXPORT};
use wasm_encoder::MemoryType;
use wasmparser::BinaryReader;
#[cfg(any(feature = "validate", test))]
use wasmparser::WasmFeatures;

use crate::access::{Access, Growing};
use crate::bulk::Bulk;
use crate::check::{Check, Piece};
use crate::copy_loop::{self, CopyLoop, Surroundings, Work};
use crate::instruction::opcode::{CALL, MEMORY_GROW, NUMERIC, RETURN_CALL, TABLE_GROW};
use crate::loops::Loops;
use crate::module::{self, Export, Imported, section};
use crate::shift::Shift;
use crate::types::{self, FuncType, ValType};
use crate::{Declined, DeclinedKind, KernelMemory};

/// The proposals the pass answers for: all but the deprecated exceptions, and those under which an
/// access to a memory or an export of it would no longer mean what it means in the finished
/// standard.
#[cfg(any(feature = "validate", test))]
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::all()
    .difference(WasmFeatures::LEGACY_EXCEPTIONS)
    .difference(WasmFeatures::SHARED_EVERYTHING_THREADS)
    .difference(WasmFeatures::CUSTOM_DESCRIPTORS)
    .difference(WasmFeatures::COMPONENT_MODEL);

/// What a module's own growth of its memories is to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    /// The engine asks a limiter.
    Free,
    /// The engine asks nobody: the module looks at the cells of [`extism_abi::layout`] itself.
    Metered,
}

/// A direct call that can become instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    /// Position of the call in the body's code.
    pub(crate) offset: usize,
    /// Length of the call instruction in bytes.
    pub(crate) length: usize,
    /// What is called.
    pub(crate) access: Access,
    /// Whether it is a `return_call`.
    pub(crate) tail: bool,
}

/// A function's body.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// The function's index.
    pub(crate) index: u32,
    /// Where it is in the module.
    pub(crate) whole: Range<usize>,
    /// Its groups of locals, without their number.
    pub(crate) locals: Range<usize>,
    /// Its instructions.
    pub(crate) code: Range<usize>,
    /// Number of groups of locals.
    pub(crate) groups: u32,
    /// Number of locals, parameters included.
    pub(crate) locals_count: u32,
    /// The calls that can become instructions, in order.
    pub(crate) sites: Vec<Site>,
    /// The loops around such calls that copy, in order.
    pub(crate) copy_loops: Vec<CopyLoop>,
}

/// The facts about a module.
#[derive(Default)]
pub(crate) struct Outline {
    /// All types; `None` for those that are not of functions.
    types: Vec<Option<FuncType>>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
    /// How many bodies were met.
    bodies: u32,
    /// For each imported function what it stands for.
    imported_functions: Vec<Option<Access>>,
    /// All memories, imported ones first.
    pub(crate) memories: Vec<MemoryType>,
    /// How many of them are imported.
    imported_memories: u32,
    /// Of all tables, imported ones first, whether they count in 64 bits.
    tables_64: Vec<bool>,
    /// How many imports and exports there are, of whatever kind.
    pub(crate) named_count: usize,
    /// Whether growth of memories is metered.
    meters: bool,
    /// The function that is to run when the module is instantiated, if it was put off.
    pub(crate) start: Option<u32>,
    /// The functions exported under the reserved names of the bulk copies, with the right type.
    pub(crate) bulk: Vec<(Bulk, u32)>,
}

impl Outline {
    /// Validates a module and notes what matters. Each body is shown as it is met, when all that
    /// comes before code in a module is known: a module may have a million of them, so none is
    /// kept.
    pub(crate) fn read(
        wasm: &[u8],
        keep: &dyn Fn(&str) -> bool,
        growth: Growth,
        mut each_body: impl FnMut(&Outline, &Body) -> Result<(), Declined>,
    ) -> Result<Self, Declined> {
        if module::is_component(wasm) {
            let reason = "it is a component, not a core module";
            return Err(Declined::new(DeclinedKind::Unsupported, reason));
        }
        let mut outline = Outline {
            meters: growth == Growth::Metered,
            ..Outline::default()
        };
        let mut check = Check::new(wasm);
        while let Some(piece) = check.next()? {
            match piece {
                Piece::Body(range) => {
                    let body = outline.body(&mut check, wasm, range)?;
                    each_body(&outline, &body)?;
                }
                // Of a section of code that is cut off, nothing is read here.
                Piece::Section(section::CODE, _) => {}
                Piece::Section(id, range) => outline.section(id, &wasm[range], keep)?,
            }
        }
        Ok(outline)
    }

    /// The index of the kernel memory in the new module, and how the others move.
    pub(crate) fn kernel(&self, kernel_memory: KernelMemory) -> (u32, Shift) {
        // Validated: a module has at most 100 memories.
        let memories = self.memories.len() as u32;
        match kernel_memory {
            KernelMemory::Define { .. } => (memories, Shift::none()),
            KernelMemory::Import if memories == self.imported_memories => (memories, Shift::none()),
            KernelMemory::Import => (self.imported_memories, Shift::from(self.imported_memories)),
        }
    }

    fn section(
        &mut self,
        id: u8,
        data: &[u8],
        keep: &dyn Fn(&str) -> bool,
    ) -> Result<(), Declined> {
        match id {
            section::TYPE => self.types = module::types(data)?,
            section::IMPORT => self.imports(data, keep)?,
            section::FUNCTION => self.functions.extend(module::functions(data)?),
            section::TABLE => {
                let tables = module::tables(data)?;
                self.tables_64
                    .extend(tables.iter().map(|table| table.is_64));
            }
            section::MEMORY => self.memories.extend(module::memories(data)?),
            section::EXPORT => self.exports(data, keep)?,
            section::START => self.start = Some(BinaryReader::new(data, 0).read_var_u32()?),
            _ => {}
        }
        Ok(())
    }

    fn imports(&mut self, section: &[u8], keep: &dyn Fn(&str) -> bool) -> Result<(), Declined> {
        module::imports(section, &mut |import| {
            // The second name could be reached through another module of the same plug-in.
            if (import.module, import.name) == KERNEL_MEMORY_IMPORT
                || import.name == KERNEL_MEMORY_EXPORT
            {
                let reason = format!(
                    "it imports {}::{}, a reserved name",
                    import.module, import.name
                );
                return Err(Declined::new(DeclinedKind::Reserved, reason));
            }
            self.named_count += 1;
            match import.kind {
                Imported::Function(index) => {
                    let access = self
                        .type_at(index)
                        .and_then(|ty| Access::of_import(import.module, import.name, ty, keep));
                    self.imported_functions.push(access);
                    self.functions.push(index);
                }
                Imported::Memory(memory) => {
                    self.memories.push(memory);
                    self.imported_memories += 1;
                }
                Imported::Table(table) => self.tables_64.push(table.is_64),
                Imported::Other => {}
            }
            Ok(())
        })
    }

    fn exports(&mut self, section: &[u8], keep: &dyn Fn(&str) -> bool) -> Result<(), Declined> {
        for export in module::exports(section)? {
            if [KERNEL_MEMORY_EXPORT, START_EXPORT].contains(&export.name) {
                let reason = format!("it exports {}, a reserved name", export.name);
                return Err(Declined::new(DeclinedKind::Reserved, reason));
            }
            self.named_count += 1;
            self.bulk.extend(self.bulk_export(&export, keep));
        }
        // One function cannot copy both ways: such a module does not mean what we mean by these names.
        if let [(_, first), (_, second)] = self.bulk[..]
            && first == second
        {
            self.bulk.clear();
        }
        Ok(())
    }

    fn bulk_export(&self, export: &Export<'_>, keep: &dyn Fn(&str) -> bool) -> Option<(Bulk, u32)> {
        let bulk = Bulk::of_export(export.name, keep)?;
        let memory = self.memories.first()?;
        // An imported function has no body to put anything into, so is passed over when bodies are written.
        let fits = export.is_function() && Bulk::memory_fits(memory);
        let ty = fits.then(|| self.functions.get(export.index as usize))?;
        let ty = ty.and_then(|ty| self.type_at(*ty));
        ty.is_some_and(Bulk::type_fits)
            .then_some((bulk, export.index))
    }

    /// The size of the largest type an import or export can have, as engines count it.
    pub(crate) fn type_size_max(&self) -> usize {
        let function = |ty: &FuncType| 2 + ty.params.len() + ty.results.len();
        let functions = self.types.iter().flatten().map(function);
        functions.max().unwrap_or(1)
    }

    /// The function type of that index.
    fn type_at(&self, index: u32) -> Option<&FuncType> {
        self.types.get(index as usize).and_then(Option::as_ref)
    }

    /// Notes the calls of a body, which is checked on the way.
    fn body(
        &mut self,
        check: &mut Check<'_>,
        wasm: &[u8],
        whole: Range<usize>,
    ) -> Result<Body, Declined> {
        let mut reader = BinaryReader::new(&wasm[whole.clone()], whole.start);
        let groups = reader.read_var_u32()?;
        let locals_start = reader.original_position();
        let index = (self.imported_functions.len() as u32).saturating_add(self.bodies);
        self.bodies = self.bodies.saturating_add(1);
        let mut locals = Locals::default();
        let ty = self.functions.get(index as usize).copied();
        let ty = ty.and_then(|ty| self.type_at(ty));
        for param in ty.map(|ty| &ty.params[..]).unwrap_or_default() {
            locals.push(1, *param);
        }
        for _ in 0..groups {
            let count = reader.read_var_u32()?;
            locals.push(count, types::value(&mut reader)?);
        }
        let code_start = reader.original_position();

        let (mut sites, mut loops) = (Vec::new(), Loops::default());
        check.walk(|reader| {
            let start = reader.original_position();
            let opcode = reader.clone().read_u8()?;
            loops.pass(opcode, start - code_start);
            if let Some(site) = self.site(opcode, reader, code_start)? {
                loops.note(site.access);
                sites.push(site);
            }
            Ok(())
        })?;
        let code = &wasm[code_start..whole.end];
        let copy_loops = self.copy_loops(code, loops.around_sites(), &locals);
        Ok(Body {
            index,
            locals: locals_start..code_start,
            code: code_start..whole.end,
            whole,
            groups,
            locals_count: locals.count,
            sites,
            copy_loops,
        })
    }

    /// The next instruction if it is a call that can be replaced. Looks at the opcode only:
    /// decoding an instruction costs as much as validating it.
    fn site(
        &self,
        opcode: u8,
        reader: &BinaryReader<'_>,
        code_start: usize,
    ) -> Result<Option<Site>, Declined> {
        let may_grow = self.meters && matches!(opcode, MEMORY_GROW | NUMERIC);
        if opcode != CALL && opcode != RETURN_CALL && !may_grow {
            return Ok(None);
        }
        let start = reader.original_position();
        let mut reader = reader.clone();
        reader.read_u8()?;
        let index = reader.read_var_u32()?;
        let access = match opcode {
            MEMORY_GROW => Some(self.growth_of_memory(index)?),
            NUMERIC if index == TABLE_GROW => Some(self.growth_of_table(reader.read_var_u32()?)?),
            NUMERIC => None,
            _ => self.access(index),
        };
        Ok(access.map(|access| Site {
            offset: start - code_start,
            length: reader.original_position() - start,
            access,
            tail: opcode == RETURN_CALL,
        }))
    }

    fn growth_of_memory(&self, index: u32) -> Result<Access, Declined> {
        let memory = self.memories.get(index as usize);
        match memory {
            Some(memory) if !Bulk::memory_fits(memory) => Err(Declined::new(
                DeclinedKind::Unsupported,
                "it grows a memory of 64 bits or of other pages, which is not metered",
            )),
            _ => Ok(Access::Grow(Growing::Memory(index))),
        }
    }

    fn growth_of_table(&self, index: u32) -> Result<Access, Declined> {
        match self.tables_64.get(index as usize) {
            Some(true) => Err(Declined::new(
                DeclinedKind::Unsupported,
                "it grows a table of 64 bits, which is not metered",
            )),
            _ => Ok(Access::Grow(Growing::Table(index))),
        }
    }

    /// What a function stands for.
    fn access(&self, function: u32) -> Option<Access> {
        let access = self.imported_functions.get(function as usize);
        access.copied().flatten()
    }

    /// Those of the loops at these positions that copy.
    fn copy_loops(&self, code: &[u8], loops: Vec<usize>, locals: &Locals) -> Vec<CopyLoop> {
        if !self.memories.first().is_some_and(CopyLoop::memory_fits) {
            return Vec::new();
        }
        let surroundings = Surroundings {
            local: &|index| locals.get(index).and_then(copy_loop::word),
            access: &|function| self.access(function),
        };
        let mut work = Work::for_bytes(code.len());
        let find = |offset| CopyLoop::find(code, offset, &surroundings, &mut work);
        loops.into_iter().filter_map(find).collect()
    }
}

/// The types of a function's locals, parameters first: there may be thousands of one type.
#[derive(Default)]
struct Locals {
    /// How many there are.
    count: u32,
    /// The index after the last one of each group, and the type of the group.
    groups: Vec<(u32, ValType)>,
}

impl Locals {
    fn push(&mut self, count: u32, ty: ValType) {
        self.count = self.count.saturating_add(count);
        self.groups.push((self.count, ty));
    }

    fn get(&self, index: u32) -> Option<ValType> {
        let at = self.groups.partition_point(|(end, _)| *end <= index);
        self.groups.get(at).map(|(_, ty)| *ty)
    }
}
