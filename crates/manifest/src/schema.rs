//! What the derived JSON schemas do not say by themselves: the sources of a module and the old names.
//!
//! Must not know how values are read. Invariant: the schema accepts what the parser accepts in named form.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::{HttpRequest, Wasm, WasmMetadata};

impl JsonSchema for Wasm {
    fn schema_name() -> Cow<'static, str> {
        "Wasm".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let whole_number =
            json!({"type": "integer", "format": "uint64", "minimum": 0, "maximum": u64::MAX});
        let path = json!({
            "description": "Where the file is; a relative path starts at the current directory.",
            "type": "string"
        });
        let data = json!({
            "description": "The module itself.",
            "oneOf": [
                {
                    "description": "The bytes in padded standard base64.",
                    "type": "string",
                    "contentEncoding": "base64"
                },
                {
                    "description": "Address and length of the bytes, accepted only from the host process.",
                    "type": "object",
                    "properties": {"ptr": whole_number, "len": whole_number},
                    "required": ["ptr", "len"],
                    "additionalProperties": false
                }
            ]
        });
        let request = HttpRequest::json_schema(generator);
        json_schema!({
            "description": "A Wasm module: exactly one source, and optionally a name and a hash.",
            "oneOf": [
                source(generator, "A file of the host.", only("path", path)),
                source(generator, "The bytes themselves.", only("data", data)),
                source(generator, "A module to download.", request.to_value()),
            ]
        })
    }
}

/// The properties of a source that is a single field.
fn only(name: &str, value: Value) -> Value {
    json!({"properties": {name: value}, "required": [name]})
}

/// One source with the name and hash that any module may have.
fn source(generator: &mut SchemaGenerator, description: &str, own: Value) -> Value {
    let mut schema = WasmMetadata::json_schema(generator).to_value();
    let own = own.as_object().cloned().unwrap_or_default();
    let common = schema["properties"].clone();
    for (key, value) in own {
        schema[key] = value;
    }
    for (key, value) in common.as_object().into_iter().flatten() {
        schema["properties"][key] = value.clone();
    }
    schema["description"] = description.into();
    schema
}

/// Adds `memory.max`.
pub(crate) fn allow_max(schema: &mut Schema) {
    allow_old_name(schema, "max", "max_pages");
}

/// Adds `header`.
pub(crate) fn allow_header(schema: &mut Schema) {
    allow_old_name(schema, "header", "headers");
}

fn allow_old_name(schema: &mut Schema, old: &str, new: &str) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let mut property = properties.get(new).cloned().unwrap_or_default();
    property["description"] = format!("The old name of `{new}`. Use one of them.").into();
    property["deprecated"] = true.into();
    properties.insert(old.to_owned(), property);
    schema.insert("not".to_owned(), json!({"required": [old, new]}));
}
