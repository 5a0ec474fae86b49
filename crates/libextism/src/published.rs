//! The published ways to make a plug-in, which say what went wrong in a text of their own.
//!
//! Invariant: result, text and ownership are those of the published library: functions that were
//! handed over are taken whether or not the plug-in can be made, but a list that is refused leaves
//! all of them where they were.

use std::ffi::{CString, c_char};
use std::ptr;

use extism_runtime::{CompiledPlugin, Error, Options, Plugin, Status};

use crate::compiled::{self, ExtismCompiledPlugin};
use crate::ffi::{self, Object};
use crate::function::{self, ExtismFunction};
use crate::plugin::{Cell, ExtismPlugin};
use crate::source;

/// What a plug-in is made from.
pub(crate) struct Request {
    pub(crate) wasm: *const u8,
    pub(crate) wasm_size: u64,
    pub(crate) functions: *mut *const ExtismFunction,
    pub(crate) n_functions: u64,
    pub(crate) with_wasi: bool,
    pub(crate) fuel: Option<u64>,
}

/// Why a plug-in could not be made.
pub(crate) struct Failure {
    prefix: &'static str,
    pub(crate) error: Error,
}

const COMPILE: &str = "Unable to compile Extism plugin: ";
const CREATE: &str = "Unable to create Extism plugin: ";

impl Failure {
    fn of(prefix: &'static str) -> impl Fn(Error) -> Failure {
        move |error| Failure { prefix, error }
    }

    /// The published text.
    fn text(&self) -> String {
        match (self.prefix, self.error.status()) {
            ("", Status::NullArgument) => "Cannot pass null pointer".to_owned(),
            (prefix, _) => format!("{prefix}{}", self.error.root_cause()),
        }
    }
}

impl Request {
    /// # Safety
    /// The pointers are NULL or lead to as many bytes and functions as stated.
    pub(crate) unsafe fn compile(self) -> Result<CompiledPlugin, Failure> {
        // SAFETY: as the caller says.
        let wasm = unsafe { ffi::bytes(self.wasm, self.wasm_size) }.map_err(Failure::of(""))?;
        // SAFETY: as the caller says.
        let functions = unsafe { function::take(self.functions, self.n_functions) };
        let options = Options {
            wasi: self.with_wasi,
            functions: functions.map_err(Failure::of(""))?.into_functions(),
            fuel: self.fuel,
            ..Options::from_env()
        };
        // SAFETY: the published functions trust the manifests they are given (extism.h).
        unsafe { source::compile_trusted(wasm, options) }.map_err(Failure::of(COMPILE))
    }

    /// # Safety
    /// As [`Request::compile`].
    pub(crate) unsafe fn create(self) -> Result<Plugin, Failure> {
        // The published function in one step and the one in two steps name the second step
        // differently.
        let prefix = match self.fuel {
            Some(_) => CREATE,
            None => COMPILE,
        };
        // SAFETY: as the caller says.
        let compiled = unsafe { self.compile() }?;
        Plugin::new(&compiled).map_err(Failure::of(prefix))
    }
}

/// The object, or NULL and the text of the error.
///
/// # Safety
/// `errmsg` is NULL or writable.
unsafe fn answer<T: ffi::Kind>(
    made: Result<T, Failure>,
    errmsg: *mut *mut c_char,
) -> *mut Object<T> {
    match made {
        Ok(value) => Object::into_raw(value),
        Err(failure) => {
            if !errmsg.is_null() {
                // SAFETY: as the caller says. The text is freed by `extism_plugin_new_error_free`.
                unsafe { ffi::set(errmsg, ffi::c_string(&failure.text()).into_raw()) };
            }
            ptr::null_mut()
        }
    }
}

/// What a function answers that panicked.
///
/// # Safety
/// As [`answer`].
unsafe fn panicked<T: ffi::Kind>(errmsg: *mut *mut c_char) -> *mut Object<T> {
    let error = Error::new(Status::Panic, Status::Panic.description());
    // SAFETY: as the caller says.
    unsafe { answer(Err(Failure::of("")(error)), errmsg) }
}

