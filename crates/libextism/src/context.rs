//! An arena of plug-ins: it owns those made in it or put into it, and freeing it frees them all.
//!
//! Its functions have the shape of the 0.1 interface, with numbers for plug-ins. Invariants: a
//! number is given out once; whatever runs when a context is freed, by whomever, runs to its end
//! first.

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use extism_runtime::{CODE_FAILED, Context, Error, Plugin, Status};

use crate::buffer::{self, ExtismBuffer, readable};
use crate::cancel::{ExtismCancelHandle, PluginHandle};
use crate::compiled::{self, ExtismCompiledPlugin};
use crate::entry::{Entry, published_text};
use crate::error::{self, ExtismError, status_of};
use crate::ffi::{self, Kind, Object};
use crate::function::ExtismFunction;
use crate::plugin::{self, ExtismPlugin};
use crate::published::Request;
use crate::status::ExtismStatus;

/// A context.
pub type ExtismContext = Object<Arc<Arena>>;

/// The plug-ins of a context, and what went wrong that is no plug-in's affair.
#[derive(Default)]
pub struct Arena {
    /// The handles are beside the plug-ins, for these can be had while a plug-in is in use.
    plugins: Context<Entry, PluginHandle>,
    failures: Mutex<Vec<Failure>>,
}

/// What went wrong last for a thread. Its text lasts until something else goes wrong for the same thread.
struct Failure {
    thread: ThreadId,
    error: Error,
    text: CString,
}

/// For how many threads failures are kept.
const FAILURES_MAX: usize = 256;

impl Kind for Arc<Arena> {
    const TAG: u64 = u64::from_be_bytes(*b"ext-cont");
}

// Objects cross threads by pointer, where the compiler does not see it.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Arena>();
};

/// The number of no plug-in.
const NO_PLUGIN: i32 = -1;

impl Arena {
    fn insert(&self, mut entry: Entry) -> Result<i32, Error> {
        let cancel = PluginHandle::new(entry.plugin().cancel_handle());
        self.plugins.insert_with(entry, cancel)
    }

    fn replace(&self, number: i32, mut entry: Entry) -> Result<(), Error> {
        let cancel = PluginHandle::new(entry.plugin().cancel_handle());
        self.plugins.replace_with(number, entry, cancel)
    }

    /// Lets `with` have a plug-in; if that is not possible, the reason is kept as the context's
    /// own.
    fn visit<R>(&self, number: i32, with: impl FnOnce(&mut Entry) -> R) -> Result<R, Error> {
        let visited = self.plugins.with(number, |entry| entry.guarded(with));
        visited.flatten().map_err(|error| self.fail(error))
    }

    /// What went wrong last for this thread, as far as the context is concerned; if nothing did, for another.
    fn failure<R>(&self, read: impl FnOnce(&Failure) -> R) -> Option<R> {
        let failures = self.failures();
        let thread = thread::current().id();
        let own = failures.iter().find(|failure| failure.thread == thread);
        own.or(failures.last()).map(read)
    }

    fn failures(&self) -> MutexGuard<'_, Vec<Failure>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cold]
    fn fail(&self, error: Error) -> Error {
        let thread = thread::current().id();
        let text = ffi::c_string(&published_text(&error));
        let mut failures = self.failures();
        let own = failures.iter().position(|failure| failure.thread == thread);
        let failure = match own.map(|own| failures.remove(own)) {
            // Who asks for the text, and then for the status, still has the text.
            Some(known) if known.text == text => Failure {
                error: error.clone(),
                ..known
            },
            _ => Failure {
                thread,
                error: error.clone(),
                text,
            },
        };
        if failures.len() == FAILURES_MAX {
            failures.remove(0);
        }
        failures.push(failure);
        error
    }
}

/// The arena behind a pointer, kept alive by the caller: a host function may free the context.
///
/// # Safety
/// NULL or a live context.
unsafe fn arena(context: *const ExtismContext) -> Result<Arc<Arena>, Error> {
    // SAFETY: as the caller says.
    unsafe { Object::get(context) }
        .cloned()
        .ok_or_else(|| ffi::null("context"))
}

