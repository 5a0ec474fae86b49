//! What the host's side of the sequences does when it is called back: a host function with different
//! deeds, a log sink, releases.
//!
//! Must not know: the tables of `World`. Invariant: nothing panics here, since no panic may leave a callback;
//! what is wrong is noted, and `World` panics when the call has returned.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};

use extism_runtime::Status;

use super::library::{self, Bytes, I64, NULL, Object, Text, Value};
use super::place::Place;

/// What the host function does beside answering.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Deed {
    /// Answers the block it was given.
    Echo,
    /// Answers a block of its own, with a byte more.
    Copy,
    Fail,
    AnswerAnotherType,
    /// Uses the plug-in that is calling it in every way that does not free it.
    Reenter,
    Free,
    CallAnother,
}

/// A call that reaches the host function: what it finds through the host context.
pub(super) struct Visit {
    pub(super) place: Place,
    pub(super) deed: Deed,
    pub(super) input: Vec<u8>,
    pub(super) another: Option<Place>,
    /// The plug-in that called, to be used when it must not be any more.
    pub(super) current: Cell<Object>,
    pub(super) complaints: RefCell<Vec<&'static str>>,
}

impl Visit {
    fn check(&self, holds: bool, what: &'static str) {
        if !holds {
            self.complaints.borrow_mut().push(what);
        }
    }
}

/// The byte that [`Deed::Copy`] adds.
pub(super) const MARK: u8 = 0x21;

/// The host function `host`.
pub(super) extern "C" fn host(
    current: Object,
    inputs: *const Value,
    n_inputs: u64,
    outputs: *mut Value,
    n_outputs: u64,
    data: *mut c_void,
) {
    let Some(given) = library::argument(inputs, n_inputs) else {
        return;
    };
    let mut result = given;
    let context = library::extism_current_plugin_host_context(current);
    if let Some(visit) = library::at::<Visit>(context) {
        visit.check((n_inputs, n_outputs) == (1, 1), "how many values there are");
        visit.check(given.ty == I64, "the type of the argument");
        visit.check(!data.is_null(), "the user data");
        visit.current.set(current);
        result = perform(visit, current, given);
    }
    library::answer(outputs, result);
}

fn perform(visit: &Visit, current: Object, given: Value) -> Value {
    use library::*;

    let (handle, length) = (given.bits, visit.input.len() as u64);
    visit.check(
        extism_current_plugin_memory_length(current, handle) == length,
        "the length of the input",
    );
    visit.check(!extism_current_plugin_must_stop(current), "must stop");
    knows(visit, current);
    let mut counted = 0;
    let block = extism_current_plugin_memory_block(current, handle, &mut counted);
    visit.check(counted == length, "the length of the block");
    visit.check(block.is_null() == (length == 0), "where the block is");
    if !block.is_null() && counted == length {
        visit.check(bytes_at(block, counted) == visit.input, "the block's bytes");
        let base = extism_current_plugin_memory(current);
        visit.check(
            base.wrapping_add(handle as usize) == block,
            "where memory is",
        );
    }
    match visit.deed {
        Deed::Echo => {}
        Deed::Copy => return copy(visit, current),
        Deed::Fail => {
            let text = b"the host fails";
            let status = extism_current_plugin_fail(current, text.as_ptr(), text.len() as u64);
            visit.check(status == Status::Ok.code(), "failing");
        }
        Deed::AnswerAnotherType => return Value { ty: I32, ..given },
        Deed::Reenter => reenter(visit),
        Deed::Free => visit.place.free(),
        Deed::CallAnother => {
            if let Some(another) = visit.another {
                let code = another.call(c"echo", &visit.input, NULL);
                visit.check(code == 0, "the code of another plug-in");
                visit.check(another.output() == visit.input, "its output");
            }
        }
    }
    given
}

