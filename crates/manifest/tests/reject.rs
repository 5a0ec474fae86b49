//! Fields the parser refuses, and the exact words.

use extism_abi::Status;
use extism_manifest::{Manifest, ParseError, ParseOptions, Wasm};

const MODULE_FIELDS: &str = "Known fields: path, data, url, name, hash, method, headers";
const MANIFEST_FIELDS: &str =
    "Known fields: wasm, memory, config, allowed_hosts, allowed_paths, timeout_ms";
const MEMORY_FIELDS: &str = "Known fields: max_pages, max_http_response_bytes, max_var_bytes";
const POINTER: &str =
    "a pointer is only accepted from the host process itself; give the bytes as base64";
const U64: &str = "expected a whole number from 0 to 18446744073709551615";

fn refuse(text: &[u8]) -> ParseError {
    match Manifest::parse(text, &ParseOptions::default()) {
        Ok(_) => panic!("accepted: {}", String::from_utf8_lossy(text)),
        Err(error) => error,
    }
}

/// A fault of a field, with its path and its words.
#[track_caller]
fn check(text: &str, field: &str, message: &str) {
    let error = refuse(text.as_bytes());
    assert_eq!(error.status(), Status::ManifestField, "{text}: {error}");
    assert_eq!(error.field().unwrap_or_default(), field, "{text}: {error}");
    assert_eq!(error.message(), message, "{text}");
    assert_eq!(error.position(), None, "{text}");
    let separator = if field.is_empty() { "" } else { ": " };
    assert_eq!(
        error.to_string(),
        format!("Unknown manifest format: {field}{separator}{message}")
    );
}

