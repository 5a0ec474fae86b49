//! The JSON schema: the committed file is what the types give, and it accepts what the parser accepts.

use std::path::Path;

use extism_manifest::{Manifest, ParseOptions};
use serde_json::Value;

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

/// As much of JSON Schema 2020-12 as the schema uses. A keyword it does not know fails the test.
fn is_valid(root: &Value, schema: &Value, value: &Value) -> bool {
    let keywords = schema.as_object().expect("a schema is an object");
    keywords
        .iter()
        .all(|(keyword, argument)| match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "format" | "deprecated" => {
                true
            }
            "contentEncoding" | "items" | "properties" | "additionalProperties" => {
                children_are_valid(root, schema, keyword, value)
            }
            "$ref" => {
                let pointer = argument.as_str().and_then(|text| text.strip_prefix('#'));
                let target = pointer.and_then(|pointer| root.pointer(pointer));
                is_valid(root, target.expect("the reference leads somewhere"), value)
            }
            "type" => match argument {
                Value::Array(kinds) => kinds.iter().any(|kind| is_kind(kind, value)),
                kind => is_kind(kind, value),
            },
            "required" => list(argument).iter().all(|name| {
                let name = name.as_str().expect("a name is text");
                value
                    .as_object()
                    .is_none_or(|object| object.contains_key(name))
            }),
            "oneOf" => {
                let fits = |schema: &&Value| is_valid(root, schema, value);
                list(argument).iter().filter(fits).count() == 1
            }
            "not" => !is_valid(root, argument, value),
            "minimum" => value
                .as_f64()
                .is_none_or(|number| number >= argument.as_f64().unwrap()),
            "maximum" => value
                .as_f64()
                .is_none_or(|number| number <= argument.as_f64().unwrap()),
            other => panic!("the schema uses {other}, which this test does not know"),
        })
}

fn children_are_valid(root: &Value, schema: &Value, keyword: &str, value: &Value) -> bool {
    match (keyword, value) {
        ("items", Value::Array(items)) => items
            .iter()
            .all(|item| is_valid(root, &schema["items"], item)),
        ("properties", Value::Object(object)) => object.iter().all(|(name, value)| {
            let property = schema["properties"].get(name);
            property.is_none_or(|property| is_valid(root, property, value))
        }),
        ("additionalProperties", Value::Object(object)) => object.iter().all(|(name, value)| {
            let is_listed = schema
                .get("properties")
                .is_some_and(|listed| listed.get(name).is_some());
            is_listed
                || match &schema["additionalProperties"] {
                    Value::Bool(allowed) => *allowed,
                    schema => is_valid(root, schema, value),
                }
        }),
        _ => true,
    }
}

fn list(argument: &Value) -> &[Value] {
    argument.as_array().expect("the argument is a list")
}

fn is_kind(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("a kind is text") {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the schema uses type {other}, which this test does not know"),
    }
}
