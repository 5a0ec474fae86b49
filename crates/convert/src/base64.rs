//! Base64, the standard alphabet with padding.
//!
//! Must not know: what the bytes inside mean. Invariant: only the canonical text of some bytes decodes.

use crate::{Error, FromBytesOwned, ToBytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes that travel as base64 text. The value inside is the plain one.
///
/// Anything that is bytes encodes; `Base64<Vec<u8>>` and `Base64<String>` decode.
///
/// ```
/// use extism_convert::{Base64, FromBytes, ToBytes};
///
/// assert_eq!(Base64("hi").to_bytes()?, "aGk=");
/// let Base64(text): Base64<String> = Base64::from_bytes(b"aGk=")?;
/// assert_eq!(text, "hi");
/// # Ok::<(), extism_convert::Error>(())
/// ```
#[derive(Debug)]
pub struct Base64<T: AsRef<[u8]>>(pub T);

impl<T: AsRef<[u8]>> From<T> for Base64<T> {
    fn from(value: T) -> Self {
        Base64(value)
    }
}

impl<T: AsRef<[u8]>> ToBytes<'_> for Base64<T> {
    type Bytes = String;

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        Ok(STANDARD.encode(&self.0))
    }
}

impl FromBytesOwned for Base64<Vec<u8>> {
    fn from_bytes_owned(data: &[u8]) -> Result<Self, Error> {
        Ok(Base64(STANDARD.decode(data)?))
    }
}

impl FromBytesOwned for Base64<String> {
    fn from_bytes_owned(data: &[u8]) -> Result<Self, Error> {
        Ok(Base64(String::from_utf8(STANDARD.decode(data)?)?))
    }
}
