//! From bytes to a value.
//!
//! Must not know: encodings; those implement the traits where they are. Invariant: bytes that are no value
//! of the type give an error that says what was expected.

use crate::Error;
use anyhow::Context;
use std::io::Cursor;

/// Derives [`FromBytesOwned`], and by it [`FromBytes`](trait@crate::FromBytes), through an encoding.
pub use extism_convert_macros::FromBytes;

/// How bytes become a value that may borrow from them: the output of a call, the input of a host function.
///
/// A type takes the encoding of a newtype by the derive, which implements [`FromBytesOwned`]:
///
/// ```
/// use extism_convert::{FromBytes, Json};
///
/// #[derive(FromBytes, serde::Deserialize, PartialEq, Debug)]
/// #[encoding(Json)]
/// struct Greeting {
///     hello: String,
/// }
///
/// assert_eq!(Greeting::from_bytes(br#"{"hello":"you"}"#)?, Greeting { hello: "you".into() });
/// # Ok::<(), extism_convert::Error>(())
/// ```
///
/// The newtype may be one's own, if it implements `FromBytesOwned` around the type:
///
/// ```
/// use extism_convert::{Error, FromBytes, FromBytesOwned};
///
/// struct Parsed<T>(T);
///
/// impl<T: std::str::FromStr> FromBytesOwned for Parsed<T>
/// where
///     Error: From<T::Err>,
/// {
///     fn from_bytes_owned(data: &[u8]) -> Result<Self, Error> {
///         Ok(Parsed(std::str::from_utf8(data)?.parse()?))
///     }
/// }
///
/// #[derive(FromBytes, PartialEq, Debug)]
/// #[encoding(Parsed)]
/// struct Port(u16);
///
/// impl std::str::FromStr for Port {
///     type Err = std::num::ParseIntError;
///
///     fn from_str(text: &str) -> Result<Self, Self::Err> {
///         text.parse().map(Port)
///     }
/// }
///
/// assert_eq!(Port::from_bytes(b"80")?, Port(80));
/// assert_eq!(Port::from_bytes(b"65536").unwrap_err().to_string(), "number too large to fit in target type");
/// # Ok::<(), Error>(())
/// ```
pub trait FromBytes<'a>: Sized {
    /// The value that these bytes stand for.
    ///
    /// # Errors
    ///
    /// The bytes stand for no value of this type.
    fn from_bytes(data: &'a [u8]) -> Result<Self, Error>;

    /// The value, of bytes that nobody else needs, if it keeps them as they are; otherwise they are
    /// given back.
    #[doc(hidden)]
    fn adopt(data: Vec<u8>) -> Result<Result<Self, Error>, Vec<u8>> {
        Err(data)
    }
}

/// How bytes become a value that does not borrow from them. Whatever implements it implements
/// [`FromBytes`](trait@crate::FromBytes) too.
pub trait FromBytesOwned: Sized {
    /// The value that these bytes stand for.
    ///
    /// # Errors
    ///
    /// The bytes stand for no value of this type.
    fn from_bytes_owned(data: &[u8]) -> Result<Self, Error>;

    /// See [`FromBytes::adopt`].
    #[doc(hidden)]
    fn adopt_owned(data: Vec<u8>) -> Result<Result<Self, Error>, Vec<u8>> {
        Err(data)
    }
}

impl<'a, T: FromBytesOwned> FromBytes<'a> for T {
    fn from_bytes(data: &'a [u8]) -> Result<Self, Error> {
        T::from_bytes_owned(data)
    }

    fn adopt(data: Vec<u8>) -> Result<Result<Self, Error>, Vec<u8>> {
        T::adopt_owned(data)
    }
}

impl<'a> FromBytes<'a> for &'a [u8] {
    fn from_bytes(data: &'a [u8]) -> Result<Self, Error> {
        Ok(data)
    }
}

impl<'a> FromBytes<'a> for &'a str {
    fn from_bytes(data: &'a [u8]) -> Result<Self, Error> {
        Ok(std::str::from_utf8(data)?)
    }
}

impl<'a, T: FromBytes<'a>> FromBytes<'a> for Cursor<T> {
    fn from_bytes(data: &'a [u8]) -> Result<Self, Error> {
        T::from_bytes(data).map(Cursor::new)
    }
}

impl<'a, T: FromBytes<'a>> FromBytes<'a> for Option<T> {
    fn from_bytes(data: &'a [u8]) -> Result<Self, Error> {
        if data.is_empty() {
            Ok(None)
        } else {
            T::from_bytes(data).map(Some)
        }
    }
}

impl FromBytesOwned for Vec<u8> {
    fn from_bytes_owned(data: &[u8]) -> Result<Self, Error> {
        Ok(data.to_vec())
    }

    fn adopt_owned(data: Vec<u8>) -> Result<Result<Self, Error>, Vec<u8>> {
        Ok(Ok(data))
    }
}

impl FromBytesOwned for Box<[u8]> {
    fn from_bytes_owned(data: &[u8]) -> Result<Self, Error> {
        Ok(data.into())
    }
}

impl FromBytesOwned for String {
    fn from_bytes_owned(data: &[u8]) -> Result<Self, Error> {
        Ok(std::str::from_utf8(data)?.to_owned())
    }

    fn adopt_owned(data: Vec<u8>) -> Result<Result<Self, Error>, Vec<u8>> {
        Ok(String::from_utf8(data).map_err(|error| error.utf8_error().into()))
    }
}

/// Any bytes: there is nothing to read.
impl FromBytesOwned for () {
    fn from_bytes_owned(_: &[u8]) -> Result<Self, Error> {
        Ok(())
    }
}

/// The first byte decides; languages differ in how many bytes a truth value has.
impl FromBytesOwned for bool {
    fn from_bytes_owned(data: &[u8]) -> Result<Self, Error> {
        match data.first() {
            Some(byte) => Ok(*byte != 0),
            None => Err(Error::msg("Expected one byte to read boolean value")),
        }
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl FromBytesOwned for $number {
            fn from_bytes_owned(data: &[u8]) -> Result<Self, Error> {
                let bytes = data.try_into().with_context(|| {
                    format!(
                        "expected {} bytes of {}, got {}",
                        size_of::<$number>(), stringify!($number), data.len()
                    )
                })?;
                Ok(Self::from_le_bytes(bytes))
            }
        }
    )*};
}

numbers!(f32, f64, i32, i64, u32, u64);
