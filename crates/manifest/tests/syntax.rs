//! Texts that are neither JSON nor TOML: where it says the fault is, and in which language.

use extism_abi::Status;
use extism_manifest::{Manifest, ParseOptions, Position};

/// A fault of syntax: where it is and which language was meant.
#[track_caller]
fn check_syntax(text: &[u8], line: usize, column: usize, message: &str) {
    let error = Manifest::parse(text, &ParseOptions::default()).expect_err("not a manifest");
    assert_eq!(error.status(), Status::ManifestSyntax, "{error}");
    assert_eq!(error.field(), None);
    assert_eq!(error.position(), Some(Position { line, column }), "{error}");
    assert_eq!(error.message(), message);
    let expected = format!("Unknown manifest format: line {line}, column {column}: {message}");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn syntax_of_json() {
    check_syntax(br#"{"wasm": [}"#, 1, 11, "not valid JSON: expected value");
    check_syntax(
        b"{\n  \"wasm\": [],\n}",
        3,
        1,
        "not valid JSON: trailing comma",
    );
    check_syntax(
        "{\"\u{e9}\u{e9}\": x}".as_bytes(),
        1,
        8,
        "not valid JSON: expected value",
    );
    check_syntax(b"{", 1, 1, "not valid JSON: EOF while parsing an object");
    check_syntax(b"{}\n{}", 2, 1, "not valid JSON: trailing characters");
    check_syntax(
        b"{\"a\": \"\0\"}",
        1,
        8,
        "not valid JSON: control character (\\u0000-\\u001F) found while parsing a string",
    );
    check_syntax(b"[{\"path\": }]", 1, 11, "not valid JSON: expected value");
    check_syntax(b"[[{\"path\": }]]", 1, 12, "not valid JSON: expected value");
}

#[test]
fn syntax_of_toml() {
    check_syntax(
        b"timeout_ms = ",
        1,
        14,
        "not valid TOML: string values must be quoted, expected literal string",
    );
    check_syntax(
        b"[[wasm]]\npath = 'a",
        2,
        10,
        "not valid TOML: invalid literal string, expected `'`",
    );
    check_syntax(
        b"# c\n[memory\n",
        2,
        8,
        "not valid TOML: unclosed table, expected `]`",
    );
    check_syntax(
        b"null",
        1,
        5,
        "not valid TOML: key with no value, expected `=`",
    );
    check_syntax(
        "é = 1".as_bytes(),
        1,
        1,
        "not valid TOML: invalid unquoted key, expected letters, numbers, `-`, `_`",
    );
}

#[test]
fn repeated_keys_of_toml() {
    check_syntax(
        b"timeout_ms = 1\ntimeout_ms = 2",
        2,
        1,
        "not valid TOML: duplicate key",
    );
}

#[test]
fn not_a_text() {
    check_syntax(b"a\nb\xff", 2, 2, "not UTF-8 text");
    check_syntax(b"\xff\xfe{\0}\0", 1, 1, "not UTF-8 text");
    check_syntax(b"{\xed\xa0\x80}", 1, 2, "not UTF-8 text");
}

#[test]
fn one_language_does_not_try_the_other() {
    let options = ParseOptions::default();
    let json = Manifest::from_json(b"timeout_ms = 1", &options).expect_err("not JSON");
    assert_eq!(json.status(), Status::ManifestSyntax);
    assert!(json.message().starts_with("not valid JSON: "), "{json}");
    let toml = Manifest::from_toml(b"{}", &options).expect_err("not TOML");
    assert_eq!(toml.status(), Status::ManifestSyntax);
    assert!(toml.message().starts_with("not valid TOML: "), "{toml}");
}
