//! Rows through the crate `extism`, as a host written in Rust uses it.
//!
//! Must not know: the engine. Invariant: plug-ins are made as the documentation shows.

mod call;
mod host;
mod load;

use anyhow::Result;
use extism::{Plugin, PluginBuilder};
use extism_bench::{Kit, module};

use crate::table::Table;

/// Every row.
pub(crate) fn rows(table: &mut Table<'_>) -> Result<()> {
    call::rows(table)?;
    host::rows(table)?;
    load::rows(table)
}

/// An instance without any wishes.
fn plugin(kit: Kit) -> Result<Plugin> {
    PluginBuilder::new(module(kit)?).build()
}
