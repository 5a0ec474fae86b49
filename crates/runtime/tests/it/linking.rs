//! Several modules, host functions, names that lead nowhere.

use extism_runtime::{HostFunction, Loader, Options, Plugin, Status, ValueType};

use crate::support::{both_ways, each_way, load_error};

fn manifest(modules: &[(&str, &str)]) -> String {
    use base64::Engine as _;
    let entries: Vec<String> = modules
        .iter()
        .map(|(name, wat)| {
            let data = base64::engine::general_purpose::STANDARD.encode(wat);
            format!(r#"{{"name": "{name}", "data": "{data}"}}"#)
        })
        .collect();
    format!(r#"{{"wasm": [{}]}}"#, entries.join(","))
}

const LIBRARY: &str = r#"(module
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (global $ready (mut i32) (i32.const 0))
    (func (export "_initialize") (global.set $ready (i32.add (global.get $ready) (i32.const 1))))
    (func (export "ready") (result i32) global.get $ready)
    (func (export "length") (result i32) (i32.wrap_i64 (call $length))))"#;

#[test]
fn a_pair_linked_by_name() {
    let main = r#"(module
        (import "lib" "ready" (func $ready (result i32)))
        (import "lib" "length" (func $length (result i32)))
        (func (export "run") (result i32)
            (i32.add (call $length) (i32.mul (call $ready) (i32.const 100)))))"#;
    for (first, second) in [
        (("lib", LIBRARY), ("main", main)),
        (("main", main), ("lib", LIBRARY)),
    ] {
        for options in both_ways() {
            let mut plugin = Plugin::load(manifest(&[first, second]).as_str(), options).unwrap();
            assert_eq!(
                plugin.call("run", b"abc").code,
                103,
                "initialised once, same input"
            );
            assert_eq!(plugin.call("run", b"").code, 100);
        }
    }
}

#[test]
fn the_last_module_is_main_if_none_is() {
    let main = r#"(module (import "lib" "ready" (func $f (result i32)))
        (func (export "run") (result i32) call $f))"#;
    let text = manifest(&[("lib", LIBRARY), ("whatever", main)]);
    let mut plugin = Plugin::load(text.as_str(), Options::default()).unwrap();
    assert_eq!(plugin.call("run", b"").code, 1);
}

#[test]
fn old_modules_find_others_under_env() {
    let main = r#"(module (import "env" "ready" (func $f (result i32)))
        (func (export "run") (result i32) call $f))"#;
    let text = manifest(&[("lib", LIBRARY), ("main", main)]);
    let mut plugin = Plugin::load(text.as_str(), Options::default()).unwrap();
    assert_eq!(plugin.call("run", b"").code, 1);
}

#[test]
fn what_a_module_imports_from_env_is_not_its_own_export() {
    let lib = r#"(module (import "env" "number" (func $number (result i32)))
        (func (export "number") (result i32) (i32.add (call $number) (i32.const 1))))"#;
    let base = r#"(module (func (export "number") (result i32) i32.const 6))"#;
    let main = r#"(module (import "a" "number" (func $number (result i32)))
        (func (export "run") (result i32) call $number))"#;
    let text = manifest(&[("a", lib), ("b", base), ("main", main)]);
    let mut plugin = Plugin::load(text.as_str(), Options::default()).unwrap();
    assert_eq!(plugin.call("run", b"").code, 7);
    let text = manifest(&[("a", lib), ("main", main)]);
    let (status, _) = load_error(&text, Options::default());
    assert_eq!(status, Status::ImportUnknown);
}

