//! From a value to bytes.
//!
//! Must not know: encodings; those implement the trait where they are. Invariant: the bytes of a value do not
//! depend on the machine: numbers are little-endian.

use crate::Error;

/// Derives [`ToBytes`](trait@crate::ToBytes) through an encoding, see there.
pub use extism_convert_macros::ToBytes;

/// How a value becomes bytes: the input of a call, the output of a plug-in function, an argument of a host
/// function.
///
/// A type takes the encoding of a newtype by the derive:
///
/// ```
/// use extism_convert::{Json, ToBytes};
///
/// #[derive(ToBytes, serde::Serialize)]
/// #[encoding(Json)]
/// struct Greeting {
///     hello: String,
/// }
///
/// assert_eq!(Greeting { hello: "you".into() }.to_bytes()?, br#"{"hello":"you"}"#);
/// # Ok::<(), extism_convert::Error>(())
/// ```
///
/// The newtype may be one's own, if it implements `ToBytes` around a reference to the type:
///
/// ```
/// use extism_convert::{Error, ToBytes};
///
/// struct Shown<T>(T);
///
/// impl<T: std::fmt::Display> ToBytes<'_> for Shown<&T> {
///     type Bytes = String;
///
///     fn to_bytes(&self) -> Result<String, Error> {
///         Ok(self.0.to_string())
///     }
/// }
///
/// #[derive(ToBytes)]
/// #[encoding(Shown)]
/// struct Degrees(f32);
///
/// impl std::fmt::Display for Degrees {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         write!(f, "{} °C", self.0)
///     }
/// }
///
/// assert_eq!(Degrees(21.5).to_bytes()?, "21.5 °C".as_bytes());
/// # Ok::<(), Error>(())
/// ```
///
/// A type without `#[encoding(...)]` is refused:
///
/// ```compile_fail
/// #[derive(extism_convert::ToBytes)]
/// struct Plain;
/// ```
pub trait ToBytes<'a> {
    /// What holds the bytes: borrowed or owned.
    type Bytes: AsRef<[u8]>;

    /// The bytes of this value.
    ///
    /// # Errors
    ///
    /// Whatever the encoding fails with. Plain types do not fail.
    fn to_bytes(&self) -> Result<Self::Bytes, Error>;

    /// Shows the bytes to `with`, without a copy where the value has them already.
    #[doc(hidden)]
    fn with_bytes<R>(&self, with: impl FnOnce(&[u8]) -> R) -> Result<R, Error>
    where
        Self: Sized,
    {
        Ok(with(self.to_bytes()?.as_ref()))
    }
}

impl ToBytes<'_> for () {
    type Bytes = [u8; 0];

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        Ok([])
    }
}

impl ToBytes<'_> for Vec<u8> {
    type Bytes = Vec<u8>;

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        Ok(self.clone())
    }

    fn with_bytes<R>(&self, with: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        Ok(with(self))
    }
}

impl ToBytes<'_> for String {
    type Bytes = String;

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        Ok(self.clone())
    }

    fn with_bytes<R>(&self, with: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        Ok(with(self.as_bytes()))
    }
}

impl<'a> ToBytes<'a> for &'a [u8] {
    type Bytes = &'a [u8];

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        Ok(self)
    }
}

impl<'a> ToBytes<'a> for &'a str {
    type Bytes = &'a str;

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        Ok(self)
    }
}

impl ToBytes<'_> for bool {
    type Bytes = [u8; 1];

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        Ok([u8::from(*self)])
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl ToBytes<'_> for $number {
            type Bytes = [u8; size_of::<$number>()];

            fn to_bytes(&self) -> Result<Self::Bytes, Error> {
                Ok(self.to_le_bytes())
            }
        }
    )*};
}

numbers!(f32, f64, i32, i64, u32, u64);

impl<'a, T: ToBytes<'a>> ToBytes<'a> for &'a T {
    type Bytes = T::Bytes;

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        T::to_bytes(self)
    }

    fn with_bytes<R>(&self, with: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        T::with_bytes(self, with)
    }
}

impl<'a, T: ToBytes<'a>> ToBytes<'a> for Option<T> {
    type Bytes = Vec<u8>;

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        match self {
            Some(value) => Ok(value.to_bytes()?.as_ref().to_vec()),
            None => Ok(Vec::new()),
        }
    }
}
