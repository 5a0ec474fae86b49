//! Types as modules write them down.
//!
//! Knows their bytes. Invariant: types of proposals the pass does not answer for are an error.

use std::fmt;

use wasmparser::{BinaryReader, Error, Result};

/// The type of a value, as far as anybody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValType {
    /// A 32-bit integer.
    I32,
    /// A 64-bit integer.
    I64,
    /// A 32-bit floating-point number.
    F32,
    /// A 64-bit floating-point number.
    F64,
    /// A vector.
    V128,
    /// A function or null.
    FuncRef,
    /// Something of the host's or null.
    ExternRef,
    /// Another reference.
    Ref,
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValType::I32 => "i32",
            ValType::I64 => "i64",
            ValType::F32 => "f32",
            ValType::F64 => "f64",
            ValType::V128 => "v128",
            ValType::FuncRef => "funcref",
            ValType::ExternRef => "externref",
            ValType::Ref => "ref",
        })
    }
}

/// The type of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FuncType {
    /// What it takes.
    pub params: Vec<ValType>,
    /// What it answers.
    pub results: Vec<ValType>,
}

/// The fault of a byte that has no meaning, in the reader's own words for one that is missing.
pub(crate) fn unexpected(reader: &BinaryReader<'_>) -> Error {
    match BinaryReader::new(&[], reader.original_position()).read_u8() {
        Err(error) => error,
        Ok(byte) => unreachable!("no byte is there: {byte}"),
    }
}

/// Reads a type of a type section; `None` if it is not that of a function.
pub(crate) fn declared(reader: &mut BinaryReader<'_>) -> Result<Option<FuncType>> {
    let mut form = reader.read_u8()?;
    if matches!(form, 0x4f | 0x50) {
        for _ in 0..reader.read_var_u32()? {
            reader.read_var_u32()?;
        }
        form = reader.read_u8()?;
    }
    match form {
        0x60 => {
            return Ok(Some(FuncType {
                params: values(reader)?,
                results: values(reader)?,
            }));
        }
        0x5f => {
            for _ in 0..reader.read_var_u32()? {
                field(reader)?;
            }
        }
        0x5e => field(reader)?,
        0x5d => heap(reader)?,
        _ => return Err(unexpected(reader)),
    }
    Ok(None)
}

fn values(reader: &mut BinaryReader<'_>) -> Result<Vec<ValType>> {
    let mut types = Vec::new();
    for _ in 0..reader.read_var_u32()? {
        types.push(value(reader)?);
    }
    Ok(types)
}

/// Passes over the type of a field, packed ones included, and whether it changes.
fn field(reader: &mut BinaryReader<'_>) -> Result<()> {
    value(reader)?;
    reader.read_u8()?;
    Ok(())
}

/// Reads the type of a value.
pub(crate) fn value(reader: &mut BinaryReader<'_>) -> Result<ValType> {
    let first = reader.clone().read_u8()?;
    if matches!(first, 0x63 | 0x64) {
        reader.read_u8()?;
    }
    heap(reader)?;
    Ok(match first {
        0x7f => ValType::I32,
        0x7e => ValType::I64,
        0x7d => ValType::F32,
        0x7c => ValType::F64,
        0x7b => ValType::V128,
        0x70 => ValType::FuncRef,
        0x6f => ValType::ExternRef,
        _ => ValType::Ref,
    })
}

/// Passes over the index of a type, or one of those that have a byte of their own.
pub(crate) fn heap(reader: &mut BinaryReader<'_>) -> Result<()> {
    if matches!(reader.clone().read_u8()?, 0x62 | 0x65) {
        return Err(unexpected(reader));
    }
    reader.read_var_i64()?;
    Ok(())
}
