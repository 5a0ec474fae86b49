//! Config, variables, logging and HTTP as a plug-in meets them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use extism_runtime::manifest::{Manifest, Wasm};
use extism_runtime::{Level, Limits, LogSink, Options, Plugin, Status};

use crate::support::each_way;

/// A plug-in built with the Rust kit.
fn published(manifest: impl FnOnce(Manifest) -> Manifest, options: Options) -> Plugin {
    let wasm = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/plugins/published.wasm"
    );
    Plugin::load(manifest(Manifest::new([Wasm::file(wasm)])), options).unwrap()
}

fn text(plugin: &mut Plugin, name: &str, input: &str) -> String {
    let outcome = plugin.call(name, input.as_bytes());
    assert!(
        outcome.error.is_none(),
        "{name}({input}): {:?}",
        outcome.error
    );
    String::from_utf8(plugin.output().to_vec()).unwrap()
}

#[test]
fn config_comes_from_the_manifest_and_the_host() {
    let mut plugin = published(
        |manifest| manifest.with_config_key("colour", "red"),
        Options::default(),
    );
    assert_eq!(text(&mut plugin, "config", "colour"), "red");
    assert_eq!(text(&mut plugin, "config", "size"), "");
    plugin.configure([
        ("colour".to_owned(), None),
        ("size".to_owned(), Some("large".to_owned())),
    ]);
    assert_eq!(text(&mut plugin, "config", "colour"), "");
    assert_eq!(text(&mut plugin, "config", "size"), "large");
}

#[test]
fn variables_last_and_can_be_seen_by_the_host() {
    let mut plugin = published(|manifest| manifest, Options::default());
    plugin
        .vars_mut()
        .insert("from_host".into(), b"hello".to_vec());
    assert_eq!(text(&mut plugin, "var_get", "from_host"), "hello");
    assert_eq!(plugin.vars().keys().collect::<Vec<_>>(), ["from_host"]);
}

#[test]
fn log_messages_carry_the_plugin_and_reach_its_own_sink() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = LogSink {
        level: Level::Info,
        receive: {
            let seen = Arc::clone(&seen);
            Arc::new(move |record| {
                seen.lock()
                    .unwrap()
                    .push((record.plugin, record.level, record.message.to_owned()));
            })
        },
    };
    let options = Options {
        log_sink: Some(sink),
        ..Options::default()
    };
    let mut plugin = published(|manifest| manifest, options);
    assert_eq!(plugin.call("log_all", b"message").code, 0);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert!(seen.iter().all(|(id, _, _)| *id == plugin.id()));
    let levels: BTreeMap<Level, String> = seen
        .into_iter()
        .map(|(_, level, text)| (level, text))
        .collect();
    assert_eq!(
        levels.keys().copied().collect::<Vec<_>>(),
        [Level::Info, Level::Warn, Level::Error]
    );
    assert!(
        levels.values().all(|text| text.contains("message")),
        "{levels:?}"
    );
    // A sink that panics does not disturb the call.
    plugin.set_log_sink(Some(LogSink {
        level: Level::Trace,
        receive: Arc::new(|_| panic!("a sink panics on purpose")),
    }));
    assert_eq!(plugin.call("log_all", b"message").code, 0);
}

/// Answers every request with `response`, as often as asked; gives the port.
fn serve(response: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(response.as_bytes());
        }
    });
    port
}

const OK: &str =
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-test: yes\r\nconnection: close\r\n\r\nhello";