/// Compiles a plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_compiled_plugin_new(
    wasm: *const u8,
    wasm_size: u64,
    functions: *mut *const ExtismFunction,
    n_functions: u64,
    with_wasi: bool,
    errmsg: *mut *mut c_char,
) -> *mut ExtismCompiledPlugin {
    // SAFETY: `errmsg` is NULL or writable.
    boundary!(extism_compiled_plugin_new, unsafe { panicked(errmsg) }, {
        let request = Request {
            wasm,
            wasm_size,
            functions,
            n_functions,
            with_wasi,
            fuel: None,
        };
        // SAFETY: the arguments are the caller's.
        unsafe { answer(request.compile(), errmsg) }
    })
}

/// Compiles a plug-in whose calls get so much fuel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_compiled_plugin_new_with_fuel_limit(
    wasm: *const u8,
    wasm_size: u64,
    functions: *mut *const ExtismFunction,
    n_functions: u64,
    with_wasi: bool,
    fuel_limit: u64,
    errmsg: *mut *mut c_char,
) -> *mut ExtismCompiledPlugin {
    boundary!(
        extism_compiled_plugin_new_with_fuel_limit,
        // SAFETY: `errmsg` is NULL or writable.
        unsafe { panicked(errmsg) },
        {
            let request = Request {
                wasm,
                wasm_size,
                functions,
                n_functions,
                with_wasi,
                fuel: Some(fuel_limit),
            };
            // SAFETY: the arguments are the caller's.
            unsafe { answer(request.compile(), errmsg) }
        }
    )
}

/// Compiles and instantiates a plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_new(
    wasm: *const u8,
    wasm_size: u64,
    functions: *mut *const ExtismFunction,
    n_functions: u64,
    with_wasi: bool,
    errmsg: *mut *mut c_char,
) -> *mut ExtismPlugin {
    // SAFETY: `errmsg` is NULL or writable.
    boundary!(extism_plugin_new, unsafe { panicked(errmsg) }, {
        let request = Request {
            wasm,
            wasm_size,
            functions,
            n_functions,
            with_wasi,
            fuel: None,
        };
        // SAFETY: the arguments are the caller's.
        unsafe { answer(request.create().map(Cell::owned), errmsg) }
    })
}

/// Compiles and instantiates a plug-in whose calls get so much fuel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_new_with_fuel_limit(
    wasm: *const u8,
    wasm_size: u64,
    functions: *mut *const ExtismFunction,
    n_functions: u64,
    with_wasi: bool,
    fuel_limit: u64,
    errmsg: *mut *mut c_char,
) -> *mut ExtismPlugin {
    boundary!(
        extism_plugin_new_with_fuel_limit,
        // SAFETY: `errmsg` is NULL or writable.
        unsafe { panicked(errmsg) },
        {
            let request = Request {
                wasm,
                wasm_size,
                functions,
                n_functions,
                with_wasi,
                fuel: Some(fuel_limit),
            };
            // SAFETY: the arguments are the caller's.
            unsafe { answer(request.create().map(Cell::owned), errmsg) }
        }
    )
}

/// An instance of a compiled plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_new_from_compiled(
    compiled: *const ExtismCompiledPlugin,
    errmsg: *mut *mut c_char,
) -> *mut ExtismPlugin {
    boundary!(
        extism_plugin_new_from_compiled,
        // SAFETY: `errmsg` is NULL or writable.
        unsafe { panicked(errmsg) },
        {
            // SAFETY: the caller passes NULL or a live compiled plug-in.
            let compiled = unsafe { compiled::held(compiled) }.map_err(Failure::of(""));
            let made =
                compiled.and_then(|compiled| Plugin::new(&compiled).map_err(Failure::of(CREATE)));
            // SAFETY: `errmsg` is NULL or writable.
            unsafe { answer(made.map(Cell::owned), errmsg) }
        }
    )
}

/// Frees the text of a creation error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_new_error_free(err: *mut c_char) {
    boundary!(extism_plugin_new_error_free, (), {
        if !err.is_null() {
            // SAFETY: the caller passes a text of `answer`, unchanged, which it does not use any
            // more.
            drop(unsafe { CString::from_raw(err) });
        }
    })
}
