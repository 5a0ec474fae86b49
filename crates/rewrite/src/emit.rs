//! The new module, put together from the old one's sections.
//!
//! Knows sections and their order, not what functions do. Invariant: a section is copied byte for
//! byte unless the kernel memory is added to it, it names a memory that has moved, or it describes
//! code that is no longer where it was.

use extism_abi::layout::{KERNEL_MEMORY_EXPORT, KERNEL_MEMORY_IMPORT, START_EXPORT};
use wasm_encoder::{
    CodeSection, Encode, EntityType, ExportKind, MemoryType, Module, RawSection, SectionId,
};
use wasmparser::{BinaryReader, Result};

use crate::module::{Sections, section};
use crate::moved;
use crate::outline::Outline;
use crate::shift::Shift;
use crate::{Declined, DeclinedKind, KernelMemory};

/// Limits that all engines share.
const MEMORIES_MAX: usize = 100;
const MEMORY_PAGES_MAX: u64 = 65_536;

/// The strictest engine's limit of the sizes of the types of all imports and exports, added up.
const TYPES_SIZE_MAX: usize = 1_000_000;

/// The order of sections in a module.
const ORDER: [SectionId; 13] = [
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
    SectionId::Tag,
    SectionId::Global,
    SectionId::Export,
    SectionId::Start,
    SectionId::Element,
    SectionId::DataCount,
    SectionId::Code,
    SectionId::Data,
];

fn rank(id: u8) -> usize {
    let found = ORDER.iter().position(|section| *section as u8 == id);
    found.unwrap_or(ORDER.len())
}

/// Entries more for a section, which may have to be made.
pub(crate) struct Addition {
    pub(crate) section: SectionId,
    pub(crate) count: u32,
    pub(crate) entries: Vec<u8>,
}

/// When the function of the start section runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// When the module is instantiated.
    AtOnce,
    /// When the host calls it, under the name [`START_EXPORT`].
    Deferred,
}

/// Puts the new module together.
pub(crate) fn module(
    wasm: &[u8],
    outline: &Outline,
    code: &CodeSection,
    kernel_memory: KernelMemory,
    start: Start,
) -> std::result::Result<Vec<u8>, Declined> {
    let (kernel, shift) = outline.kernel(kernel_memory);
    let deferred = outline.start.filter(|_| start == Start::Deferred);
    let mut additions = additions(outline, kernel, kernel_memory, deferred)?
        .into_iter()
        .peekable();
    let mut module = Module::new();
    for found in Sections::new(wasm) {
        let (id, range) = found?;
        let data = &wasm[range];
        if id == section::CUSTOM {
            custom(&mut module, data, &shift)?;
            continue;
        }
        if deferred.is_some() && id == section::START {
            continue;
        }
        while let Some(addition) =
            additions.next_if(|addition| rank(addition.section as u8) < rank(id))
        {
            extended(&mut module, addition, &[0])?;
        }
        if id == section::CODE {
            module.section(code);
            continue;
        }
        let moved = match id {
            section::EXPORT if shift.moves() => Some(moved::exports(data, &shift)?),
            section::DATA if shift.moves() => Some(moved::data(data, &shift)?),
            _ => None,
        };
        let data = moved.as_deref().unwrap_or(data);
        match additions.next_if(|addition| addition.section as u8 == id) {
            Some(addition) => extended(&mut module, addition, data)?,
            None => {
                module.section(&RawSection { id, data });
            }
        }
    }
    for addition in additions {
        extended(&mut module, addition, &[0])?;
    }
    Ok(module.finish())
}

/// Puts the export of a start function that the host calls at the end of others.
pub(crate) fn start_export(exports: &mut Vec<u8>, function: u32) {
    START_EXPORT.encode(exports);
    ExportKind::Func.encode(exports);
    function.encode(exports);
}

