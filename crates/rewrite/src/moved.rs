//! Sections that name memories, after memories have moved.
//!
//! Knows where a section names a memory, and nothing else of it. Invariant: all but those indices, and the
//! names of labels, is copied byte for byte.

use std::borrow::Cow;

use wasm_encoder::{CustomSection, Encode};
use wasmparser::{BinaryReader, Result};

use crate::instruction::Instructions;
use crate::module;
use crate::shift::Shift;

/// A segment of the first memory, which is not named; one of a memory that is.
const FIRST_MEMORY: u32 = 0;
const NAMED_MEMORY: u32 = 2;

const LABEL_NAMES: u8 = 3;
const MEMORY_NAMES: u8 = 6;

/// The contents of an export section.
pub(crate) fn exports(section: &[u8], shift: &Shift) -> Result<Vec<u8>> {
    let exports = module::exports(section)?;
    let mut out = Vec::with_capacity(section.len() + 1);
    exports.len().encode(&mut out);
    for export in exports {
        export.name.encode(&mut out);
        out.push(export.kind);
        match export.is_memory() {
            true => shift.index(export.index).encode(&mut out),
            false => export.index.encode(&mut out),
        }
    }
    Ok(out)
}

/// The contents of a data section.
pub(crate) fn data(section: &[u8], shift: &Shift) -> Result<Vec<u8>> {
    let mut reader = BinaryReader::new(section, 0);
    let mut out = Vec::with_capacity(section.len() + 1);
    let count = reader.read_var_u32()?;
    count.encode(&mut out);
    for _ in 0..count {
        let start = reader.current_position();
        let memory = match reader.read_var_u32()? {
            FIRST_MEMORY => Some(0),
            NAMED_MEMORY => Some(reader.read_var_u32()?),
            _ => None,
        };
        let mut rest = reader.current_position();
        if memory.is_some() {
            reader = Instructions::new(reader).after_end()?;
        }
        let length = reader.read_var_u32()?;
        reader.read_bytes(length as usize)?;
        let moved = memory.map(|memory| shift.index(memory));
        if moved == memory {
            rest = start;
        } else {
            NAMED_MEMORY.encode(&mut out);
            moved.unwrap_or_default().encode(&mut out);
        }
        out.extend_from_slice(&section[rest..reader.current_position()]);
    }
    Ok(out)
}

/// The name section without the names of labels, which are numbered in the order of their blocks.
pub(crate) fn names<'a>(section: &[u8], shift: &Shift) -> Result<CustomSection<'a>> {
    let mut reader = BinaryReader::new(section, 0);
    let mut out = Vec::with_capacity(section.len());
    while !reader.eof() {
        let start = reader.current_position();
        let id = reader.read_u8()?;
        let length = reader.read_var_u32()?;
        let contents = reader.read_bytes(length as usize)?;
        match id {
            LABEL_NAMES => {}
            MEMORY_NAMES if shift.moves() => {
                out.push(id);
                memory_names(contents, shift)?.encode(&mut out);
            }
            _ => out.extend_from_slice(&section[start..reader.current_position()]),
        }
    }
    Ok(CustomSection {
        name: Cow::Borrowed("name"),
        data: Cow::Owned(out),
    })
}

fn memory_names(contents: &[u8], shift: &Shift) -> Result<Vec<u8>> {
    let mut reader = BinaryReader::new(contents, 0);
    let mut out = Vec::with_capacity(contents.len() + 1);
    let count = reader.read_var_u32()?;
    count.encode(&mut out);
    for _ in 0..count {
        shift.index(reader.read_var_u32()?).encode(&mut out);
        reader.read_string()?.encode(&mut out);
    }
    Ok(out)
}
