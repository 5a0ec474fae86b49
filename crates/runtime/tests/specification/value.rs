//! Values of scripts: arguments into the engine, results compared with what was to come out.
//!
//! Must not know: directives. Invariant: floats are compared bit by bit, but for results that may be any
//! canonical or arithmetic not-a-number.

use wasmtime::{AnyRef, ExternRef, Result, Store, Val, bail};
use wast::core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::{WastArg, WastRet};

/// The value of an argument.
pub(super) fn argument(store: &mut Store<()>, value: &WastArg<'_>) -> Result<Val> {
    let WastArg::Core(value) = value else {
        bail!("no value of core Wasm: {value:?}");
    };
    Ok(match value {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes()).into()),
        WastArgCore::RefExtern(number) => Val::ExternRef(Some(ExternRef::new(store, *number)?)),
        WastArgCore::RefHost(number) => {
            let external = ExternRef::new(&mut *store, *number)?;
            Val::AnyRef(Some(AnyRef::convert_extern(store, external)?))
        }
        WastArgCore::RefNull(HeapType::Abstract { ty, .. }) => null(ty)?,
        WastArgCore::RefNull(_) => Val::FuncRef(None),
    })
}

fn null(ty: &AbstractHeapType) -> Result<Val> {
    use AbstractHeapType as T;
    Ok(match ty {
        T::Func | T::NoFunc => Val::FuncRef(None),
        T::Extern | T::NoExtern => Val::ExternRef(None),
        T::Any | T::Eq | T::Struct | T::Array | T::I31 | T::None => Val::AnyRef(None),
        T::Exn | T::NoExn => Val::ExnRef(None),
        other => bail!("no null of type {other:?}"),
    })
}

/// Compares a result.
pub(super) fn check(store: &mut Store<()>, found: &Val, expected: &WastRet<'_>) -> Result<()> {
    let WastRet::Core(expected) = expected else {
        bail!("no value of core Wasm: {expected:?}");
    };
    if fits(store, found, expected)? {
        return Ok(());
    }
    bail!("{found:?}, not {expected:?}");
}

fn fits(store: &mut Store<()>, found: &Val, expected: &WastRetCore<'_>) -> Result<bool> {
    use WastRetCore as R;
    Ok(match (expected, found) {
        (R::Either(several), _) => {
            for expected in several {
                if fits(store, found, expected)? {
                    return Ok(true);
                }
            }
            false
        }
        (R::I32(expected), Val::I32(found)) => expected == found,
        (R::I64(expected), Val::I64(found)) => expected == found,
        (R::F32(expected), Val::F32(found)) => f32_fits(*found, &bits32(expected)),
        (R::F64(expected), Val::F64(found)) => f64_fits(*found, &bits64(expected)),
        (R::V128(expected), Val::V128(found)) => v128_fits(found.as_u128(), expected),
        (R::RefNull(ty), found) => {
            let is_null = matches!(
                found,
                Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None)
            );
            let same_kind = match ty {
                Some(HeapType::Abstract { ty, .. }) => {
                    std::mem::discriminant(&null(ty)?) == std::mem::discriminant(found)
                }
                _ => true,
            };
            is_null && same_kind
        }
        (R::RefFunc(_), Val::FuncRef(found)) => found.is_some(),
        (R::RefExtern(None), Val::ExternRef(found)) => found.is_some(),
        (R::RefExtern(Some(number)), Val::ExternRef(Some(found))) => {
            let data = found
                .data(&*store)?
                .and_then(|data| data.downcast_ref::<u32>());
            data == Some(number)
        }
        (R::RefHost(number), Val::AnyRef(Some(found))) => {
            let external = ExternRef::convert_any(&mut *store, *found)?;
            let data = external
                .data(&*store)?
                .and_then(|data| data.downcast_ref::<u32>());
            data == Some(number)
        }
        (R::RefAny, Val::AnyRef(found)) => found.is_some(),
        (R::RefEq, Val::AnyRef(Some(found))) => found.is_eqref(&*store)?,
        (R::RefArray, Val::AnyRef(Some(found))) => found.is_array(&*store)?,
        (R::RefStruct, Val::AnyRef(Some(found))) => found.is_struct(&*store)?,
        (R::RefI31, Val::AnyRef(Some(found))) => found.is_i31(&*store)?,
        _ => false,
    })
}

/// A float, by its bits, or a kind of not-a-number.
enum Float<T> {
    Exactly(T),
    Canonical,
    Arithmetic,
}

fn bits32(pattern: &NanPattern<wast::token::F32>) -> Float<u32> {
    match pattern {
        NanPattern::CanonicalNan => Float::Canonical,
        NanPattern::ArithmeticNan => Float::Arithmetic,
        NanPattern::Value(value) => Float::Exactly(value.bits),
    }
}

fn bits64(pattern: &NanPattern<wast::token::F64>) -> Float<u64> {
    match pattern {
        NanPattern::CanonicalNan => Float::Canonical,
        NanPattern::ArithmeticNan => Float::Arithmetic,
        NanPattern::Value(value) => Float::Exactly(value.bits),
    }
}

fn f32_fits(found: u32, expected: &Float<u32>) -> bool {
    const QUIET: u32 = 0x7fc0_0000;
    match expected {
        Float::Exactly(bits) => found == *bits,
        Float::Canonical => found & 0x7fff_ffff == QUIET,
        Float::Arithmetic => found & QUIET == QUIET,
    }
}

fn f64_fits(found: u64, expected: &Float<u64>) -> bool {
    const QUIET: u64 = 0x7ff8_0000_0000_0000;
    match expected {
        Float::Exactly(bits) => found == *bits,
        Float::Canonical => found & 0x7fff_ffff_ffff_ffff == QUIET,
        Float::Arithmetic => found & QUIET == QUIET,
    }
}

fn v128_fits(found: u128, expected: &V128Pattern) -> bool {
    let lane = |at: usize, width: usize| found >> (at * width);
    match expected {
        V128Pattern::I8x16(lanes) => lanes
            .iter()
            .enumerate()
            .all(|(at, expected)| lane(at, 8) as i8 == *expected),
        V128Pattern::I16x8(lanes) => lanes
            .iter()
            .enumerate()
            .all(|(at, expected)| lane(at, 16) as i16 == *expected),
        V128Pattern::I32x4(lanes) => lanes
            .iter()
            .enumerate()
            .all(|(at, expected)| lane(at, 32) as i32 == *expected),
        V128Pattern::I64x2(lanes) => lanes
            .iter()
            .enumerate()
            .all(|(at, expected)| lane(at, 64) as i64 == *expected),
        V128Pattern::F32x4(lanes) => lanes
            .iter()
            .enumerate()
            .all(|(at, expected)| f32_fits(lane(at, 32) as u32, &bits32(expected))),
        V128Pattern::F64x2(lanes) => lanes
            .iter()
            .enumerate()
            .all(|(at, expected)| f64_fits(lane(at, 64) as u64, &bits64(expected))),
    }
}
