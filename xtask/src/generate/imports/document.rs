//! The imports for people: the tables of `docs/abi.md`.
//!
//! Must not know: the rest of the document. Invariant: every import stands in exactly one table.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::{Import, Imports};

/// The tables, in the order of the document.
const TABLES: &[&str] = &["blocks", "call", "services", "legacy"];

/// The sections of the document: the name of each and its text.
pub(in super::super) fn sections(imports: &Imports) -> Result<Vec<(&'static str, String)>> {
    if let Some(lost) = imports
        .all()
        .find(|import| !TABLES.contains(&import.table.as_str()))
    {
        bail!("{}: the document has no table {}", lost.name, lost.table);
    }
    TABLES
        .iter()
        .map(|name| {
            let own = imports.all().filter(|import| import.table == **name);
            Ok((*name, table(own)?))
        })
        .collect()
}

fn table<'a>(imports: impl Iterator<Item = &'a Import>) -> Result<String> {
    let mut text = "\n| import | type | does |\n| --- | --- | --- |\n".to_string();
    for import in imports {
        let doc = import.doc.replace('|', "\\|");
        writeln!(
            text,
            "| `{}` | `{}` | {doc} |",
            import.name,
            import.signature()
        )?;
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn every_import_stands_in_one_table() {
        let imports = Imports::load(&Project::locate()).unwrap();
        let sections = sections(&imports).unwrap();
        let all: String = sections.into_iter().map(|(_, text)| text).collect();
        for import in imports.all() {
            let row = format!("\n| `{}` | `{}` | ", import.name, import.signature());
            assert_eq!(all.matches(&row).count(), 1, "{}", import.name);
        }
    }

    #[test]
    fn a_table_nobody_has_is_named() {
        let text = "[[list]]\nname = \"A\"\ndoc = \"A.\"\n[[list.import]]\nname = \"a\"\n\
            table = \"odd\"\ndoc = \"A.\"\n";
        let error = sections(&Imports::parse(text).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "a: the document has no table odd");
    }
}
