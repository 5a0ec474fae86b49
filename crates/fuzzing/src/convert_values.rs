//! Bytes that a plug-in answers, taken as every type there is: an error or a value, and a value gives its
//! bytes back.
//!
//! Input: the bytes.

use std::fmt::Debug;

use extism_convert::{Base64, FromBytesOwned, Json, Msgpack, ToBytes};
use serde_json::Value;

use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "convert_values",
    about: "bytes as values of every encoding, and back",
    bytes_max: 512,
    words: &[
        "{", "[", "\"", "null", "AA==", "\u{90}", "\u{80}", "\u{c0}", "1e400", "true",
    ],
    smoke: 20_000,
    run,
};

fn run(input: &[u8]) {
    same::<Vec<u8>>(input, true);
    same::<Box<[u8]>>(input, true);
    same::<()>(input, false);
    same::<String>(input, true);
    same::<bool>(input, false);
    for length in [4, 8] {
        let number = input.get(..length).unwrap_or(input);
        same_bits::<u32>(number);
        same_bits::<i32>(number);
        same_bits::<u64>(number);
        same_bits::<i64>(number);
        same_bits::<f32>(number);
        same_bits::<f64>(number);
    }
    let utf8 = String::from_bytes_owned(input);
    assert_eq!(utf8.is_ok(), std::str::from_utf8(input).is_ok());
    encoded(input);
}

/// If the bytes are a value, the value's bytes are read as the same; `exact`: they are the very bytes.
fn same<T: FromBytesOwned + Bytes + PartialEq + Debug>(input: &[u8], exact: bool) {
    let Ok(value) = T::from_bytes_owned(input) else {
        return;
    };
    let bytes = value.bytes();
    if exact {
        assert_eq!(bytes, input);
    }
    let again = T::from_bytes_owned(&bytes).expect("the bytes of a value are a value");
    assert_eq!(again, value);
}

/// Numbers are compared by their bits: not-a-number is a number here.
fn same_bits<T: FromBytesOwned + Bytes>(input: &[u8]) {
    match T::from_bytes_owned(input) {
        Ok(value) => assert_eq!(value.bytes(), input),
        Err(_) => assert_ne!(input.len(), size_of::<T>()),
    }
}

/// The bytes of a value as a list.
trait Bytes {
    fn bytes(&self) -> Vec<u8>;
}

macro_rules! bytes {
    ($($ty:ty),*) => {
        $(impl Bytes for $ty {
            fn bytes(&self) -> Vec<u8> {
                let bytes = self.to_bytes().expect("it can be encoded");
                let bytes: &[u8] = bytes.as_ref();
                bytes.to_vec()
            }
        })*
    };
}

bytes!(Vec<u8>, (), String, bool, u32, i32, u64, i64, f32, f64);

impl Bytes for Box<[u8]> {
    fn bytes(&self) -> Vec<u8> {
        self.to_vec()
    }
}

fn encoded(input: &[u8]) {
    if let Ok(Json(value)) = Json::<Value>::from_bytes_owned(input) {
        let bytes = Json(&value).to_bytes().expect("JSON can be printed");
        let Json(again) =
            Json::<Value>::from_bytes_owned(&bytes).expect("what is printed can be read");
        // The library reads a float with a rounding error; everything else comes back as it was.
        assert!(again == value || has_float(&value), "{again} was {value}");
    }
    if let Ok(Msgpack(value)) = Msgpack::<Vec<(String, Option<i64>)>>::from_bytes_owned(input) {
        let bytes = Msgpack(&value).to_bytes().expect("it can be encoded");
        let Msgpack(again) =
            Msgpack::<Vec<(String, Option<i64>)>>::from_bytes_owned(&bytes).expect("and read");
        assert_eq!(again, value);
    }
    if let Ok(Base64(value)) = Base64::<Vec<u8>>::from_bytes_owned(input) {
        assert_eq!(
            Base64(value)
                .to_bytes()
                .expect("it can be encoded")
                .as_bytes(),
            input
        );
    }
    let text = Base64(input).to_bytes().expect("any bytes can be encoded");
    let Base64(again) = Base64::<Vec<u8>>::from_bytes_owned(text.as_bytes()).expect("and read");
    assert_eq!(again, input);
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(fields) => fields.values().any(has_float),
        _ => false,
    }
}
