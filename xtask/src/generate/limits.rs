//! The table of limits, and the table of `docs/limits.md`.
//!
//! Must not know: what a limit is there for. Invariant: what stands beyond a limit is a status of
//! `abi/status.toml` or one of two things that are no failure. That the numbers are those of the code is
//! tested where the code is, through the document.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Produced;
use super::c::Parameter;
use super::interface::Field;
use super::section::MARKDOWN;
use super::status::Table as Statuses;
use crate::project::Project;

/// Where the table is.
pub(super) const SOURCE: &str = "abi/limits.toml";

/// The document that shows it.
pub(super) const OUTPUT: &str = "docs/limits.md";

/// What a plug-in may meet at a limit without failing.
const HARMLESS: &[&str] = &["cut", "dropped and counted"];

/// Every limit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    #[serde(rename = "limit")]
    pub(super) all: Vec<Limit>,
}

/// One bound.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    /// In Rust.
    pub(super) name: String,
    /// In C, where it is a number and the name has the unit; left out where that is the same name.
    field: Option<String>,
    default: String,
    untrusted: String,
    /// A status, or what happens instead.
    beyond: String,
    /// How the text of the field begins in the header.
    pub(super) doc: String,
}

pub(super) fn generate(project: &Project) -> Result<Produced> {
    if !project.exists(OUTPUT) {
        return Ok(Produced::Nothing("the document does not exist".to_string()));
    }
    let text = project.read(OUTPUT)?.replace("\r\n", "\n");
    Ok(MARKDOWN.spliced(&text, "limits", &Limits::load(project)?.table()?))
}

impl Limits {
    pub(super) fn load(project: &Project) -> Result<Limits> {
        Limits::parse(&project.read(SOURCE)?, &Statuses::load(project)?)
    }

    fn parse(text: &str, statuses: &Statuses) -> Result<Limits> {
        let limits: Limits = toml::from_str(text).context(SOURCE)?;
        for Limit { name, beyond, .. } in &limits.all {
            let is_status = || {
                let mut all = statuses.all.iter();
                all.any(|status| status.screaming_name() == *beyond)
            };
            ensure!(
                HARMLESS.contains(&beyond.as_str()) || is_status(),
                "{name}: {beyond} is no status"
            );
        }
        Ok(limits)
    }

    /// The fields of the struct in C.
    pub(super) fn fields(&self) -> Vec<Field> {
        let field = |ty: &str, name: &str, doc: &str| Field {
            declared: Parameter {
                name: name.to_string(),
                ty: ty.to_string(),
            },
            doc: doc.to_string(),
        };
        let size = field("ExtismSize", "size", "sizeof(ExtismLimits).");
        let limits = self
            .all
            .iter()
            .map(|limit| field("uint64_t", limit.field(), &limit.doc));
        std::iter::once(size).chain(limits).collect()
    }

    fn table(&self) -> Result<String> {
        let mut text = "\n| limit | default | untrusted | beyond it |\n| --- | --- | --- | --- |\n"
            .to_string();
        for Limit {
            name,
            default,
            untrusted,
            beyond,
            ..
        } in &self.all
        {
            writeln!(text, "| `{name}` | {default} | {untrusted} | {beyond} |")?;
        }
        text.push('\n');
        Ok(text)
    }
}

impl Limit {
    /// Its name in C.
    pub(super) fn field(&self) -> &str {
        self.field.as_deref().unwrap_or(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses() -> Statuses {
        Statuses::load(&Project::locate()).unwrap()
    }

    const ONE: &str = "[[limit]]\nname = \"call_time_max\"\nfield = \"call_time_ms_max\"\n\
        default = \"none\"\nuntrusted = \"30 s\"\nbeyond = \"TIMEOUT\"\ndoc = \"A call.\"\n";

    #[test]
    fn a_limit_is_a_row_of_the_document_and_a_field_in_c() {
        let limits = Limits::parse(ONE, &statuses()).unwrap();
        let table = limits.table().unwrap();
        assert!(
            table.ends_with("\n| `call_time_max` | none | 30 s | TIMEOUT |\n\n"),
            "{table}"
        );
        let names: Vec<String> = limits
            .fields()
            .into_iter()
            .map(|field| field.declared.declared())
            .collect();
        assert_eq!(names, ["ExtismSize size", "uint64_t call_time_ms_max"]);
    }

    #[test]
    fn beyond_a_limit_is_a_status() {
        let text = ONE.replace("TIMEOUT", "LATE");
        let error = Limits::parse(&text, &statuses()).err().unwrap();
        assert_eq!(error.to_string(), "call_time_max: LATE is no status");
    }
}
