//! A plug-in: calling it, and what a call leaves behind.
//!
//! Invariant: calls are serialised; a function that is called from one of the plug-in's own host
//! functions answers that it is busy, never waits for itself, and never frees what is in use:
//! [`extism_plugin_free`] is then put off until the call ends.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use extism_runtime::{CODE_FAILED, Error, Plugin, Status};

use crate::buffer::readable;
use crate::cancel::PluginHandle;
use crate::compiled::{self, ExtismCompiledPlugin};
use crate::entry::Entry;
use crate::error::{self, ExtismError};
use crate::ffi::{self, Kind, Object};
use crate::gate::{Close, Gate, Inside, Refused, Wait};
use crate::status::ExtismStatus;

/// A plug-in.
pub type ExtismPlugin = Object<Cell>;

/// The plug-in behind its gate, and what can be asked for while somebody is inside.
pub struct Cell {
    id: [u8; 16],
    cancel: PluginHandle,
    gate: Gate<Entry>,
}

impl Kind for Cell {
    const TAG: u64 = u64::from_be_bytes(*b"ext-plug");
}

// Objects cross threads by pointer, where the compiler does not see it.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Cell>();
};

impl Cell {
    pub(crate) fn owned(plugin: Plugin) -> Cell {
        Cell::new(Entry::owned(plugin))
    }

    pub(crate) fn new(mut entry: Entry) -> Cell {
        let plugin = entry.plugin();
        Cell {
            id: plugin.id().into_bytes(),
            cancel: PluginHandle::new(plugin.cancel_handle()),
            gate: Gate::new(entry),
        }
    }

    pub(crate) fn cancel_handle(&self) -> &PluginHandle {
        &self.cancel
    }
}

/// Being inside of a plug-in's gate. Whoever goes out of a plug-in that was freed meanwhile frees
/// it.
struct Visit<'a> {
    plugin: *mut ExtismPlugin,
    inside: Option<Inside<'a, Entry>>,
}

impl Drop for Visit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.inside.take().is_some_and(Inside::leave) {
            // SAFETY: a host function freed the plug-in while it ran, so its owner does not use it
            // any more.
            unsafe { free(self.plugin) };
        }
    }
}

/// Lets `with` have the plug-in, as soon as no other thread has it.
///
/// # Safety
/// NULL or a live plug-in.
#[inline]
pub(crate) unsafe fn visit<R>(
    plugin: *mut ExtismPlugin,
    wait: Wait,
    with: impl FnOnce(&mut Entry) -> R,
) -> Result<R, Error> {
    // SAFETY: as the caller says; nobody frees it while this thread waits or is inside.
    let cell = unsafe { Object::get(plugin) }.ok_or_else(|| ffi::null("plugin"))?;
    let mut visit = Visit {
        plugin,
        inside: Some(cell.gate.enter(wait).map_err(error_of)?),
    };
    ffi::fire();
    match &mut visit.inside {
        Some(entry) => Ok(with(entry)),
        None => Err(error_of(Refused::Closed)),
    }
}

const REENTRANT: &CStr = c"cannot make reentrant calls into plugin";
const POISONED: &CStr =
    c"instance lock was poisoned; previous thread panicked while calling into wasm";

#[cold]
pub(crate) fn error_of(refused: Refused) -> Error {
    let (status, text) = match refused {
        Refused::Reentrant => (Status::Busy, REENTRANT.to_str().unwrap_or_default()),
        Refused::Busy => (Status::Busy, "another thread is calling the plugin"),
        Refused::Closed => (Status::Closed, "the plugin was freed"),
        Refused::Poisoned => (Status::Poisoned, POISONED.to_str().unwrap_or_default()),
    };
    Error::new(status, text)
}

