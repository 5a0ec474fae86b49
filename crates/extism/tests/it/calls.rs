//! The table of outcomes: code, status and text of every way a call can end.

use extism::wasmtime::Trap;
use extism::{Error, ErrorExt, Manifest, Plugin, PluginBuilder, Status, convert::Json};

use crate::support::{ECHO, fixture, told, wat};

const OUTCOMES: &str = r#"(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "error_set" (func $error (param i64)))
    (import "extism:host/env" "config_get" (func $config (param i64) (result i64)))
    (func $say_no (local $p i64)
        (local.set $p (call $alloc (i64.const 2)))
        (call $store (local.get $p) (i32.const 110))
        (call $store (i64.add (local.get $p) (i64.const 1)) (i32.const 111))
        (call $error (local.get $p)))
    (func (export "unit"))
    (func (export "zero") (result i32) i32.const 0)
    (func (export "seven") (result i32) i32.const 7)
    (func (export "long") (result i64) i64.const 0)
    (func (export "two") (result i32 i32) i32.const 0 i32.const 0)
    (func (export "param") (param i32))
    (global (export "global") i32 (i32.const 0))
    (func (export "say") (result i32) call $say_no i32.const 0)
    (func (export "say_seven") (result i32) call $say_no i32.const 7)
    (func (export "say_trap") call $say_no unreachable)
    (func (export "trap") unreachable)
    (func (export "divide") (drop (i32.div_s (i32.const 1) (i32.const 0))))
    (func $recurse (export "recurse") call $recurse)
    (func (export "handle") (drop (call $config (i64.const 999)))))"#;

#[test]
fn the_table_of_outcomes() {
    let mut plugin = wat(OUTCOMES);
    for name in ["unit", "zero"] {
        plugin.call::<_, ()>(name, ()).unwrap();
        plugin.call_get_error_code::<_, ()>(name, ()).unwrap();
    }
    let unreachable = "wasm trap: wasm `unreachable` instruction executed";
    for (name, code, status, text) in [
        (
            "seven",
            7,
            Status::GuestError,
            "Returned non-zero exit code: 7",
        ),
        (
            "long",
            -1,
            Status::GuestError,
            "Returned non-zero exit code: -1",
        ),
        (
            "two",
            -1,
            Status::FunctionType,
            "Function two has 2 results, expected 0 or 1",
        ),
        (
            "param",
            -1,
            Status::FunctionType,
            "expected 1 arguments, got 0",
        ),
        (
            "nope",
            -1,
            Status::FunctionNotFound,
            "Function not found: nope",
        ),
        (
            "global",
            -1,
            Status::FunctionNotFound,
            "Function not found: global",
        ),
        ("say", 0, Status::GuestError, "no"),
        ("say_seven", 7, Status::GuestError, "no"),
        ("say_trap", -1, Status::GuestError, "no"),
        ("trap", 134, Status::TrapUnreachable, unreachable),
        (
            "divide",
            134,
            Status::TrapArithmetic,
            "wasm trap: integer divide by zero",
        ),
        (
            "recurse",
            134,
            Status::TrapStack,
            "wasm trap: call stack exhausted",
        ),
        (
            "handle",
            -1,
            Status::BadKernelHandle,
            "invalid handle offset for config key: 999",
        ),
    ] {
        let (error, found) = plugin.call_get_error_code::<_, ()>(name, ()).unwrap_err();
        assert_eq!(
            (found, told(&error)),
            (code, (status, text.to_owned())),
            "{name}"
        );
        let error = plugin.call::<_, ()>(name, ()).unwrap_err();
        assert_eq!(told(&error), (status, text.to_owned()), "{name}");
        let error = plugin
            .call_with_host_context::<_, (), _>(name, (), 1)
            .unwrap_err();
        assert_eq!(told(&error), (status, text.to_owned()), "{name}");
    }
}

#[test]
fn traps_can_be_found_and_say_where() {
    let mut plugin = wat(OUTCOMES);
    let error = plugin.call::<_, ()>("trap", ()).unwrap_err();
    assert_eq!(error.find::<Trap>(), Some(&Trap::UnreachableCodeReached));
    assert!(
        error
            .to_string()
            .starts_with("error while executing at wasm backtrace:"),
        "{error}"
    );
    assert_eq!(error.guest_code(), None);

    let error = plugin.call::<_, ()>("say_trap", ()).unwrap_err();
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    assert!(
        chain[0].starts_with("error while executing at wasm backtrace:"),
        "{chain:?}"
    );
    assert_eq!(
        chain[1..],
        ["wasm trap: wasm `unreachable` instruction executed", "no"]
    );

    let error = plugin.call::<_, ()>("say_seven", ()).unwrap_err();
    assert_eq!(error.guest_code(), Some(7));
    assert_eq!(error.find::<Trap>(), None);
}

