//! Texts made to hurt: deep, long, many, cut short, damaged. Each gets an answer, and a status.

use std::fmt::Write;
use std::thread;

use extism_abi::Status;
use extism_manifest::{Manifest, ParseError, ParseOptions};

/// Smaller than any thread of a program has, so that recursion without bound shows.
const STACK_BYTES: usize = 512 * 1024;

/// A manifest with everything in it, in both languages.
const JSON: &str = r#"{"wasm": [{"path": "é.wasm", "name": "a", "hash": "h"}, {"data": "AGFzbQ=="},
  {"url": "https://example.com", "method": "PUT", "headers": {"k": "v\u00e9\\"}}],
  "memory": {"max_pages": 4, "max_http_response_bytes": 5, "max_var_bytes": null},
  "config": {"a b": "c"}, "allowed_hosts": ["*.example.com"], "allowed_paths": {"ro:/a": "/b"}, "timeout_ms": 7}"#;
const TOML: &str = "# all\nallowed_hosts = ['*.example.com']\ntimeout_ms = 7\n[[wasm]]\npath = \"\\u00e9\"\n\
  [[wasm]]\nurl = '''u'''\nheaders = { k = 'v' }\n[memory]\nmax_pages = 0x4\n[config]\n'a b' = \"\"\"c\nd\"\"\"\n";

fn parse(text: impl AsRef<[u8]>) -> Result<Manifest, ParseError> {
    Manifest::parse(text.as_ref(), &ParseOptions::default())
}

#[track_caller]
fn check(text: String, status: Status, field: Option<&str>) {
    let parse_it = move || parse(text);
    let thread = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(parse_it)
        .expect("a thread");
    let error = thread
        .join()
        .expect("the parser does not panic")
        .expect_err("not a manifest");
    assert_eq!((error.status(), error.field()), (status, field), "{error}");
}

#[test]
fn depth() {
    const DEEP: usize = 100_000;
    let field = Status::ManifestField;
    let syntax = Status::ManifestSyntax;
    let around = |open: &str, close: &str| open.repeat(DEEP) + &close.repeat(DEEP);
    check(
        format!("{{\"config\": {{\"a\": {}}}}}", around("[", "]")),
        field,
        Some("config.a"),
    );
    check(format!("{{\"x\": {}}}", around("[", "]")), field, Some("x"));
    check(
        around("{\"a\":", "}").replace(":}", ":1}"),
        field,
        Some("a"),
    );
    check(around("[", "]"), field, Some("wasm[0]"));
    check("[".repeat(DEEP), syntax, None);
    check("{\"a\":".repeat(DEEP), syntax, None);
    check(format!("a = {}", around("[", "]")), syntax, None);
    check(
        format!("a = {}1{}", "{a = ".repeat(DEEP), "}".repeat(DEEP)),
        syntax,
        None,
    );
    check(format!("{}a = 1", "a.".repeat(DEEP)), syntax, None);
    check(format!("[{}a]", "a.".repeat(DEEP)), syntax, None);
    check(format!("[[{}a]]", "a.".repeat(DEEP)), syntax, None);
}

/// `count` entries with keys of their own and empty values.
fn entries(count: usize, assign: char, separator: char) -> String {
    let mut text = String::new();
    for n in 0..count {
        write!(text, "\"k{n}\"{assign}\"\"{separator}").expect("a string takes any text");
    }
    text
}

#[test]
fn a_million_keys_of_json() {
    let million = entries(1_000_000, ':', ',');
    let manifest = parse(format!("{{\"config\": {{{million}\"\": \"\"}}}}"));
    assert_eq!(
        manifest.map(|manifest| manifest.config.len()),
        Ok(1_000_001)
    );
    let repeated = format!("{{\"config\": {{{million}\"k7\": \"\"}}}}");
    check(repeated, Status::ManifestField, Some("config.k7"));
    let more = format!("{{\"config\": {{{million}{million}\"\": \"\"}}}}");
    check(more, Status::TooLarge, None);
}

#[test]
fn a_million_keys_of_toml() {
    let million = entries(1_000_000, '=', '\n');
    let manifest = parse(format!("[config]\n{million}"));
    assert_eq!(
        manifest.map(|manifest| manifest.config.len()),
        Ok(1_000_000)
    );
    check(million.clone(), Status::ManifestField, Some("k0"));
    let more = format!("[config]\n{million}{}", entries(2_000_000, '=', '\n'));
    check(more, Status::TooLarge, None);
}

