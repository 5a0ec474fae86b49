//! Sources: what a case loads, as a case file writes it and as bytes for the driver.
//!
//! Must not know: drivers. Invariant: the same text gives the same bytes, but for the addresses and folders
//! of the run.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::world::World;

/// The folders where modules are found by their file's name.
const FOLDERS: &[&str] = &["fixtures/wat", "fixtures/plugins", "examples/plugins"];

/// The bytes of a file among the fixtures.
pub(crate) fn file(root: &Path, name: &str) -> Result<Vec<u8>> {
    ensure!(
        !name.contains(['/', '\\']),
        "{name} is not the name of a file"
    );
    let path = FOLDERS.iter().map(|folder| root.join(folder).join(name));
    let path = path.clone().find(|path| path.is_file());
    let path = path.with_context(|| format!("{name} is in none of {FOLDERS:?}"))?;
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The bytes of a named source. `text` is taken as it stands; everything else is a manifest, in which
///
/// - `wat = "echo"`, `plugin = "ours"`, `module = "(module)"` and `binary = "(module)"` (as a binary module)
///   beside the other fields stand for the only module,
/// - the same keys stand for a source inside of `wasm`, and `hash = "right"` for the right one.
pub(crate) fn bytes(table: &toml::Table, world: &World) -> Result<Vec<u8>> {
    if let Some(text) = table.get("text") {
        let text = text.as_str().context("text is no text")?;
        ensure!(table.len() == 1, "text stands alone");
        return Ok(world.substitute(text.as_bytes()));
    }
    let mut manifest = match to_json(&toml::Value::Table(table.clone()), world)? {
        Value::Object(manifest) => manifest,
        other => bail!("{other} is no manifest"),
    };
    let alone: Map<String, Value> = MODULES
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), manifest.remove(*key)?)))
        .collect();
    if !alone.is_empty() {
        ensure!(!manifest.contains_key("wasm"), "one module and wasm");
        manifest.insert("wasm".to_owned(), json!([alone]));
    }
    if let Some(Value::Array(modules)) = manifest.get_mut("wasm") {
        for module in modules.iter_mut().filter_map(Value::as_object_mut) {
            resolve(module, world)?;
        }
    }
    Ok(serde_json::to_vec(&manifest)?)
}

const MODULES: &[&str] = &["wat", "plugin", "module", "binary"];

/// Puts bytes or a path in the place of the suite's own keys.
fn resolve(module: &mut Map<String, Value>, world: &World) -> Result<()> {
    let mut content = None;
    for key in MODULES {
        let Some(value) = module.remove(*key) else {
            continue;
        };
        let value = value
            .as_str()
            .with_context(|| format!("{key} is no text"))?;
        ensure!(content.is_none(), "two sources in one module");
        content = Some(match *key {
            "wat" => file(&world.root, &format!("{value}.wat"))?,
            "plugin" => file(&world.root, &format!("{value}.wasm"))?,
            "module" => value.as_bytes().to_vec(),
            _ => wat::parse_str(value)?,
        });
    }
    let Some(content) = content else {
        return Ok(());
    };
    if module.get("hash").and_then(Value::as_str) == Some("right") {
        let digits: String = Sha256::digest(&content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        module.insert("hash".to_owned(), digits.into());
    }
    module.insert("data".to_owned(), STANDARD.encode(content).into());
    Ok(())
}

fn to_json(value: &toml::Value, world: &World) -> Result<Value> {
    Ok(match value {
        toml::Value::String(text) => world.substitute_text(text).into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(_) => bail!("a manifest has no dates"),
        toml::Value::Array(values) => {
            let values = values.iter().map(|value| to_json(value, world));
            Value::Array(values.collect::<Result<_>>()?)
        }
        toml::Value::Table(table) => {
            let entries = table.iter();
            let entries = entries
                .map(|(key, value)| Ok((world.substitute_text(key), to_json(value, world)?)));
            Value::Object(entries.collect::<Result<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<String> {
        let table: toml::Table = toml::from_str(text).unwrap();
        Ok(String::from_utf8(bytes(&table, &World::bare())?)?)
    }

    #[test]
    fn a_manifest_with_the_short_forms() {
        assert_eq!(written("text = \"a {http}\"").unwrap(), "a 127.0.0.1:1");
        assert_eq!(written("wasm = []").unwrap(), r#"{"wasm":[]}"#);
        let one = r#"{"timeout_ms":5,"wasm":[{"data":"KG1vZHVsZSk="}]}"#;
        assert_eq!(
            written("module = \"(module)\"\ntimeout_ms = 5").unwrap(),
            one
        );
        let binary = r#"{"wasm":[{"data":"AGFzbQEAAAA="}]}"#;
        assert_eq!(written("binary = \"(module)\"").unwrap(), binary);
        assert_eq!(written("wasm = [{binary = \"(module)\"}]").unwrap(), binary);
        let hashed = written("wasm = [{binary = \"(module)\", hash = \"right\"}]").unwrap();
        assert!(
            hashed.contains("93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476")
        );
        let paths = written("[allowed_paths]\n\"{http}\" = \"/x\"").unwrap();
        assert_eq!(paths, r#"{"allowed_paths":{"127.0.0.1:1":"/x"}}"#);
    }

    #[test]
    fn what_is_not_there_or_twice() {
        for wrong in [
            "wat = \"no_such_file\"",
            "wat = \"../x\"",
            "wat = 1",
            "module = \"(module)\"\nwasm = []",
            "wasm = [{module = \"(module)\", binary = \"(module)\"}]",
            "text = \"a\"\nwat = \"echo\"",
            "binary = \"(modul)\"",
        ] {
            assert!(written(wrong).is_err(), "{wrong}");
        }
    }
}
