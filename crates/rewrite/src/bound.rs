//! What a module that was not rewritten is given for an engine that asks nobody: memories and tables that are
//! declared to grow by so much at most, and a start function that the host calls.
//!
//! Knows the sections of tables, memories, exports and the start alone. Invariant: nothing else of the module
//! changes, and no memory or table is declared to grow further than before.

use extism_abi::layout::START_EXPORT;
use wasm_encoder::{Encode, Module, RawSection, SectionId};
use wasmparser::{BinaryReader, Result};

use crate::emit::{Addition, extended, start_export};
use crate::instruction::Instructions;
use crate::module::{Sections, exports, section};
use crate::types;

/// More exports than this are left alone: engines accept a million, or a tenth of that.
const EXPORTS_MAX: usize = 50_000;

/// By how much each memory and each table of a module may grow at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Pages of a memory; any number when absent.
    pub pages_max: Option<u64>,
    /// Elements of a table; any number when absent.
    pub elements_max: Option<u64>,
}

/// For an engine without a limiter of its own, where [`rewrite_for_page`](crate::rewrite_for_page) has
/// declined: the memories and tables that the module defines grow within bounds, and its start function is
/// exported as [`START_EXPORT`], for the host to call. `None` if there is nothing of that, or the module
/// cannot be read.
///
/// A module with an export of that name keeps its start.
pub fn bound(wasm: &[u8], bounds: Bounds) -> Option<Vec<u8>> {
    bounded(wasm, bounds).ok().flatten()
}

fn bounded(wasm: &[u8], bounds: Bounds) -> Result<Option<Vec<u8>>> {
    let start = deferrable_start(wasm)?;
    let mut start_to_export = start;
    let mut module = Module::new();
    let mut is_changed = start.is_some();
    for found in Sections::new(wasm) {
        let (id, range) = found?;
        let data = &wasm[range];
        let limit = match id {
            section::TABLE => bounds.elements_max,
            section::MEMORY => bounds.pages_max,
            _ => None,
        };
        if let Some(more_max) = limit {
            let data = &bounded_limits(id, data, more_max)?;
            module.section(&RawSection { id, data });
            is_changed = true;
        } else if start.is_some() && matches!(id, section::EXPORT | section::START) {
            // Where there are no exports, they would be where the start is.
            let old = if id == section::EXPORT { data } else { &[0] };
            if let Some(function) = start_to_export.take() {
                let mut entries = Vec::new();
                start_export(&mut entries, function);
                let addition = Addition {
                    section: SectionId::Export,
                    count: 1,
                    entries,
                };
                extended(&mut module, addition, old)?;
            }
        } else {
            module.section(&RawSection { id, data });
        }
    }
    Ok(is_changed.then(|| module.finish()))
}

/// The start function, if it can be exported in place of being started.
fn deferrable_start(wasm: &[u8]) -> Result<Option<u32>> {
    for found in Sections::new(wasm) {
        let (id, range) = found?;
        let data = &wasm[range];
        if id == section::EXPORT {
            let exports = exports(data)?;
            let has_ours = exports.iter().any(|export| export.name == START_EXPORT);
            if has_ours || exports.len() >= EXPORTS_MAX {
                break;
            }
        }
        if id == section::START {
            return Ok(Some(BinaryReader::new(data, 0).read_var_u32()?));
        }
    }
    Ok(None)
}

/// A section of memories or tables, which have their limits written down alike.
fn bounded_limits(id: u8, data: &[u8], more_max: u64) -> Result<Vec<u8>> {
    /// Before the type of a table that has an initial value.
    const HAS_VALUE: u8 = 0x40;
    const HAS_MAXIMUM: u8 = 1;
    const IS_64: u8 = 4;
    const HAS_PAGE_SIZE: u8 = 8;
    let mut reader = BinaryReader::new(data, 0);
    let mut out = Vec::with_capacity(data.len());
    let count = reader.read_var_u32()?;
    count.encode(&mut out);
    for _ in 0..count {
        let start = reader.current_position();
        let mut has_value = false;
        if id == section::TABLE {
            has_value = reader.clone().read_u8()? == HAS_VALUE;
            if has_value {
                reader.read_bytes(2)?;
            }
            types::value(&mut reader)?;
        }
        out.extend_from_slice(&data[start..reader.current_position()]);
        let flags = reader.read_u8()?;
        let minimum = reader.read_var_u64()?;
        let mut most = minimum.saturating_add(more_max);
        if flags & HAS_MAXIMUM != 0 {
            most = most.min(reader.read_var_u64()?);
        }
        let largest = match (id == section::TABLE, flags & IS_64 != 0) {
            (true, true) => u64::MAX,
            (true, false) => u64::from(u32::MAX),
            (false, true) => 1 << 48,
            (false, false) => 1 << 16,
        };
        out.push(flags | HAS_MAXIMUM);
        minimum.encode(&mut out);
        most.min(largest).encode(&mut out);
        let start = reader.current_position();
        if id == section::MEMORY && flags & HAS_PAGE_SIZE != 0 {
            reader.read_var_u32()?;
        }
        if has_value {
            reader = Instructions::new(reader).after_end()?;
        }
        out.extend_from_slice(&data[start..reader.current_position()]);
    }
    Ok(out)
}