#[test]
fn http_goes_where_it_is_allowed_and_nowhere_else() {
    let url = format!("http://127.0.0.1:{}/", serve(OK));
    let allow = |host: &'static str| move |manifest: Manifest| manifest.with_allowed_host(host);
    let mut plugin = published(allow("127.0.0.1"), Options::default());
    assert_eq!(text(&mut plugin, "http_get", &url), "hello");
    for host in ["example.com", "*", "https://127.0.0.1"] {
        let mut plugin = published(allow(host), Options::default());
        let outcome = plugin.call("http_get", url.as_bytes());
        let error = outcome.error.unwrap();
        assert_eq!(outcome.code, -1);
        let cause = error.root_cause();
        assert!(
            cause.starts_with(&format!("HTTP request to {url} is not allowed")),
            "{host}: {cause}"
        );
        let policy = [
            Status::HostDenied,
            Status::AddressDenied,
            Status::SchemeDenied,
        ];
        assert!(policy.contains(&error.status()), "{host}: {error:?}");
    }
    let mut plugin = published(|manifest| manifest, Options::default());
    assert_eq!(
        plugin.call("http_get", url.as_bytes()).status(),
        Status::HostDenied
    );
}

#[test]
fn a_redirect_is_decided_again() {
    let target = serve(OK);
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://localhost:{target}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let url = format!(
        "http://127.0.0.1:{}/",
        serve(Box::leak(redirect.into_boxed_str()))
    );
    let mut plugin = published(
        |manifest| manifest.with_allowed_host("127.0.0.1"),
        Options::default(),
    );
    assert_eq!(
        plugin.call("http_get", url.as_bytes()).status(),
        Status::RedirectDenied
    );
    let both = |manifest: Manifest| {
        manifest
            .with_allowed_host("127.0.0.1")
            .with_allowed_host("localhost")
    };
    assert_eq!(
        text(&mut published(both, Options::default()), "http_get", &url),
        "hello"
    );
}

#[test]
fn http_is_bounded_in_size_and_number() {
    let url = format!("http://127.0.0.1:{}/", serve(OK));
    let bounded = |bytes| {
        move |mut manifest: Manifest| {
            manifest.memory.max_http_response_bytes = Some(bytes);
            manifest.with_allowed_host("127.0.0.1")
        }
    };
    assert_eq!(
        text(
            &mut published(bounded(5), Options::default()),
            "http_get",
            &url
        ),
        "hello"
    );
    let error = published(bounded(4), Options::default())
        .call("http_get", url.as_bytes())
        .error
        .unwrap();
    assert_eq!(error.status(), Status::HttpSize);
    assert_eq!(
        error.root_cause(),
        "HTTP response exceeds the configured maximum number of bytes: 4"
    );
    let none = Options {
        limits: Limits {
            http_requests_max: 0,
            ..Limits::default()
        },
        ..Options::default()
    };
    let outcome = published(bounded(5), none).call("http_get", url.as_bytes());
    assert_eq!(outcome.status(), Status::HttpRequests);
}

#[test]
fn a_silent_server_does_not_outlast_the_call() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let limited = |manifest: Manifest| {
        let limit = std::time::Duration::from_millis(50);
        manifest.with_allowed_host("127.0.0.1").with_timeout(limit)
    };
    let mut plugin = published(limited, Options::default());
    let outcome = plugin.call("http_get", url.as_bytes());
    assert_eq!((outcome.code, outcome.status()), (134, Status::Timeout));
    assert_eq!(plugin.call("noop", b"").code, 0);
}

#[test]
fn a_renewed_plugin_has_forgotten_the_last_response() {
    let source = r#"(module
        (import "extism:host/env" "http_request" (func $request (param i64 i64) (result i64)))
        (import "extism:host/env" "http_status_code" (func $status (result i32)))
        (import "extism:host/env" "http_headers" (func $headers (result i64)))
        (import "extism:host/env" "length" (func $length (param i64) (result i64)))
        (import "extism:host/env" "input_offset" (func $input (result i64)))
        (func (export "get") (drop (call $request (call $input) (i64.const 0))))
        (func (export "status") (result i32) (call $status))
        (func (export "headers") (result i32) (i32.wrap_i64 (call $length (call $headers)))))"#;
    let manifest = Manifest::new([Wasm::data(source)]).with_allowed_host("127.0.0.1");
    let options = Options {
        http_response_headers: true,
        ..Options::default()
    };
    let mut plugin = Plugin::load(manifest, options).unwrap();
    let request = format!(r#"{{"url": "http://127.0.0.1:{}/"}}"#, serve(OK));
    assert_eq!(plugin.call("get", request.as_bytes()).code, 0);
    assert_eq!(plugin.call("status", b"").code, 200);
    assert!(plugin.call("headers", b"").code > 2);
    plugin.renew().unwrap();
    assert_eq!(plugin.call("status", b"").code, 0);
    assert_eq!(
        plugin.call("headers", b"").code,
        2,
        "an empty object, still allowed"
    );
}

