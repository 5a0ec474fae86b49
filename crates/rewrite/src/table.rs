//! The tables a module declares.
//!
//! Knows the table section alone. Invariant: a table is read past its initial value, whatever that is.

use wasmparser::{BinaryReader, Result, TableType};

use crate::instruction::Instructions;

/// Before the type of a table that has an initial value.
const HAS_VALUE: u8 = 0x40;

/// A table as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// How many elements it has at first.
    pub elements: u64,
    /// Whether it counts them in 64 bits.
    pub is_64: bool,
}

/// Reads the contents of a table section.
///
/// # Errors
/// If they are none.
pub fn tables(section: &[u8]) -> Result<Vec<Table>> {
    let mut reader = BinaryReader::new(section, 0);
    let mut tables = Vec::new();
    for _ in 0..reader.read_var_u32()? {
        let has_value = reader.clone().read_u8()? == HAS_VALUE;
        if has_value {
            reader.read_bytes(2)?;
        }
        let ty: TableType = reader.read()?;
        tables.push(Table {
            elements: ty.initial,
            is_64: ty.table64,
        });
        if has_value {
            reader = Instructions::new(reader).after_end()?;
        }
    }
    Ok(tables)
}
