//! `include/extism.h`: the status codes are a generated section of it; the rest is written by hand, because
//! it is the documentation, and compared with the tables.
//!
//! Must not know: the layout of the header. Invariant: nothing outside the two marker lines changes.

mod compare;
mod scan;

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

use super::Produced;
use super::interface::Interface;
use super::item::Item;
use super::section::C;
use super::status::{SOURCE, Table};
use crate::project::Project;

/// The header that holds the section.
pub(super) const OUTPUT: &str = "include/extism.h";

pub(super) fn generate(project: &Project) -> Result<Produced> {
    if !project.exists(OUTPUT) {
        return Ok(Produced::Nothing("the header does not exist".to_string()));
    }
    let header = project.read(OUTPUT)?.replace("\r\n", "\n");
    let section = section(&Table::load(project)?)?;
    Ok(C.spliced(&header, "status", &section))
}

/// One line for each thing that the header and the tables do not say alike.
pub(super) fn differences(project: &Project) -> Result<Vec<String>> {
    if !project.exists(OUTPUT) {
        return Ok(Vec::new());
    }
    let interface = Interface::load(project)?;
    let tables: Vec<Item> = interface
        .types_as_items()
        .chain(interface.functions_as_items())
        .collect();
    let header = scan::items(&project.read(OUTPUT)?).context(OUTPUT)?;
    let differences = compare::differences(&header, &tables);
    Ok(differences
        .iter()
        .map(|difference| format!("{OUTPUT}: {difference}"))
        .collect())
}

fn section(table: &Table) -> Result<String> {
    let mut text = format!("/* Written by `cargo xtask gen` from {SOURCE}. */\n");
    text.push_str("typedef enum ExtismStatus {\n");
    for status in &table.all {
        ensure!(
            !status.doc.contains("*/"),
            "{}: the text would end a comment in C",
            status.name
        );
        writeln!(text, "  /** {} */", status.doc)?;
        writeln!(
            text,
            "  EXTISM_STATUS_{} = {},",
            status.screaming_name(),
            status.code
        )?;
    }
    // A trailing comma is a warning of C89 and C++98 only; the header asks for C99 and C++11.
    text.push_str("} ExtismStatus;\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "/* BEGIN GENERATED: status */";
    const END: &str = "/* END GENERATED: status */";
    const TABLE: &str =
        "reserved = []\n[[status]]\nname = \"NotFound\"\ncode = 204\ndoc = \"It is not there.\"\n";
    const SECTION: &str = "\
/* Written by `cargo xtask gen` from abi/status.toml. */
typedef enum ExtismStatus {
  /** It is not there. */
  EXTISM_STATUS_NOT_FOUND = 204,
} ExtismStatus;
";

    fn generated(header: Option<&str>) -> Produced {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::at(folder.path());
        project.write(SOURCE, TABLE).unwrap();
        if let Some(header) = header {
            project.write(OUTPUT, header).unwrap();
        }
        generate(&project).unwrap()
    }

    #[test]
    fn only_the_lines_between_the_markers_change() {
        let header = format!("#ifndef A\n{BEGIN}\nold\n{END}\n#endif\n");
        let expected = format!("#ifndef A\n{BEGIN}\n{SECTION}{END}\n#endif\n");
        assert_eq!(generated(Some(&header)), Produced::Text(expected.clone()));
        assert_eq!(generated(Some(&expected)), Produced::Text(expected));
    }

    #[test]
    fn a_header_without_the_markers_has_no_place_and_a_missing_one_is_no_fault() {
        let reason = format!("the lines `{BEGIN}` and `{END}` do not both stand there once");
        assert_eq!(
            generated(Some("#endif\n")),
            Produced::NoPlace(reason.clone())
        );
        assert_eq!(
            generated(Some(&format!("{END}{END}{BEGIN}\n"))),
            Produced::NoPlace(reason)
        );
        assert_eq!(
            generated(None),
            Produced::Nothing("the header does not exist".into())
        );
    }

    #[test]
    fn a_text_that_would_end_the_comment_is_refused() {
        let table = Table::parse(&TABLE.replace("It is", "*/ is")).unwrap();
        assert_eq!(
            section(&table).unwrap_err().to_string(),
            "NotFound: the text would end a comment in C"
        );
    }

    #[test]
    fn the_header_says_what_the_tables_say() {
        let differences = differences(&Project::locate()).unwrap();
        assert_eq!(differences, Vec::<String>::new());
    }
}
