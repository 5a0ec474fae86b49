//! The options of a plug-in as a C struct.
//!
//! Invariant: what a caller hands over (functions, the user data of its log sink) changes hands
//! only if the operation succeeds.

use std::ffi::{c_char, c_void};

use extism_runtime::{Cache, CompiledPlugin, Error, Limits, Options, Rewriting, Status};

use crate::ffi;
use crate::function::{self, ExtismFunction, Taken};
use crate::limits::ExtismLimits;
use crate::sink::{self, ExtismLogSinkFunctionType, Sink};
use crate::sized::{self, Grows};
use crate::source;
use crate::userdata::Release;

/// What a host chooses for a plug-in; `size` first. All zeros are the defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ExtismOptions {
    size: u64,
    flags: u64,
    functions: *mut *const ExtismFunction,
    n_functions: u64,
    limits: *const ExtismLimits,
    fuel: u64,
    fuel_for_start: u64,
    cache_config: *const c_char,
    wasi_args: *const *const c_char,
    n_wasi_args: u64,
    wasi_env: *const *const c_char,
    n_wasi_env: u64,
    log_level: u64,
    log_sink: Option<ExtismLogSinkFunctionType>,
    log_user_data: *mut c_void,
    free_log_user_data: Release,
}

// SAFETY: numbers and pointers, the first of them the size.
unsafe impl Grows for ExtismOptions {}

const NOTHING: ExtismOptions = ExtismOptions {
    size: size_of::<ExtismOptions>() as u64,
    flags: 0,
    functions: std::ptr::null_mut(),
    n_functions: 0,
    limits: std::ptr::null(),
    fuel: 0,
    fuel_for_start: 0,
    cache_config: std::ptr::null(),
    wasi_args: std::ptr::null(),
    n_wasi_args: 0,
    wasi_env: std::ptr::null(),
    n_wasi_env: 0,
    log_level: 0,
    log_sink: None,
    log_user_data: std::ptr::null_mut(),
    free_log_user_data: None,
};

const WASI: u64 = 1;
const WASI_OUTPUT: u64 = 1 << 1;
const HTTP_RESPONSE_HEADERS: u64 = 1 << 2;
const TRUST_ARTEFACTS: u64 = 1 << 3;
const NO_CACHE: u64 = 1 << 4;
const NO_REWRITE: u64 = 1 << 5;
const DATA_POINTERS: u64 = 1 << 6;
const KNOWN: u64 = (1 << 7) - 1;

/// How many arguments or environment variables a plug-in can be given.
const TEXTS_MAX: u64 = 100_000;

/// A caller's options, read, with what it handed over held on to.
pub(crate) struct Request<'a> {
    options: Options,
    functions: Taken<'a>,
    sink: Option<Sink>,
    data_pointers: bool,
}

impl Request<'_> {
    /// # Safety
    /// NULL, or a struct as large as it says whose pointers lead to what they should.
    pub(crate) unsafe fn read(given: *const ExtismOptions) -> Result<Self, Error> {
        // SAFETY: as the caller says.
        let given = unsafe { sized::read(given, NOTHING) }?;
        if given.flags & !KNOWN != 0 {
            let text = format!("flags {:#x} are unknown", given.flags & !KNOWN);
            return Err(Error::new(Status::InvalidArgument, text));
        }
        // SAFETY: as the caller says.
        let options = unsafe { plain(&given) }?;
        let level = sink::level(given.log_level)?;
        // The rest cannot fail, so that nothing has to be given back.
        // SAFETY: as the caller says.
        let functions = unsafe { function::take(given.functions, given.n_functions) }?;
        let (data, release) = (given.log_user_data, given.free_log_user_data);
        Ok(Request {
            options,
            functions,
            sink: given
                .log_sink
                .map(|receive| Sink::new(level, receive, data, release)),
            data_pointers: given.flags & DATA_POINTERS != 0,
        })
    }

    /// Compiles with these options. Afterwards what was handed over is the plug-in's, or the
    /// caller's again.
    ///
    /// # Safety
    /// If the caller allowed pointers in manifests, `wasm` is none or one whose pointers are right.
    pub(crate) unsafe fn compile(self, wasm: &[u8]) -> Result<CompiledPlugin, Error> {
        let Request {
            mut options,
            functions,
            sink,
            data_pointers,
        } = self;
        options.functions = functions.functions();
        options.log_sink = sink.as_ref().map(Sink::to_runtime);
        let handed = Handed {
            functions: Some(functions),
            sink,
        };
        let compiled = if data_pointers {
            // SAFETY: as the caller says.
            unsafe { source::compile_trusted(wasm, options) }
        } else {
            CompiledPlugin::new(wasm, options)
        };
        if compiled.is_ok() {
            handed.keep();
        }
        compiled
    }

    /// Does something that only looks at the options: everything stays the caller's.
    pub(crate) fn with<R>(mut self, look: impl FnOnce(&Options) -> R) -> R {
        self.options.functions = self.functions.functions();
        let _handed = Handed {
            functions: Some(self.functions),
            sink: self.sink,
        };
        look(&self.options)
    }
}

