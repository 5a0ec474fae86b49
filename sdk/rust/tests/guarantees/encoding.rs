//! Guarantees 12, 13, 14 and 17: bytes, numbers and errors arrive as they were sent.

use extism::{CurrentPlugin, ErrorExt, Function, Plugin, Status};

use crate::echo;

#[test]
fn g12_bytes_are_bytes() {
    let mut plugin = echo();
    let all: Vec<u8> = (0..=255).collect();
    for bytes in [&b""[..], b"\0", b"a\0b\0", b"\xff\xfe", &all] {
        assert_eq!(plugin.call::<_, Vec<u8>>("echo", bytes).unwrap(), bytes);
    }
    assert!(
        plugin.call::<_, &str>("echo", &b"\xff"[..]).is_err(),
        "not every output is a text"
    );
    let large = vec![7; 64 << 20];
    assert!(plugin.call::<_, &[u8]>("echo", &large).unwrap() == large);
    assert_eq!(plugin.call::<_, &[u8]>("nothing", "").unwrap(), b"");
}

/// An output that borrows ends with the next call, and the compiler knows; one that does not is a copy.
#[test]
fn g13_outputs_are_copies() {
    let mut plugin = echo();
    let first: Vec<u8> = plugin.call("echo", "first").unwrap();
    let second: String = plugin.call("echo", "second").unwrap();
    drop(plugin);
    assert_eq!(
        (first.as_slice(), second.as_str()),
        (&b"first"[..], "second")
    );
}

#[test]
fn g14_numbers_keep_every_bit() {
    let integers = [0, 1, -1, i64::MAX, i64::MIN, 9_007_199_254_740_993];
    let floats = [
        0.0,
        -0.0,
        f64::MIN_POSITIVE / 2.0,
        f64::NEG_INFINITY,
        f64::from_bits(0x7ff8_0000_0000_0001),
    ];
    for (integer, float) in integers.into_iter().zip(floats.into_iter().chain([1.5])) {
        let wat = format!(
            r#"(module
            (import "extism:host/user" "same" (func $same (param i64) (result i64)))
            (import "extism:host/user" "same_float" (func $same_float (param f64) (result f64)))
            (func (export "run") (result i32)
                (i32.or
                    (i64.ne (call $same (i64.const {integer})) (i64.const {integer}))
                    (i64.ne
                        (i64.reinterpret_f64 (call $same_float (f64.reinterpret_i64 (i64.const {0}))))
                        (i64.const {0})))))"#,
            float.to_bits() as i64
        );
        let same = Function::typed("same", |_: &mut CurrentPlugin, value: i64| Ok(value));
        let same_float =
            Function::typed("same_float", |_: &mut CurrentPlugin, value: f64| Ok(value));
        let mut plugin = Plugin::new(wat.as_str(), [same, same_float], false).unwrap();
        plugin.call::<_, ()>("run", ()).unwrap();
    }
    let wat = "(module (func (export \"min\") (result i32) i32.const 0x80000000))";
    let mut plugin = Plugin::new(wat, [], false).unwrap();
    let error = plugin.call::<_, ()>("min", ()).unwrap_err();
    assert_eq!(error.guest_code(), Some(i32::MIN));
}

#[test]
fn g17_errors_say_what_happened() {
    let results = include_str!("../../../../fixtures/wat/results.wat");
    let mut plugin = Plugin::new(results, [], false).unwrap();
    for (function, status, guest_code) in [
        ("seven", Status::GuestError, Some(7)),
        ("error_seven", Status::GuestError, Some(7)),
        ("trap", Status::TrapUnreachable, None),
        ("divide", Status::TrapArithmetic, None),
        ("absent", Status::FunctionNotFound, None),
        ("takes", Status::FunctionType, None),
        ("http", Status::HostDenied, None),
    ] {
        let error = plugin.call::<_, ()>(function, ()).unwrap_err();
        assert_eq!(
            (error.status(), error.guest_code()),
            (Some(status), guest_code),
            "{function}"
        );
        assert!(!error.to_string().is_empty());
    }
    plugin.call::<_, ()>("zero", ()).unwrap();
}
