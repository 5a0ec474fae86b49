//! Values that travel between plug-ins and host functions.
//!
//! Must not know: what the values mean. Invariant: only the four number types travel, and a value
//! always has the type the function was declared with.

use anyhow::Error;
use extism_runtime::{Slot, Status, ValueType};

use crate::CallError;

/// A value of a host function's parameter or result.
pub type Val = wasmtime::Val;

/// The type of a parameter or result of a host function.
///
/// A function with a type other than the four numbers can be described, but no plug-in can be built with it.
///
/// ```
/// use extism::{PTR, ValType};
///
/// assert_eq!(PTR, ValType::I64);
/// assert_eq!(ValType::from(wasmtime::ValType::F32), ValType::F32);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer; memory handles are of this type.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 128-bit vector; not for host functions.
    V128,
    /// Reference to a Wasm function; not for host functions.
    FuncRef,
    /// Reference to something of the host; not for host functions.
    ExternRef,
}

/// The type of a memory handle: a parameter or result that stands for a block of kernel memory.
pub const PTR: ValType = ValType::I64;

impl ValType {
    /// The runtime's name for it, if it is a number.
    pub(crate) fn number(self) -> Option<ValueType> {
        match self {
            ValType::I32 => Some(ValueType::I32),
            ValType::I64 => Some(ValueType::I64),
            ValType::F32 => Some(ValueType::F32),
            ValType::F64 => Some(ValueType::F64),
            ValType::V128 | ValType::FuncRef | ValType::ExternRef => None,
        }
    }
}

impl From<wasmtime::ValType> for ValType {
    fn from(ty: wasmtime::ValType) -> ValType {
        match ty {
            wasmtime::ValType::I32 => ValType::I32,
            wasmtime::ValType::I64 => ValType::I64,
            wasmtime::ValType::F32 => ValType::F32,
            wasmtime::ValType::F64 => ValType::F64,
            wasmtime::ValType::V128 => ValType::V128,
            wasmtime::ValType::Ref(reference) if reference.heap_type().is_func() => {
                ValType::FuncRef
            }
            wasmtime::ValType::Ref(_) => ValType::ExternRef,
        }
    }
}

impl From<ValType> for wasmtime::ValType {
    fn from(ty: ValType) -> wasmtime::ValType {
        match ty {
            ValType::I32 => wasmtime::ValType::I32,
            ValType::I64 => wasmtime::ValType::I64,
            ValType::F32 => wasmtime::ValType::F32,
            ValType::F64 => wasmtime::ValType::F64,
            ValType::V128 => wasmtime::ValType::V128,
            ValType::FuncRef => wasmtime::ValType::FUNCREF,
            ValType::ExternRef => wasmtime::ValType::EXTERNREF,
        }
    }
}

/// The value in a slot. A slot holds the value's bits, so truncation to the type's width is its meaning.
#[inline]
pub(crate) fn from_slot(slot: Slot, ty: ValueType) -> Val {
    match ty {
        ValueType::I32 => Val::I32(slot as i32),
        ValueType::I64 => Val::I64(slot as i64),
        ValueType::F32 => Val::F32(slot as u32),
        ValueType::F64 => Val::F64(slot),
    }
}

/// The bits of a value a host function gave as a result of type `ty`.
#[inline]
pub(crate) fn to_slot(value: &Val, ty: ValueType) -> Result<Slot, Error> {
    match (ty, value) {
        (ValueType::I32, Val::I32(value)) => Ok(u64::from(*value as u32)),
        (ValueType::I64, Val::I64(value)) => Ok(*value as u64),
        (ValueType::F32, Val::F32(bits)) => Ok(u64::from(*bits)),
        (ValueType::F64, Val::F64(bits)) => Ok(*bits),
        _ => Err(wrong_type(value, ty)),
    }
}

#[cold]
fn wrong_type(value: &Val, ty: ValueType) -> Error {
    let text = format!("host function gave {value:?} for a result of type {ty:?}");
    CallError::new(Status::HostFunction, text).into()
}
