//! A plain value as its own bytes in memory. Only on little-endian machines, since Wasm is little-endian.
//!
//! Must not know: how a type is laid out; `bytemuck::Pod` vouches for that. Invariant: bytes of the wrong
//! length or alignment are refused, never reinterpreted.

use crate::{Error, FromBytes, ToBytes};

/// A reference to a plain value, converted without copying.
///
/// ```
/// use extism_convert::{FromBytes, Raw, ToBytes};
///
/// let point = [1_u8, 2];
/// assert_eq!(Raw(&point).to_bytes()?, [1, 2]);
/// assert_eq!(Raw::<[u8; 2]>::from_bytes(&[1, 2])?.0, &point);
/// # Ok::<(), extism_convert::Error>(())
/// ```
#[derive(Debug)]
pub struct Raw<'a, T: bytemuck::Pod>(pub &'a T);

impl<'a, T: bytemuck::Pod> ToBytes<'a> for Raw<'a, T> {
    type Bytes = &'a [u8];

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        Ok(bytemuck::bytes_of(self.0))
    }
}

impl<'a, T: bytemuck::Pod> FromBytes<'a> for Raw<'a, T> {
    fn from_bytes(data: &'a [u8]) -> Result<Self, Error> {
        match bytemuck::try_from_bytes(data) {
            Ok(value) => Ok(Raw(value)),
            Err(cause) => Err(Error::msg(cause.to_string())),
        }
    }
}
