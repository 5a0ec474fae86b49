//! The published surface: every name, literal and conversion that programs already use.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use extism_manifest::{HttpRequest, Manifest, MemoryOptions, Wasm, WasmMetadata};

#[test]
fn literals_without_rest() {
    let meta = WasmMetadata {
        name: None,
        hash: None,
    };
    let req = HttpRequest {
        url: "https://example.com/a.wasm".to_owned(),
        headers: BTreeMap::new(),
        method: None,
    };
    let memory = MemoryOptions {
        max_pages: Some(1),
        max_http_response_bytes: Some(2),
        max_var_bytes: Some(3),
    };
    let manifest = Manifest {
        wasm: vec![
            Wasm::File {
                path: PathBuf::from("a.wasm"),
                meta: meta.clone(),
            },
            Wasm::Data {
                data: vec![0],
                meta: meta.clone(),
            },
            Wasm::Url { req, meta },
        ],
        memory,
        config: BTreeMap::new(),
        allowed_hosts: None,
        allowed_paths: None,
        timeout_ms: None,
    };
    for wasm in &manifest.wasm {
        match wasm {
            Wasm::File { .. } | Wasm::Data { .. } | Wasm::Url { .. } => {}
        }
    }
    assert_eq!(manifest.wasm.len(), 3);
}

#[test]
#[expect(deprecated, reason = "the old names still have to work")]
fn old_names() {
    let memory: extism_manifest::ManifestMemory = MemoryOptions::new();
    let wasm: extism_manifest::ManifestWasm = Wasm::file("a.wasm");
    assert_eq!(
        (memory, wasm),
        (MemoryOptions::default(), Wasm::file("a.wasm"))
    );
}

