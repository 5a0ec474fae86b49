//! The JSON schema of the manifest: printed by the crate that parses manifests, so the two cannot disagree.
//!
//! Must not know: anything about manifests. Invariant: the committed file is valid JSON with one
//! final newline.

use anyhow::{Context, Result};

use super::Produced;
use crate::process;
use crate::project::Project;

/// The program that prints the schema.
pub(super) const SOURCE: &str = "crates/manifest/examples/schema.rs";

pub(super) fn generate(project: &Project) -> Result<Produced> {
    if !project.exists(SOURCE) {
        return Ok(Produced::Nothing(format!("{SOURCE} does not exist")));
    }
    let mut command = project.cargo("run");
    command.args(["--quiet", "--package", "extism-manifest"]);
    command.args(["--features", "json_schema", "--example", "schema"]);
    Ok(Produced::Text(tidied(&process::stdout_of(command)?)?))
}

fn tidied(printed: &str) -> Result<String> {
    let _: serde_json::Value =
        serde_json::from_str(printed).context("the schema is not valid JSON")?;
    Ok(format!("{}\n", printed.replace("\r\n", "\n").trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_to_be_json_and_ends_with_one_newline() {
        assert_eq!(tidied("{\r\n}\r\n\r\n").unwrap(), "{\n}\n");
        assert_eq!(
            tidied("warning: x").unwrap_err().to_string(),
            "the schema is not valid JSON"
        );
    }

    #[test]
    fn without_the_program_there_is_nothing_to_generate() {
        let folder = tempfile::tempdir().unwrap();
        let reason = "crates/manifest/examples/schema.rs does not exist".to_string();
        assert_eq!(
            generate(&Project::at(folder.path())).unwrap(),
            Produced::Nothing(reason)
        );
    }
}
