//! The two interfaces for people: the tables of `docs/abi.md`.
//!
//! Must not know: the text around them. Invariant: every function of the library stands there once.

use std::fmt::Write as _;

use anyhow::Result;

use super::Produced;
use super::imports::{Imports, document};
use super::interface::Interface;
use super::section::MARKDOWN;
use crate::project::Project;

/// The document.
pub(super) const OUTPUT: &str = "docs/abi.md";

pub(super) fn generate(project: &Project) -> Result<Produced> {
    if !project.exists(OUTPUT) {
        return Ok(Produced::Nothing("the document does not exist".to_string()));
    }
    let text = project.read(OUTPUT)?.replace("\r\n", "\n");
    let mut sections = document::sections(&Imports::load(project)?)?;
    sections.push(("functions", functions(&Interface::load(project)?)?));
    Ok(MARKDOWN.spliced_all(&text, &sections))
}

fn functions(interface: &Interface) -> Result<String> {
    let mut text = String::new();
    for noun in &interface.nouns {
        writeln!(text, "\n#### {}\n", noun.title)?;
        text.push_str("| function | since | does |\n| --- | --- | --- |\n");
        for function in &noun.functions {
            let (name, since) = (function.name(), &function.since);
            let doc = function.doc.replace('|', "\\|");
            writeln!(text, "| `{name}` | {since} | {doc} |")?;
        }
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_stands_there_once_with_its_version() {
        let interface = Interface::load(&Project::locate()).unwrap();
        let text = functions(&interface).unwrap();
        for function in interface.functions() {
            let row = format!("\n| `{}` | {} | ", function.name(), function.since);
            assert_eq!(text.matches(&row).count(), 1, "{row}");
        }
        assert_eq!(text.matches(" | 1.x | ").count(), 33);
        assert!(text.contains("\n#### Pools\n\n| function |"));
    }
}
