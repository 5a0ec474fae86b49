//! The imports in Rust: a section of `crates/abi/src/import.rs`.
//!
//! Must not know: the rest of that file. Invariant: the text is what rustfmt makes of it.

use std::fmt::Write as _;

use anyhow::Result;

use super::super::Produced;
use super::super::section::RUST;
use super::{Imports, Kind, List};
use crate::project::Project;

/// The file that holds the section.
pub(in super::super) const OUTPUT: &str = "crates/abi/src/import.rs";

pub(in super::super) fn generate(project: &Project) -> Result<Produced> {
    if !project.exists(OUTPUT) {
        return Ok(Produced::Nothing("the crate does not exist".to_string()));
    }
    let text = project.read(OUTPUT)?.replace("\r\n", "\n");
    let lists: Vec<String> = Imports::load(project)?.lists.iter().map(list).collect();
    Ok(RUST.spliced(&text, "imports", &lists.join("\n")))
}

fn list(list: &List) -> String {
    let mut text = format!(
        "/// {}\npub const {}: &[Import] = &[\n",
        list.doc, list.name
    );
    for import in &list.imports {
        let (params, results) = (types(&import.params), types(import.result.as_slice()));
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "    f(\"{}\", &[{params}], &[{results}]),",
            import.name
        );
    }
    text.push_str("];\n");
    text
}

fn types(kinds: &[Kind]) -> String {
    let kinds: Vec<String> = kinds
        .iter()
        .map(|kind| kind.wasm().to_uppercase())
        .collect();
    kinds.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::SOURCE;
    use super::*;

    #[test]
    fn a_list_is_a_constant() {
        let table = "[[list]]\nname = \"KERNEL\"\ndoc = \"Some.\"\n\
            [[list.import]]\nname = \"store_u8\"\ntable = \"blocks\"\n\
            params = [\"address: u64\", \"byte: u8\"]\ndoc = \"Stores.\"\n";
        let folder = tempfile::tempdir().unwrap();
        let project = Project::at(folder.path());
        assert!(matches!(generate(&project).unwrap(), Produced::Nothing(_)));
        project.write(SOURCE, table).unwrap();
        let (begin, end) = (
            "// BEGIN GENERATED: imports\n",
            "// END GENERATED: imports\n",
        );
        project.write(OUTPUT, &format!("{begin}{end}")).unwrap();
        let list = "/// Some.\npub const KERNEL: &[Import] = &[\n    f(\"store_u8\", &[I64, I32], &[]),\n];\n";
        assert_eq!(
            generate(&project).unwrap(),
            Produced::Text(format!("{begin}{list}{end}"))
        );
    }
}
