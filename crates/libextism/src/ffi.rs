//! The boundary itself: panics, objects, strings and slices.
//!
//! Must not know: any noun of the API. Invariant: this file, `sized` and `userdata` hold every way
//! a pointer of a C caller becomes something Rust can use; NULL and forged lengths are dealt with
//! here, once.

use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use extism_runtime::{Error, Status};

/// The body of an exported function. A panic in it becomes `$failed`, the function's own way to say
/// that it failed.
macro_rules! boundary {
    ($function:ident, $failed:expr, $body:expr) => {
        match $crate::ffi::guard(stringify!($function), || $body) {
            Some(answer) => answer,
            None => $failed,
        }
    };
}

/// Runs the body of the exported `function`; `None` if it panics.
#[inline]
pub(crate) fn guard<T>(function: &'static str, body: impl FnOnce() -> T) -> Option<T> {
    // What a panic leaves behind is guarded by locks that remember it.
    let caught = catch_unwind(AssertUnwindSafe(|| {
        begin(function);
        let answer = body();
        fire();
        answer
    }));
    match caught {
        Ok(answer) => Some(answer),
        Err(payload) => {
            // The payload's own drop may panic, too.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            None
        }
    }
}

/// An exported function begins.
#[inline]
fn begin(_function: &'static str) {
    #[cfg(feature = "inject-panic")]
    crate::inject::begin(_function);
}

/// The place where a test can make the running exported function panic: inside of a plug-in's lock
/// if the function takes it, at its end otherwise.
#[inline]
pub(crate) fn fire() {
    #[cfg(feature = "inject-panic")]
    crate::inject::fire();
}

/// A kind of object C can hold a pointer to.
pub trait Kind {
    /// A number no other kind has.
    const TAG: u64;
}

/// An object C holds a pointer to. The tag tells a pointer to another kind of object apart; so it
/// does, with luck, one to an object that was freed.
#[repr(C)]
pub struct Object<T> {
    tag: AtomicU64,
    value: T,
}

impl<T: Kind> Object<T> {
    /// A pointer for C, which owns the object from now on.
    pub(crate) fn into_raw(value: T) -> *mut Object<T> {
        Box::into_raw(Box::new(Object {
            tag: AtomicU64::new(T::TAG),
            value,
        }))
    }

    /// The object behind a pointer, if it is one of this kind.
    ///
    /// # Safety
    /// NULL, or an object this library gave out and that lives throughout `'a`.
    #[inline]
    pub(crate) unsafe fn get<'a>(object: *const Object<T>) -> Option<&'a T> {
        if object.is_null() || !object.is_aligned() {
            return None;
        }
        // SAFETY: every object this library gives out begins with its tag.
        let tag = unsafe { &(*object).tag }.load(Ordering::Relaxed);
        // SAFETY: it lives as long as the caller says, and is of this kind.
        (tag == T::TAG).then(|| unsafe { &(*object).value })
    }

    /// Takes an object back from C; `None` if it is none of this kind.
    ///
    /// # Safety
    /// NULL, or an object this library gave out, which nobody uses any more.
    pub(crate) unsafe fn take(object: *mut Object<T>) -> Option<T> {
        // SAFETY: as the caller says.
        unsafe { Object::get(object) }?;
        // SAFETY: it came from `into_raw`, and as it is nobody else's the box owns it alone.
        let object = unsafe { Box::from_raw(object) };
        object.tag.store(0, Ordering::Relaxed);
        Some(object.value)
    }
}

/// The bytes a caller passed. NULL is fine where there are none.
///
/// # Safety
/// NULL, or `length` readable bytes that nobody changes throughout `'a`.
#[inline]
pub(crate) unsafe fn bytes<'a>(data: *const u8, length: u64) -> Result<&'a [u8], Error> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(null("data"));
    }
    let length = size(length)?;
    // SAFETY: as the caller says; the length fits the address space.
    Ok(unsafe { std::slice::from_raw_parts(data, length) })
}

/// A length a caller passed, as far as it can be one: no object is larger than half of the address
/// space.
#[inline]
pub(crate) fn size(length: u64) -> Result<usize, Error> {
    match usize::try_from(length) {
        Ok(length) if isize::try_from(length).is_ok() => Ok(length),
        _ => {
            let text = format!("{length} bytes is no length of anything in memory");
            Err(Error::new(Status::InvalidArgument, text))
        }
    }
}

/// The text a caller passed.
///
/// # Safety
/// NULL, or a text that ends with NUL and that nobody changes throughout `'a`.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, Error> {
    // SAFETY: as the caller says.
    utf8(unsafe { text_bytes(text) }?)
}

/// The text a caller passed, before anybody has looked at whether it is one.
///
/// # Safety
/// As [`text`].
#[inline]
pub(crate) unsafe fn text_bytes<'a>(text: *const c_char) -> Result<&'a [u8], Error> {
    if text.is_null() {
        return Err(null("text"));
    }
    // SAFETY: as the caller says.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// Bytes that must be text.
#[inline]
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|error| Error::new(Status::InvalidUtf8, error.to_string()))
}

/// The error of an argument that must not be NULL.
#[cold]
pub(crate) fn null(what: &str) -> Error {
    Error::new(
        Status::NullArgument,
        format!("Cannot pass null pointer: {what}"),
    )
}

/// A text for C, cut where it contains a NUL.
pub(crate) fn c_string(text: &str) -> CString {
    let text = text.split('\0').next().unwrap_or_default();
    CString::new(text).unwrap_or_default()
}

/// Writes through an out-pointer; NULL means that the caller does not want to know.
///
/// # Safety
/// NULL, or writable.
pub(crate) unsafe fn set<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: as the caller says. What was there before is not dropped: C may not have
        // initialised it.
        unsafe { out.write(value) };
    }
}
