//! Host functions: types, memory, errors, panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use extism::convert::MemoryHandle;
use extism::{
    CurrentPlugin, Error, ErrorExt, Function, Manifest, PTR, Plugin, PluginBuilder, Status,
    UserData, Val, ValType,
};

use crate::support::{fixture, told};

/// Calls `host` (a block in, a block out) with the input, and gives what it answers.
pub(crate) const ASK: &str = r#"(module
    (import "extism:host/user" "host" (func $host (param i64) (result i64)))
    (import "extism:host/env" "input_offset" (func $input (result i64)))
    (import "extism:host/env" "length" (func $length (param i64) (result i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (func (export "ask") (result i32) (local $p i64)
        (local.set $p (call $host (call $input)))
        (call $output (local.get $p) (call $length (local.get $p)))
        i32.const 0))"#;

pub(crate) type Body =
    fn(&mut CurrentPlugin, &[Val], &mut [Val], UserData<()>) -> Result<(), Error>;

pub(crate) fn asking(body: Body) -> Plugin {
    Plugin::new(
        ASK,
        [Function::new(
            "host",
            [PTR],
            [PTR],
            UserData::default(),
            body,
        )],
        false,
    )
    .unwrap()
}

#[test]
fn every_number_type_travels() {
    let text = r#"(module
        (import "extism:host/user" "mix" (func $mix
            (param i32 i64 f32 f64) (result i32 i64 f32 f64)))
        (func (export "run") (result i32)
            (local $a i32) (local $b i64) (local $c f32) (local $d f64)
            (call $mix (i32.const -1) (i64.const -2) (f32.const 1.5) (f64.const -2.5))
            local.set $d local.set $c local.set $b local.set $a
            (i32.add
                (i32.add
                    (i32.ne (local.get $a) (i32.const -3))
                    (i32.mul (i32.const 2) (i64.ne (local.get $b) (i64.const -4))))
                (i32.add
                    (i32.mul (i32.const 4) (f32.ne (local.get $c) (f32.const 5.5)))
                    (i32.mul (i32.const 8) (f64.ne (local.get $d) (f64.const -6.5)))))))"#;
    let types = [ValType::I32, ValType::I64, ValType::F32, ValType::F64];
    let mut plugin = PluginBuilder::new(text)
        .with_function(
            "mix",
            types,
            types,
            UserData::new(()),
            |_, inputs, outputs, _| {
                assert_eq!((inputs[0].i32(), inputs[1].i64()), (Some(-1), Some(-2)));
                assert_eq!((inputs[2].f32(), inputs[3].f64()), (Some(1.5), Some(-2.5)));
                outputs[0] = Val::I32(-3);
                outputs[1] = Val::I64(-4);
                outputs[2] = 5.5f32.into();
                outputs[3] = (-6.5f64).into();
                Ok(())
            },
        )
        .build()
        .unwrap();
    plugin.call::<_, ()>("run", ()).unwrap();
}

#[test]
fn typed_functions_take_and_give_every_number() {
    let text = r#"(module
        (import "extism:host/user" "mix" (func $mix (param i32 i32 i64 i64 f32 f64) (result f64)))
        (import "mine" "note" (func $note (param i64)))
        (import "extism:host/user" "fail" (func $fail))
        (func (export "run") (result i32)
            (call $note (i64.const -1))
            (i32.trunc_f64_s (call $mix (i32.const -1) (i32.const -1) (i64.const -2)
                (i64.const -2) (f32.const 1.5) (f64.const -2.5))))
        (func (export "fails") (call $fail)))"#;
    let noted = Arc::new(AtomicU64::new(0));
    let mix = |_: &mut CurrentPlugin, a: i32, b: u32, c: i64, d: u64, e: f32, f: f64| {
        assert_eq!((a, b, c, d), (-1, u32::MAX, -2, u64::MAX - 1));
        assert_eq!((e, f), (1.5, -2.5));
        Ok(f64::from(e) - f)
    };
    let note = {
        let noted = Arc::clone(&noted);
        move |_: &mut CurrentPlugin, n: u64| {
            noted.store(n, Ordering::SeqCst);
            Ok(())
        }
    };
    let fail = |plugin: &mut CurrentPlugin| -> Result<(), Error> {
        anyhow::bail!("not today, {}", plugin.id().is_nil())
    };
    let functions = [
        Function::typed("mix", mix),
        Function::typed("note", note).with_namespace("mine"),
        Function::typed("fail", fail),
    ];
    let described: Vec<String> = functions.iter().map(|f| format!("{f:?}")).collect();
    assert_eq!(
        described,
        [
            "Function(extism:host/user::mix [I32, I32, I64, I64, F32, F64] -> [F64])",
            "Function(mine::note [I64] -> [])",
            "Function(extism:host/user::fail [] -> [])",
        ]
    );
    let mut plugin = Plugin::new(text, functions, false).unwrap();
    let (_, code) = plugin.call_get_error_code::<_, ()>("run", ()).unwrap_err();
    assert_eq!(code, 4);
    assert_eq!(noted.load(Ordering::SeqCst), u64::MAX);
    let error = plugin.call::<_, ()>("fails", ()).unwrap_err();
    assert_eq!(error.status(), Some(Status::HostFunction));
    assert!(
        format!("{error:#}").contains("not today, false"),
        "{error:#}"
    );
}

