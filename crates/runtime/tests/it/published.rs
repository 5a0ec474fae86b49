//! Plug-ins built with the published Rust kit, and the same sources built with this project's kit.

use extism_runtime::manifest::{Manifest, Wasm};
use extism_runtime::{HostFunction, Plugin, Status, ValueType};

use crate::support::both_ways;

fn each(names: &[&str], check: impl Fn(&mut Plugin, &str)) {
    for name in names {
        for mut options in both_ways() {
            let path = format!(
                "{}/../../fixtures/plugins/{name}.wasm",
                env!("CARGO_MANIFEST_DIR")
            );
            options.functions = vec![hello_world(), add()];
            let manifest = Manifest::new([Wasm::file(path)]).with_config_key("vowels", "aeiou");
            check(&mut Plugin::load(manifest, options).unwrap(), name);
        }
    }
}

fn hello_world() -> HostFunction {
    HostFunction::new(
        "hello_world",
        [ValueType::I64],
        [ValueType::I64],
        |plugin, slots| {
            let handle = slots.get(0, ValueType::I64);
            let text = String::from_utf8(plugin.bytes(handle)?.to_vec())?;
            plugin.free(handle);
            let greeting = plugin.store(format!("hello {text}").as_bytes())?;
            slots.set(0, ValueType::I64, greeting);
            Ok(())
        },
    )
}

fn add() -> HostFunction {
    HostFunction::new("add", [ValueType::I64; 2], [ValueType::I64], |_, slots| {
        let [a, b] = [0, 1].map(|at| slots.get(at, ValueType::I64));
        slots.set(0, ValueType::I64, a.wrapping_add(b));
        Ok(())
    })
}

const PLAIN: [&str; 4] = ["published", "ours", "published_wasi", "ours_wasi"];

#[test]
fn plain_plugins() {
    each(&PLAIN, |plugin, name| {
        assert_eq!(plugin.call("noop", b"").code, 0, "{name}");
        for bytes in [0usize, 1, 9, 4_096, 1_000_003] {
            let input: Vec<u8> = (0..bytes).map(|i| (i * 31) as u8).collect();
            assert_eq!(plugin.call("echo", &input).code, 0, "{name}");
            assert!(plugin.output() == input, "{name} echoes {bytes}");
        }
        for total in [4, 8] {
            assert_eq!(plugin.call("count_vowels", b"this is a test").code, 0);
            let expected = format!(r#"{{"count":4,"total":{total},"vowels":"aeiou"}}"#);
            assert_eq!(String::from_utf8_lossy(plugin.output()), expected, "{name}");
        }
        assert_eq!(plugin.call("var_set", b"key=\xff\0value").code, 0);
        assert_eq!(plugin.call("var_get", b"key").code, 0);
        assert_eq!(plugin.output(), b"\xff\0value", "{name}");
        assert_eq!(plugin.call("var_remove", b"key").code, 0);
        assert_eq!(plugin.call("var_get", b"key").code, 0);
        assert_eq!(plugin.output(), b"", "{name}");
    });
}

#[test]
fn plugins_that_fail() {
    each(&PLAIN, |plugin, name| {
        let outcome = plugin.call("fail", b"reason");
        assert_eq!(outcome.code, -1, "{name}");
        assert_eq!(outcome.error.unwrap().message(), "reason", "{name}");
        let outcome = plugin.call("fail_code", b"reason");
        assert_eq!(
            (outcome.code, outcome.status()),
            (7, Status::GuestError),
            "{name}"
        );
        let outcome = plugin.call("panic", b"reason");
        assert!(outcome.error.is_some(), "{name}");
        assert_eq!(plugin.call("noop", b"").code, 0, "{name} goes on");
    });
}

#[test]
fn plugins_that_call_the_host() {
    each(&["published_host", "ours_host"], |plugin, name| {
        assert_eq!(plugin.call("call_host", b"world").code, 0, "{name}");
        assert_eq!(plugin.output(), b"hello world", "{name}");
        assert_eq!(plugin.call("add_host", b"-3 45").code, 0, "{name}");
        assert_eq!(plugin.output(), b"42", "{name}");
    });
}