/// The published C kit frees the key after `config_get` has freed it.
#[test]
fn a_key_that_is_freed_twice_takes_no_answer_with_it() {
    let source = r#"(module
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (import "extism:host/env" "free" (func $free (param i64)))
        (import "extism:host/env" "length" (func $length (param i64) (result i64)))
        (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
        (import "extism:host/env" "config_get" (func $config (param i64) (result i64)))
        (import "extism:host/env" "var_get" (func $var (param i64) (result i64)))
        (import "extism:host/env" "var_set" (func $set (param i64 i64)))
        (import "extism:host/env" "output_set" (func $output (param i64 i64)))
        (func $text (param $byte i32) (result i64) (local $block i64)
            (local.set $block (call $alloc (i64.const 1)))
            (call $store (local.get $block) (local.get $byte))
            local.get $block)
        (func $put (param $key i64) (param $value i64)
            (call $free (local.get $key))
            (call $output (local.get $value) (call $length (local.get $value))))
        (func (export "config") (local $key i64)
            (local.set $key (call $text (i32.const 107)))
            (call $put (local.get $key) (call $config (local.get $key))))
        (func (export "var") (local $key i64)
            (call $set (call $text (i32.const 107)) (call $text (i32.const 119)))
            (local.set $key (call $text (i32.const 107)))
            (call $put (local.get $key) (call $var (local.get $key)))))"#;
    each_way(source, |plugin| {
        plugin.configure([("k".to_owned(), Some("v".to_owned()))]);
        assert_eq!(plugin.call("config", b"").code, 0);
        assert_eq!(plugin.output(), b"v");
        assert_eq!(plugin.call("var", b"").code, 0);
        assert_eq!(plugin.output(), b"w");
    });
}

/// One call, one count: of what it has to begin with, too, and of nothing before it.
#[test]
fn requests_are_counted_by_call() {
    let port = serve(OK);
    let url = format!(r#"{{\22url\22: \22http://127.0.0.1:{port}/\22}}"#);
    let bytes = url.replace(r"\22", "'").len();
    let source = format!(
        r#"(module
        (import "extism:host/env" "http_request" (func $request (param i64 i64) (result i64)))
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
        (memory 1) (data (i32.const 0) "{url}")
        (func $ask (local $at i64) (local $i i32)
            (local.set $at (call $alloc (i64.const {bytes})))
            (loop
                (call $store (i64.add (local.get $at) (i64.extend_i32_u (local.get $i)))
                    (i32.load8_u (local.get $i)))
                (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {bytes}))))
            (drop (call $request (local.get $at) (i64.const 0))))
        (func (export "_initialize") (call $ask))
        (func (export "one") (call $ask))
        (func (export "two") (call $ask) (call $ask)))"#
    );
    let load = |host: &str| {
        let manifest = Manifest::new([Wasm::data(source.as_bytes())]).with_allowed_host(host);
        let limits = Limits {
            http_requests_max: 2,
            ..Limits::default()
        };
        let options = Options {
            limits,
            ..Options::default()
        };
        Plugin::load(manifest, options).unwrap()
    };
    let mut plugin = load("127.0.0.1");
    assert_eq!(plugin.call("two", b"").status(), Status::HttpRequests);
    assert_eq!(plugin.call("two", b"").status(), Status::Ok);
    assert_eq!(load("127.0.0.1").call("one", b"").status(), Status::Ok);
    let mut refused = load("nobody.invalid");
    for _ in 0..4 {
        assert_eq!(refused.call("one", b"").status(), Status::HostDenied);
    }
}
