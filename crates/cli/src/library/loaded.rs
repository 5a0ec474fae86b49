//! A library that was loaded to ask it for its version and its functions.
//!
//! Must not know: where libraries are. Invariant: of a library nothing is called but `extism_version`.
#![allow(
    unsafe_code,
    reason = "asking a shared library anything means loading and calling foreign code"
)]

use std::ffi::{CStr, c_char};
use std::path::Path;

use libloading::Library;

/// A library in this process.
pub(crate) struct Loaded(Library);

impl Loaded {
    pub(crate) fn open(path: &Path) -> Result<Loaded, String> {
        // SAFETY: loading runs the library's initialisers. The path is one the user named, or a folder of
        // libraries that only an administrator or the user can write; any program linked with the library
        // runs the same code.
        let library = unsafe { Library::new(path) };
        library.map(Loaded).map_err(|error| error.to_string())
    }

    /// What `extism_version` answers.
    pub(crate) fn version(&self) -> Result<String, String> {
        let name = c"extism_version";
        // SAFETY: a function of this name is `const char *extism_version(void)` in every version of the
        // library.
        let function = unsafe { self.0.get::<unsafe extern "C" fn() -> *const c_char>(name) };
        let function = function.map_err(|_| "it has no function extism_version".to_owned())?;
        // SAFETY: it takes nothing, and may be called at any time.
        let text = unsafe { function() };
        if text.is_null() {
            return Err("extism_version answers NULL".to_owned());
        }
        // SAFETY: what it answers is a static, terminated text.
        let text = unsafe { CStr::from_ptr(text) };
        Ok(text.to_string_lossy().into_owned())
    }

    /// Whether it has a function of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        // SAFETY: the symbol is looked up, not used.
        unsafe { self.0.get::<*const ()>(name) }.is_ok()
    }
}
