//! Arguments and results of host functions as terms.
//!
//! Must not know: how they travel. Invariants: integers that do not fit are refused, not cut; floats
//! that are no numbers keep their bits, for which the virtual machine has no floats.

use extism_runtime::{Slot, ValueType};
use rustler::types::atom::Atom;
use rustler::{Decoder, Encoder, Env, NifResult, OwnedBinary, Term};

use crate::term::Bytes;

rustler::atoms! {
    bits,
    bytes,
    f32,
    f64,
    i32,
    i64,
    infinity,
    nan,
    neg_infinity,
}

/// The type of a parameter or a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Number(ValueType),
    /// A handle for Wasm, the bytes of its block for the function.
    Bytes,
}

impl Type {
    pub(crate) fn of_wasm(self) -> ValueType {
        match self {
            Type::Number(ty) => ty,
            Type::Bytes => ValueType::I64,
        }
    }
}

impl<'a> Decoder<'a> for Type {
    fn decode(term: Term<'a>) -> NifResult<Type> {
        let name: Atom = term.decode()?;
        let numbers = [
            (i32(), ValueType::I32),
            (i64(), ValueType::I64),
            (f32(), ValueType::F32),
            (f64(), ValueType::F64),
        ];
        if name == bytes() {
            return Ok(Type::Bytes);
        }
        let found = numbers.into_iter().find(|(other, _)| *other == name);
        found
            .map(|(_, ty)| Type::Number(ty))
            .ok_or(rustler::Error::BadArg)
    }
}

/// An argument on its way to a process.
pub(crate) enum Argument {
    Number(ValueType, Slot),
    Bytes(OwnedBinary),
}

impl Argument {
    pub(crate) fn into_term(self, env: Env<'_>) -> Term<'_> {
        match self {
            Argument::Bytes(bytes) => bytes.release(env).to_term(env),
            Argument::Number(ValueType::I32, slot) => (slot as u32).cast_signed().encode(env),
            Argument::Number(ValueType::I64, slot) => slot.cast_signed().encode(env),
            Argument::Number(ValueType::F32, slot) => match f32::from_bits(slot as u32) {
                value if value.is_finite() => f64::from(value).encode(env),
                _ => (bits(), slot).encode(env),
            },
            Argument::Number(ValueType::F64, slot) => match f64::from_bits(slot) {
                value if value.is_finite() => value.encode(env),
                _ => (bits(), slot).encode(env),
            },
        }
    }
}

/// A result on its way from a process.
pub(crate) enum Outcome {
    Number(Slot),
    Bytes(Bytes),
}

impl Outcome {
    /// Reads a result of this type; what is wrong with it if it is none.
    pub(crate) fn read(ty: Type, term: Term<'_>) -> Result<Outcome, String> {
        let read = match ty {
            Type::Bytes => term.decode().ok().map(Outcome::Bytes),
            Type::Number(ty) => number(ty, term).map(Outcome::Number),
        };
        read.ok_or_else(|| match ty {
            Type::Bytes => "no binary".to_owned(),
            Type::Number(ty) => format!("no {ty:?}").to_lowercase(),
        })
    }
}

fn number(ty: ValueType, term: Term<'_>) -> Option<Slot> {
    match ty {
        ValueType::I32 => {
            let value: i64 = term.decode().ok()?;
            let signed = i32::try_from(value).map(i32::cast_unsigned);
            signed
                .or_else(|_| u32::try_from(value))
                .ok()
                .map(Slot::from)
        }
        ValueType::I64 => {
            let signed = term.decode::<i64>().map(i64::cast_unsigned);
            signed.or_else(|_| term.decode::<u64>()).ok()
        }
        ValueType::F32 => match raw(term) {
            Some(bits) => u32::try_from(bits).ok().map(Slot::from),
            None => float(term).map(|value| Slot::from((value as f32).to_bits())),
        },
        ValueType::F64 => raw(term).or_else(|| float(term).map(f64::to_bits)),
    }
}

/// `{bits, Integer}`.
fn raw(term: Term<'_>) -> Option<u64> {
    let (tag, value): (Atom, u64) = term.decode().ok()?;
    (tag == bits()).then_some(value)
}

fn float(term: Term<'_>) -> Option<f64> {
    if let Ok(value) = term.decode::<f64>() {
        return Some(value);
    }
    if let Ok(value) = term.decode::<i64>() {
        return Some(value as f64);
    }
    let name: Atom = term.decode().ok()?;
    let names = [
        (nan(), f64::NAN),
        (infinity(), f64::INFINITY),
        (neg_infinity(), f64::NEG_INFINITY),
    ];
    let found = names.into_iter().find(|(other, _)| *other == name);
    found.map(|(_, value)| value)
}