#[test]
fn published_kit_outcomes() {
    for name in ["published", "ours"] {
        let mut plugin = Plugin::new(Manifest::new([fixture(name)]), [], false).unwrap();
        let (error, code) = plugin
            .call_get_error_code::<_, ()>("fail", "why")
            .unwrap_err();
        assert_eq!(
            (code, told(&error)),
            (-1, (Status::GuestError, "why".into())),
            "{name}"
        );
        let (error, code) = plugin
            .call_get_error_code::<_, ()>("fail_code", "why")
            .unwrap_err();
        assert_eq!(
            (code, told(&error)),
            (7, (Status::GuestError, "why".into())),
            "{name}"
        );
        assert_eq!(error.guest_code(), Some(7), "{name}");
        assert_eq!(
            plugin.call::<_, &str>("echo", "and on").unwrap(),
            "and on",
            "{name}"
        );
    }
}

#[test]
fn input_and_output_types() {
    let mut plugin = wat(ECHO);
    assert_eq!(plugin.call::<&str, &str>("echo", "text").unwrap(), "text");
    assert_eq!(
        plugin
            .call::<String, String>("echo", "text".into())
            .unwrap(),
        "text"
    );
    assert_eq!(
        plugin.call::<&[u8], &[u8]>("echo", b"\0\xff").unwrap(),
        b"\0\xff"
    );
    assert_eq!(
        plugin.call::<Vec<u8>, Vec<u8>>("echo", vec![1, 2]).unwrap(),
        [1, 2]
    );
    assert_eq!(plugin.call::<i32, i32>("echo", -5).unwrap(), -5);
    assert_eq!(plugin.call::<f64, f64>("echo", 1.5).unwrap(), 1.5);
    assert_eq!(
        plugin
            .call::<Option<&str>, Option<String>>("echo", None)
            .unwrap(),
        None
    );
    plugin.call::<(), ()>("echo", ()).unwrap();
    let Json(numbers): Json<Vec<u8>> = plugin.call("echo", Json(vec![1, 2])).unwrap();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(plugin.output(), b"[1,2]");
}

#[test]
fn what_cannot_be_decoded() {
    let mut plugin = wat(ECHO);
    let error: Error = plugin.call::<&[u8], &str>("echo", b"\xff").unwrap_err();
    assert_eq!(error.status(), None, "not the plug-in's fault");
    let (error, code) = plugin
        .call_get_error_code::<_, u64>("echo", "abc")
        .unwrap_err();
    assert_eq!((error.status(), code), (None, -1));
    assert_eq!(plugin.output(), b"abc", "the call itself succeeded");
}

#[test]
fn function_exists_tells_what_can_be_called() {
    let plugin = wat(OUTCOMES);
    for (name, expected) in [
        ("unit", true),
        ("zero", true),
        ("long", false),
        ("two", false),
        ("param", false),
        ("global", false),
        ("nope", false),
        ("memory", false),
    ] {
        assert_eq!(plugin.function_exists(name), expected, "{name}");
        assert_eq!(plugin.compiled().function_exists(name), expected, "{name}");
    }
    assert!(plugin.function_exists(String::from("unit")));
}

#[test]
fn commands_run_again_and_again() {
    let text = r#"(module
        (global $n (mut i32) (i32.const 0))
        (func (export "_start") (global.set $n (i32.add (global.get $n) (i32.const 1))))
        (func (export "count") (result i32) (global.get $n)))"#;
    let mut plugin = PluginBuilder::new(text).build().unwrap();
    plugin.vars_mut().insert("kept".into(), vec![1]);
    for _ in 0..3 {
        plugin.call::<_, ()>("_start", ()).unwrap();
    }
    plugin.call::<_, ()>("count", ()).unwrap();
    assert_eq!(
        plugin.vars()["kept"],
        [1],
        "variables outlive a command's instance"
    );
}

#[test]
fn plugins_can_be_shared_and_sent() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Plugin>();
    check::<extism::CompiledPlugin>();
    check::<extism::CancelHandle>();
    check::<extism::Pool>();
    check::<extism::PoolPlugin>();
    check::<extism::Function>();
    check::<extism::UserData<Vec<u8>>>();
    check::<PluginBuilder<'static>>();
    check::<extism::Context>();
}
