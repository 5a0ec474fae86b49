//! The JSON schema: the committed file is what the types give, and it accepts what the parser accepts.

mod support {
    pub(crate) mod schema;
}

use std::path::Path;

use extism_manifest::{Manifest, ParseOptions};
use serde_json::Value;
use support::schema::is_valid;

fn schema() -> Value {
    schemars::schema_for!(Manifest).to_value()
}

/// To rewrite the file: `UPDATE=1 cargo test -p extism-manifest --features json_schema --test schema`.
#[test]
fn the_committed_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifest.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&schema()).expect("a schema is JSON") + "\n";
        std::fs::write(&path, text).expect("the file can be written");
    }
    let text = std::fs::read_to_string(&path).expect("docs/manifest.schema.json exists");
    let committed =
        serde_json::from_str::<Value>(&text).expect("docs/manifest.schema.json is JSON");
    assert_eq!(committed, schema(), "docs/manifest.schema.json is stale");
}

#[test]
fn schema_and_parser_agree() {
    let accepted = [
        "{}",
        r#"{"wasm": []}"#,
        r#"{"wasm": [{"path": "a"}, {"data": "AA=="}, {"url": "u"}]}"#,
        r#"{"wasm": [{"path": "a", "name": "n", "hash": "h"}, {"path": "b", "name": null, "hash": null}]}"#,
        r#"{"wasm": [{"url": "u", "method": "PUT", "headers": {"a": "b"}}, {"url": "u", "method": null}]}"#,
        r#"{"wasm": [{"url": "u", "header": {"a": "b"}}]}"#,
        r#"{"wasm": [{"data": {"ptr": 0, "len": 18446744073709551615}}]}"#,
        r#"{"memory": {}}"#,
        r#"{"memory": {"max_pages": 4294967295, "max_http_response_bytes": 1, "max_var_bytes": 0}}"#,
        r#"{"memory": {"max_pages": null, "max_http_response_bytes": null, "max_var_bytes": null}}"#,
        r#"{"memory": {"max": 4}}"#,
        r#"{"config": {"a": "b", "": ""}}"#,
        r#"{"allowed_hosts": null, "allowed_paths": null, "timeout_ms": null}"#,
        r#"{"allowed_hosts": ["a"], "allowed_paths": {"a": "b"}, "timeout_ms": 18446744073709551615}"#,
    ];
    let refused = [
        "null",
        "\"text\"",
        r#"{"unknown": 1}"#,
        r#"{"wasm": null}"#,
        r#"{"wasm": {"path": "a"}}"#,
        r#"{"wasm": ["a"]}"#,
        r#"{"wasm": [{}]}"#,
        r#"{"wasm": [{"name": "n"}]}"#,
        r#"{"wasm": [{"path": "a", "data": "AA=="}]}"#,
        r#"{"wasm": [{"path": "a", "url": "u"}]}"#,
        r#"{"wasm": [{"data": "AA==", "url": "u"}]}"#,
        r#"{"wasm": [{"path": "a", "method": "GET"}]}"#,
        r#"{"wasm": [{"data": "AA==", "headers": {}}]}"#,
        r#"{"wasm": [{"path": null}]}"#,
        r#"{"wasm": [{"data": 1}]}"#,
        r#"{"wasm": [{"data": {"ptr": 1}}]}"#,
        r#"{"wasm": [{"data": {"ptr": 1, "len": 1, "more": 1}}]}"#,
        r#"{"wasm": [{"data": {"ptr": -1, "len": 1}}]}"#,
        r#"{"wasm": [{"url": "u", "headers": null}]}"#,
        r#"{"wasm": [{"url": "u", "headers": {"a": 1}}]}"#,
        r#"{"wasm": [{"url": "u", "headers": {}, "header": {}}]}"#,
        r#"{"wasm": [{"url": "u", "unknown": 1}]}"#,
        r#"{"memory": null}"#,
        r#"{"memory": {"max_pages": -1}}"#,
        r#"{"memory": {"max_pages": 4294967296}}"#,
        r#"{"memory": {"max_pages": 1.5}}"#,
        r#"{"memory": {"max_pages": "4"}}"#,
        r#"{"memory": {"max_pages": 4, "max": 4}}"#,
        r#"{"memory": {"unknown": 4}}"#,
        r#"{"config": null}"#,
        r#"{"config": []}"#,
        r#"{"config": {"a": null}}"#,
        r#"{"config": {"a": 1}}"#,
        r#"{"allowed_hosts": "a"}"#,
        r#"{"allowed_hosts": [null]}"#,
        r#"{"allowed_paths": []}"#,
        r#"{"allowed_paths": {"a": true}}"#,
        r#"{"timeout_ms": -1}"#,
        r#"{"timeout_ms": 0.5}"#,
    ];
    for text in accepted {
        check(text, true);
    }
    for text in refused {
        check(text, false);
    }
}

fn check(text: &str, accepted: bool) {
    let read = |_, _| Ok(Vec::new());
    let options = ParseOptions {
        read_pointer: Some(&read),
        ..ParseOptions::default()
    };
    let parsed = Manifest::from_json(text.as_bytes(), &options);
    assert_eq!(parsed.is_ok(), accepted, "parser: {text}: {parsed:?}");
    let value = serde_json::from_str::<Value>(text).expect("the case is JSON");
    let root = schema();
    assert_eq!(is_valid(&root, &root, &value), accepted, "schema: {text}");
}