#[test]
fn many_arguments() {
    for count in [3, 4, 5, 15, 16, 40] {
        let text = format!(
            r#"(module
                (import "extism:host/user" "sum" (func $sum (param {}) (result i32)))
                (func (export "run") (result i32) (call $sum {})))"#,
            "i32 ".repeat(count),
            (0..count)
                .map(|i| format!("(i32.const {i})"))
                .collect::<String>(),
        );
        let sum = Function::new(
            "sum",
            vec![ValType::I32; count],
            [ValType::I32],
            UserData::new(()),
            |_, inputs, outputs, _| {
                outputs[0] = Val::I32(inputs.iter().filter_map(Val::i32).sum());
                Ok(())
            },
        );
        let mut plugin = Plugin::new(text.as_str(), [sum], false).unwrap();
        let expected = (0..count as i32).sum::<i32>();
        assert_eq!(
            plugin
                .call_get_error_code::<_, ()>("run", ())
                .unwrap_err()
                .1,
            expected
        );
    }
}

#[test]
fn types_that_are_not_numbers_are_refused() {
    for ty in [ValType::V128, ValType::FuncRef, ValType::ExternRef] {
        let function = Function::new("f", [ty], [], UserData::new(()), |_, _, _, _| Ok(()));
        assert_eq!(function.params(), [ty]);
        let error = Plugin::new("(module)", [function], false).unwrap_err();
        let text = "host function f has a parameter or result that is not i32, i64, f32 or f64";
        assert_eq!(told(&error), (Status::InvalidArgument, text.into()));
    }
}

#[test]
fn a_result_of_the_wrong_type_ends_the_call() {
    let mut plugin = asking(|_, _, outputs, _| {
        outputs[0] = Val::I32(1);
        Ok(())
    });
    let error = plugin.call::<_, ()>("ask", ()).unwrap_err();
    let text = "host function gave I32(1) for a result of type I64";
    assert_eq!(told(&error), (Status::HostFunction, text.into()));
}

const IMPORTS_F: &str = r#"(module (import "other" "f" (func (param i64))))"#;

#[test]
fn names_and_namespaces() {
    let mut function = Function::new("f", [PTR], [], UserData::new(()), |_, _, _, _| Ok(()));
    assert_eq!((function.name(), function.namespace()), ("f", None));
    assert_eq!(
        (function.params(), function.results()),
        (&[PTR][..], &[][..])
    );
    function.set_namespace("a");
    let function = function.with_namespace("other");
    assert_eq!(function.namespace(), Some("other"));
    Plugin::new(IMPORTS_F, [function.clone()], false).unwrap();
    let error = Plugin::new(IMPORTS_F, [function.with_namespace("third")], false).unwrap_err();
    let (status, text) = told(&error);
    assert_eq!(status, Status::ImportUnknown);
    assert!(
        text.starts_with("unknown import: `other::f` has not been defined"),
        "{text}"
    );
    PluginBuilder::new(IMPORTS_F)
        .with_function_in_namespace("other", "f", [PTR], [], UserData::new(()), |_, _, _, _| {
            Ok(())
        })
        .build()
        .unwrap();
}