/// What the caller hands over, and has again when this is dropped, also by a panic.
struct Handed<'a> {
    functions: Option<Taken<'a>>,
    sink: Option<Sink>,
}

impl Handed<'_> {
    /// It is the plug-in's from now on.
    fn keep(mut self) {
        self.functions = None;
        self.sink = None;
    }
}

impl Drop for Handed<'_> {
    fn drop(&mut self) {
        self.functions.take().into_iter().for_each(Taken::give_back);
        self.sink.take().into_iter().for_each(Sink::disown);
    }
}

/// The options that are nothing but values.
///
/// # Safety
/// As [`Request::read`].
unsafe fn plain(given: &ExtismOptions) -> Result<Options, Error> {
    let has = |flag: u64| given.flags & flag != 0;
    let environment = Options::from_env();
    // SAFETY: as the caller says.
    let limits = unsafe { sized::read(given.limits, (&Limits::default()).into()) }?;
    let cache = match (has(NO_CACHE), given.cache_config.is_null()) {
        (true, _) => Cache::Off,
        (false, true) => environment.cache.clone(),
        // SAFETY: as the caller says.
        (false, false) => Cache::Disk(unsafe { ffi::text(given.cache_config) }?.into()),
    };
    // SAFETY: as the caller says.
    let variables = unsafe { texts(given.wasi_env, given.n_wasi_env) }?;
    let variables = variables.into_iter().map(|variable| {
        let (name, value) = variable.split_once('=').unwrap_or((&variable, ""));
        (name.to_owned(), value.to_owned())
    });
    Ok(Options {
        wasi: has(WASI),
        limits: Limits::from(&limits),
        fuel: (given.fuel > 0).then_some(given.fuel),
        fuel_for_start: (given.fuel_for_start > 0).then_some(given.fuel_for_start),
        http_response_headers: has(HTTP_RESPONSE_HEADERS),
        // SAFETY: as the caller says.
        wasi_args: unsafe { texts(given.wasi_args, given.n_wasi_args) }?,
        wasi_env: variables.collect(),
        wasi_output: has(WASI_OUTPUT) || environment.wasi_output,
        cache,
        trust_artefacts: has(TRUST_ARTEFACTS),
        rewrite: if has(NO_REWRITE) {
            Rewriting::Off
        } else {
            Rewriting::Auto
        },
        ..environment
    })
}

/// A list of texts.
///
/// # Safety
/// NULL, or as many pointers as stated, each NULL or to a text that ends with NUL.
unsafe fn texts(list: *const *const c_char, count: u64) -> Result<Vec<String>, Error> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if list.is_null() {
        return Err(ffi::null("list of texts"));
    }
    if count > TEXTS_MAX {
        let text = format!("{count} texts are more than {TEXTS_MAX}");
        return Err(Error::new(Status::InvalidArgument, text));
    }
    (0..count as usize)
        // SAFETY: within the length the caller stated.
        .map(|index| unsafe { ffi::text(list.add(index).read()) }.map(str::to_owned))
        .collect()
}