#[test]
fn many_small_things() {
    const MANY: usize = 10_000_000;
    check(format!("[{}0]", "0,".repeat(MANY)), Status::TooLarge, None);
    check(
        format!("{{\"a\":[{}0]}}", "0,".repeat(MANY)),
        Status::TooLarge,
        None,
    );
    check(
        format!("a = [{}]", "{},".repeat(MANY)),
        Status::TooLarge,
        None,
    );
    check("\n".repeat(MANY), Status::TooLarge, None);
    check("[[a]]\n".repeat(MANY), Status::TooLarge, None);
    check("a ".repeat(MANY), Status::TooLarge, None);
}

#[test]
fn the_limit_of_bytes() {
    let options = ParseOptions {
        manifest_bytes_max: 100 * 1024 * 1024,
        ..ParseOptions::default()
    };
    let head = r#"{"config": {"k": ""#;
    let tail = r#""}}"#;
    let filler = options.manifest_bytes_max - head.len() - tail.len();
    let largest = format!("{head}{}{tail}", "x".repeat(filler));
    let manifest = Manifest::parse(largest.as_bytes(), &options).expect("as large as allowed");
    assert_eq!(manifest.config["k"].len(), filler);

    let error =
        Manifest::parse(format!("{largest} ").as_bytes(), &options).expect_err("one byte more");
    assert_eq!(error.status(), Status::TooLarge);
    let expected = "Unknown manifest format: 104857601 bytes, more than the limit of 104857600";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_limit_of_modules() {
    let options = ParseOptions {
        modules_max: 3,
        ..ParseOptions::default()
    };
    let manifest = |count| format!("wasm = [{}]", "{path = 'a'},".repeat(count));
    let three =
        Manifest::parse(manifest(3).as_bytes(), &options).map(|manifest| manifest.wasm.len());
    assert_eq!(three, Ok(3));
    let error = Manifest::parse(manifest(4).as_bytes(), &options).expect_err("one module more");
    assert_eq!(
        (error.status(), error.field()),
        (Status::TooLarge, Some("wasm"))
    );
    assert_eq!(error.message(), "4 modules, more than the limit of 3");
}

#[test]
fn the_limit_of_values() {
    // The manifest, the list and its items.
    let json = |count: usize| {
        format!(
            "{{\"allowed_hosts\": [{}]}}",
            vec!["\"a\""; count].join(",")
        )
    };
    let toml = |count: usize| format!("allowed_hosts = [{}]", vec!["'a'"; count].join(","));
    let options = ParseOptions {
        values_max: 10,
        ..ParseOptions::default()
    };
    for text in [json(8), toml(8)] {
        let manifest = Manifest::parse(text.as_bytes(), &options).expect("as many as allowed");
        assert_eq!(manifest.allowed_hosts.map(|hosts| hosts.len()), Some(8));
    }
    for text in [json(9), toml(9)] {
        let error = Manifest::parse(text.as_bytes(), &options).expect_err("one value more");
        assert_eq!(error.status(), Status::TooLarge);
        assert_eq!(error.message(), "more values than the limit of 10");
    }
    let none = ParseOptions {
        values_max: 0,
        ..options
    };
    let error = Manifest::parse(b"{}", &none).expect_err("no value at all");
    assert_eq!(error.status(), Status::TooLarge);
}

#[test]
fn too_many_values_inside_another_type() {
    let text = format!("[{}0]", "0,".repeat(2_000_000));
    let error = serde_json::from_str::<Manifest>(&text)
        .expect_err("refused")
        .to_string();
    assert!(
        error.starts_with("a manifest of too many values"),
        "{error}"
    );
}

#[test]
fn cut_short() {
    for whole in [JSON, TOML] {
        assert_eq!(parse(whole).map(|_| ()), Ok(()));
        for end in 0..whole.len() {
            answers(&whole.as_bytes()[..end]);
        }
    }
}

#[test]
fn damaged() {
    for whole in [JSON, TOML] {
        let mut text = whole.as_bytes().to_vec();
        for at in 0..text.len() {
            for byte in [
                0, b'\n', b' ', b'"', b'\'', b'[', b']', b'{', b'}', b',', b'=', b'9', b'-', 0x80,
                0xff,
            ] {
                let original = std::mem::replace(&mut text[at], byte);
                answers(&text);
                text[at] = original;
            }
        }
    }
}

/// Whatever the answer is, a refusal is one line with the prefix that programs match on.
fn answers(text: &[u8]) {
    let Err(error) = parse(text) else {
        return;
    };
    let shown = error.to_string();
    assert!(shown.starts_with("Unknown manifest format: "), "{shown}");
    assert!(!shown.contains(char::is_control), "{shown:?}");
    let status = error.status();
    assert!(
        matches!(status, Status::ManifestSyntax | Status::ManifestField),
        "{shown}"
    );
    assert_eq!(
        error.position().is_some(),
        status == Status::ManifestSyntax,
        "{shown}"
    );
}