#[test]
fn unknown_fields() {
    let guess = |name: &str, known: &str| format!("unknown field, did you mean {name}? {known}");
    let no_guess = |known: &str| format!("unknown field. {known}");
    check(r#"{"wsam": []}"#, "wsam", &guess("wasm", MANIFEST_FIELDS));
    check(
        "timeout = 5",
        "timeout",
        &guess("timeout_ms", MANIFEST_FIELDS),
    );
    check("[hosts]", "hosts", &guess("allowed_hosts", MANIFEST_FIELDS));
    check(
        "allowedHosts = []",
        "allowedHosts",
        &guess("allowed_hosts", MANIFEST_FIELDS),
    );
    check(
        "Allowed-Paths = {}",
        "Allowed-Paths",
        &guess("allowed_paths", MANIFEST_FIELDS),
    );
    check("x = 1", "x", &no_guess(MANIFEST_FIELDS));
    check("wa = 1", "wa", &no_guess(MANIFEST_FIELDS));
    check("was = 1", "was", &guess("wasm", MANIFEST_FIELDS));
    let (long, longer) = (
        format!("memory{}", "_".repeat(58)),
        format!("memory{}", "_".repeat(59)),
    );
    check(
        &format!("{long} = 1"),
        &long,
        &guess("memory", MANIFEST_FIELDS),
    );
    check(
        &format!("{longer} = 1"),
        &format!("[\"{long}\"…]"),
        &no_guess(MANIFEST_FIELDS),
    );
    check("colour = 1", "colour", &no_guess(MANIFEST_FIELDS));
    check("'a b' = 1", r#"["a b"]"#, &no_guess(MANIFEST_FIELDS));
    check("'' = 1", r#"[""]"#, &no_guess(MANIFEST_FIELDS));
    check(
        r#"{"a\n\u001b[31m": 1}"#,
        r#"["a\n\u{1b}[31m"]"#,
        &no_guess(MANIFEST_FIELDS),
    );
    let long = "é".repeat(1000);
    let shown = format!("[\"{}\"…]", "é".repeat(64));
    check(
        &format!("{{\"{long}\": 1}}"),
        &shown,
        &no_guess(MANIFEST_FIELDS),
    );

    check(
        "[memory]\nmax_page = 4",
        "memory.max_page",
        &guess("max_pages", MEMORY_FIELDS),
    );
    check(
        r#"{"wasm": [{"pth": "a"}]}"#,
        "wasm[0].pth",
        &guess("path", MODULE_FIELDS),
    );
    check(
        r#"{"wasm": [{"path": "a"}, {"path": "b", "sha": ""}]}"#,
        "wasm[1].sha",
        &no_guess(MODULE_FIELDS),
    );
    check(
        r#"{"wasm": [{"req": {"url": "u"}}]}"#,
        "wasm[0].req",
        &no_guess(MODULE_FIELDS),
    );
    check(
        r#"{"wasm": [{"data": {"ptr": 1, "length": 1}}]}"#,
        "wasm[0].data.length",
        &guess("len", "Known fields: ptr, len"),
    );
}

#[test]
fn sources_of_a_module() {
    let one = |found: &str| format!("expected exactly one of path, data and url, found {found}");
    check(r#"{"wasm": [{}]}"#, "wasm[0]", &one("none of them"));
    check(
        r#"{"wasm": [{"name": "n", "method": "GET"}]}"#,
        "wasm[0]",
        &one("none of them"),
    );
    check(
        r#"{"wasm": [{"data": "", "path": "a"}]}"#,
        "wasm[0]",
        &one("path and data"),
    );
    check(
        "[[wasm]]\npath = 'a'\nurl = 'u'",
        "wasm[0]",
        &one("path and url"),
    );
    check(
        r#"{"wasm": [{"path": "a"}, {"data": "", "path": "a", "url": "u"}]}"#,
        "wasm[1]",
        &one("path and data and url"),
    );
    check(
        r#"{"wasm": [{"path": "a", "headers": {}}]}"#,
        "wasm[0].headers",
        "only allowed beside url, not beside path",
    );
    check(
        r#"{"wasm": [{"data": "", "header": {}}]}"#,
        "wasm[0].header",
        "only allowed beside url, not beside data",
    );
    check(
        r#"{"wasm": [{"path": "a", "method": null}]}"#,
        "wasm[0].method",
        "only allowed beside url, not beside path",
    );
    check(
        r#"{"wasm": ["a.wasm"]}"#,
        "wasm[0]",
        "expected an object, found a string",
    );
    check(
        "wasm = ['a.wasm']",
        "wasm[0]",
        "expected a table, found a string",
    );
    check(
        r#"{"wasm": [["a"]]}"#,
        "wasm[0]",
        "expected an object, found an array",
    );
    check(
        "[wasm]\npath = 'a'",
        "wasm",
        "expected an array, found a table",
    );
    check(
        r#"{"wasm": {"path": "a"}}"#,
        "wasm",
        "expected an array, found an object",
    );
}

#[test]
fn inline_data() {
    let base64 = |reason: &str| format!("expected padded standard base64: {reason}");
    let data = |value: &str| format!(r#"{{"wasm": [{{"data": {value}}}]}}"#);
    let field = "wasm[0].data";
    check(&data("\"AA\""), field, &base64("Invalid padding"));
    check(
        &data("\"AB==\""),
        field,
        &base64("Invalid last symbol 66, offset 1."),
    );
    check(
        &data("\"-_-_\""),
        field,
        &base64("Invalid symbol 45, offset 0."),
    );
    check(
        &data("\"AA ==\""),
        field,
        &base64("Invalid symbol 32, offset 2."),
    );
    check(
        &data("null"),
        field,
        "expected a string of base64, found null",
    );
    check(
        &data("[1, 2]"),
        field,
        "expected a string of base64, found an array",
    );
    check(&data(r#"{"ptr": 1, "len": 2}"#), field, POINTER);
    check("[[wasm]]\ndata = { ptr = 1, len = 2 }", field, POINTER);
    check(
        &data(r#"{"ptr": 1}"#),
        field,
        "expected ptr and len, found no len",
    );
    check(
        &data(r#"{"len": 1}"#),
        field,
        "expected ptr and len, found no ptr",
    );
    check(
        &data(r#"{"ptr": -1, "len": 2}"#),
        "wasm[0].data.ptr",
        &format!("{U64}, found -1"),
    );
    check(
        &data(r#"{"ptr": 1, "len": null}"#),
        "wasm[0].data.len",
        &format!("{U64}, found null"),
    );
}

#[test]
fn values_of_the_wrong_kind() {
    let text = |found: &str| format!("expected a string, found {found}");
    check(r#"{"config": {"a": null}}"#, "config.a", &text("null"));
    check(r#"{"config": {"a": 5}}"#, "config.a", &text("a number"));
    check(
        r#"{"config": {"a": 5.5}}"#,
        "config.a",
        &text("a floating-point number"),
    );
    check(r#"{"config": {"a": true}}"#, "config.a", &text("a boolean"));
    check(
        r#"{"config": {"a b": []}}"#,
        r#"config["a b"]"#,
        &text("an array"),
    );
    check(r#"{"config": {"a": {}}}"#, "config.a", &text("an object"));
    check("[config.a]", "config.a", &text("a table"));
    check(
        "[config]\na = 1979-05-27",
        "config.a",
        &text("a date or time"),
    );
    check(
        "[config]\na = 07:32:00",
        "config.a",
        &text("a date or time"),
    );
    check(
        r#"{"config": null}"#,
        "config",
        "expected an object, found null",
    );
    check("config = []", "config", "expected a table, found an array");
    check(
        r#"{"memory": null}"#,
        "memory",
        "expected an object, found null",
    );
    check(
        r#"{"memory": 4}"#,
        "memory",
        "expected an object, found a number",
    );
    check(r#"{"wasm": null}"#, "wasm", "expected an array, found null");
    check(
        r#"{"allowed_hosts": "a"}"#,
        "allowed_hosts",
        "expected an array, found a string",
    );
    check(
        "[allowed_hosts]",
        "allowed_hosts",
        "expected an array, found a table",
    );
    check(
        r#"{"allowed_hosts": ["a", 1]}"#,
        "allowed_hosts[1]",
        &text("a number"),
    );
    check(
        r#"{"allowed_paths": []}"#,
        "allowed_paths",
        "expected an object, found an array",
    );
    check(
        r#"{"allowed_paths": {"/a": null}}"#,
        r#"allowed_paths["/a"]"#,
        &text("null"),
    );
    check(
        r#"{"wasm": [{"path": 1}]}"#,
        "wasm[0].path",
        &text("a number"),
    );
    check(
        r#"{"wasm": [{"path": null}]}"#,
        "wasm[0].path",
        &text("null"),
    );
    check(r#"{"wasm": [{"url": null}]}"#, "wasm[0].url", &text("null"));
    check(
        r#"{"wasm": [{"path": "a", "name": 1}]}"#,
        "wasm[0].name",
        &text("a number"),
    );
    check(
        r#"{"wasm": [{"path": "a", "hash": {}}]}"#,
        "wasm[0].hash",
        &text("an object"),
    );
    check(
        r#"{"wasm": [{"url": "u", "method": 1}]}"#,
        "wasm[0].method",
        &text("a number"),
    );
    check(
        r#"{"wasm": [{"url": "u", "headers": null}]}"#,
        "wasm[0].headers",
        "expected an object, found null",
    );
    check(
        r#"{"wasm": [{"url": "u", "headers": {"k": 1}}]}"#,
        "wasm[0].headers.k",
        &text("a number"),
    );
    check(
        r#"{"wasm": [{"url": "u", "header": {"k": 1}}]}"#,
        "wasm[0].header.k",
        &text("a number"),
    );
}

#[test]
fn numbers() {
    let u32 = "expected a whole number from 0 to 4294967295";
    let pages = |value: &str| format!(r#"{{"memory": {{"max_pages": {value}}}}}"#);
    check(
        &pages("4294967296"),
        "memory.max_pages",
        &format!("{u32}, found 4294967296"),
    );
    check(
        &pages("-1"),
        "memory.max_pages",
        &format!("{u32}, found -1"),
    );
    check(
        &pages("4.0"),
        "memory.max_pages",
        &format!("{u32}, found a floating-point number"),
    );
    check(
        &pages("\"4\""),
        "memory.max_pages",
        &format!("{u32}, found a string"),
    );
    check("memory.max = -1", "memory.max", &format!("{u32}, found -1"));
    check(
        "memory = [-1]",
        "memory.max_pages",
        &format!("{u32}, found -1"),
    );
    check("timeout_ms = -1", "timeout_ms", &format!("{U64}, found -1"));
    check(
        "timeout_ms = 1.0",
        "timeout_ms",
        &format!("{U64}, found a floating-point number"),
    );
    check(
        r#"{"timeout_ms": -0}"#,
        "timeout_ms",
        &format!("{U64}, found a floating-point number"),
    );
    check(
        r#"{"timeout_ms": 18446744073709551616}"#,
        "timeout_ms",
        &format!("{U64}, found a floating-point number"),
    );
    check(
        "timeout_ms = 18446744073709551616",
        "timeout_ms",
        &format!("{U64}, found a number of more than 64 bits"),
    );
    check(
        "memory.max_var_bytes = true",
        "memory.max_var_bytes",
        &format!("{U64}, found a boolean"),
    );
}

#[test]
fn fields_given_twice() {
    check(
        r#"{"timeout_ms": 1, "timeout_ms": 1}"#,
        "timeout_ms",
        "given twice",
    );
    check(
        r#"{"timeout_ms": null, "timeout_ms": 1}"#,
        "timeout_ms",
        "given twice",
    );
    check(
        r#"{"config": {"a": "1", "b": "", "a": "2"}}"#,
        "config.a",
        "given twice",
    );
    check(
        r#"{"allowed_paths": {"a": "1", "a": "2"}}"#,
        "allowed_paths.a",
        "given twice",
    );
    check(
        r#"{"wasm": [{"path": "a", "path": "b"}]}"#,
        "wasm[0].path",
        "given twice",
    );
    check(
        r#"{"wasm": [{"url": "u", "headers": {"a": "", "a": ""}}]}"#,
        "wasm[0].headers.a",
        "given twice",
    );
    check(
        r#"{"memory": {"max": 1, "max": 1}}"#,
        "memory.max",
        "given twice",
    );
    check(
        r#"{"memory": {"max_pages": 1, "max": 1}}"#,
        "memory.max",
        "given twice, as max_pages and as max",
    );
    check(
        "[memory]\nmax = 1\nmax_pages = 1",
        "memory.max_pages",
        "given twice, as max and as max_pages",
    );
    check(
        r#"{"wasm": [{"url": "u", "headers": {}, "header": {}}]}"#,
        "wasm[0].header",
        "given twice, as headers and as header",
    );
}

#[test]
fn positional_forms_that_do_not_fit() {
    check(
        "[[], {}, {}, null, null, null, null]",
        "",
        "expected at most 6 values in order, found 7",
    );
    check(
        r#"{"memory": [1, 2, 3, 4]}"#,
        "memory",
        "expected at most 3 values in order, found 4",
    );
    check("[{}]", "wasm", "expected an array, found an object");
    check(
        r#"["x"]"#,
        "x",
        &format!("unknown field. {MANIFEST_FIELDS}"),
    );
}

#[test]
fn what_the_pointer_callback_refuses() {
    let read = |address, length| Err(format!("no {length} bytes at {address}"));
    let options = ParseOptions {
        read_pointer: Some(&read),
        ..ParseOptions::default()
    };
    let text = br#"{"wasm": [{"path": "a"}, {"data": {"ptr": 0, "len": 9}}]}"#;
    let error = Manifest::parse(text, &options).expect_err("refused");
    assert_eq!(error.status(), Status::ManifestField);
    assert_eq!(
        error.to_string(),
        "Unknown manifest format: wasm[1].data: no 9 bytes at 0"
    );
}

#[test]
fn embedded_in_another_type() {
    let pointer = r#"{"wasm": [{"data": {"ptr": 1, "len": 2}}]}"#;
    let error = serde_json::from_str::<Manifest>(pointer)
        .expect_err("refused")
        .to_string();
    assert_eq!(
        error.split(" at line").next(),
        Some(&*format!(
            "Unknown manifest format: wasm[0].data: {POINTER}"
        ))
    );
    let error = serde_json::from_str::<Wasm>(r#"{"data": {"ptr": 1, "len": 2}}"#);
    let error = error.expect_err("refused").to_string();
    assert_eq!(
        error.split(" at line").next(),
        Some(&*format!("Unknown manifest format: data: {POINTER}"))
    );
}

#[test]
fn secrets_are_not_shown() {
    for text in [
        r#"{"config": {"token": 8675309}}"#,
        "config = '8675309'",
        "[config]\ntoken = ['8675309']",
    ] {
        let error = refuse(text.as_bytes());
        assert!(
            !format!("{error} {error:?}").contains("8675309"),
            "{error:?}"
        );
    }
}