/// Whatever a module is called and wherever it comes in the order of instantiation.
#[test]
fn no_module_takes_the_place_of_what_the_host_answers() {
    let other = r#"(module
        (memory (export "memory") 1)
        (func (export "sched_yield") (result i32) i32.const 7)
        (func (export "extism_input_length") (result i64) i64.const 99)
        (func (export "number") (result i32) i32.const 2))"#;
    let main = r#"(module
        (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
        (import "env" "extism_input_length" (func $length (result i64)))
        (import "extism:host/env" "input_load_u8" (func $input (param i64) (result i32)))
        (import "extism:host/user" "number" (func $number (result i32)))
        (memory (export "memory") 1)
        (func (export "yield") (result i32) call $yield)
        (func (export "length") (result i32) (i32.wrap_i64 (call $length)))
        (func (export "input") (result i32) (call $input (i64.const 0)))
        (func (export "number") (result i32) call $number))"#;
    let number = HostFunction::new("number", [], [ValueType::I32], |_, slots| {
        slots.set(0, ValueType::I32, 1);
        Ok(())
    });
    let names = [
        "wasi_snapshot_preview1",
        "env",
        "extism:host/user",
        "extism:kernel",
        "zzz",
    ];
    for name in names {
        let text = manifest(&[(name, other), ("main", main)]);
        for options in both_ways() {
            let functions = vec![number.clone()];
            let options = Options {
                functions,
                ..options
            };
            let mut plugin = Plugin::load(text.as_str(), options).unwrap();
            for (function, code) in [("yield", 0), ("length", 3), ("input", 97), ("number", 1)] {
                assert_eq!(
                    plugin.call(function, b"abc").code,
                    code,
                    "{function}, {name}"
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_linked_says_why() {
    let import = |from: &str, name: &str, what: &str| {
        format!(r#"(module (import "{from}" "{name}" {what}))"#)
    };
    let env = "extism:host/env";
    for (source, status, text) in [
        (
            import("main", "f", "(func)"),
            Status::ImportCycle,
            "modules import each other: main -> main",
        ),
        (
            import("extism:host/user", "kv_read", "(func)"),
            Status::ImportUnknown,
            "unknown import: `extism:host/user::kv_read` has not been defined",
        ),
        (
            import("env", "abort", "(func)"),
            Status::ImportUnknown,
            "unknown import: `env::abort` has not been defined",
        ),
        (
            import("wasi_snapshot_preview1", "fd_close", "(func)"),
            Status::ImportUnknown,
            "unknown import: `wasi_snapshot_preview1::fd_close` has not been defined",
        ),
        (
            import("extism:kernel", "memory", "(memory 1)"),
            Status::ImportUnknown,
            "unknown import: `extism:kernel::memory` has not been defined",
        ),
        (
            import(env, "nope", "(func (result i32))"),
            Status::ImportUnknown,
            "Invalid function import from extism:host/env: nope (type (func (result i32)))\n\nNote: This may indicate",
        ),
        (
            import(env, "memory", "(memory 1)"),
            Status::ImportType,
            "linked modules cannot access non-function exports of extism kernel",
        ),
        (
            import(env, "alloc", "(func (param i32) (result i64))"),
            Status::ImportType,
            "types incompatible: expected type `(func (param i32) (result i64))`, found type",
        ),
        (
            r#"(module (func (export "_start")) (func (export "_initialize")))"#.to_owned(),
            Status::CommandAndReactor,
            "Program cannot be both a Command and a Reactor",
        ),
        (
            "(module (func $f unreachable) (start $f))".to_owned(),
            Status::TrapUnreachable,
            "wasm trap: wasm `unreachable` instruction executed",
        ),
    ] {
        let (found, message) = load_error(&source, Options::default());
        assert_eq!(found, status, "{source}: {message}");
        assert!(message.starts_with(text), "{source}: {message}");
    }
    let a = r#"(module (import "b" "f" (func)) (func (export "f")))"#;
    let b = r#"(module (import "a" "f" (func)) (func (export "f")))"#;
    let (status, _) = load_error(
        &manifest(&[("a", a), ("b", b), ("main", "(module)")]),
        Options::default(),
    );
    assert_eq!(status, Status::ImportCycle);
    let (status, text) = load_error(
        &manifest(&[("a", a), ("a", b), ("main", "(module)")]),
        Options::default(),
    );
    assert_eq!(status, Status::DuplicateName, "{text}");
}

fn abort(namespace: &str) -> Options {
    let function = HostFunction::new("abort", [ValueType::I32], [], |_, slots| {
        anyhow::bail!("aborted at line {}", slots.get(0, ValueType::I32))
    });
    Options {
        functions: vec![function.with_namespace(namespace)],
        ..Options::default()
    }
}

#[test]
fn a_host_function_answers_for_env() {
    let source = r#"(module (import "env" "abort" (func $abort (param i32)))
        (func (export "run") (call $abort (i32.const 7))))"#;
    for namespace in ["env", "extism:host/user"] {
        let mut plugin = Plugin::load(source, abort(namespace)).unwrap();
        let outcome = plugin.call("run", b"");
        assert_eq!((outcome.code, outcome.status()), (-1, Status::HostFunction));
        assert_eq!(outcome.error.unwrap().root_cause(), "aborted at line 7");
    }
}

#[test]
fn a_host_function_takes_the_place_of_a_kernel_function() {
    let source = r#"(module (import "extism:host/env" "input_length" (func $length (result i64)))
        (func (export "run") (result i32) (i32.wrap_i64 (call $length))))"#;
    let length = HostFunction::new("input_length", [], [ValueType::I64], |_, slots| {
        slots.set(0, ValueType::I64, 42);
        Ok(())
    });
    let options = Options {
        functions: vec![length.with_namespace("extism:host/env")],
        ..Options::default()
    };
    let mut plugin = Plugin::load(source, options).unwrap();
    assert_eq!(plugin.call("run", b"").code, 42);
}

#[test]
fn a_host_function_that_is_found_when_it_is_imported_does_so_too() {
    let source = r#"(module (import "extism:host/env" "input_length" (func $length (result i64)))
        (func (export "run") (result i32) (i32.wrap_i64 (call $length))))"#;
    let length = HostFunction::new("input_length", [], [ValueType::I64], |_, slots| {
        slots.set(0, ValueType::I64, 42);
        Ok(())
    });
    let length = length.with_namespace("extism:host/env");
    let loader = Loader {
        resolve: Some(&|import| (import.name == "input_length").then(|| length.clone())),
        ..Loader::default()
    };
    for options in both_ways() {
        let compiled = loader.load(source, options).unwrap();
        let mut plugin = Plugin::new(&compiled).unwrap();
        assert_eq!(plugin.call("run", b"").code, 42);
    }
}

#[test]
fn values_of_every_type_pass_unchanged() {
    use ValueType::{F32, F64, I32, I64};
    let source = r#"(module
        (import "extism:host/user" "same" (func $same (param i32 i64 f32 f64) (result i32 i64 f32 f64)))
        (func (export "run") (result i32) (local $i i32) (local $l i64) (local $f f32) (local $d f64)
            (call $same (i32.const -2) (i64.const -3)
                (f32.reinterpret_i32 (i32.const 0x7fa00001)) (f64.const -0.5))
            local.set $d local.set $f local.set $l local.set $i
            (i32.and
                (i32.and (i32.eq (local.get $i) (i32.const -2)) (i64.eq (local.get $l) (i64.const -3)))
                (i32.and
                    (i32.eq (i32.reinterpret_f32 (local.get $f)) (i32.const 0x7fa00001))
                    (f64.eq (local.get $d) (f64.const -0.5))))))"#;
    let types = [I32, I64, F32, F64];
    let same = HostFunction::new("same", types, types, move |_, slots| {
        for (at, ty) in types.into_iter().enumerate() {
            let value = slots.get(at, ty);
            slots.set(at, ty, value);
        }
        Ok(())
    });
    let options = Options {
        functions: vec![same],
        ..Options::default()
    };
    let mut plugin = Plugin::load(source, options).unwrap();
    assert_eq!(plugin.call("run", b"").code, 1);
}

#[test]
fn many_parameters_and_a_panic() {
    let source = format!(
        r#"(module (import "extism:host/user" "many" (func $many (param {}) (result i64)))
        (func (export "run") (result i32) {} call $many i32.wrap_i64)
        (func (export "fine")))"#,
        "i64 ".repeat(100),
        (0..100)
            .map(|i| format!("i64.const {i} "))
            .collect::<String>(),
    );
    let many = HostFunction::new(
        "many",
        vec![ValueType::I64; 100],
        [ValueType::I64],
        |_, slots| {
            let sum: u64 = (0..100).map(|at| slots.get(at, ValueType::I64)).sum();
            assert!(sum != 4950, "the sum is {sum}");
            slots.set(0, ValueType::I64, sum);
            Ok(())
        },
    );
    let options = Options {
        functions: vec![many],
        ..Options::default()
    };
    let mut plugin = Plugin::load(source.as_str(), options).unwrap();
    let outcome = plugin.call("run", b"");
    assert_eq!(outcome.status(), Status::HostPanic);
    let text = outcome.error.unwrap().root_cause();
    assert_eq!(text, "host function many panicked: the sum is 4950");
    assert_eq!(plugin.call("fine", b"").code, 0);
}

