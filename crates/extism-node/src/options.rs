//! The options of everything that takes a source, as JavaScript gives them.
//!
//! Must not know: defaults; what is not said is left to the runtime. Invariant: an option that
//! cannot be meant is an error.

use extism_runtime::{Cache, Limits, Options, Rewriting};
use napi::bindgen_prelude::{BigInt, Either};
use napi_derive::napi;

use crate::error::Failure;
use crate::function::{FunctionGiven, Functions};
use crate::log;
use crate::worker::WASM_STACK_BYTES_MAX;

/// What JavaScript gives.
#[napi(object)]
pub struct OptionsGiven {
    pub wasi: bool,
    pub functions: Vec<FunctionGiven>,
    /// `default` or `untrusted`.
    pub limits_base: Option<String>,
    pub limits: Vec<LimitGiven>,
    pub fuel: Option<BigInt>,
    pub fuel_for_start: Option<BigInt>,
    pub http_response_headers: bool,
    /// From which level on messages are delivered.
    pub log_level: Option<u32>,
    pub wasi_args: Vec<String>,
    /// `NAME=value`.
    pub wasi_env: Vec<String>,
    pub wasi_output: Option<bool>,
    pub cache: Either<bool, String>,
    pub rewrite: bool,
    pub trust_artefacts: bool,
}

/// A limit by its name in the library.
#[napi(object)]
pub struct LimitGiven {
    pub name: String,
    /// Missing: no bound.
    pub value: Option<BigInt>,
}

/// The options, and the functions among them that have no types yet.
pub(crate) fn read(given: OptionsGiven) -> Result<(Options, Functions), Failure> {
    let functions = Functions::new(given.functions);
    let env = given.wasi_env.iter().map(|text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.to_owned(), value.to_owned())
    });
    let mut options = Options {
        wasi: given.wasi,
        functions: functions.typed()?,
        limits: limits(given.limits_base.as_deref(), &given.limits)?,
        fuel: number(given.fuel, "fuel")?,
        fuel_for_start: number(given.fuel_for_start, "fuel")?,
        http_response_headers: given.http_response_headers,
        log_sink: given.log_level.map(log::sink),
        wasi_args: given.wasi_args,
        wasi_env: env.collect(),
        trust_artefacts: given.trust_artefacts,
        ..Options::from_env()
    };
    if let Some(output) = given.wasi_output {
        options.wasi_output = output;
    }
    match given.cache {
        Either::A(true) => {}
        Either::A(false) => options.cache = Cache::Off,
        Either::B(file) => options.cache = Cache::Disk(file.into()),
    }
    if !given.rewrite {
        options.rewrite = Rewriting::Off;
    }
    Ok((options, functions))
}

fn limits(base: Option<&str>, given: &[LimitGiven]) -> Result<Limits, Failure> {
    let mut limits = match base {
        None | Some("default") => Limits::default(),
        Some("untrusted") => Limits::untrusted(),
        Some(other) => return Err(Failure::invalid(format!("there are no limits {other}"))),
    };
    for LimitGiven { name, value } in given {
        let value = number(value.clone(), name)?.unwrap_or(u64::MAX);
        if !limits.set(name, value) {
            return Err(Failure::invalid(format!("there is no limit {name}")));
        }
    }
    if limits.stack_bytes_max > WASM_STACK_BYTES_MAX {
        let text = format!("stack_bytes_max: calls have {WASM_STACK_BYTES_MAX} bytes of stack");
        return Err(Failure::invalid(text));
    }
    Ok(limits)
}

fn number(value: Option<BigInt>, what: &str) -> Result<Option<u64>, Failure> {
    let Some(value) = value else {
        return Ok(None);
    };
    match value.get_u64() {
        (false, number, true) => Ok(Some(number)),
        _ => Err(Failure::invalid(format!(
            "{what} is not a number of 64 bits without a sign"
        ))),
    }
}
