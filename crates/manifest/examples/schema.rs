//! Prints the JSON schema of the manifest: the text of `docs/manifest.schema.json`.

use extism_manifest::Manifest;

fn main() -> Result<(), serde_json::Error> {
    let schema = schemars::schema_for!(Manifest);
    println!("{}", serde_json::to_string_pretty(&schema)?);
    Ok(())
}
