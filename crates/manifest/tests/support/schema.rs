//! Validates values against the schema of manifests.
//!
//! Must not know: manifests. Also used by the fuzz target `manifest_roundtrip`.

use serde_json::Value;

/// As much of JSON Schema 2020-12 as the schema uses. A keyword it does not know fails the test.
pub(crate) fn is_valid(root: &Value, schema: &Value, value: &Value) -> bool {
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
