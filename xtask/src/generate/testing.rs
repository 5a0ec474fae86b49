//! The numbers of `docs/testing.md`: what campaigns have run.
//!
//! Must not know: how anything is run. Invariant: every number is one of the ledger.

use anyhow::Result;

use super::Produced;
use super::section::MARKDOWN;
use crate::ledger::{self, Ledger};
use crate::project::Project;

pub(super) const SOURCE: &str = ledger::PATH;

pub(super) const OUTPUT: &str = "docs/testing.md";

pub(super) fn generate(project: &Project) -> Result<Produced> {
    let text = project.read(OUTPUT)?.replace("\r\n", "\n");
    let tables = Ledger::load(project)?.tables();
    Ok(MARKDOWN.spliced(&text, "ledger", &tables))
}