#[test]
fn memory_of_the_calling_plugin() {
    let mut plugin = asking(|plugin, inputs, outputs, _| {
        let handle = plugin.memory_from_val(&inputs[0]).unwrap();
        assert_eq!(handle.len(), 3);
        assert_eq!(plugin.memory_handle(handle.offset), Some(handle));
        assert_eq!(plugin.memory_length(handle.offset)?, 3);
        assert_eq!(plugin.memory_length_unsafe(handle.offset)?, 3);
        assert_eq!(plugin.memory_bytes(handle)?, b"abc");
        assert_eq!(plugin.memory_str(handle)?, "abc");
        plugin.memory_str_mut(handle)?.make_ascii_uppercase();
        assert_eq!(plugin.memory_get::<String>(handle)?, "ABC");
        assert_eq!(plugin.memory_get_val::<&str>(&inputs[0])?, "ABC");

        // Blocks of our own.
        let mine = plugin.memory_alloc(5)?;
        plugin.memory_bytes_mut(mine)?.copy_from_slice(b"hello");
        assert_eq!(plugin.memory_get::<Vec<u8>>(mine)?, b"hello");
        plugin.memory_free(mine)?;
        assert_eq!(plugin.memory_length(mine.offset)?, 0);
        assert_eq!(plugin.memory_handle(mine.offset), None);

        // Nothing is the null handle.
        assert_eq!(plugin.memory_new("")?, MemoryHandle::null());
        assert_eq!(plugin.memory_alloc(0)?, MemoryHandle::null());
        assert_eq!(plugin.memory_handle(0), Some(MemoryHandle::null()));
        assert_eq!(plugin.memory_from_val(&Val::I64(0)), None);
        assert_eq!(plugin.memory_from_val(&Val::I32(1)), None);
        assert_eq!(plugin.memory_get_val::<&str>(&Val::I64(0))?, "");

        // What is not there is refused.
        let id = plugin.id();
        let error = plugin.memory_get_val::<&str>(&Val::I64(7)).unwrap_err();
        assert_eq!(error.status(), Some(Status::BadKernelHandle));
        assert_eq!(
            error.to_string(),
            format!("{id} invalid memory offset: I64(7)")
        );
        for (offset, length) in [(1 << 40, 1), (u64::MAX, u64::MAX), (64, u64::MAX)] {
            let error = plugin
                .memory_bytes(MemoryHandle { offset, length })
                .unwrap_err();
            assert_eq!(error.status(), Some(Status::BadKernelHandle));
        }

        let result = plugin.memory_new("answer")?;
        outputs[0] = plugin.memory_to_val(result);
        assert_eq!(outputs[0].i64(), Some(result.offset() as i64));
        plugin.memory_set_val(&mut outputs[0], "the answer")
    });
    assert_eq!(plugin.call::<_, &str>("ask", "abc").unwrap(), "the answer");
}

#[test]
fn the_calling_plugin_itself() {
    let manifest = Manifest::new([extism::Wasm::data(ASK)])
        .with_config_key("k", "v")
        .with_timeout(Duration::from_secs(600));
    let body: Body = |plugin, _, _, _| {
        assert_eq!(plugin.manifest().config["k"], "v");
        let left = plugin.time_remaining().unwrap();
        assert!(
            left <= Duration::from_secs(600) && left > Duration::from_secs(1),
            "{left:?}"
        );
        assert!(!plugin.must_stop());
        let calls = plugin.vars().get("calls").map_or(0, |calls| calls[0]);
        plugin.vars_mut().insert("calls".into(), vec![calls + 1]);
        assert_eq!(plugin.get_error(), None);
        let (offset, length) = plugin.set_error("wrong")?;
        assert_eq!(length, 5);
        assert_eq!(plugin.memory_length(offset)?, 5);
        assert_eq!(plugin.get_error(), Some("wrong"));
        plugin.clear_error();
        assert_eq!(plugin.get_error(), None);
        Ok(())
    };
    let function = Function::new("host", [PTR], [PTR], UserData::default(), body);
    let mut plugin = Plugin::new(&manifest, [function], false).unwrap();
    plugin.call::<_, ()>("ask", ()).unwrap();
    plugin.call::<_, ()>("ask", ()).unwrap();
    assert_eq!(plugin.vars()["calls"], [2]);
    assert!(
        asking(|plugin, _, _, _| {
            assert_eq!(plugin.time_remaining(), None);
            Ok(())
        })
        .call::<_, ()>("ask", ())
        .is_ok()
    );
}

