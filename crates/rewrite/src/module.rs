//! What a module declares, section by section: types, imports, functions, tables, memories, exports.
//!
//! Knows how declarations are written down, and believes them: the bytes are validated elsewhere. Invariant:
//! whatever the bytes, reading ends and does not panic, and a list is never longer than its section.

use std::ops::Range;

use wasm_encoder::MemoryType;
use wasmparser::{BinaryReader, Result};

use crate::instruction::Instructions;
use crate::types::{self, FuncType};

/// The numbers of sections.
pub mod section {
    /// Debug information, names and the like.
    pub const CUSTOM: u8 = 0;
    /// Read by [`types`](super::types).
    pub const TYPE: u8 = 1;
    /// Read by [`imports`](super::imports).
    pub const IMPORT: u8 = 2;
    /// Read by [`functions`](super::functions).
    pub const FUNCTION: u8 = 3;
    /// Read by [`tables`](super::tables).
    pub const TABLE: u8 = 4;
    /// Read by [`memories`](super::memories).
    pub const MEMORY: u8 = 5;
    /// Read by [`exports`](super::exports).
    pub const EXPORT: u8 = 7;
    /// The index of a function.
    pub const START: u8 = 8;
    /// Bodies of functions.
    pub const CODE: u8 = 10;
    /// Segments of memories.
    pub const DATA: u8 = 11;
}

const HEADER: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Whether bytes are a component rather than a module.
pub(crate) fn is_component(wasm: &[u8]) -> bool {
    wasm.starts_with(COMPONENT)
}

/// The sections of a module: the number of each, and where its contents are.
#[derive(Clone, Debug)]
pub struct Sections<'a> {
    reader: BinaryReader<'a>,
    is_at_start: bool,
}

impl<'a> Sections<'a> {
    /// Of a binary module.
    pub fn new(wasm: &'a [u8]) -> Sections<'a> {
        Sections {
            reader: BinaryReader::new(wasm, 0),
            is_at_start: true,
        }
    }

    fn read(&mut self) -> Result<(u8, Range<usize>)> {
        if std::mem::take(&mut self.is_at_start) && self.reader.read_bytes(HEADER.len())? != HEADER
        {
            return Err(types::unexpected(&self.reader));
        }
        let id = self.reader.read_u8()?;
        let length = self.reader.read_var_u32()?;
        let start = self.reader.current_position();
        self.reader.read_bytes(length as usize)?;
        Ok((id, start..self.reader.current_position()))
    }
}

impl Iterator for Sections<'_> {
    type Item = Result<(u8, Range<usize>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let is_empty_module = self.is_at_start && self.reader.bytes_remaining() == HEADER.len();
        if self.reader.eof() && !self.is_at_start || is_empty_module {
            return None;
        }
        let section = self.read();
        if section.is_err() {
            // Nothing is read after what cannot be.
            self.reader = BinaryReader::new(&[], 0);
        }
        Some(section)
    }
}

/// Reads a list: how many items there are, and each.
fn list<'a, T>(
    section: &'a [u8],
    mut item: impl FnMut(&mut BinaryReader<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut reader = BinaryReader::new(section, 0);
    let mut items = Vec::new();
    for _ in 0..reader.read_var_u32()? {
        items.push(item(&mut reader)?);
    }
    Ok(items)
}

/// The types of a type section; `None` for those that are not of functions.
///
/// # Errors
/// If it is no such section.
pub fn types(section: &[u8]) -> Result<Vec<Option<FuncType>>> {
    const GROUP: u8 = 0x4e;
    let mut reader = BinaryReader::new(section, 0);
    let mut types = Vec::new();
    for _ in 0..reader.read_var_u32()? {
        let mut count = 1;
        if reader.clone().read_u8()? == GROUP {
            reader.read_u8()?;
            count = reader.read_var_u32()?;
        }
        for _ in 0..count {
            types.push(types::declared(&mut reader)?);
        }
    }
    Ok(types)
}

/// An import.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Import<'a> {
    /// The module it is imported from.
    pub module: &'a str,
    /// Its name there.
    pub name: &'a str,
    /// What is imported.
    pub kind: Imported,
}

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Imported {
    /// A function of the type with that index.
    Function(u32),
    /// A table.
    Table(Table),
    /// A memory.
    Memory(MemoryType),
    /// A global or a tag.
    Other,
}

