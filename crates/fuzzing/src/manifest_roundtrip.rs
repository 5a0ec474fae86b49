//! What is printed of a manifest reads back as the same; parser and JSON schema accept the same texts.
//!
//! Input: bytes a manifest and a text that is nearly one are made from.

use std::sync::LazyLock;

use arbitrary::Unstructured;
use extism_manifest::{Manifest, ParseOptions};
use serde_json::Value;

use crate::manifest_json::{manifest, nearly};
use crate::schema::is_valid;
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "manifest_roundtrip",
    about: "printing and parsing manifests; the parser against the JSON schema",
    bytes_max: 512,
    words: &[],
    smoke: 20_000,
    run,
};

/// The schema that is published.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../docs/manifest.schema.json")).expect("it is JSON")
});

fn run(input: &[u8]) {
    let mut bytes = Unstructured::new(input);
    let Ok(text) = nearly(&mut bytes) else {
        return;
    };
    let read = |_, _| Ok(Vec::new());
    let options = ParseOptions {
        read_pointer: Some(&read),
        ..ParseOptions::default()
    };
    let parsed = Manifest::from_json(text.to_string().as_bytes(), &options);
    let accepted = is_valid(&SCHEMA, &SCHEMA, &text);
    // The schema says that data is text; that it has to be base64 is beyond what a schema checks.
    let is_data = |error: &dyn std::fmt::Display| error.to_string().contains("base64");
    match &parsed {
        Err(error) if accepted => assert!(is_data(error), "the schema accepts {text}: {error}"),
        Err(_) => {}
        Ok(_) => assert!(accepted || in_order(&text), "the schema refuses {text}"),
    }
    let Ok(manifest) = manifest(&mut bytes) else {
        return;
    };
    let printed = manifest.to_json();
    assert_eq!(Manifest::parse(&printed, &options).as_ref(), Ok(&manifest));
    let embedded = serde_json::from_slice::<Manifest>(&printed);
    assert_eq!(embedded.expect("what is printed can be read"), manifest);
    // TOML has no null, so what is unset there reads back as the default; its integers end at 2^63.
    if manifest.memory.max_var_bytes.is_some()
        && let Ok(printed) = toml::to_string(&manifest)
    {
        let again = Manifest::from_toml(printed.as_bytes(), &options);
        assert_eq!(again.as_ref(), Ok(&manifest), "{printed}");
    }
}

/// Whether somewhere an array stands for an object, its fields in order: the parser knows this old form, the
/// schema, which is for editors, does not.
fn in_order(text: &Value) -> bool {
    let is_array = |value: Option<&Value>| value.is_some_and(Value::is_array);
    let modules = text["wasm"].as_array();
    let in_module = |module: &Value| module.is_array() || is_array(module.get("data"));
    is_array(text.get("memory")) || modules.is_some_and(|modules| modules.iter().any(in_module))
}
