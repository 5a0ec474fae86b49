//! Bytes that nobody else needs: types that keep them as they are take them, others give them back.

use extism_convert::{FromBytes, Json, ToBytes};

#[test]
fn vectors_and_strings_take_what_they_are_given() {
    let bytes = b"hello".to_vec();
    let at = bytes.as_ptr();
    let vector = Vec::<u8>::adopt(bytes).unwrap().unwrap();
    assert_eq!((vector.as_ptr(), vector.as_slice()), (at, &b"hello"[..]));
    let text = String::adopt(vector).unwrap().unwrap();
    assert_eq!((text.as_ptr(), text.as_str()), (at, "hello"));
    let error = String::adopt(vec![b'a', 0xff]).unwrap().unwrap_err();
    let same = String::from_bytes(&[b'a', 0xff]).unwrap_err();
    assert_eq!(error.to_string(), same.to_string());
}

#[test]
fn others_give_it_back() {
    assert_eq!(u32::adopt(vec![1, 0, 0, 0]).unwrap_err(), [1, 0, 0, 0]);
    assert_eq!(Json::<u32>::adopt(b"7".to_vec()).unwrap_err(), b"7");
}

#[test]
fn what_has_its_bytes_shows_them() {
    let vector = b"hello".to_vec();
    assert_eq!(vector.with_bytes(<[u8]>::as_ptr).unwrap(), vector.as_ptr());
    let text = String::from("hello");
    let shown = <&String>::with_bytes(&&text, <[u8]>::as_ptr);
    assert_eq!(shown.unwrap(), text.as_ptr());
    assert_eq!(7_u32.with_bytes(<[u8]>::to_vec).unwrap(), [7, 0, 0, 0]);
}
