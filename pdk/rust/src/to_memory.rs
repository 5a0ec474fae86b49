//! Values that can be given to the host.
//!
//! Must not know: what for. Invariant: a value makes one block.

use crate::{Error, Memory, ToBytes};
use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;

/// A value that can be put into a block: everything that implements [`ToBytes`](trait@crate::ToBytes), blocks
/// themselves, and what carries a return code.
pub trait ToMemory {
    /// The block.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded, or there is no memory left.
    fn to_memory(&self) -> Result<Memory, Error>;

    /// The return code of a function that succeeds with this value.
    fn status(&self) -> i32 {
        0
    }
}

impl<'a, T: ToBytes<'a>> ToMemory for T {
    fn to_memory(&self) -> Result<Memory, Error> {
        self.with_bytes(|bytes| Memory::from_bytes(bytes))?
    }
}

impl ToMemory for Memory {
    fn to_memory(&self) -> Result<Memory, Error> {
        Ok(Memory(self.0))
    }
}

impl ToMemory for &Memory {
    fn to_memory(&self) -> Result<Memory, Error> {
        Ok(Memory(self.0))
    }
}

#[cfg(feature = "http")]
impl ToMemory for crate::HttpResponse {
    fn to_memory(&self) -> Result<Memory, Error> {
        self.as_memory().to_memory()
    }
}

/// Text that is given to the host as base64.
pub struct Base64(pub String);

impl ToMemory for Base64 {
    fn to_memory(&self) -> Result<Memory, Error> {
        Memory::from_bytes(STANDARD.encode(&self.0))
    }
}

/// A value or an error, and the return code the function ends with.
///
/// ```
/// use extism_pdk::*;
///
/// #[plugin_fn]
/// pub fn refuse() -> FnResult<()> {
///     Err(WithReturnCode::new(Error::msg("not today"), 7))
/// }
///
/// let failure = testing::call(refuse, "").unwrap_err();
/// assert_eq!((failure.code, failure.error.as_str()), (7, "not today"));
/// ```
pub struct WithReturnCode<T>(pub T, pub i32);

impl<T> WithReturnCode<T> {
    /// A value or an error with a return code.
    pub fn new(value: T, code: i32) -> Self {
        WithReturnCode(value, code)
    }
}

impl<E: Into<Error>> From<E> for WithReturnCode<Error> {
    fn from(error: E) -> Self {
        WithReturnCode(error.into(), -1)
    }
}

impl std::fmt::Debug for WithReturnCode<Error> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: ToMemory> ToMemory for WithReturnCode<T> {
    fn to_memory(&self) -> Result<Memory, Error> {
        self.0.to_memory()
    }

    fn status(&self) -> i32 {
        self.1
    }
}