/// Frees a plug-in, once a call that runs has ended.
///
/// # Safety
/// NULL, or a plug-in its owner does not use any more.
unsafe fn free(plugin: *mut ExtismPlugin) {
    // SAFETY: as the caller says.
    let Some(cell) = (unsafe { Object::get(plugin) }) else {
        return;
    };
    if cell.gate.close() == Close::Done {
        // SAFETY: nobody is inside of it, and nobody will be.
        let cell = unsafe { Object::take(plugin) };
        // Another plug-in's host function may be on the stack, so a panic must not get further than
        // here even while another one unwinds.
        let _ = catch_unwind(AssertUnwindSafe(|| cell.map(end)));
    }
}

/// Lets a plug-in go. A pool lends none to anybody else in which a panic left disorder.
fn end(cell: Cell) {
    let Cell { gate, cancel, .. } = cell;
    // Before the plug-in goes back: whoever still has a handle then gets no other borrower's calls.
    drop(cancel);
    let (mut entry, poisoned) = gate.into_parts();
    if poisoned {
        entry.poison();
    }
}

/// Takes a plug-in back from C that nobody is using.
///
/// # Safety
/// NULL, or a plug-in its owner does not use any more once it is taken.
pub(crate) unsafe fn into_entry(plugin: *mut ExtismPlugin) -> Result<Entry, Error> {
    // SAFETY: as the caller says.
    let cell = unsafe { Object::get(plugin) }.ok_or_else(|| ffi::null("plugin"))?;
    cell.gate.close_now().map_err(error_of)?;
    // SAFETY: nobody is inside of it, and nobody will be.
    let cell = unsafe { Object::take(plugin) }.ok_or_else(|| ffi::null("plugin"))?;
    cell.gate.into_inner().map_err(error_of)
}

/// An instance of a compiled plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_create(
    compiled: *const ExtismCompiledPlugin,
    out: *mut *mut ExtismPlugin,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    // SAFETY: `error` is NULL or writable.
    boundary!(extism_plugin_create, unsafe { error::panicked(error) }, {
        // SAFETY: the caller passes NULL or a live compiled plug-in, and places to write to.
        unsafe {
            error::make(out, error, || {
                Plugin::new(&compiled::held(compiled)?).map(Cell::owned)
            })
        }
    })
}

/// Frees a plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_free(plugin: *mut ExtismPlugin) {
    boundary!(extism_plugin_free, (), {
        // SAFETY: the caller passes NULL or a plug-in it does not use any more.
        unsafe { free(plugin) }
    })
}

/// The 16 bytes of a plug-in's identity.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_id(plugin: *mut ExtismPlugin) -> *const u8 {
    boundary!(extism_plugin_id, ptr::null(), {
        // SAFETY: the caller passes NULL or a live plug-in.
        unsafe { Object::get(plugin) }.map_or(ptr::null(), |cell| cell.id.as_ptr())
    })
}

/// Calls a function.
///
/// # Safety
/// As [`extism_plugin_call_with_host_context`].
#[inline]
unsafe fn call(
    plugin: *mut ExtismPlugin,
    name: *const c_char,
    data: *const u8,
    data_len: u64,
    context: *mut c_void,
) -> i32 {
    let run = |entry: &mut Entry| {
        // SAFETY: the caller passes NULL or a text that ends with NUL.
        let name = match unsafe { ffi::text_bytes(name) } {
            Ok(name) => name,
            Err(error) => return entry.fail(error),
        };
        // SAFETY: the caller passes NULL or as many bytes as it says.
        match unsafe { ffi::bytes(data, data_len) } {
            Ok(input) => entry.call(name, input, context),
            Err(error) => entry.fail(error),
        }
    };
    // SAFETY: the caller passes NULL or a live plug-in.
    unsafe { visit(plugin, Wait::Yes, run) }.unwrap_or(CODE_FAILED)
}

/// Calls a function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_call(
    plugin: *mut ExtismPlugin,
    func_name: *const c_char,
    data: *const u8,
    data_len: u64,
) -> i32 {
    boundary!(extism_plugin_call, CODE_FAILED, {
        // SAFETY: the arguments are the caller's.
        unsafe { call(plugin, func_name, data, data_len, ptr::null_mut()) }
    })
}

