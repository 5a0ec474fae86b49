//! Memory, tables, fuel, blocks, output: at the limit and one beyond.

use std::time::Duration;

use extism_runtime::{
    CompiledPlugin, Limits, Options, Plugin, Pool, PoolOptions, Rewriting, Status,
};

use crate::support::{call, load_error, plugin};

const PAGE: u64 = 65_536;

fn with(limits: Limits) -> [Options; 2] {
    [Rewriting::Auto, Rewriting::Off].map(|rewrite| Options {
        limits: limits.clone(),
        rewrite,
        ..Options::default()
    })
}

#[test]
fn growing_past_the_limit_answers_minus_one() {
    // Kernel memory has one page, the plug-in begins with one and may have three more.
    let source = r#"(module (memory (export "memory") 1)
        (func (export "three") (result i32) (memory.grow (i32.const 3)))
        (func (export "one") (result i32) (memory.grow (i32.const 1))))"#;
    let limits = Limits {
        memory_bytes_max: Some(5 * PAGE),
        ..Limits::default()
    };
    for options in with(limits) {
        let mut plugin = plugin(source, options);
        assert_eq!(plugin.call("three", b"").code, 1);
        assert_eq!(plugin.call("one", b"").code, -1);
        assert_eq!(plugin.memory_bytes(), 5 * PAGE);
    }
}

#[test]
fn the_sum_of_all_memories_counts() {
    let source = r#"(module (memory 2) (memory $b 2)
        (func (export "grow") (result i32) (memory.grow $b (i32.const 1))))"#;
    for (pages, fits) in [(4, false), (5, true)] {
        let limits = Limits {
            memory_bytes_max: Some(pages * PAGE),
            ..Limits::default()
        };
        for options in with(limits) {
            match fits {
                true => {
                    let mut plugin = plugin(source, options);
                    assert_eq!(plugin.call("grow", b"").code, -1);
                }
                false => assert_eq!(
                    load_error(source, options),
                    (Status::Memory, "oom".to_owned())
                ),
            }
        }
    }
}

#[test]
fn what_a_call_answers_is_kept_for_no_later_one() {
    let source = r#"(module (type $bytes (array i8))
        (func (export "run") (result (ref null $bytes))
            (array.new_default $bytes (i32.const 1000000))))"#;
    let limits = Limits {
        memory_bytes_max: Some(16 << 20),
        ..Limits::default()
    };
    for options in with(limits) {
        let mut plugin = plugin(source, options);
        for at in 0..50 {
            let answered = (-1, Status::GuestError, String::new());
            assert_eq!(call(&mut plugin, "run", b""), answered, "call {at}");
        }
    }
}

#[test]
fn objects_that_do_not_fit_are_oom() {
    let source = r#"(module (type $bytes (array i8))
        (func (export "large") (drop (array.new_default $bytes (i32.const 10000000))))
        (func (export "small") (drop (array.new_default $bytes (i32.const 10)))))"#;
    // Room for the kernel's page alone, and for a small heap beside it.
    for (bytes, small) in [(PAGE, Status::Memory), (32 * PAGE, Status::Ok)] {
        let limits = Limits {
            memory_bytes_max: Some(bytes),
            ..Limits::default()
        };
        for options in with(limits) {
            let mut plugin = plugin(source, options);
            for (name, status) in [("large", Status::Memory), ("small", small)] {
                let outcome = plugin.call(name, b"");
                assert_eq!(outcome.status(), status, "{name}, {bytes} bytes");
                assert!(outcome.error.is_none_or(|error| error.message() == "oom"));
            }
        }
    }
}

#[test]
fn max_pages_bounds_what_is_declared_and_what_is_added() {
    let manifest = |pages: u32| {
        format!(
            r#"{{"wasm": [{{"data": "{}"}}], "memory": {{"max_pages": {pages}}}}}"#,
            base64_of(
                r#"(module (memory (export "memory") 4 8)
                (func (export "grow") (result i32) (memory.grow (i32.const 4))))"#
            )
        )
    };
    let mut plugin = Plugin::load(manifest(3).as_str(), Options::default()).unwrap();
    assert!(plugin.has_function("grow"));
    for _ in 0..2 {
        let expected = (-1, Status::Memory, "oom".to_owned());
        assert_eq!(call(&mut plugin, "grow", b""), expected);
    }
    let mut plugin = Plugin::load(manifest(4).as_str(), Options::default()).unwrap();
    assert_eq!(plugin.call("grow", b"").code, 4, "to its own maximum");
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn a_trap_after_a_refused_growth_is_oom() {
    let source = r#"(module (memory 1)
        (func (export "ask") (drop (memory.grow (i32.const 100))))
        (func (export "abort") (drop (memory.grow (i32.const 100))) unreachable)
        (func (export "trap") unreachable))"#;
    let limits = Limits {
        memory_bytes_max: Some(4 * PAGE),
        ..Limits::default()
    };
    for options in with(limits) {
        let mut plugin = plugin(source, options);
        let expected = (-1, Status::Memory, "oom".to_owned());
        assert_eq!(call(&mut plugin, "abort", b""), expected);
        assert_eq!(plugin.call("ask", b"").code, 0, "an answer is no failure");
        assert_eq!(call(&mut plugin, "trap", b"").1, Status::TrapUnreachable);
    }
}

