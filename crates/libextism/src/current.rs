//! The plug-in that is calling a host function, as its C code sees it.
//!
//! What C holds is a number that is looked up among the calls of the running thread, never an
//! address. Invariant: a pointer that was kept after its host function returned, or taken to
//! another thread, answers like NULL.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use extism_runtime::{CurrentPlugin, Error, Status};

use crate::buffer::{self, ExtismBuffer};
use crate::error::status_of;
use crate::ffi;
use crate::status::ExtismStatus;

/// What C points to the calling plug-in with. There is nothing behind it.
pub struct ExtismCurrentPlugin {
    _nothing: [u8; 0],
}

/// One host function that runs on this thread; on the stack of the thread.
struct Frame {
    number: usize,
    plugin: *mut CurrentPlugin<'static>,
    /// Why the host function wants to fail.
    failure: RefCell<Option<String>>,
    below: *const Frame,
}

struct Frames {
    top: Cell<*const Frame>,
    next: Cell<usize>,
    end: Cell<usize>,
}

thread_local! {
    static FRAMES: Frames = const {
        Frames { top: Cell::new(ptr::null()), next: Cell::new(0), end: Cell::new(0) }
    };
}

/// How many numbers a thread takes at once from those of the process.
const BATCH: usize = 1 << 16;
/// Numbers look like aligned addresses above the first page, as some languages expect of a pointer.
const FIRST: usize = 1 << 16;
const STEP: usize = 16;
/// After so many they start again, a power of two: below every address Go or the JVM would take for
/// one of their own. By then the thread that had a number first has long returned from the host
/// function it stood for.
const RANGE: usize = 1 << if size_of::<usize>() > 4 { 39 } else { 29 };

impl Frames {
    #[inline]
    fn number(&self) -> usize {
        if self.next.get() == self.end.get() {
            self.refill();
        }
        let number = self.next.get();
        self.next.set(number.wrapping_add(STEP));
        number
    }

    #[cold]
    fn refill(&self) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let first = NEXT.fetch_add(BATCH, Ordering::Relaxed) & RANGE.wrapping_sub(1);
        let first = first.wrapping_add(FIRST);
        self.next.set(first);
        self.end.set(first.wrapping_add(BATCH));
    }
}

/// Lets the C code of a host function have the plug-in that called it; an error if it said that it
/// failed.
#[inline]
pub(crate) fn lend(
    plugin: &mut CurrentPlugin<'_>,
    run: impl FnOnce(*mut ExtismCurrentPlugin),
) -> anyhow::Result<()> {
    /// Takes the frame off the stack even if the host function panics.
    struct Pop<'a>(&'a Frames, *const Frame);
    impl Drop for Pop<'_> {
        #[inline]
        fn drop(&mut self) {
            self.0.top.set(self.1);
        }
    }
    FRAMES.with(|frames| {
        let frame = Frame {
            number: frames.number(),
            // The lifetime is forgotten; the frame is gone before it ends.
            plugin: ptr::from_mut(plugin).cast(),
            failure: RefCell::new(None),
            below: frames.top.get(),
        };
        let pop = Pop(frames, frame.below);
        frames.top.set(&raw const frame);
        run(ptr::without_provenance_mut(frame.number));
        drop(pop);
        match frame.failure.into_inner() {
            None => Ok(()),
            Some(message) => Err(anyhow::Error::msg(message)),
        }
    })
}