/// Calls a function, with a pointer for its host functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_call_with_host_context(
    plugin: *mut ExtismPlugin,
    func_name: *const c_char,
    data: *const u8,
    data_len: u64,
    host_context: *mut c_void,
) -> i32 {
    boundary!(extism_plugin_call_with_host_context, CODE_FAILED, {
        // SAFETY: the arguments are the caller's.
        unsafe { call(plugin, func_name, data, data_len, host_context) }
    })
}

/// Calls a function unless the plug-in is in use; says everything about the outcome at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_try_call(
    plugin: *mut ExtismPlugin,
    name: *const c_char,
    name_len: u64,
    data: *const u8,
    data_len: u64,
    host_context: *mut c_void,
    code: *mut i32,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    // SAFETY: `error` is NULL or writable.
    boundary!(extism_plugin_try_call, unsafe { error::panicked(error) }, {
        let run = |entry: &mut Entry| {
            // SAFETY: the caller passes NULL or as many bytes as it says.
            let name = unsafe { ffi::bytes(name.cast(), name_len) };
            // SAFETY: as above.
            let input = unsafe { ffi::bytes(data, data_len) };
            let answered = match name.and_then(|name| Ok((name, input?))) {
                Ok((name, input)) => entry.call(name, input, host_context),
                Err(error) => entry.fail(error),
            };
            (answered, entry.error().map_or(Ok(()), Err))
        };
        // SAFETY: the caller passes NULL or a live plug-in.
        let visited = unsafe { visit(plugin, Wait::No, run) };
        let (answered, result) = visited.unwrap_or_else(|error| (CODE_FAILED, Err(error)));
        // SAFETY: both are NULL or writable.
        unsafe {
            ffi::set(code, answered);
            error::answer(error, result)
        }
    })
}

/// The text of the last error.
///
/// # Safety
/// As [`extism_plugin_error`].
unsafe fn error_text(plugin: *mut ExtismPlugin) -> *const c_char {
    // SAFETY: the caller passes NULL or a live plug-in.
    let text = unsafe { visit(plugin, Wait::Yes, Entry::error_text) };
    text.unwrap_or_else(|error| match error.status() {
        Status::Busy => REENTRANT.as_ptr(),
        Status::Poisoned => POISONED.as_ptr(),
        _ => ptr::null(),
    })
}

/// The text of the last error; NULL if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_error(plugin: *mut ExtismPlugin) -> *const c_char {
    boundary!(extism_plugin_error, ptr::null(), {
        // SAFETY: the argument is the caller's.
        unsafe { error_text(plugin) }
    })
}

/// The older name of [`extism_plugin_error`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_error(plugin: *mut ExtismPlugin) -> *const c_char {
    boundary!(extism_error, ptr::null(), {
        // SAFETY: the argument is the caller's.
        unsafe { error_text(plugin) }
    })
}

/// The status of the last operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_status(plugin: *mut ExtismPlugin) -> ExtismStatus {
    boundary!(extism_plugin_status, Status::Panic.code(), {
        // SAFETY: the caller passes NULL or a live plug-in.
        let status = unsafe { visit(plugin, Wait::Yes, |entry| entry.status()) };
        status.unwrap_or_else(|error| error.status()).code()
    })
}

/// The code the plug-in itself returned or exited with; 0 if it did neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_guest_code(plugin: *mut ExtismPlugin) -> i32 {
    boundary!(extism_plugin_guest_code, 0, {
        // SAFETY: the caller passes NULL or a live plug-in.
        unsafe { visit(plugin, Wait::Yes, |entry| entry.guest_code()) }.unwrap_or(0)
    })
}