/// WASI has many functions, but not all that a plug-in may think of.
#[test]
fn what_wasi_does_not_have_is_unknown() {
    let with_wasi = Options {
        wasi: true,
        ..Options::default()
    };
    for (name, status) in [
        ("toString", Status::ImportUnknown),
        ("fd_close", Status::ImportType),
    ] {
        let alone = format!(r#"(module (import "wasi_snapshot_preview1" "{name}" (func)))"#);
        let main = r#"(module (import "lib" "f" (func)))"#;
        let lib = format!(
            r#"(module (import "wasi_snapshot_preview1" "{name}" (func)) (func (export "f")))"#
        );
        let linked = manifest(&[("lib", &lib), ("main", main)]);
        for source in [alone, linked] {
            let (found, text) = load_error(&source, with_wasi.clone());
            assert_eq!(found, status, "{text}");
        }
    }
}

/// What goes wrong in a start function has the status it would have in a call.
#[test]
fn failures_of_start_functions_have_their_own_status() {
    let exception = r#"(module (tag $t) (start $f) (func $f (throw $t)))"#;
    let pointer = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (start $f)
        (func $f (drop (call $write (i32.const 1) (i32.const -4) (i32.const 1) (i32.const 0)))))"#;
    for (source, expected) in [
        (exception, Status::TrapOther),
        (pointer, Status::TrapMemory),
    ] {
        for options in both_ways() {
            let (status, text) = load_error(source, options);
            assert_eq!(status, expected, "{text}");
        }
    }
}

/// The initialiser of Haskell's runtime takes `argc` and `argv`, of whichever type.
#[test]
fn zeros_for_an_initialiser_have_its_types() {
    let source = r#"(module (global $n (mut i32) (i32.const 0))
        (func (export "hs_init") (param i32 i64) (global.set $n (i32.const 3)))
        (func (export "run") (result i32) (global.get $n)))"#;
    each_way(source, |plugin| assert_eq!(plugin.call("run", b"").code, 3));
}