/// Lets `with` have a plug-in of a context.
///
/// # Safety
/// NULL or a live context.
unsafe fn visit<R>(
    context: *const ExtismContext,
    number: i32,
    with: impl FnOnce(&mut Entry) -> R,
) -> Result<R, Error> {
    // SAFETY: as the caller says.
    unsafe { arena(context) }?.visit(number, with)
}

/// An empty context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_new() -> *mut ExtismContext {
    boundary!(extism_context_new, ptr::null_mut(), {
        Object::into_raw(Arc::new(Arena::default()))
    })
}

/// Frees a context and its plug-ins.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_free(context: *mut ExtismContext) {
    boundary!(extism_context_free, (), {
        // SAFETY: the caller passes NULL or a context it does not use any more.
        if let Some(arena) = unsafe { Object::take(context) } {
            arena.plugins.reset();
        }
    })
}

/// Frees the plug-ins of a context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_reset(context: *mut ExtismContext) {
    boundary!(extism_context_reset, (), {
        // SAFETY: the caller passes NULL or a live context.
        if let Ok(arena) = unsafe { arena(context) } {
            arena.plugins.reset();
        }
    })
}

/// Makes a plug-in in a context; -1 on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_new(
    context: *mut ExtismContext,
    wasm: *const u8,
    wasm_size: u64,
    functions: *mut *const ExtismFunction,
    n_functions: u64,
    with_wasi: bool,
) -> i32 {
    boundary!(extism_context_plugin_new, NO_PLUGIN, {
        // SAFETY: the caller passes NULL or a live context.
        let Ok(arena) = (unsafe { arena(context) }) else {
            return NO_PLUGIN;
        };
        let request = Request {
            wasm,
            wasm_size,
            functions,
            n_functions,
            with_wasi,
            fuel: None,
        };
        // SAFETY: the arguments are the caller's.
        let made = unsafe { request.create() }.map_err(|failure| failure.error);
        let inserted = made.and_then(|plugin| arena.insert(Entry::owned(plugin)));
        inserted
            .map_err(|error| arena.fail(error))
            .unwrap_or(NO_PLUGIN)
    })
}

/// Puts another plug-in in the place of one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_update(
    context: *mut ExtismContext,
    plugin: i32,
    wasm: *const u8,
    wasm_size: u64,
    functions: *mut *const ExtismFunction,
    n_functions: u64,
    with_wasi: bool,
) -> bool {
    boundary!(extism_context_plugin_update, false, {
        // SAFETY: the caller passes NULL or a live context.
        let Ok(arena) = (unsafe { arena(context) }) else {
            return false;
        };
        let request = Request {
            wasm,
            wasm_size,
            functions,
            n_functions,
            with_wasi,
            fuel: None,
        };
        // SAFETY: the arguments are the caller's.
        let made = unsafe { request.create() }.map_err(|failure| failure.error);
        let replaced = made.and_then(|made| arena.replace(plugin, Entry::owned(made)));
        replaced.map_err(|error| arena.fail(error)).is_ok()
    })
}

/// Makes an instance of a compiled plug-in in a context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_create(
    context: *mut ExtismContext,
    compiled: *const ExtismCompiledPlugin,
    out: *mut i32,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    boundary!(
        extism_context_plugin_create,
        // SAFETY: `error` is NULL or writable.
        unsafe { error::panicked(error) },
        {
            // SAFETY: the arguments are the caller's.
            unsafe {
                give(context, out, error, || {
                    Plugin::new(&compiled::held(compiled)?).map(Entry::owned)
                })
            }
        }
    )
}

