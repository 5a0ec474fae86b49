//! Rows of the engine, called directly: the limit for everything above it.
//!
//! Must not know: Extism, but for the rewriting pass, whose result is what the runtime gives the engine.
//! Invariant: the engine is set up as the runtime sets it up.

mod call;
mod compile;
mod copy;
mod instance;
mod linked;
mod memory;
mod settings;

use anyhow::Result;

use crate::table::Table;

/// Every row.
pub(crate) fn rows(table: &mut Table<'_>) -> Result<()> {
    call::rows(table)?;
    copy::rows(table)?;
    instance::rows(table)?;
    memory::rows(table)?;
    compile::rows(table)
}
