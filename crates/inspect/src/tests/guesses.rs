//! What toolchains leave behind: proposals, languages, kits.

use super::*;

/// A module with one custom section, whose contents are given as WAT string text.
fn with_section(name: &str, contents: &[u8]) -> String {
    let contents: String = contents
        .iter()
        .map(|byte| format!("\\{byte:02x}"))
        .collect();
    format!(r#"(module (@custom "{name}" "{contents}"))"#)
}

#[test]
fn features_are_named() {
    for (text, features) in [
        ("(module (func (result i32) i32.const 1))", &[][..]),
        (
            "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))",
            &["bulk-memory"],
        ),
        (
            "(module (func (drop (i32.extend8_s (i32.const 0)))))",
            &["sign-extension-ops"],
        ),
        (
            "(module (func (drop (i32.trunc_sat_f32_s (f32.const 0)))))",
            &["nontrapping-float-to-int-conversions"],
        ),
        ("(module (func (drop (v128.const i64x2 0 0))))", &["simd"]),
        ("(module (func (return_call 0)))", &["tail-call"]),
        ("(module (memory i64 1))", &["memory64"]),
        ("(module (memory 1 1 shared))", &["threads"]),
        (
            "(module (global i32 (i32.add (i32.const 1) (i32.const 1))))",
            &["extended-const"],
        ),
        ("(module (tag))", &["exception-handling"]),
        ("(module (type (struct)))", &["gc"]),
        ("(module (table 1 externref))", &["reference-types"]),
        (r#"(module (memory 1) (data "x"))"#, &["bulk-memory"]),
        (
            "(module (type $t (func (param i32))) (func (i32.const 0) (block (type $t) (drop))))",
            &["multi-value"],
        ),
    ] {
        assert_eq!(look(text).modules[0].features, features, "{text}");
    }
}

#[test]
fn languages_are_guessed() {
    let producers = |field: &str, value: &str| {
        let mut contents = vec![1, field.len() as u8];
        contents.extend(field.as_bytes());
        contents.extend([1, value.len() as u8]);
        contents.extend(value.as_bytes());
        contents.extend(b"\x031.0");
        with_section("producers", &contents)
    };
    let data = |text: &str| format!(r#"(module (memory 1) (data (i32.const 0) "{text}"))"#);
    for (text, language) in [
        (producers("language", "Rust"), Some("Rust")),
        (producers("language", "Go"), Some("Go")),
        (producers("language", "Zig"), Some("Zig")),
        (producers("language", "C_plus_plus_14"), Some("C++")),
        (producers("language", "C11"), Some("C")),
        (producers("processed-by", "clang"), Some("C or C++")),
        (producers("processed-by", "TinyGo"), Some("TinyGo")),
        (producers("processed-by", "walrus"), None),
        (with_section("go:buildid", b"x"), Some("Go")),
        (data("/rustc/abc/library/core/src/fmt.rs"), Some("Rust")),
        (
            data(r"~\00l\00i\00b\00/\00r\00t\00"),
            Some("AssemblyScript"),
        ),
        (
            data("xxSymbol.asyncIterator library/core/src/"),
            Some("JavaScript"),
        ),
        (data("panic: runtime error at "), Some("TinyGo")),
        (data("System.Private.CoreLib"), Some("C#")),
        (data("attempt to use null value"), Some("Zig")),
        (data("hello"), None),
    ] {
        assert_eq!(look(&text).language.as_deref(), language, "{text}");
    }
}

#[test]
fn kits_are_guessed_where_ours_are_imported() {
    let with_import = |rest: &str| {
        format!(
            r#"(module (import "extism:host/env" "output_set" (func (param i64 i64)))
                (memory 1) {rest})"#
        )
    };
    for (rest, pdk) in [
        (
            r#"(data (i32.const 0) "/extism-pdk-1.4.1/src/lib.rs")"#,
            Some("extism-pdk 1.4.1"),
        ),
        (r#"(data (i32.const 0) "/extism-pdk-1.4.1 and more")"#, None),
        (
            r#"(data (i32.const 0) "10extism_pdk6memory")"#,
            Some("extism-pdk"),
        ),
        (
            r#"(data (i32.const 0) "Symbol.asyncIterator")"#,
            Some("js-pdk"),
        ),
        (r#"(data (i32.const 0) "hello")"#, None),
    ] {
        assert_eq!(look(&with_import(rest)).pdk.as_deref(), pdk, "{rest}");
    }
    let alone = r#"(module (memory 1) (data (i32.const 0) "10extism_pdk6memory"))"#;
    assert_eq!(look(alone).pdk, None);
}