/// Puts an instance of a compiled plug-in in the place of a plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_replace(
    context: *mut ExtismContext,
    plugin: i32,
    compiled: *const ExtismCompiledPlugin,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    boundary!(
        extism_context_plugin_replace,
        // SAFETY: `error` is NULL or writable.
        unsafe { error::panicked(error) },
        {
            // SAFETY: the caller passes NULL or a live context.
            let replaced = unsafe { arena(context) }.and_then(|arena| {
                // SAFETY: the caller passes NULL or a live compiled plug-in.
                let compiled = unsafe { compiled::held(compiled) }?;
                arena.replace(plugin, Entry::owned(Plugin::new(&compiled)?))
            });
            // SAFETY: `error` is NULL or writable.
            unsafe { error::answer(error, replaced) }
        }
    )
}

/// Puts a plug-in into a context, which owns it from now on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_insert(
    context: *mut ExtismContext,
    plugin: *mut ExtismPlugin,
    out: *mut i32,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    boundary!(
        extism_context_plugin_insert,
        // SAFETY: `error` is NULL or writable.
        unsafe { error::panicked(error) },
        {
            // SAFETY: the arguments are the caller's.
            unsafe { give(context, out, error, || plugin::into_entry(plugin)) }
        }
    )
}

/// Puts what `make` makes into a context and answers its number through `out`.
///
/// # Safety
/// A context is NULL or live, the others are NULL or writable.
unsafe fn give(
    context: *mut ExtismContext,
    out: *mut i32,
    error: *mut *mut ExtismError,
    make: impl FnOnce() -> Result<Entry, Error>,
) -> ExtismStatus {
    // SAFETY: as the caller says.
    unsafe { ffi::set(out, NO_PLUGIN) };
    // SAFETY: as the caller says.
    let result = unsafe { arena(context) }.and_then(|arena| {
        if out.is_null() {
            return Err(ffi::null("the place for the result"));
        }
        let number = make().and_then(|entry| arena.insert(entry))?;
        // SAFETY: as the caller says.
        unsafe { ffi::set(out, number) };
        Ok(())
    });
    // SAFETY: as the caller says.
    unsafe { error::answer(error, result) }
}

/// Frees a plug-in of a context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_free(context: *mut ExtismContext, plugin: i32) {
    boundary!(extism_context_plugin_free, (), {
        // SAFETY: the caller passes NULL or a live context.
        if let Ok(arena) = unsafe { arena(context) } {
            let removed = arena.plugins.remove(plugin);
            drop(removed.map_err(|error| arena.fail(error)));
        }
    })
}

/// Merges values into the configuration of a plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_config(
    context: *mut ExtismContext,
    plugin: i32,
    json: *const u8,
    json_size: u64,
) -> bool {
    boundary!(extism_context_plugin_config, false, {
        let configure = |entry: &mut Entry| {
            // SAFETY: the caller passes NULL or as many bytes as it says.
            let json = unsafe { ffi::bytes(json, json_size) };
            let configured = json.and_then(|json| entry.configure(json));
            configured.map_err(|error| entry.fail(error)).is_ok()
        };
        // SAFETY: the caller passes NULL or a live context.
        unsafe { visit(context, plugin, configure) }.unwrap_or(false)
    })
}

/// Whether a plug-in exports a function that can be called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_function_exists(
    context: *mut ExtismContext,
    plugin: i32,
    func_name: *const c_char,
) -> bool {
    boundary!(extism_context_plugin_function_exists, false, {
        let exists = |entry: &mut Entry| {
            // SAFETY: the caller passes NULL or a text that ends with NUL.
            let name = unsafe { ffi::text(func_name) };
            name.is_ok_and(|name| entry.has_function(name))
        };
        // SAFETY: the caller passes NULL or a live context.
        unsafe { visit(context, plugin, exists) }.unwrap_or(false)
    })
}

