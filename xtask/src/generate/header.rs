//! The status codes in C: one section of `include/extism.h`, the rest of which is written by hand.
//!
//! Must not know: anything else in the header. Invariant: nothing outside the two marker lines changes.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::Produced;
use super::status::{SOURCE, Table};
use crate::project::Project;

/// The header that holds the section.
pub(super) const OUTPUT: &str = "include/extism.h";

const BEGIN: &str = "/* BEGIN GENERATED: status */";
const END: &str = "/* END GENERATED: status */";

pub(super) fn generate(project: &Project) -> Result<Produced> {
    if !project.exists(OUTPUT) {
        return Ok(Produced::Nothing("the header does not exist".to_string()));
    }
    let header = project.read(OUTPUT)?.replace("\r\n", "\n");
    let section = section(&Table::load(project)?)?;
    Ok(match spliced(&header, &section) {
        Some(text) => Produced::Text(text),
        None => Produced::NoPlace(format!(
            "the lines `{BEGIN}` and `{END}` do not both stand there once"
        )),
    })
}

/// The header with the lines between the markers replaced.
fn spliced(header: &str, section: &str) -> Option<String> {
    if header.matches(BEGIN).count() != 1 || header.matches(END).count() != 1 {
        return None;
    }
    let (before, rest) = header.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{section}{END}{after}"))
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
}