/// What a host function knows of the plug-in beside its memory.
fn knows(visit: &Visit, current: Object) {
    use library::*;

    let ok = Status::Ok.code();
    let time = extism_current_plugin_time_remaining_ms(current);
    visit.check(time > 0, "the time that is left");
    let mut id = [0; 16];
    let status = extism_current_plugin_id(current, id.as_mut_ptr());
    visit.check(status == ok && id != [0; 16], "the identity");
    let (name, value) = (b"of the host", &visit.input);
    let (name, name_len) = (name.as_ptr(), name.len() as u64);
    let set =
        extism_current_plugin_var_set(current, name, name_len, value.as_ptr(), value.len() as u64);
    let mut buffer = NULL;
    let got = extism_current_plugin_var_get(current, name, name_len, &mut buffer);
    let found = bytes_at(extism_buffer_data(buffer), extism_buffer_length(buffer));
    extism_buffer_free(buffer);
    let removed = extism_current_plugin_var_remove(current, name, name_len);
    visit.check([set, got, removed] == [ok; 3], "a variable");
    visit.check(found == *value, "the value of a variable");
    let text = b"not this";
    // There may be no block left for it.
    _ = extism_current_plugin_set_error(current, text.as_ptr(), text.len() as u64);
    let cleared = extism_current_plugin_set_error(current, text.as_ptr(), 0);
    visit.check(cleared == ok, "clearing the error");
}

fn copy(visit: &Visit, current: Object) -> Value {
    let length = visit.input.len() as u64 + 1;
    let spare = library::extism_current_plugin_memory_alloc(current, length);
    let handle = library::extism_current_plugin_memory_alloc(current, length);
    visit.check(handle != 0 && handle != spare, "a block");
    library::extism_current_plugin_memory_free(current, spare);
    library::extism_current_plugin_memory_free(current, spare);
    let mut counted = 0;
    let block = library::extism_current_plugin_memory_block(current, handle, &mut counted);
    visit.check(counted == length, "the length of a new block");
    if counted == length {
        let mut bytes = visit.input.clone();
        bytes.push(MARK);
        library::write(block, &bytes);
    }
    Value {
        ty: I64,
        bits: handle,
    }
}

/// The plug-in is in use: everything says so, and nothing happens.
fn reenter(visit: &Visit) {
    let place = visit.place;
    visit.check(
        place.call(c"echo", b"again", NULL) == -1,
        "a call from within",
    );
    visit.check(
        place.status() == Status::Busy.code(),
        "the status from within",
    );
    visit.check(place.output().is_empty(), "the output from within");
    visit.check(
        !place.configure(b"{\"k\":\"v\"}"),
        "configuring from within",
    );
    visit.check(!place.has(c"echo"), "asking for a function from within");
    if let Place::Plugin(plugin) = place {
        let busy = |status: u32, what| visit.check(status == Status::Busy.code(), what);
        let mut error = NULL;
        let tried = library::extism_plugin_try_call(
            plugin,
            b"echo".as_ptr(),
            4,
            NULL.cast(),
            0,
            NULL,
            std::ptr::null_mut(),
            &mut error,
        );
        busy(tried, "trying from within");
        busy(library::extism_error_status(error), "its error");
        library::extism_error_free(error);
        busy(
            library::extism_plugin_renew(plugin, std::ptr::null_mut()),
            "renewing from within",
        );
        busy(
            library::extism_plugin_var_set(plugin, b"k".as_ptr(), 1, b"v".as_ptr(), 1),
            "setting a variable from within",
        );
        visit.check(
            !library::extism_plugin_reset(plugin),
            "resetting from within",
        );
    }
}

/// A log sink; what it is given is a counter, which must not have been released.
pub(super) extern "C" fn sink(
    data: *mut c_void,
    plugin: Bytes,
    level: u32,
    message: Text,
    length: u64,
) {
    let message = library::text_at(message);
    let whole = message.is_some_and(|message| message == b"l" && length == 1);
    if let Some(token) = library::at::<Token>(data)
        && (token.released.load(Ordering::Relaxed) > 0 || plugin.is_null() || level != 2 || !whole)
    {
        token.wrong.store(1, Ordering::Relaxed);
    }
}

/// User data: how often it was released, and whether it was used in a wrong way.
#[derive(Default)]
pub(super) struct Token {
    pub(super) released: AtomicU32,
    pub(super) wrong: AtomicU32,
}

pub(super) extern "C" fn release(data: *mut c_void) {
    if let Some(token) = library::at::<Token>(data) {
        token.released.fetch_add(1, Ordering::Relaxed);
    }
}

/// Looks at a line of the process's log.
pub(super) extern "C" fn line(_: Text, _: u64) {}
