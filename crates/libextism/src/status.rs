//! The one number that says what became of an operation.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use extism_runtime::Status;

use crate::ffi;

/// A status as C sees it: the number of a [`Status`].
pub type ExtismStatus = u32;

/// The name of a status as it stands in the header, without its prefix.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_status_name(status: ExtismStatus) -> *const c_char {
    static NAMES: OnceLock<Vec<CString>> = OnceLock::new();
    boundary!(extism_status_name, c"UNKNOWN".as_ptr(), {
        lookup(&NAMES, Status::name, status).unwrap_or(c"UNKNOWN".as_ptr())
    })
}

/// What a status means, in one sentence.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_status_description(status: ExtismStatus) -> *const c_char {
    static DESCRIPTIONS: OnceLock<Vec<CString>> = OnceLock::new();
    boundary!(extism_status_description, UNKNOWN.as_ptr(), {
        lookup(&DESCRIPTIONS, Status::description, status).unwrap_or(UNKNOWN.as_ptr())
    })
}

const UNKNOWN: &std::ffi::CStr = c"No status of this version of the library has this number.";

/// The text of a status, in a table that lives as long as the process.
fn lookup(
    texts: &'static OnceLock<Vec<CString>>,
    text: fn(Status) -> &'static str,
    status: ExtismStatus,
) -> Option<*const c_char> {
    let texts = texts.get_or_init(|| {
        let all = Status::ALL.iter();
        all.map(|status| ffi::c_string(text(*status))).collect()
    });
    let index = Status::ALL
        .iter()
        .position(|other| other.code() == status)?;
    texts.get(index).map(|text| text.as_ptr())
}