/// What a number stands for, if it does for anything on this thread.
#[inline]
fn with<R>(
    plugin: *mut ExtismCurrentPlugin,
    run: impl FnOnce(&mut CurrentPlugin<'static>, &Frame) -> R,
) -> Option<R> {
    FRAMES.with(|frames| {
        let mut at = frames.top.get();
        // SAFETY: the frames that are linked are live: each unlinks itself before it goes out of
        // scope.
        while let Some(frame) = unsafe { at.as_ref() } {
            if frame.number == plugin.addr() {
                // SAFETY: the reference this comes from is not used while the host function runs,
                // `run` is ours and calls no C code that could get here again, and nothing of the
                // plug-in's lifetime leaves it.
                let plugin = unsafe { &mut *frame.plugin };
                return Some(run(plugin, frame));
            }
            at = frame.below;
        }
        None
    })
}

/// The pointer that was given along with the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_host_context(
    plugin: *mut ExtismCurrentPlugin,
) -> *mut c_void {
    boundary!(extism_current_plugin_host_context, ptr::null_mut(), {
        with(plugin, |plugin, _| plugin.host_context_pointer()).unwrap_or(ptr::null_mut())
    })
}

/// Where kernel memory begins.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_memory(plugin: *mut ExtismCurrentPlugin) -> *mut u8 {
    boundary!(extism_current_plugin_memory, ptr::null_mut(), {
        with(plugin, |plugin, _| plugin.memory_base()).unwrap_or(ptr::null_mut())
    })
}

/// Allocates a block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_memory_alloc(
    plugin: *mut ExtismCurrentPlugin,
    n: u64,
) -> u64 {
    boundary!(extism_current_plugin_memory_alloc, 0, {
        with(plugin, |plugin, _| plugin.alloc(n).unwrap_or(0)).unwrap_or(0)
    })
}

/// The length of a block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_memory_length(
    plugin: *mut ExtismCurrentPlugin,
    n: u64,
) -> u64 {
    boundary!(extism_current_plugin_memory_length, 0, {
        with(plugin, |plugin, _| plugin.length(n)).unwrap_or(0)
    })
}

/// Frees a block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_memory_free(
    plugin: *mut ExtismCurrentPlugin,
    ptr: u64,
) {
    boundary!(extism_current_plugin_memory_free, (), {
        with(plugin, |plugin, _| plugin.free(ptr)).unwrap_or(())
    })
}

/// The bytes of a block, if there is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_memory_block(
    plugin: *mut ExtismCurrentPlugin,
    handle: u64,
    length: *mut u64,
) -> *mut u8 {
    boundary!(extism_current_plugin_memory_block, ptr::null_mut(), {
        let block = with(plugin, |plugin, _| match plugin.bytes_mut(handle) {
            Ok(bytes) if !bytes.is_empty() => (bytes.as_mut_ptr(), bytes.len() as u64),
            _ => (ptr::null_mut(), 0),
        });
        let (data, bytes) = block.unwrap_or((ptr::null_mut(), 0));
        // SAFETY: `length` is NULL or writable.
        unsafe { ffi::set(length, bytes) };
        data
    })
}

/// Makes the running call fail with this message once the host function returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_fail(
    plugin: *mut ExtismCurrentPlugin,
    message: *const u8,
    length: u64,
) -> ExtismStatus {
    boundary!(extism_current_plugin_fail, Status::Panic.code(), {
        // SAFETY: the caller passes NULL or as many bytes as it says.
        let message = unsafe { ffi::bytes(message, length) };
        let failed = message.and_then(|message| {
            let message = String::from_utf8_lossy(message).into_owned();
            with(plugin, |_, frame| frame.failure.replace(Some(message)))
                .ok_or_else(|| ffi::null("current plugin"))
        });
        status_of(&failed.map(|_| ())).code()
    })
}

/// Whether the running call was cancelled or its time is up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_must_stop(plugin: *mut ExtismCurrentPlugin) -> bool {
    boundary!(extism_current_plugin_must_stop, false, {
        with(plugin, |plugin, _| plugin.must_stop()).unwrap_or(false)
    })
}

/// How long the running call may still take.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_time_remaining_ms(
    plugin: *mut ExtismCurrentPlugin,
) -> u64 {
    boundary!(extism_current_plugin_time_remaining_ms, 0, {
        let remaining = with(plugin, |plugin, _| match plugin.time_remaining() {
            None => u64::MAX,
            Some(time) => u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        });
        remaining.unwrap_or(0)
    })
}

