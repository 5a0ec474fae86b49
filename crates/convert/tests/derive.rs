//! The derives, on every shape of type and with nothing of the prelude in scope that they could stumble over.

use extism_convert::{FromBytes, FromBytesOwned, Json, ToBytes};

/// The derives name the real one by its absolute path.
#[allow(dead_code, reason = "it is here to be in the way")]
enum Result {}
#[allow(dead_code, reason = "it is here to be in the way")]
struct Error;

#[derive(ToBytes, FromBytes, serde::Serialize, serde::Deserialize, PartialEq, Debug)]
#[encoding(Json)]
struct Plain {
    hello: String,
}

#[derive(ToBytes, FromBytes, serde::Serialize, serde::Deserialize, PartialEq, Debug)]
#[encoding(extism_convert::Json)]
enum Choice {
    None,
    One(u8),
    Two { left: u8, right: u8 },
}

#[derive(ToBytes, FromBytes, serde::Serialize, serde::Deserialize, PartialEq, Debug)]
#[encoding(Json)]
struct Generic<T>(T)
where
    T: Clone;

#[derive(ToBytes, serde::Serialize)]
#[encoding(Json)]
struct Borrowed<'a, 'b> {
    left: &'a str,
    right: &'b str,
}

#[derive(ToBytes, FromBytes, serde::Serialize, serde::Deserialize, PartialEq, Debug)]
#[encoding(Json)]
struct Unit;

#[test]
fn derived_types_take_the_encoding() {
    assert_eq!(
        Plain {
            hello: "you".into()
        }
        .to_bytes()
        .unwrap(),
        br#"{"hello":"you"}"#
    );
    assert_eq!(
        Plain::from_bytes(br#"{"hello":""}"#).unwrap(),
        Plain {
            hello: String::new()
        }
    );
    assert_eq!(Choice::None.to_bytes().unwrap(), br#""None""#);
    assert_eq!(Choice::from_bytes(br#"{"One":1}"#).unwrap(), Choice::One(1));
    let two = Choice::Two { left: 1, right: 2 };
    assert_eq!(Choice::from_bytes(&two.to_bytes().unwrap()).unwrap(), two);
    assert_eq!(Generic(vec![1, 2]).to_bytes().unwrap(), b"[1,2]");
    assert_eq!(Generic::<u8>::from_bytes(b"5").unwrap(), Generic(5));
    assert_eq!(
        Borrowed {
            left: "a",
            right: "b"
        }
        .to_bytes()
        .unwrap(),
        br#"{"left":"a","right":"b"}"#
    );
    assert_eq!(Unit::from_bytes(&Unit.to_bytes().unwrap()).unwrap(), Unit);
}

#[test]
fn derived_types_fail_as_the_encoding_does() {
    let error = Plain::from_bytes(br#"{}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "missing field `hello` at line 1 column 2"
    );
    let error = Choice::from_bytes_owned(br#""Three""#).unwrap_err();
    let expected =
        "unknown variant `Three`, expected one of `None`, `One`, `Two` at line 1 column 7";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn derived_types_work_in_an_option() {
    assert_eq!(Option::<Plain>::from_bytes(b"").unwrap(), None);
    assert_eq!(Some(Unit).to_bytes().unwrap(), b"null");
}