#[derive(Debug)]
struct Custom(u32);

impl std::fmt::Display for Custom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "custom {}", self.0)
    }
}

impl std::error::Error for Custom {}

#[test]
fn errors_of_host_functions_become_the_calls() {
    let mut plugin = asking(|_, _, _, _| Err(Error::new(Custom(5)).context("above")));
    let (error, code) = plugin.call_get_error_code::<_, ()>("ask", ()).unwrap_err();
    assert_eq!(
        (code, told(&error)),
        (-1, (Status::HostFunction, "custom 5".into()))
    );
    assert_eq!(error.find::<Custom>().unwrap().0, 5);
    assert!(format!("{error:?}").contains("above"), "{error:?}");

    let mut plugin = asking(|_, _, _, _| Err(Custom(6).into()));
    let error = plugin.call::<_, ()>("ask", ()).unwrap_err();
    assert_eq!(error.find::<Custom>().unwrap().0, 6);
    assert_eq!(error.root_cause().to_string(), "custom 6");
}

#[test]
fn messages_set_by_host_functions() {
    let mut plugin = asking(|plugin, inputs, outputs, _| {
        plugin.set_error("TEST")?;
        outputs[0] = inputs[0];
        Ok(())
    });
    let error = plugin.call::<_, ()>("ask", "x").unwrap_err();
    assert_eq!(told(&error), (Status::GuestError, "TEST".into()));
    let mut plugin = asking(|plugin, _, _, _| {
        plugin.set_error("TEST")?;
        Err(Error::msg("Error"))
    });
    let error = plugin.call::<_, ()>("ask", "x").unwrap_err();
    assert_eq!(told(&error), (Status::GuestError, "TEST".into()));
    assert!(
        error.chain().any(|cause| cause.to_string() == "Error"),
        "{error:?}"
    );
}

#[test]
fn a_panic_is_an_error() {
    let mut plugin = asking(|_, _, _, _| panic!("at the host"));
    let error = plugin.call::<_, ()>("ask", ()).unwrap_err();
    let text = "host function host panicked: at the host";
    assert_eq!(told(&error), (Status::HostPanic, text.into()));
    let error = plugin.call::<_, ()>("ask", ()).unwrap_err();
    assert_eq!(
        error.status(),
        Some(Status::HostPanic),
        "the plug-in can be called again"
    );
}

#[test]
fn plugins_call_each_other_through_the_host() {
    let inner = Plugin::new(crate::support::ECHO, [], false).unwrap();
    let host = Function::new(
        "host",
        [PTR],
        [PTR],
        UserData::new(inner),
        |plugin, inputs, outputs, inner| {
            let question: String = plugin.memory_get_val(&inputs[0])?;
            let inner = inner.get()?;
            let mut inner = inner.lock().unwrap();
            let answer: &str = inner.call("echo", question.to_uppercase())?;
            plugin.memory_set_val(&mut outputs[0], answer)
        },
    );
    let mut outer = Plugin::new(ASK, [host], false).unwrap();
    assert_eq!(outer.call::<_, &str>("ask", "hello").unwrap(), "HELLO");
}

#[test]
fn kits_call_the_host() {
    for name in ["published_host", "ours_host"] {
        let mut plugin = PluginBuilder::new(Manifest::new([fixture(name)]))
            .with_function(
                "hello_world",
                [PTR],
                [PTR],
                UserData::new(()),
                |plugin, inputs, outputs, _| {
                    let name: String = plugin.memory_get_val(&inputs[0])?;
                    plugin.memory_set_val(&mut outputs[0], format!("hello {name}"))
                },
            )
            .with_function(
                "add",
                [ValType::I64; 2],
                [ValType::I64],
                UserData::new(()),
                |_, inputs, outputs, _| {
                    outputs[0] = Val::I64(inputs[0].unwrap_i64() + inputs[1].unwrap_i64());
                    Ok(())
                },
            )
            .build()
            .unwrap();
        assert_eq!(
            plugin.call::<_, &str>("call_host", "world").unwrap(),
            "hello world",
            "{name}"
        );
        assert_eq!(
            plugin.call::<_, &str>("add_host", "-3 45").unwrap(),
            "42",
            "{name}"
        );
    }
}