/// The identity of the plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_id(
    plugin: *mut ExtismCurrentPlugin,
    id: *mut u8,
) -> ExtismStatus {
    boundary!(extism_current_plugin_id, Status::Panic.code(), {
        let found = with(plugin, |plugin, _| plugin.id().into_bytes());
        let found = found.filter(|_| !id.is_null());
        // SAFETY: `id` is NULL or has room for sixteen bytes.
        let written = found.map(|found| unsafe { ffi::set(id.cast::<[u8; 16]>(), found) });
        status_of(&written.ok_or_else(|| ffi::null("current plugin or id"))).code()
    })
}

/// Sets the plug-in's error message, or clears it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_set_error(
    plugin: *mut ExtismCurrentPlugin,
    message: *const u8,
    length: u64,
) -> ExtismStatus {
    boundary!(extism_current_plugin_set_error, Status::Panic.code(), {
        // SAFETY: the caller passes NULL or as many bytes as it says.
        let message = unsafe { ffi::bytes(message, length) };
        let set = message.and_then(|message| {
            // A copy: it may lie in the memory that it is put into.
            let message = String::from_utf8_lossy(message).into_owned();
            named(plugin, |plugin| match &*message {
                "" => {
                    plugin.clear_error();
                    Ok(())
                }
                message => plugin.set_error(message).map(|_| ()),
            })?
        });
        status_of(&set).code()
    })
}

/// Lets `run` have the plug-in that calls; an error if there is none.
fn named<R>(
    plugin: *mut ExtismCurrentPlugin,
    run: impl FnOnce(&mut CurrentPlugin<'static>) -> R,
) -> Result<R, Error> {
    with(plugin, |plugin, _| run(plugin)).ok_or_else(|| ffi::null("current plugin"))
}

/// Copies the value of a variable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_var_get(
    plugin: *mut ExtismCurrentPlugin,
    name: *const u8,
    name_len: u64,
    out: *mut *mut ExtismBuffer,
) -> ExtismStatus {
    boundary!(extism_current_plugin_var_get, Status::Panic.code(), {
        let value = || {
            // SAFETY: the caller passes NULL or as many bytes as it says.
            let name = unsafe { ffi::bytes(name, name_len) }.and_then(ffi::utf8)?;
            named(plugin, |plugin| plugin.vars().get(name).cloned())
        };
        // SAFETY: `out` is NULL or writable.
        unsafe { buffer::give(out, value) }
    })
}

/// Sets a variable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_var_set(
    plugin: *mut ExtismCurrentPlugin,
    name: *const u8,
    name_len: u64,
    data: *const u8,
    data_len: u64,
) -> ExtismStatus {
    boundary!(extism_current_plugin_var_set, Status::Panic.code(), {
        // SAFETY: the caller passes NULL or as many bytes as it says.
        let name = unsafe { ffi::bytes(name, name_len) }.and_then(ffi::utf8);
        // SAFETY: as above.
        let value = unsafe { ffi::bytes(data, data_len) };
        let set = name.and_then(|name| {
            let value = value?.to_owned();
            named(plugin, |plugin| {
                plugin.vars_mut().insert(name.to_owned(), value);
            })
        });
        status_of(&set).code()
    })
}

/// Removes a variable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_current_plugin_var_remove(
    plugin: *mut ExtismCurrentPlugin,
    name: *const u8,
    name_len: u64,
) -> ExtismStatus {
    boundary!(extism_current_plugin_var_remove, Status::Panic.code(), {
        // SAFETY: the caller passes NULL or as many bytes as it says.
        let name = unsafe { ffi::bytes(name, name_len) }.and_then(ffi::utf8);
        let removed = name.and_then(|name| {
            named(plugin, |plugin| {
                plugin.vars_mut().remove(name);
            })
        });
        status_of(&removed).code()
    })
}
