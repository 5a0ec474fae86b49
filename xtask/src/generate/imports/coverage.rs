//! Which imports each kit's conformance plug-in uses: a table of `pdk/conformance.md`.
//!
//! Must not know: what the plug-ins do. Invariant: a row for every import a plug-in of 1.x may have, a
//! column for every conformance plug-in that is committed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use wasmparser::{Parser, Payload};

use super::{Imports, SOURCE};
use crate::generate::Produced;
use crate::generate::section::MARKDOWN;
use crate::kit_cases;
use crate::project::Project;

/// The document with the table.
pub(in crate::generate) const OUTPUT: &str = "pdk/conformance.md";

const MODULE: &str = "extism:host/env";

/// A plug-in and what it imports from the host.
struct Plugin {
    kit: String,
    imports: BTreeSet<String>,
}

pub(in crate::generate) fn generate(project: &Project) -> Result<Produced> {
    if !project.exists(OUTPUT) {
        return Ok(Produced::Nothing("the document does not exist".to_string()));
    }
    let text = project.read(OUTPUT)?.replace("\r\n", "\n");
    let table = table(&Imports::load(project)?, &plugins(project)?)?;
    Ok(MARKDOWN.spliced(&text, "coverage", &table))
}

fn plugins(project: &Project) -> Result<Vec<Plugin>> {
    let read = |kit: String| {
        let file = kit_cases::plugin(&kit);
        let module = fs::read(project.path(&file)).with_context(|| file.clone())?;
        let imports = imports(&module).with_context(|| file.clone())?;
        Ok(Plugin { kit, imports })
    };
    kit_cases::kits(project)?.into_iter().map(read).collect()
}

/// The names a module imports from the host.
fn imports(module: &[u8]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ImportSection(section) = payload? else {
            continue;
        };
        for import in section.into_imports() {
            let import = import?;
            if import.module == MODULE {
                names.insert(import.name.to_string());
            }
        }
    }
    Ok(names)
}

fn table(imports: &Imports, plugins: &[Plugin]) -> Result<String> {
    let mut text =
        format!("<!-- Written by `cargo xtask gen` from {SOURCE} and the plug-ins. -->\n\n");
    let (mut head, mut line) = ("| import |".to_string(), "| --- |".to_string());
    for plugin in plugins {
        write!(head, " {} |", plugin.kit)?;
        line.push_str(" --- |");
    }
    writeln!(text, "{head}\n{line}")?;
    // What only plug-ins of the 0.1 era have is not a kit's any more.
    let lists = imports
        .lists
        .iter()
        .filter(|list| list.name != "LEGACY_ONLY");
    for import in lists.flat_map(|list| &list.imports) {
        write!(text, "| `{}` |", import.name)?;
        for plugin in plugins {
            let used = plugin.imports.contains(&import.name);
            write!(text, " {} |", if used { "yes" } else { "–" })?;
        }
        text.push('\n');
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_imports_from_the_host_count() {
        let module = wat::parse_str(
            r#"(module (import "extism:host/env" "alloc" (func (param i64) (result i64)))
                (import "extism:host/user" "free" (func (param i64))))"#,
        )
        .unwrap();
        assert_eq!(imports(&module).unwrap(), ["alloc".to_string()].into());
        assert!(imports(b"no module").is_err());
    }

    #[test]
    fn every_import_has_a_row_and_every_kit_a_column() {
        let project = Project::locate();
        let table = table(
            &Imports::load(&project).unwrap(),
            &[Plugin {
                kit: "c".to_string(),
                imports: ["alloc".to_string()].into(),
            }],
        )
        .unwrap();
        assert!(
            table.contains("| import | c |\n| --- | --- |\n| `alloc` | yes |\n| `free` | – |\n")
        );
        assert!(table.contains("| `get_log_level` | – |\n"));
        assert!(!table.contains("load_u32"));
    }
}
