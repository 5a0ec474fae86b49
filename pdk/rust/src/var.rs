//! Variables: bytes by key that last from one call to the next, as long as the plug-in is loaded.
//!
//! Must not know: where the host keeps them. Invariant: an empty variable and none are the same.

use crate::{Error, FromBytes, Memory, ToMemory, extism};

/// The variable for a key as a block; `None` if there is none or it is empty.
///
/// # Errors
///
/// There is no memory left.
pub fn get_memory(key: impl AsRef<str>) -> Result<Option<Memory>, Error> {
    let key = Memory::from_bytes(key.as_ref())?;
    // SAFETY: the import checks the handle, and frees the key.
    Ok(Memory::find(unsafe { extism::var_get(key.offset()) }))
}

/// The variable for a key; `None` if there is none or it is empty.
///
/// ```
/// use extism_pdk::var;
///
/// let visits = var::get("visits")?.unwrap_or(0) + 1;
/// var::set("visits", visits)?;
/// assert_eq!(var::get("visits")?, Some(1));
/// var::remove("visits")?;
/// assert_eq!(var::get::<i32>("visits")?, None);
/// # Ok::<(), extism_pdk::Error>(())
/// ```
///
/// # Errors
///
/// There is no memory left, or the bytes are no value of this type.
pub fn get<T: for<'a> FromBytes<'a>>(key: impl AsRef<str>) -> Result<Option<T>, Error> {
    let Some(memory) = get_memory(key)? else {
        return Ok(None);
    };
    let value = memory.to()?;
    memory.free();
    Ok(Some(value))
}

/// Sets the variable for a key. If all variables together become larger than the host allows, the call ends.
///
/// # Errors
///
/// The value cannot be encoded, or there is no memory left.
pub fn set(key: impl AsRef<str>, value: impl ToMemory) -> Result<(), Error> {
    let value = value.to_memory()?;
    let key = Memory::from_bytes(key.as_ref())?;
    // SAFETY: the import checks the handles, and frees both blocks.
    unsafe { extism::var_set(key.offset(), value.offset()) };
    Ok(())
}

/// Removes the variable for a key.
///
/// # Errors
///
/// There is no memory left.
pub fn remove(key: impl AsRef<str>) -> Result<(), Error> {
    let key = Memory::from_bytes(key.as_ref())?;
    // SAFETY: the import checks the handle, and frees the key.
    unsafe { extism::var_set(key.offset(), 0) };
    Ok(())
}

/// Sets a variable to formatted text: `set_var!("greeting", "Hello, {name}")?`.
#[macro_export]
macro_rules! set_var {
    ($key:expr, $($text:tt)+) => {
        $crate::var::set($key, &::std::format!($($text)+))
    };
}
