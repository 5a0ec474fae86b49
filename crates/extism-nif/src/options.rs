//! The options of everything that takes a source, from a map.
//!
//! Must not know: defaults; what is not said is left to the runtime. Invariant: an option that is not
//! known, or cannot be meant, is an error.

use extism_runtime::{Cache, Limits, Options, Rewriting};
use rustler::types::atom::Atom;
use rustler::{Decoder, MapIterator, NifResult, Term};

use crate::error::Failure;
use crate::term::{Kept, List};
use crate::value::infinity;
use crate::worker::WASM_STACK_BYTES_MAX;
use crate::{function, log};

/// What was given, read.
pub(crate) struct Given(pub(crate) Result<Options, Failure>);

impl<'a> Decoder<'a> for Given {
    fn decode(term: Term<'a>) -> NifResult<Given> {
        Ok(Given(read(term)))
    }
}

fn read(term: Term<'_>) -> Result<Options, Failure> {
    let pairs = MapIterator::new(term).ok_or_else(|| Failure::invalid("options are a map"))?;
    let mut options = Options::from_env();
    for (key, value) in pairs {
        let name = text_of(key).ok_or_else(|| wrong("option", key))?;
        set(&mut options, &name, value).map_err(|refused| match refused {
            Refused::Value => Failure::invalid(format!("option {name}: {value:?} cannot be meant")),
            Refused::Name => wrong("option", key),
            Refused::Limit(failure) => failure,
        })?;
    }
    Ok(options)
}

enum Refused {
    Name,
    Value,
    Limit(Failure),
}

impl From<rustler::Error> for Refused {
    fn from(_: rustler::Error) -> Refused {
        Refused::Value
    }
}

fn set(options: &mut Options, name: &str, value: Term<'_>) -> Result<(), Refused> {
    match name {
        "wasi" => options.wasi = value.decode()?,
        "functions" => {
            let List(functions) = value.decode::<List<Term<'_>>>()?;
            let functions = functions.into_iter().map(function::read);
            options.functions = functions.collect::<NifResult<_>>()?;
        }
        "limits" => options.limits = limits(value).map_err(Refused::Limit)?,
        "fuel" => options.fuel = Some(value.decode()?),
        "fuel_for_start" => options.fuel_for_start = Some(value.decode()?),
        "http_response_headers" => options.http_response_headers = value.decode()?,
        "log" => {
            let (level, target) = value.decode::<(Term<'_>, Kept)>()?;
            let level = level.atom_to_string()?;
            options.log_sink = Some(log::sink(&level, target).ok_or(Refused::Value)?);
        }
        "wasi_args" => options.wasi_args = value.decode::<List<String>>()?.0,
        "wasi_env" => options.wasi_env = value.decode::<List<(String, String)>>()?.0,
        "wasi_output" => options.wasi_output = value.decode()?,
        "trust_artefacts" => options.trust_artefacts = value.decode()?,
        "cache" => {
            options.cache = match value.decode::<bool>() {
                Ok(true) => Cache::Process,
                Ok(false) => Cache::Off,
                Err(_) => Cache::Disk(value.decode::<String>()?.into()),
            }
        }
        "rewrite" => {
            options.rewrite = match value.decode::<bool>()? {
                true => Rewriting::Auto,
                false => Rewriting::Off,
            }
        }
        _ => return Err(Refused::Name),
    }
    Ok(())
}

/// Reads `untrusted`, `default`, or a map of limits, whose `base` may be one of these.
fn limits(term: Term<'_>) -> Result<Limits, Failure> {
    if let Some(base) = base(term) {
        return Ok(base);
    }
    let pairs = MapIterator::new(term).ok_or_else(|| wrong("limits", term))?;
    let pairs: Vec<(String, Term<'_>)> = pairs
        .map(|(key, value)| Ok((text_of(key).ok_or_else(|| wrong("limit", key))?, value)))
        .collect::<Result<_, Failure>>()?;
    let mut limits = match pairs.iter().find(|(name, _)| name == "base") {
        Some((_, name)) => base(*name).ok_or_else(|| wrong("limits", *name))?,
        None => Limits::default(),
    };
    for (name, value) in pairs.iter().filter(|(name, _)| name != "base") {
        let number = match value.decode::<Atom>() {
            Ok(atom) if atom == infinity() => Some(u64::MAX),
            _ => value.decode().ok(),
        };
        let number = number.ok_or_else(|| wrong(name, *value))?;
        if !limits.set(name, number) {
            return Err(Failure::invalid(format!("there is no limit {name}")));
        }
    }
    if limits.stack_bytes_max > WASM_STACK_BYTES_MAX {
        let text = format!("stack_bytes_max: calls have {WASM_STACK_BYTES_MAX} bytes of stack");
        return Err(Failure::invalid(text));
    }
    Ok(limits)
}

fn base(term: Term<'_>) -> Option<Limits> {
    match text_of(term)?.as_str() {
        "default" => Some(Limits::default()),
        "untrusted" => Some(Limits::untrusted()),
        _ => None,
    }
}

fn wrong(what: &str, term: Term<'_>) -> Failure {
    Failure::invalid(format!("{what}: {term:?} is not known"))
}

/// The text of an atom or a binary.
fn text_of(term: Term<'_>) -> Option<String> {
    match term.is_atom() {
        true => term.atom_to_string().ok(),
        false => term.decode().ok(),
    }
}