/// Shows each import of an import section.
///
/// # Errors
/// If it is no such section; those of `each`.
pub fn imports<'a, E: From<wasmparser::Error>>(
    section: &'a [u8],
    each: &mut dyn FnMut(Import<'a>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    /// In place of a name and a type: several of one module, with a type each or one for all.
    const SEVERAL: u8 = 0x7f;
    const SEVERAL_ALIKE: u8 = 0x7e;
    let mut reader = BinaryReader::new(section, 0);
    for _ in 0..reader.read_var_u32()? {
        let module = reader.read_string()?;
        let name = reader.read_string()?;
        let form = reader.clone().read_u8()?;
        let is_several = name.is_empty() && matches!(form, SEVERAL | SEVERAL_ALIKE);
        if !is_several {
            let kind = imported(&mut reader)?;
            each(Import { module, name, kind })?;
            continue;
        }
        reader.read_u8()?;
        let all = match form {
            SEVERAL_ALIKE => Some(imported(&mut reader)?),
            _ => None,
        };
        for _ in 0..reader.read_var_u32()? {
            let name = reader.read_string()?;
            let kind = match all {
                Some(kind) => kind,
                None => imported(&mut reader)?,
            };
            each(Import { module, name, kind })?;
        }
    }
    Ok(())
}

fn imported(reader: &mut BinaryReader<'_>) -> Result<Imported> {
    Ok(match reader.read_u8()? {
        0x00 => Imported::Function(reader.read_var_u32()?),
        0x01 => Imported::Table(table(reader)?),
        0x02 => Imported::Memory(memory(reader)?),
        0x03 => {
            types::value(reader)?;
            reader.read_u8()?;
            Imported::Other
        }
        0x04 => {
            reader.read_u8()?;
            reader.read_var_u32()?;
            Imported::Other
        }
        _ => return Err(types::unexpected(reader)),
    })
}

/// The index of the type of each function of a function section.
///
/// # Errors
/// If it is no such section.
pub fn functions(section: &[u8]) -> Result<Vec<u32>> {
    list(section, BinaryReader::read_var_u32)
}

/// A table as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// How many elements it has at first.
    pub elements: u64,
    /// Whether it counts them in 64 bits.
    pub is_64: bool,
}

/// The tables of a table section.
///
/// # Errors
/// If it is no such section.
pub fn tables(section: &[u8]) -> Result<Vec<Table>> {
    /// Before the type of a table that has an initial value.
    const HAS_VALUE: u8 = 0x40;
    list(section, |reader| {
        let has_value = reader.clone().read_u8()? == HAS_VALUE;
        if has_value {
            reader.read_bytes(2)?;
        }
        let table = table(reader)?;
        if has_value {
            *reader = Instructions::new(reader.clone()).after_end()?;
        }
        Ok(table)
    })
}

fn table(reader: &mut BinaryReader<'_>) -> Result<Table> {
    types::value(reader)?;
    let limits = memory(reader)?;
    Ok(Table {
        elements: limits.minimum,
        is_64: limits.memory64,
    })
}

/// The memories of a memory section.
///
/// # Errors
/// If it is no such section.
pub fn memories(section: &[u8]) -> Result<Vec<MemoryType>> {
    list(section, memory)
}

fn memory(reader: &mut BinaryReader<'_>) -> Result<MemoryType> {
    let flags = reader.read_u8()?;
    let has = |bit: u32| flags >> bit & 1 == 1;
    Ok(MemoryType {
        minimum: reader.read_var_u64()?,
        maximum: has(0).then(|| reader.read_var_u64()).transpose()?,
        shared: has(1),
        memory64: has(2),
        page_size_log2: has(3).then(|| reader.read_var_u32()).transpose()?,
    })
}

/// An export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is: 0 for a function, 2 for a memory.
    pub kind: u8,
    /// Which one it is.
    pub index: u32,
}

impl Export<'_> {
    /// Whether it is a function.
    pub fn is_function(&self) -> bool {
        self.kind == 0
    }

    pub(crate) fn is_memory(&self) -> bool {
        self.kind == 2
    }
}

/// The exports of an export section.
///
/// # Errors
/// If it is no such section.
pub fn exports(section: &[u8]) -> Result<Vec<Export<'_>>> {
    list(section, |reader| {
        Ok(Export {
            name: reader.read_string()?,
            kind: reader.read_u8()?,
            index: reader.read_var_u32()?,
        })
    })
}
