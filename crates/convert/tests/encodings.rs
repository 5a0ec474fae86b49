//! The newtypes that choose an encoding.

use extism_convert::{Base64, Error, FromBytes, Json, ToBytes};

#[derive(serde::Serialize, serde::Deserialize, Clone, Debug, PartialEq)]
struct Record {
    name: String,
    size: i64,
    ratio: f32,
}

fn record() -> Record {
    Record {
        name: "wasm".into(),
        size: -1,
        ratio: 0.5,
    }
}

#[test]
fn json() {
    let bytes = Json(&record()).to_bytes().unwrap();
    assert_eq!(bytes, br#"{"name":"wasm","size":-1,"ratio":0.5}"#);
    let Json(back): Json<Record> = Json::from_bytes(&bytes).unwrap();
    assert_eq!(back, record());
    assert_eq!(Json::from(7).into_inner(), 7);
    assert_eq!(format!("{:?}", Json(7)), "Json(7)");
    let error = Json::<Record>::from_bytes(b"").unwrap_err();
    assert_eq!(
        error.to_string(),
        "EOF while parsing a value at line 1 column 0"
    );
    let none: Option<Json<Record>> = FromBytes::from_bytes(b"").unwrap();
    assert!(none.is_none());
}

#[test]
fn json_has_no_not_a_number() {
    assert_eq!(Json(f64::NAN).to_bytes().unwrap(), b"null");
    let error = Json::<f64>::from_bytes(b"null").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid type: null, expected f64 at line 1 column 4"
    );
}

#[test]
fn json_values() {
    let value: serde_json::Value = FromBytes::from_bytes(b" [1, null] ").unwrap();
    assert_eq!(value.to_bytes().unwrap(), b"[1,null]");
    let error = serde_json::Value::from_bytes(b"[1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "EOF while parsing a list at line 1 column 2"
    );
}

#[test]
#[cfg(feature = "msgpack")]
fn msgpack() {
    use extism_convert::Msgpack;
    let bytes = Msgpack(record()).to_bytes().unwrap();
    assert_eq!(
        bytes,
        [b"\x93\xa4wasm\xff".as_slice(), &[0xca, 0x3f, 0, 0, 0]].concat()
    );
    let Msgpack(back): Msgpack<Record> = Msgpack::from_bytes(&bytes).unwrap();
    assert_eq!(back, record());
    let nan = Msgpack(f64::NAN).to_bytes().unwrap();
    assert!(Msgpack::<f64>::from_bytes(&nan).unwrap().0.is_nan());
    let error = Msgpack::<Record>::from_bytes(&[0xc1]).unwrap_err();
    assert_eq!(error.to_string(), "wrong msgpack marker Reserved");
}

#[test]
fn base64() {
    assert_eq!(Base64([0, 255]).to_bytes().unwrap(), "AP8=");
    assert_eq!(Base64("").to_bytes().unwrap(), "");
    let Base64(bytes): Base64<Vec<u8>> = Base64::from_bytes(b"AP8=").unwrap();
    assert_eq!(bytes, [0, 255]);
    let error = Base64::<String>::from_bytes(b"AP8=").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid utf-8 sequence of 1 bytes from index 1"
    );
    let error = |text: &str| {
        Base64::<Vec<u8>>::from_bytes(text.as_bytes())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error("AP8"), "Invalid padding");
    assert_eq!(error("AP-="), "Invalid symbol 45, offset 2.");
    assert_eq!(error("AP9="), "Invalid last symbol 57, offset 2.");
}

extism_convert::encoding!(Reversed, reversed, unreversed);

fn reversed(value: &impl serde::Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(value).map(|bytes| bytes.into_iter().rev().collect())
}

fn unreversed<T: serde::de::DeserializeOwned>(data: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(&data.iter().rev().copied().collect::<Vec<_>>())
}

#[test]
fn an_encoding_of_ones_own() -> Result<(), Error> {
    assert_eq!(Reversed(123).to_bytes()?, b"321");
    assert_eq!(Reversed::<i32>::from_bytes(b"21-")?.into_inner(), -12);
    assert_eq!(
        Reversed::<i32>::from_bytes(b"x").unwrap_err().to_string(),
        "expected value at line 1 column 1"
    );
    Ok(())
}

#[test]
#[cfg(feature = "prost")]
fn prost_messages() {
    use extism_convert::Prost;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Message {
        #[prost(string, tag = "1")]
        text: String,
        #[prost(uint32, tag = "2")]
        count: u32,
    }

    let message = Message {
        text: "hi".into(),
        count: 300,
    };
    let bytes = Prost(message.clone()).to_bytes().unwrap();
    assert_eq!(bytes, b"\x0a\x02hi\x10\xac\x02");
    assert_eq!(Prost::<Message>::from_bytes(&bytes).unwrap().0, message);
    assert_eq!(
        Prost::<Message>::from_bytes(b"").unwrap().0,
        Message::default()
    );
    let error = Prost::<Message>::from_bytes(b"\x0a\x05hi")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "failed to decode Protobuf message: Message.text: buffer underflow"
    );
}

#[test]
#[cfg(feature = "protobuf")]
fn protobuf_messages() {
    use extism_convert::Protobuf;
    use protobuf::well_known_types::wrappers::StringValue;

    let mut message = StringValue::new();
    message.value = "hi".into();
    let bytes = Protobuf(message.clone()).to_bytes().unwrap();
    assert_eq!(bytes, b"\x0a\x02hi");
    assert_eq!(
        Protobuf::<StringValue>::from_bytes(&bytes).unwrap().0,
        message
    );
    let error = Protobuf::<StringValue>::from_bytes(b"\x0a\x05hi")
        .unwrap_err()
        .to_string();
    assert_eq!(error, "Unexpected EOF");
}

#[cfg(all(feature = "raw", target_endian = "little"))]
mod raw {
    use extism_convert::{FromBytes, Raw, ToBytes};

    #[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
    #[repr(C)]
    struct Point {
        x: f64,
        y: u32,
        z: u32,
    }

    #[test]
    fn a_value_is_its_own_bytes() {
        let point = Point {
            x: f64::from_bits(0x7ff8_0000_0000_0001),
            y: 1,
            z: 2,
        };
        let bytes = Raw(&point).to_bytes().unwrap();
        assert_eq!(
            bytes,
            [1, 0, 0, 0, 0, 0, 0xf8, 0x7f, 1, 0, 0, 0, 2, 0, 0, 0]
        );
        let back = Raw::<Point>::from_bytes(bytes).unwrap();
        assert!(std::ptr::eq(back.0, &point), "nothing is copied");
    }

    #[test]
    fn other_lengths_and_alignments_are_refused() {
        let words = [0_u64; 3];
        let bytes: &[u8] = bytemuck::cast_slice(&words);
        let error = |data| Raw::<Point>::from_bytes(data).unwrap_err().to_string();
        assert_eq!(error(&bytes[..15]), "SizeMismatch");
        assert_eq!(error(&[]), "SizeMismatch");
        assert_eq!(
            error(&bytes[1..17]),
            "TargetAlignmentGreaterAndInputNotAligned"
        );
    }
}