/// Calls a function of a plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_call(
    context: *mut ExtismContext,
    plugin: i32,
    func_name: *const c_char,
    data: *const u8,
    data_len: u64,
    host_context: *mut c_void,
) -> i32 {
    boundary!(extism_context_plugin_call, CODE_FAILED, {
        let run = |entry: &mut Entry| {
            // SAFETY: the caller passes NULL or a text that ends with NUL.
            let name = unsafe { ffi::text_bytes(func_name) };
            // SAFETY: the caller passes NULL or as many bytes as it says.
            let input = unsafe { ffi::bytes(data, data_len) };
            match name.and_then(|name| Ok((name, input?))) {
                Ok((name, input)) => entry.call(name, input, host_context),
                Err(error) => entry.fail(error),
            }
        };
        // SAFETY: the caller passes NULL or a live context.
        unsafe { visit(context, plugin, run) }.unwrap_or(CODE_FAILED)
    })
}

/// The text of the last error of a plug-in, or of the context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_error(
    context: *mut ExtismContext,
    plugin: i32,
) -> *const c_char {
    boundary!(extism_context_error, ptr::null(), {
        // SAFETY: the caller passes NULL or a live context.
        let Ok(arena) = (unsafe { arena(context) }) else {
            return ptr::null();
        };
        let text = match plugin {
            NO_PLUGIN => None,
            plugin => arena.visit(plugin, Entry::error_text).ok(),
        };
        text.or_else(|| arena.failure(|failure| failure.text.as_ptr()))
            .unwrap_or(ptr::null())
    })
}

/// The status of the last operation on a plug-in, or of the last one of the context that failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_status(
    context: *mut ExtismContext,
    plugin: i32,
) -> ExtismStatus {
    boundary!(extism_context_status, Status::Panic.code(), {
        // SAFETY: the caller passes NULL or a live context.
        let arena = match unsafe { arena(context) } {
            Ok(arena) => arena,
            Err(error) => return status_of(&Err(error)).code(),
        };
        let status = match plugin {
            NO_PLUGIN => arena
                .failure(|failure| failure.error.status())
                .unwrap_or(Status::Ok),
            plugin => arena
                .visit(plugin, |entry| entry.status())
                .unwrap_or_else(|error| error.status()),
        };
        status.code()
    })
}

/// The length of the last call's output.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_output_length(
    context: *mut ExtismContext,
    plugin: i32,
) -> u64 {
    boundary!(extism_context_plugin_output_length, 0, {
        // SAFETY: the caller passes NULL or a live context.
        unsafe { visit(context, plugin, |entry| entry.output().len() as u64) }.unwrap_or(0)
    })
}

/// Where the last call's output is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_output_data(
    context: *mut ExtismContext,
    plugin: i32,
) -> *const u8 {
    boundary!(extism_context_plugin_output_data, ptr::null(), {
        // SAFETY: the caller passes NULL or a live context.
        let output = unsafe { visit(context, plugin, |entry| readable(entry.output())) };
        output.unwrap_or(ptr::null())
    })
}

/// A copy of the last call's output.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_output(
    context: *mut ExtismContext,
    plugin: i32,
    out: *mut *mut ExtismBuffer,
) -> ExtismStatus {
    boundary!(extism_context_plugin_output, Status::Panic.code(), {
        let output = || {
            // SAFETY: the caller passes NULL or a live context.
            let arena = unsafe { arena(context) }?;
            arena
                .visit(plugin, |entry| copied(entry.output()))?
                .map(Some)
        };
        // SAFETY: `out` is NULL or writable.
        unsafe { buffer::give(out, output) }
    })
}

fn copied(output: &[u8]) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(output.len()).map_err(|error| {
        let text = "no memory for a copy of the output";
        Error::with_cause(Status::OutOfMemory, text, error)
    })?;
    bytes.extend_from_slice(output);
    Ok(bytes)
}

/// The cancel handle of a plug-in, which it owns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_context_plugin_cancel_handle(
    context: *mut ExtismContext,
    plugin: i32,
) -> *const ExtismCancelHandle {
    boundary!(extism_context_plugin_cancel_handle, ptr::null(), {
        // SAFETY: the caller passes NULL or a live context.
        let Ok(arena) = (unsafe { arena(context) }) else {
            return ptr::null();
        };
        let handle = arena.plugins.beside(plugin, PluginHandle::pointer);
        handle.unwrap_or(ptr::null())
    })
}
