//! What the host configured for this plug-in: text by key, the same for every call.
//!
//! Must not know: where the host has it from. Invariant: a plug-in cannot change it.

use crate::{Error, Memory, extism};

/// The value for a key as a block; `None` if there is none or it is empty.
///
/// # Errors
///
/// There is no memory left.
pub fn get_memory(key: impl AsRef<str>) -> Result<Option<Memory>, Error> {
    let key = Memory::from_bytes(key.as_ref())?;
    // SAFETY: the import checks the handle, and frees the key.
    Ok(Memory::find(unsafe { extism::config_get(key.offset()) }))
}

/// The value for a key; `None` if there is none or it is empty.
///
/// ```
/// use extism_pdk::{config, testing};
///
/// assert_eq!(config::get("vowels")?, None);
/// testing::set_config("vowels", "aeiouyAEIOUY");
/// assert_eq!(config::get("vowels")?.as_deref(), Some("aeiouyAEIOUY"));
/// # Ok::<(), extism_pdk::Error>(())
/// ```
///
/// # Errors
///
/// There is no memory left, or the value is not UTF-8.
pub fn get(key: impl AsRef<str>) -> Result<Option<String>, Error> {
    let Some(memory) = get_memory(key)? else {
        return Ok(None);
    };
    let value = memory.to_string()?;
    memory.free();
    Ok(Some(value))
}
