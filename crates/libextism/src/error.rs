//! Errors as objects, for the functions that answer with a status.

use std::ffi::{CString, c_char};
use std::ptr;

use extism_runtime::{Error, Status};

use crate::ffi::{self, Kind, Object};
use crate::status::ExtismStatus;

/// An error with everything that is known about it.
pub type ExtismError = Object<Details>;

/// Texts are made when the error is: an error is read as often as it is made, and from any thread.
pub struct Details {
    status: Status,
    guest_code: i32,
    message: CString,
    report: CString,
}

impl Kind for Details {
    const TAG: u64 = u64::from_be_bytes(*b"ext-err.");
}

impl From<&Error> for Details {
    fn from(error: &Error) -> Details {
        Details {
            status: error.status(),
            guest_code: error.guest_code().unwrap_or(0),
            message: ffi::c_string(error.message()),
            report: ffi::c_string(&error.report()),
        }
    }
}

/// Makes an object and hands it to the caller through `out`; the status says whether that worked,
/// `error` why not.
///
/// # Safety
/// Both are NULL or writable.
pub(crate) unsafe fn make<T: Kind>(
    out: *mut *mut Object<T>,
    error: *mut *mut ExtismError,
    make: impl FnOnce() -> Result<T, Error>,
) -> ExtismStatus {
    // SAFETY: as the caller says.
    unsafe { ffi::set(out, ptr::null_mut()) };
    let made = if out.is_null() {
        Err(ffi::null("the place for the result"))
    } else {
        make()
    };
    let result = made.map(|value| {
        // SAFETY: as the caller says.
        unsafe { ffi::set(out, Object::into_raw(value)) };
    });
    // SAFETY: as the caller says.
    unsafe { answer(error, result) }
}

/// The status of a result; the rest of an error goes to the caller through `error`.
///
/// # Safety
/// NULL or writable.
pub(crate) unsafe fn answer(
    error: *mut *mut ExtismError,
    result: Result<(), Error>,
) -> ExtismStatus {
    let (object, status) = match &result {
        Ok(()) => (ptr::null_mut(), Status::Ok),
        Err(_) if error.is_null() => (ptr::null_mut(), status_of(&result)),
        Err(failed) => (Object::into_raw(Details::from(failed)), failed.status()),
    };
    // SAFETY: as the caller says.
    unsafe { ffi::set(error, object) };
    status.code()
}

/// The status of a function that has no way to say more.
pub(crate) fn status_of(result: &Result<(), Error>) -> Status {
    result.as_ref().map_or_else(Error::status, |()| Status::Ok)
}

/// What a function answers that panicked.
///
/// # Safety
/// NULL or writable.
pub(crate) unsafe fn panicked(error: *mut *mut ExtismError) -> ExtismStatus {
    let failed = Error::new(Status::Panic, Status::Panic.description());
    // SAFETY: as the caller says.
    unsafe { answer(error, Err(failed)) }
}

/// The status of an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_error_status(error: *const ExtismError) -> ExtismStatus {
    boundary!(extism_error_status, Status::Panic.code(), {
        // SAFETY: the caller passes NULL or a live error.
        match unsafe { Object::get(error) } {
            Some(error) => error.status.code(),
            None => Status::NullArgument.code(),
        }
    })
}

/// The code the plug-in returned or exited with; 0 if it did neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_error_guest_code(error: *const ExtismError) -> i32 {
    boundary!(extism_error_guest_code, 0, {
        // SAFETY: the caller passes NULL or a live error.
        unsafe { Object::get(error) }.map_or(0, |error| error.guest_code)
    })
}

/// The outermost message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_error_message(error: *const ExtismError) -> *const c_char {
    boundary!(extism_error_message, ptr::null(), {
        // SAFETY: the caller passes NULL or a live error.
        unsafe { Object::get(error) }.map_or(ptr::null(), |error| error.message.as_ptr())
    })
}

/// The message and every cause below it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_error_report(error: *const ExtismError) -> *const c_char {
    boundary!(extism_error_report, ptr::null(), {
        // SAFETY: the caller passes NULL or a live error.
        unsafe { Object::get(error) }.map_or(ptr::null(), |error| error.report.as_ptr())
    })
}

/// Frees an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_error_free(error: *mut ExtismError) {
    boundary!(extism_error_free, (), {
        // SAFETY: the caller passes NULL or an error it does not use any more.
        drop(unsafe { Object::take(error) });
    })
}
