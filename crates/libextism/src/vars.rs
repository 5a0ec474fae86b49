//! The variables of a plug-in, from outside.

use extism_runtime::{Error, Status};

use crate::buffer::{self, ExtismBuffer};
use crate::entry::Entry;
use crate::error::status_of;
use crate::ffi;
use crate::gate::Wait;
use crate::plugin::{ExtismPlugin, visit};
use crate::status::ExtismStatus;

/// Lets `with` have the plug-in and the name of a variable.
///
/// # Safety
/// A plug-in is NULL or live, a name NULL or as long as stated.
unsafe fn with<R>(
    plugin: *mut ExtismPlugin,
    name: *const u8,
    name_len: u64,
    with: impl FnOnce(&mut Entry, &str) -> R,
) -> Result<R, Error> {
    // SAFETY: as the caller says.
    let name = unsafe { ffi::bytes(name, name_len) }.and_then(ffi::utf8)?;
    // SAFETY: as the caller says.
    unsafe { visit(plugin, Wait::Yes, |entry| with(entry, name)) }
}

/// Copies the value of a variable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_var_get(
    plugin: *mut ExtismPlugin,
    name: *const u8,
    name_len: u64,
    out: *mut *mut ExtismBuffer,
) -> ExtismStatus {
    boundary!(extism_plugin_var_get, Status::Panic.code(), {
        let value = |entry: &mut Entry, name: &str| entry.plugin().vars().get(name).cloned();
        // SAFETY: `out` is NULL or writable, the other arguments are the caller's.
        unsafe { buffer::give(out, || with(plugin, name, name_len, value)) }
    })
}

/// Sets a variable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_var_set(
    plugin: *mut ExtismPlugin,
    name: *const u8,
    name_len: u64,
    data: *const u8,
    data_len: u64,
) -> ExtismStatus {
    boundary!(extism_plugin_var_set, Status::Panic.code(), {
        // SAFETY: the caller passes NULL or as many bytes as it says.
        let result = unsafe { ffi::bytes(data, data_len) }.and_then(|value| {
            let set = |entry: &mut Entry, name: &str| {
                let vars = entry.plugin().vars_mut();
                vars.insert(name.to_owned(), value.to_owned());
            };
            // SAFETY: the arguments are the caller's.
            unsafe { with(plugin, name, name_len, set) }
        });
        status_of(&result).code()
    })
}

/// Removes a variable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_var_remove(
    plugin: *mut ExtismPlugin,
    name: *const u8,
    name_len: u64,
) -> ExtismStatus {
    boundary!(extism_plugin_var_remove, Status::Panic.code(), {
        let remove = |entry: &mut Entry, name: &str| {
            entry.plugin().vars_mut().remove(name);
        };
        // SAFETY: the arguments are the caller's.
        status_of(&unsafe { with(plugin, name, name_len, remove) }).code()
    })
}
