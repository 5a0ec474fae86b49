//! The types that need no encoding.

use extism_convert::{Error, FromBytes, MemoryHandle, ToBytes};
use std::io::Cursor;

fn bytes<'a>(value: impl ToBytes<'a>) -> Vec<u8> {
    value.to_bytes().unwrap().as_ref().to_vec()
}

fn text(error: Error) -> String {
    error
        .chain()
        .map(|cause| cause.to_string())
        .collect::<Vec<_>>()
        .join(": ")
}

#[test]
fn numbers_are_little_endian() {
    assert_eq!(bytes(0x0102_0304_u32), [4, 3, 2, 1]);
    assert_eq!(bytes(-2_i32), [254, 255, 255, 255]);
    assert_eq!(bytes(0x0102_0304_0506_0708_u64), [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(bytes(i64::MIN), [0, 0, 0, 0, 0, 0, 0, 128]);
    assert_eq!(bytes(1.0_f32), [0, 0, 128, 63]);
    assert_eq!(bytes(-0.0_f64), [0, 0, 0, 0, 0, 0, 0, 128]);
    assert_eq!(u32::from_bytes(&[4, 3, 2, 1]).unwrap(), 0x0102_0304);
    assert_eq!(i64::from_bytes(&bytes(i64::MIN)).unwrap(), i64::MIN);
}

#[test]
fn every_not_a_number_keeps_its_bits() {
    for bits in [
        0x7ff8_0000_0000_0000_u64,
        0xfff8_0000_0000_0001,
        0x7ff8_dead_beef_0001,
    ] {
        let back = f64::from_bytes(&bytes(f64::from_bits(bits))).unwrap();
        assert_eq!(back.to_bits(), bits);
    }
    for bits in [0x7fc0_0000_u32, 0xffc0_0001] {
        let back = f32::from_bytes(&bytes(f32::from_bits(bits))).unwrap();
        assert_eq!(back.to_bits(), bits);
    }
}

#[test]
fn numbers_of_the_wrong_length_are_refused() {
    let cause = "could not convert slice to array";
    for length in [0, 3, 5, 8] {
        let error = u32::from_bytes(&vec![0; length]).unwrap_err();
        assert_eq!(
            text(error),
            format!("expected 4 bytes of u32, got {length}: {cause}")
        );
    }
    assert_eq!(
        text(i32::from_bytes(&[]).unwrap_err()),
        format!("expected 4 bytes of i32, got 0: {cause}")
    );
    assert_eq!(
        text(f32::from_bytes(&[0]).unwrap_err()),
        format!("expected 4 bytes of f32, got 1: {cause}")
    );
    for length in [0, 4, 7, 9] {
        let error = f64::from_bytes(&vec![0; length]).unwrap_err();
        assert_eq!(
            text(error),
            format!("expected 8 bytes of f64, got {length}: {cause}")
        );
    }
    assert_eq!(
        text(u64::from_bytes(&[0]).unwrap_err()),
        format!("expected 8 bytes of u64, got 1: {cause}")
    );
    assert_eq!(
        text(i64::from_bytes(&[0]).unwrap_err()),
        format!("expected 8 bytes of i64, got 1: {cause}")
    );
}

#[test]
fn the_first_byte_decides_a_truth_value() {
    assert_eq!((bytes(true), bytes(false)), (vec![1], vec![0]));
    assert!(bool::from_bytes(&[2]).unwrap());
    assert!(bool::from_bytes(&[1, 0, 0, 0]).unwrap());
    assert!(!bool::from_bytes(&[0, 1]).unwrap());
    let error = bool::from_bytes(&[]).unwrap_err();
    assert_eq!(text(error), "Expected one byte to read boolean value");
}

#[test]
fn text_is_utf_8() {
    assert_eq!(bytes("é"), [0xc3, 0xa9]);
    assert_eq!(bytes(String::from("a\0b")), b"a\0b");
    assert_eq!(<&str>::from_bytes(b"a\0b").unwrap(), "a\0b");
    assert_eq!(String::from_bytes("é".as_bytes()).unwrap(), "é");
    let expected = "invalid utf-8 sequence of 1 bytes from index 1";
    assert_eq!(text(String::from_bytes(b"a\xffb").unwrap_err()), expected);
    assert_eq!(text(<&str>::from_bytes(b"a\xffb").unwrap_err()), expected);
    let cut_short = "incomplete utf-8 byte sequence from index 0";
    assert_eq!(text(String::from_bytes(b"\xc3").unwrap_err()), cut_short);
}

#[test]
fn bytes_are_bytes() {
    let data = [0, 255, 0xc3, 0x28];
    assert_eq!(bytes(data.as_slice()), data);
    assert_eq!(bytes(data.to_vec()), data);
    assert_eq!(Vec::<u8>::from_bytes(&data).unwrap(), data);
    assert_eq!(*Box::<[u8]>::from_bytes(&data).unwrap(), data);
    let borrowed = <&[u8]>::from_bytes(&data).unwrap();
    assert!(std::ptr::eq(borrowed, &data[..]), "borrowing must not copy");
    let cursor: Cursor<&[u8]> = Cursor::from_bytes(&data).unwrap();
    assert_eq!((cursor.position(), *cursor.get_ref()), (0, &data[..]));
}

#[test]
fn nothing_is_no_bytes_and_any_bytes() {
    assert_eq!(bytes(()), Vec::<u8>::new());
    <()>::from_bytes(b"whatever").unwrap();
}

#[test]
fn no_value_is_no_bytes() {
    assert_eq!(bytes(None::<u32>), Vec::<u8>::new());
    assert_eq!(bytes(Some(1_u32)), [1, 0, 0, 0]);
    assert_eq!(Option::<u32>::from_bytes(&[]).unwrap(), None);
    assert_eq!(Option::<u32>::from_bytes(&[1, 0, 0, 0]).unwrap(), Some(1));
    // An empty text is a value, but its bytes are those of none: what went in does not come back.
    assert_eq!(bytes(Some("")), bytes(None::<&str>));
    assert_eq!(Option::<&str>::from_bytes(&[]).unwrap(), None);
    assert_eq!(<&str>::from_bytes(&[]).unwrap(), "");
    let error = Option::<u32>::from_bytes(&[1]).unwrap_err();
    assert_eq!(error.to_string(), "expected 4 bytes of u32, got 1");
}

#[test]
fn a_reference_is_as_good_as_the_value() {
    let number = 7_u32;
    let reference: &&u32 = &&number;
    assert_eq!(bytes(reference), bytes(number));
}

#[test]
fn a_memory_handle_is_two_numbers() {
    let handle = MemoryHandle {
        offset: 64,
        length: 3,
    };
    assert_eq!(
        (handle.offset(), handle.len(), handle.is_empty()),
        (64, 3, false)
    );
    assert!(MemoryHandle::null() < handle);
    let huge = MemoryHandle {
        offset: 1,
        length: u64::MAX,
    };
    assert_eq!(huge.len(), usize::MAX);
}
