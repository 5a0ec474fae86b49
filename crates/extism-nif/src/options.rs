//! The options of everything that takes a source, from a map.
//!
//! Must not know: defaults; what is not said is left to the runtime. Invariant: an option that is not
//! known, or cannot be meant, is an error.

use std::time::Duration;

use extism_runtime::{Cache, Limits, Options, Rewriting};
use rustler::types::atom::Atom;
use rustler::{Decoder, MapIterator, NifResult, Term};

use crate::error::Failure;
use crate::term::Kept;
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
            let functions: Vec<Term<'_>> = value.decode()?;
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
        "wasi_args" => options.wasi_args = value.decode()?,
        "wasi_env" => options.wasi_env = value.decode()?,
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
        if !set_limit(&mut limits, name, number) {
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

/// A limit as a number of bytes, of things, or of milliseconds.
trait Bound {
    fn from_number(number: u64) -> Self;
}

macro_rules! bounds {
    ($($ty:ty),*) => {$(
        impl Bound for $ty {
            fn from_number(number: u64) -> $ty {
                <$ty>::try_from(number).unwrap_or(<$ty>::MAX)
            }
        }
    )*};
}

bounds!(u32, u64, usize);

impl Bound for Duration {
    fn from_number(number: u64) -> Duration {
        Duration::from_millis(number)
    }
}

impl<T: Bound> Bound for Option<T> {
    fn from_number(number: u64) -> Option<T> {
        (number != u64::MAX).then(|| T::from_number(number))
    }
}

macro_rules! limits {
    ($($name:ident => $limit:ident,)*) => {
        /// Sets a limit by its name; false if there is none of this name.
        fn set_limit(limits: &mut Limits, name: &str, number: u64) -> bool {
            match name {
                $(stringify!($name) => limits.$limit = Bound::from_number(number),)*
                _ => return false,
            }
            true
        }
    };
}

limits! {
    call_time_ms_max => call_time_max,
    memory_bytes_max => memory_bytes_max,
    kernel_bytes_max => kernel_bytes_max,
    blocks_max => blocks_max,
    table_elements_max => table_elements_max,
    instances_max => instances_max,
    memories_max => memories_max,
    tables_max => tables_max,
    stack_bytes_max => stack_bytes_max,
    call_depth_max => call_depth_max,
    output_bytes_max => output_bytes_max,
    error_bytes_max => error_bytes_max,
    log_line_bytes_max => log_line_bytes_max,
    log_call_bytes_max => log_call_bytes_max,
    log_call_lines_max => log_call_lines_max,
    vars_bytes_max => vars_bytes_max,
    vars_count_max => vars_count_max,
    var_name_bytes_max => var_name_bytes_max,
    http_response_bytes_max => http_response_bytes_max,
    http_header_bytes_max => http_header_bytes_max,
    http_redirects_max => http_redirects_max,
    http_requests_max => http_requests_max,
    manifest_bytes_max => manifest_bytes_max,
    modules_max => modules_max,
    module_bytes_max => module_bytes_max,
    download_time_ms_max => download_time_max,
}
