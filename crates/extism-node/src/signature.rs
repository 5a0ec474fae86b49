//! The types of host functions, which JavaScript asks for once by number.
//!
//! Must not know: the functions. Invariant: a number stands for the same types for as long as the
//! process lives.

use std::sync::{Mutex, MutexGuard, PoisonError};

use extism_runtime::ValueType;

use crate::error::Failure;

/// How many different types host functions may have in one process: more than anybody has.
const SIGNATURES_MAX: usize = 65_536;

static KNOWN: Mutex<Vec<(Vec<ValueType>, Vec<ValueType>)>> = Mutex::new(Vec::new());

/// The number of these types.
pub(crate) fn number(params: &[ValueType], results: &[ValueType]) -> Result<u32, Failure> {
    let mut known = lock();
    let same = known.iter().position(|(p, r)| p == params && r == results);
    let at = match same {
        Some(at) => at,
        None if known.len() < SIGNATURES_MAX => {
            known.push((params.to_vec(), results.to_vec()));
            known.len() - 1
        }
        None => {
            return Err(Failure::invalid(
                "host functions have too many different types",
            ));
        }
    };
    u32::try_from(at).map_err(|_| Failure::invalid("host functions have too many different types"))
}

/// The types of a number: `["i32i64", "f64"]`.
#[napi_derive::napi]
fn signature(number: u32) -> Vec<String> {
    let known = lock();
    let found = usize::try_from(number).ok().and_then(|at| known.get(at));
    let text = |types: &Vec<ValueType>| types.iter().map(|ty| name(*ty)).collect();
    found.map_or_else(Vec::new, |(params, results)| {
        vec![text(params), text(results)]
    })
}

/// The types in a text such as `i32i64`.
pub(crate) fn types(names: &[String]) -> Result<Vec<ValueType>, Failure> {
    let all = [
        ValueType::I32,
        ValueType::I64,
        ValueType::F32,
        ValueType::F64,
    ];
    let of = |text: &String| {
        let found = all.into_iter().find(|ty| name(*ty) == text);
        found.ok_or_else(|| Failure::invalid(format!("no host function has the type {text}")))
    };
    names.iter().map(of).collect()
}

fn name(ty: ValueType) -> &'static str {
    match ty {
        ValueType::I32 => "i32",
        ValueType::I64 => "i64",
        ValueType::F32 => "f32",
        ValueType::F64 => "f64",
    }
}

fn lock() -> MutexGuard<'static, Vec<(Vec<ValueType>, Vec<ValueType>)>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}