/// The length of the last call's output.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_output_length(plugin: *mut ExtismPlugin) -> u64 {
    boundary!(extism_plugin_output_length, 0, {
        // SAFETY: the caller passes NULL or a live plug-in.
        let length = unsafe { visit(plugin, Wait::Yes, |entry| entry.output().len()) };
        length.map_or(0, |length| length as u64)
    })
}

/// Where the last call's output is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_output_data(plugin: *mut ExtismPlugin) -> *const u8 {
    boundary!(extism_plugin_output_data, readable(&[]), {
        // SAFETY: the caller passes NULL or a live plug-in.
        match unsafe { visit(plugin, Wait::Yes, |entry| readable(entry.output())) } {
            Ok(output) => output,
            Err(error) if error.status() == Status::NullArgument => ptr::null(),
            Err(_) => readable(&[]),
        }
    })
}

/// Merges values into the configuration.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_config(
    plugin: *mut ExtismPlugin,
    json: *const u8,
    json_size: u64,
) -> bool {
    boundary!(extism_plugin_config, false, {
        let configure = |entry: &mut Entry| {
            // SAFETY: the caller passes NULL or as many bytes as it says.
            let json = unsafe { ffi::bytes(json, json_size) };
            let configured = json.and_then(|json| entry.configure(json));
            configured.map_err(|error| entry.fail(error)).is_ok()
        };
        // SAFETY: the caller passes NULL or a live plug-in.
        unsafe { visit(plugin, Wait::Yes, configure) }.unwrap_or(false)
    })
}

/// Whether the plug-in exports a function that can be called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_function_exists(
    plugin: *mut ExtismPlugin,
    func_name: *const c_char,
) -> bool {
    boundary!(extism_plugin_function_exists, false, {
        let exists = |entry: &mut Entry| {
            // SAFETY: the caller passes NULL or a text that ends with NUL.
            let name = unsafe { ffi::text(func_name) };
            name.is_ok_and(|name| entry.has_function(name))
        };
        // SAFETY: the caller passes NULL or a live plug-in.
        unsafe { visit(plugin, Wait::Yes, exists) }.unwrap_or(false)
    })
}

/// Lets the plug-in see the headers of HTTP responses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_allow_http_response_headers(plugin: *mut ExtismPlugin) {
    boundary!(extism_plugin_allow_http_response_headers, (), {
        let allow = |entry: &mut Entry| entry.plugin().allow_http_response_headers();
        // SAFETY: the caller passes NULL or a live plug-in. There is nothing to answer with.
        let _ = unsafe { visit(plugin, Wait::Yes, allow) };
    })
}

/// Wipes what the last call left in the plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_reset(plugin: *mut ExtismPlugin) -> bool {
    boundary!(extism_plugin_reset, false, {
        // SAFETY: the caller passes NULL or a live plug-in.
        unsafe { visit(plugin, Wait::Yes, Entry::reset) }.is_ok()
    })
}

/// Makes the plug-in as new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_renew(
    plugin: *mut ExtismPlugin,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    // SAFETY: `error` is NULL or writable.
    boundary!(extism_plugin_renew, unsafe { error::panicked(error) }, {
        let renew = |entry: &mut Entry| {
            entry.clear_error();
            entry.plugin().renew()
        };
        // SAFETY: the caller passes NULL or a live plug-in.
        let renewed = unsafe { visit(plugin, Wait::Yes, renew) };
        // SAFETY: `error` is NULL or writable.
        unsafe { error::answer(error, renewed.flatten()) }
    })
}

/// The fuel the last call used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_fuel_consumed(
    plugin: *mut ExtismPlugin,
    fuel: *mut u64,
) -> bool {
    boundary!(extism_plugin_fuel_consumed, false, {
        // SAFETY: the caller passes NULL or a live plug-in.
        let used = unsafe { visit(plugin, Wait::Yes, |entry| entry.plugin().fuel_consumed()) };
        let used = used.ok().flatten();
        // SAFETY: `fuel` is NULL or writable.
        unsafe { ffi::set(fuel, used.unwrap_or(0)) };
        used.is_some()
    })
}