#[test]
fn builders_of_a_manifest() {
    let manifest = Manifest::new([Wasm::file("a.wasm")])
        .with_wasm(vec![1, 2])
        .with_wasm(PathBuf::from("b.wasm"))
        .with_wasm(HttpRequest::new("u"))
        .with_memory_options(MemoryOptions::new().with_max_var_bytes(3))
        .with_memory_max(4)
        .with_allowed_hosts(["a".to_owned()].into_iter())
        .with_allowed_host("b")
        .with_allowed_paths([("x".to_owned(), PathBuf::from("/x"))].into_iter())
        .with_allowed_path("y".to_owned(), "/y")
        .with_config([("k", "1"), ("l", "2")].into_iter())
        .with_config_key("k", "3")
        .with_timeout(Duration::from_micros(1_999));
    assert_eq!(
        manifest.wasm[1..],
        [Wasm::data([1, 2]), Wasm::file("b.wasm"), Wasm::url("u")]
    );
    assert_eq!(manifest.memory.max_pages, Some(4));
    assert_eq!(manifest.memory.max_var_bytes, Some(3));
    assert_eq!(
        manifest.allowed_hosts,
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
    let paths = [("x", "/x"), ("y", "/y")].map(|(from, to)| (from.to_owned(), PathBuf::from(to)));
    assert_eq!(manifest.allowed_paths, Some(BTreeMap::from(paths)));
    let config = [("k", "3"), ("l", "2")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(manifest.config, BTreeMap::from(config));
    assert_eq!(manifest.timeout_ms, Some(1));
    assert_eq!(
        manifest.disallow_all_hosts().allowed_hosts,
        Some(Vec::new())
    );
}

#[test]
fn builders_start_from_nothing() {
    let host = Manifest::default().with_allowed_host("a");
    assert_eq!(host.allowed_hosts, Some(vec!["a".to_owned()]));
    let path = Manifest::default().with_allowed_path("a".to_owned(), "/a");
    assert_eq!(path.allowed_paths.map(|paths| paths.len()), Some(1));
    assert_eq!(Manifest::new(Vec::<Wasm>::new()), Manifest::default());
    let forever = Manifest::default().with_timeout(Duration::MAX);
    assert_eq!(
        forever.timeout_ms,
        Some(u64::MAX),
        "a time too long for the field is the longest there is"
    );
}

#[test]
fn overriding_replaces_what_the_other_says_and_nothing_else() {
    let full = |sign: &str, number: u32| {
        Manifest::new([Wasm::file(sign)])
            .with_memory_max(number)
            .with_config_key("key", sign)
            .with_allowed_host(sign)
            .with_allowed_path(sign.to_owned(), sign)
            .with_timeout(Duration::from_millis(number.into()))
    };
    let overridden = |other| {
        let mut manifest = full("old", 1);
        manifest.override_with(other);
        manifest
    };
    let new = full("new", 2);
    let modules_stay = Manifest {
        wasm: full("old", 1).wasm,
        ..new.clone()
    };
    assert_eq!(overridden(new), modules_stay);
    assert_eq!(overridden(Manifest::default()), full("old", 1));
    let no_hosts = overridden(Manifest::default().disallow_all_hosts());
    assert_eq!(no_hosts, full("old", 1).disallow_all_hosts());
}

#[test]
fn a_request_in_json() {
    let read = |json: &str| HttpRequest::from_json(json.as_bytes());
    let request = HttpRequest::new("u")
        .with_header("a", "3")
        .with_header("b", "2");
    let json = r#"{"url": "u", "headers": {"a": "1", "b": "2", "a": "3"}}"#;
    assert_eq!(read(json), Ok(request), "the last of a name counts");
    for (json, words) in [
        (r#"{"url": "u", "headers": {"a": 1}}"#, "headers.a"),
        (r#"{"url": "u", "headers": []}"#, "headers"),
        (r#"{"headers": {}}"#, "missing field url"),
    ] {
        let error = read(json).expect_err(json).to_string();
        assert!(error.contains(words), "{json}: {error}");
    }
}

#[test]
fn builders_of_the_parts() {
    let memory = MemoryOptions::new()
        .with_max_pages(1)
        .with_max_http_response_bytes(2)
        .with_max_var_bytes(3);
    let expected = MemoryOptions {
        max_pages: Some(1),
        max_http_response_bytes: Some(2),
        max_var_bytes: Some(3),
    };
    assert_eq!(memory, expected);

    let request = HttpRequest::new("u")
        .with_method("PUT")
        .with_header("a", "1")
        .with_header("a", "2");
    assert_eq!(request.method.as_deref(), Some("PUT"));
    assert_eq!(
        request.headers,
        BTreeMap::from([("a".to_owned(), "2".to_owned())])
    );

    for wasm in [
        Wasm::file("a"),
        Wasm::data([0]),
        Wasm::url("u"),
        Wasm::http(request),
    ] {
        let mut wasm = wasm.with_name("n").with_hash("h");
        assert_eq!(
            (wasm.meta().name.as_deref(), wasm.meta().hash.as_deref()),
            (Some("n"), Some("h"))
        );
        *wasm.meta_mut() = WasmMetadata::default();
        assert_eq!(*wasm.meta(), WasmMetadata::default());
    }
}

#[test]
fn the_printed_form() {
    let manifest = Manifest::new([
        Wasm::file("a.wasm").with_name("main"),
        Wasm::data([0]).with_hash("h"),
        Wasm::http(
            HttpRequest::new("u")
                .with_method("PUT")
                .with_header("k", "v"),
        ),
    ]);
    let expected = concat!(
        r#"{"wasm":[{"path":"a.wasm","name":"main","hash":null},"#,
        r#"{"data":"AA==","name":null,"hash":"h"},"#,
        r#"{"url":"u","headers":{"k":"v"},"method":"PUT","name":null,"hash":null}],"#,
        r#""memory":{"max_pages":null,"max_http_response_bytes":null,"max_var_bytes":null},"#,
        r#""config":{},"allowed_hosts":null,"allowed_paths":null,"timeout_ms":null}"#
    );
    assert_eq!(
        serde_json::to_string(&manifest).expect("it can be printed"),
        expected
    );
    let borrowed: Cow<'_, [u8]> = (&manifest).into();
    assert_eq!(borrowed, expected.as_bytes());
    let owned: Cow<'_, [u8]> = manifest.into();
    assert_eq!(owned, expected.as_bytes());
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_text_prints_with_a_mark() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let path = PathBuf::from(OsStr::from_bytes(b"a\xff.wasm"));
    let manifest = Manifest::new([path.clone()]).with_allowed_path("x".to_owned(), path);
    let printed = String::from_utf8(manifest.to_json()).expect("JSON is text");
    assert!(
        printed.starts_with("{\"wasm\":[{\"path\":\"a\u{fffd}.wasm\","),
        "{printed}"
    );
    assert!(
        printed.contains("\"allowed_paths\":{\"x\":\"a\u{fffd}.wasm\"}"),
        "{printed}"
    );
}