/// Writes a section with more entries than the old contents, which begin with the number of entries.
pub(crate) fn extended(module: &mut Module, addition: Addition, old: &[u8]) -> Result<()> {
    let mut reader = BinaryReader::new(old, 0);
    let count = reader.read_var_u32()?;
    let mut data = Vec::with_capacity(old.len() + addition.entries.len() + 1);
    // At most a million entries: checked when the additions were made.
    count.saturating_add(addition.count).encode(&mut data);
    data.extend_from_slice(&old[reader.current_position()..]);
    data.extend_from_slice(&addition.entries);
    module.section(&RawSection {
        id: addition.section as u8,
        data: &data,
    });
    Ok(())
}

/// What makes the kernel memory part of the module, in the order of sections.
fn additions(
    outline: &Outline,
    kernel: u32,
    kernel_memory: KernelMemory,
    deferred_start: Option<u32>,
) -> std::result::Result<Vec<Addition>, Declined> {
    let unsupported = |reason: &str| Err(Declined::new(DeclinedKind::Unsupported, reason));
    if outline.memories.len() >= MEMORIES_MAX {
        return unsupported("it has as many memories as engines accept");
    }
    // An import or two exports are added, none of which is larger than a function without parameters.
    let named = outline.named_count.saturating_add(2);
    if named.saturating_mul(outline.type_size_max()) >= TYPES_SIZE_MAX {
        return unsupported("it has about as many imports and exports as engines accept");
    }
    let (mut exports, mut exports_count) = (Vec::new(), 0);
    let memory = match kernel_memory {
        KernelMemory::Import => {
            let (name, field) = KERNEL_MEMORY_IMPORT;
            let mut entries = Vec::new();
            name.encode(&mut entries);
            field.encode(&mut entries);
            EntityType::Memory(memory_type(1, None)).encode(&mut entries);
            Addition {
                section: SectionId::Import,
                count: 1,
                entries,
            }
        }
        KernelMemory::Define {
            pages_min,
            pages_max,
        } => {
            let pages_min = pages_min.max(1);
            let limit = pages_max.unwrap_or(MEMORY_PAGES_MAX);
            if limit > MEMORY_PAGES_MAX || pages_min > limit {
                return unsupported("the kernel memory asked for is not a 32-bit memory");
            }
            KERNEL_MEMORY_EXPORT.encode(&mut exports);
            ExportKind::Memory.encode(&mut exports);
            kernel.encode(&mut exports);
            exports_count += 1;
            let mut entries = Vec::new();
            memory_type(pages_min, pages_max).encode(&mut entries);
            Addition {
                section: SectionId::Memory,
                count: 1,
                entries,
            }
        }
    };
    if let Some(function) = deferred_start {
        start_export(&mut exports, function);
        exports_count += 1;
    }
    let exports = Addition {
        section: SectionId::Export,
        count: exports_count,
        entries: exports,
    };
    let all = [memory, exports].into_iter();
    Ok(all.filter(|addition| addition.count > 0).collect())
}

fn memory_type(minimum: u64, maximum: Option<u64>) -> MemoryType {
    MemoryType {
        minimum,
        maximum,
        memory64: false,
        shared: false,
        page_size_log2: None,
    }
}

/// Copies a custom section, unless it speaks of positions in code.
fn custom(module: &mut Module, data: &[u8], shift: &Shift) -> Result<()> {
    let mut reader = BinaryReader::new(data, 0);
    let name = reader.read_string()?;
    if name == "name" {
        // Names are for people: a section that cannot be read is left out, as engines pass over it.
        if let Ok(names) = moved::names(&data[reader.current_position()..], shift) {
            module.section(&names);
        }
    } else if !speaks_of_positions(name) {
        module.section(&RawSection {
            id: section::CUSTOM,
            data,
        });
    }
    Ok(())
}

/// Whether a custom section holds positions in code or in the file: debug information, relocations, hints.
fn speaks_of_positions(name: &str) -> bool {
    let prefixes = [".debug_", "reloc.", "metadata.code."];
    let names = ["sourceMappingURL", "external_debug_info", "linking"];
    names.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
}
