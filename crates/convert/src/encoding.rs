//! Encodings through serde: the `encoding!` macro and the two newtypes made by it.
//!
//! Must not know: any type that is encoded. Invariant: an encoding is a newtype with one public field, so
//! that it can be taken apart by pattern and named by the derives.

use crate::{Error, FromBytesOwned, ToBytes};

/// Makes a newtype `struct Name<T>(pub T)` that encodes by one function and decodes by another.
///
/// The first takes `&T` with `T: serde::Serialize` and gives a `Result` with a `Vec<u8>`, the second takes
/// `&[u8]` and gives a `Result` with a `T: serde::de::DeserializeOwned`; their errors must convert into
/// [`Error`].
///
/// ```
/// use extism_convert::ToBytes;
///
/// extism_convert::encoding!(pub PrettyJson, serde_json::to_vec_pretty, serde_json::from_slice);
///
/// assert_eq!(PrettyJson([1]).to_bytes()?, b"[\n  1\n]");
/// # Ok::<(), extism_convert::Error>(())
/// ```
#[macro_export]
macro_rules! encoding {
    ($visibility:vis $name:ident, $to_vec:expr, $from_slice:expr $(,)?) => {
        #[doc = concat!(stringify!($name), " encoding")]
        #[derive(Debug)]
        $visibility struct $name<T>(pub T);

        impl<T> $name<T> {
            /// The value inside.
            pub fn into_inner(self) -> T {
                self.0
            }
        }

        impl<T> ::core::convert::From<T> for $name<T> {
            fn from(value: T) -> Self {
                Self(value)
            }
        }

        impl<T: $crate::__private::serde::de::DeserializeOwned> $crate::FromBytesOwned for $name<T> {
            fn from_bytes_owned(data: &[u8]) -> ::core::result::Result<Self, $crate::Error> {
                let value = $from_slice(data)?;
                ::core::result::Result::Ok(Self(value))
            }
        }

        impl<'a, T: $crate::__private::serde::Serialize> $crate::ToBytes<'a> for $name<T> {
            type Bytes = ::std::vec::Vec<u8>;

            fn to_bytes(&self) -> ::core::result::Result<Self::Bytes, $crate::Error> {
                let bytes = $to_vec(&self.0)?;
                ::core::result::Result::Ok(bytes)
            }
        }
    };
}

encoding!(pub Json, serde_json::to_vec, serde_json::from_slice);

#[cfg(feature = "msgpack")]
encoding!(pub Msgpack, rmp_serde::to_vec, rmp_serde::from_slice);

impl ToBytes<'_> for serde_json::Value {
    type Bytes = Vec<u8>;

    fn to_bytes(&self) -> Result<Self::Bytes, Error> {
        Ok(serde_json::to_vec(self)?)
    }
}

impl FromBytesOwned for serde_json::Value {
    fn from_bytes_owned(data: &[u8]) -> Result<Self, Error> {
        Ok(serde_json::from_slice(data)?)
    }
}
