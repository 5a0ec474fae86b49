//! What the parser accepts, and what it reads.

use std::path::PathBuf;

use extism_manifest::{HttpRequest, Manifest, MemoryOptions, ParseOptions, Wasm};

fn parse(text: &str) -> Manifest {
    Manifest::parse(text.as_bytes(), &ParseOptions::default())
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn check(text: &str, expected: Manifest) {
    assert_eq!(parse(text), expected, "{text}");
}

fn memory(max_pages: Option<u32>, response: Option<u64>, vars: Option<u64>) -> Manifest {
    Manifest::default().with_memory_options(MemoryOptions {
        max_pages,
        max_http_response_bytes: response,
        max_var_bytes: vars,
    })
}

fn module(wasm: Wasm) -> Manifest {
    Manifest::new([wasm])
}

#[test]
fn empty_texts() {
    for text in [
        "",
        " \n\t",
        "{}",
        " {} ",
        "[]",
        "# only a comment\n",
        "\u{feff}",
        "\u{feff}{}",
        "wasm = []",
    ] {
        check(text, Manifest::default());
    }
}

#[test]
fn sources() {
    check(r#"{"wasm": [{"path": "a"}]}"#, module(Wasm::file("a")));
    check("[[wasm]]\npath = 'a'", module(Wasm::file("a")));
    check("# c\n\n[[wasm]]\r\npath = 'a'\r\n", module(Wasm::file("a")));
    check("wasm = [{ path = 'a' }]", module(Wasm::file("a")));
    check(r#"{"wasm": [{"path": ""}]}"#, module(Wasm::file("")));
    check(r#"{"wasm": [{"data": ""}]}"#, module(Wasm::data([])));
    check(
        r#"{"wasm": [{"data": "AGFzbQ=="}]}"#,
        module(Wasm::data(*b"\0asm")),
    );
    check("[[wasm]]\ndata = 'AGFzbQ=='", module(Wasm::data(*b"\0asm")));
    check(r#"{"wasm": [{"url": "u"}]}"#, module(Wasm::url("u")));
    let request = HttpRequest::new("u")
        .with_method("PUT")
        .with_header("k", "v");
    check(
        r#"{"wasm": [{"url": "u", "method": "PUT", "headers": {"k": "v"}}]}"#,
        module(Wasm::http(request.clone())),
    );
    check(
        "[[wasm]]\nurl = 'u'\nmethod = 'PUT'\n[wasm.headers]\nk = 'v'",
        module(Wasm::http(request)),
    );
    check(
        r#"{"wasm": [{"url": "u", "method": null, "headers": {}}]}"#,
        module(Wasm::url("u")),
    );
}

#[test]
fn names_and_hashes_are_any_text() {
    let text = r#"{"wasm": [
        {"name": "lib", "hash": "not hexadecimal", "path": "a"},
        {"path": "b", "name": null, "hash": null}
    ]}"#;
    let lib = Wasm::file("a")
        .with_name("lib")
        .with_hash("not hexadecimal");
    check(text, Manifest::new([lib, Wasm::file("b")]));
}

#[test]
fn memory_section() {
    let var_bytes = Some(1024 * 1024);
    check(r#"{"memory": {}}"#, memory(None, None, var_bytes));
    check("[memory]", memory(None, None, var_bytes));
    check(
        r#"{"memory": {"max_pages": 4}}"#,
        memory(Some(4), None, var_bytes),
    );
    check("memory.max_pages = 0x10", memory(Some(16), None, var_bytes));
    check(
        r#"{"memory": {"max_var_bytes": 0}}"#,
        memory(None, None, Some(0)),
    );
    check(
        r#"{"memory": {"max_pages": null, "max_http_response_bytes": null, "max_var_bytes": null}}"#,
        memory(None, None, None),
    );
    check(
        r#"{"memory": {"max_pages": 4294967295, "max_http_response_bytes": 18446744073709551615}}"#,
        memory(Some(u32::MAX), Some(u64::MAX), var_bytes),
    );
}

#[test]
fn the_rest() {
    let config = Manifest::default().with_config([("", ""), ("a b", "\0")].into_iter());
    check(r#"{"config": {"": "", "a b": "\u0000"}}"#, config.clone());
    check("[config]\n'' = ''\n'a b' = \"\\u0000\"", config);
    check(
        r#"{"allowed_hosts": null, "allowed_paths": null, "timeout_ms": null}"#,
        Manifest::default(),
    );
    check(
        r#"{"allowed_hosts": []}"#,
        Manifest::default().disallow_all_hosts(),
    );
    check(
        "allowed_hosts = ['*', 'a']",
        Manifest::default()
            .with_allowed_host("*")
            .with_allowed_host("a"),
    );
    let no_paths = Vec::<(String, PathBuf)>::new().into_iter();
    check(
        r#"{"allowed_paths": {}}"#,
        Manifest::default().with_allowed_paths(no_paths),
    );
    check(
        "[allowed_paths]\n'ro:/a' = '/b'",
        Manifest::default().with_allowed_path("ro:/a".to_owned(), "/b"),
    );
    let longest = Manifest {
        timeout_ms: Some(u64::MAX),
        ..Manifest::default()
    };
    check(r#"{"timeout_ms": 18446744073709551615}"#, longest.clone());
    check("timeout_ms = 18446744073709551615", longest);
}

#[test]
fn old_spellings() {
    let var_bytes = Some(1024 * 1024);
    check(
        r#"{"memory": {"max": 4}}"#,
        memory(Some(4), None, var_bytes),
    );
    check("[memory]\nmax = 4", memory(Some(4), None, var_bytes));
    check(
        r#"{"memory": {"max": null}}"#,
        memory(None, None, var_bytes),
    );
    let wasm = module(Wasm::http(HttpRequest::new("u").with_header("k", "v")));
    check(
        r#"{"wasm": [{"url": "u", "header": {"k": "v"}}]}"#,
        wasm.clone(),
    );
    check("[[wasm]]\nurl = 'u'\nheader = { k = 'v' }", wasm);
}

/// Readers generated by serde take the fields of a struct in order too, so published manifests may be arrays.
#[test]
fn positional_forms() {
    let whole = Manifest {
        timeout_ms: Some(7),
        ..memory(Some(4), Some(5), Some(6))
            .with_wasm(Wasm::file("a"))
            .with_config_key("k", "v")
            .with_allowed_path("a".to_owned(), "b")
    };
    check(
        r#"[[{"path": "a"}], [4, 5, 6], {"k": "v"}, null, {"a": "b"}, 7]"#,
        whole,
    );
    check("[[], [4]]", memory(Some(4), None, Some(1024 * 1024)));
    check("memory = [4]", memory(Some(4), None, Some(1024 * 1024)));
    // The TOML reader that serde generates stops after the last field.
    check("memory = [4, 5, 6, 'x']", memory(Some(4), Some(5), Some(6)));
    // Valid in both languages; TOML comes first.
    check(r#"["memory"]"#, memory(None, None, Some(1024 * 1024)));
}

#[test]
fn one_language_only() {
    let options = ParseOptions::default();
    assert_eq!(
        Manifest::from_json(b"{}", &options),
        Ok(Manifest::default())
    );
    assert_eq!(Manifest::from_toml(b"", &options), Ok(Manifest::default()));
}

#[test]
fn pointers_go_through_the_callback() {
    let read = |address, length| Ok(format!("{address}+{length}").into_bytes());
    let options = ParseOptions {
        read_pointer: Some(&read),
        ..ParseOptions::default()
    };
    for text in [
        r#"{"wasm": [{"data": {"ptr": 18446744073709551615, "len": 3}}]}"#,
        "[[wasm]]\ndata = { ptr = 18446744073709551615, len = 3 }",
    ] {
        let manifest = Manifest::parse(text.as_bytes(), &options);
        assert_eq!(
            manifest,
            Ok(module(Wasm::data(*b"18446744073709551615+3"))),
            "{text}"
        );
    }
}

#[test]
fn embedded_in_another_type() {
    #[derive(serde::Deserialize)]
    struct Tenant {
        manifest: Manifest,
        extra: Vec<Wasm>,
    }
    let text =
        r#"{"manifest": {"memory": {"max": 4}}, "extra": [{"url": "u", "header": {"k": "v"}}]}"#;
    let tenant = serde_json::from_str::<Tenant>(text).expect("a tenant");
    assert_eq!(tenant.manifest, memory(Some(4), None, Some(1024 * 1024)));
    assert_eq!(
        tenant.extra,
        [Wasm::http(HttpRequest::new("u").with_header("k", "v"))]
    );
    let tenant = toml::from_str::<Tenant>("extra = [{ path = 'a' }]\n[manifest]\ntimeout_ms = 1");
    let tenant = tenant.expect("a tenant");
    assert_eq!(
        (tenant.manifest.timeout_ms, tenant.extra),
        (Some(1), vec![Wasm::file("a")])
    );
}

#[test]
fn the_parts_by_themselves() {
    let memory = serde_json::from_str::<MemoryOptions>(r#"{"max": 4}"#).expect("memory");
    assert_eq!(
        memory,
        MemoryOptions::new()
            .with_max_pages(4)
            .with_max_var_bytes(1024 * 1024)
    );
    // A plug-in of the 0.1 era sends its requests with the old name.
    let request = serde_json::from_str::<HttpRequest>(r#"{"url": "u", "header": {"k": "v"}}"#);
    assert_eq!(
        request.expect("a request"),
        HttpRequest::new("u").with_header("k", "v")
    );
}

/// With its feature `arbitrary_precision`, which any crate of a program can turn on, `serde_json` hands
/// numbers over as maps of one text.
#[test]
fn numbers_of_arbitrary_precision() {
    use serde::Deserialize;
    use serde::de::value::{Error, MapDeserializer};
    use std::collections::HashMap;

    let number = |text| HashMap::from([("$serde_json::private::Number", text)]);
    let read = |text| {
        let map = HashMap::from([("timeout_ms", number(text))]);
        Manifest::deserialize(MapDeserializer::<_, Error>::new(map.into_iter()))
    };
    assert_eq!(read("7").map(|manifest| manifest.timeout_ms), Ok(Some(7)));
    for text in ["7.0", "-0", "1e3"] {
        let message = read(text).expect_err("not a whole number").to_string();
        let expected = "Unknown manifest format: timeout_ms: expected a whole number from 0 to \
                        18446744073709551615, found a floating-point number";
        assert_eq!(message, expected, "{text}");
    }
}