#[test]
fn input_that_does_not_fit() {
    let source = r#"(module (func (export "run")))"#;
    let limits = Limits {
        memory_bytes_max: Some(2 * PAGE),
        ..Limits::default()
    };
    for options in with(limits) {
        let mut plugin = plugin(source, options);
        let input = vec![0; 2 * PAGE as usize];
        let (code, status, text) = call(&mut plugin, "run", &input);
        assert_eq!((code, status), (-1, Status::Memory));
        assert!(
            text.starts_with("failed to allocate extism memory"),
            "{text}"
        );
        assert!(text.ends_with("oom"), "{text}");
        assert_eq!(plugin.call("run", b"small").code, 0);
    }
}

#[test]
fn tables_and_instances() {
    let table = r#"(module (table 100 funcref)
        (func (export "grow") (result i32) (table.grow (ref.null func) (i32.const 1))))"#;
    let limits = |elements| Limits {
        table_elements_max: elements,
        ..Limits::default()
    };
    assert_eq!(
        load_error(table, with(limits(99))[0].clone()).0,
        Status::Table
    );
    assert_eq!(
        plugin(table, with(limits(100))[0].clone())
            .call("grow", b"")
            .code,
        -1
    );
    assert_eq!(
        plugin(table, with(limits(101))[0].clone())
            .call("grow", b"")
            .code,
        100
    );
    let none = Limits {
        instances_max: 0,
        ..Limits::default()
    };
    assert_eq!(
        load_error("(module)", with(none)[0].clone()).0,
        Status::Instances
    );
}

#[test]
fn output_at_the_limit() {
    let echo = r#"(module
        (import "extism:host/env" "input_offset" (func $offset (result i64)))
        (import "extism:host/env" "input_length" (func $length (result i64)))
        (import "extism:host/env" "output_set" (func $output (param i64 i64)))
        (func (export "echo") (call $output (call $offset) (call $length))))"#;
    let limits = Limits {
        output_bytes_max: 10,
        ..Limits::default()
    };
    for options in with(limits) {
        let mut plugin = plugin(echo, options);
        assert_eq!(plugin.call("echo", &[1; 10]).code, 0);
        assert_eq!(plugin.output().len(), 10);
        assert_eq!(plugin.call("echo", &[1; 11]).status(), Status::Output);
        assert_eq!(plugin.output(), b"");
    }
}

#[test]
fn fuel_is_refilled_for_every_call() {
    let source = r#"(module
        (func (export "loop") (loop br 0))
        (func (export "short")))"#;
    let options = Options {
        fuel: Some(1_000),
        ..Options::default()
    };
    let mut plugin = plugin(source, options);
    for _ in 0..3 {
        let expected = (-1, Status::Fuel, "plugin ran out of fuel".to_owned());
        assert_eq!(call(&mut plugin, "loop", b""), expected);
        assert_eq!(plugin.fuel_consumed(), Some(1_000));
        assert_eq!(plugin.call("short", b"").code, 0);
        assert!(plugin.fuel_consumed().unwrap() < 100);
    }
}

#[test]
fn fuel_for_the_start() {
    let source = "(module (func $f (loop br 0)) (start $f))";
    let options = Options {
        fuel: Some(1_000),
        ..Options::default()
    };
    let (status, text) = load_error(source, options.clone());
    assert_eq!(
        (status, text.as_str()),
        (Status::Fuel, "wasm trap: all fuel consumed by WebAssembly")
    );
    let alone = Options {
        fuel: None,
        fuel_for_start: Some(1),
        ..options
    };
    let (status, text) = load_error(source, alone);
    assert_eq!(status, Status::InvalidArgument);
    assert_eq!(
        text,
        "an initialization fuel limit requires a call fuel limit"
    );
}

/// Such a plug-in can be made, and is like others in everything but its calls.
#[test]
fn a_plugin_too_large_for_max_pages_harms_nobody() {
    let library = r#"(module (func (export "f")))"#;
    let main = r#"(module (import "library" "f" (func)) (memory 4) (func (export "run")))"#;
    let growing = r#"(module (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (memory 1) (start $start)
        (func $start (drop (call $alloc (i64.const 8))) (if (i32.eq (memory.grow (i32.const 9)) (i32.const -1))
            (then unreachable)))
        (func (export "run")))"#;
    let small = r#"(module (memory 4) (func (export "run")))"#;
    let one = |text: &str| format!(r#"{{"data": "{}"}}"#, base64_of(text));
    let several = format!(
        r#"{{"data": "{}", "name": "library"}}, {{"data": "{}", "name": "main"}}"#,
        base64_of(library),
        base64_of(main)
    );
    for wasm in [one(small), one(growing), several] {
        for options in with(Limits::default()) {
            let manifest = format!(r#"{{"wasm": [{wasm}], "memory": {{"max_pages": 3}}}}"#);
            let compiled = CompiledPlugin::new(manifest.as_str(), options).unwrap();
            let mut plugin = Plugin::new(&compiled).unwrap();
            for _ in 0..2 {
                assert_eq!(call(&mut plugin, "run", b"").1, Status::Memory);
                assert_eq!(plugin.output(), b"");
                plugin.reset();
            }
            let pool = Pool::new(PoolOptions { instances_max: 1 }, move || {
                Plugin::new(&compiled)
            });
            for _ in 0..3 {
                let mut plugin = pool
                    .get(Duration::ZERO)
                    .unwrap()
                    .expect("its place is free");
                assert_eq!(call(&mut plugin, "run", b"").1, Status::Memory);
            }
        }
    }
}
