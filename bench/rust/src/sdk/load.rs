//! From bytes to an instance: compiled before, seen before, never seen, precompiled.
//!
//! Must not know: caches. Invariant: what is loaded can be called: in the rows of instances each is, in those
//! of loading the first.

use anyhow::Result;
use extism::{CompiledPlugin, Plugin, PluginBuilder};
use extism_bench::{Kit, module};

use crate::table::{Operation, Table};

pub(super) fn rows(table: &mut Table<'_>) -> Result<()> {
    table.row("rust: instance", || Ok(instances(&compiled()?)))?;
    table.scaling("rust: instances on 2 threads", || {
        let compiled = compiled()?;
        Ok([instances(&compiled), instances(&compiled)])
    })?;
    table.row("rust: load again", || {
        load(module(Kit::Published)?, |builder| builder)
    })?;
    table.row("rust: load first", || {
        load(module(Kit::Published)?, |builder| {
            builder.with_cache_disabled()
        })
    })?;
    // With caches the artefact would be read once.
    table.row("rust: load artefact", || {
        let artefact = PluginBuilder::new(module(Kit::Published)?).precompile()?;
        load(artefact, |builder| {
            builder.with_cache_disabled().with_precompiled(true)
        })
    })
}

fn compiled() -> Result<CompiledPlugin> {
    PluginBuilder::new(module(Kit::Published)?).compile()
}

fn instances(compiled: &CompiledPlugin) -> Operation {
    let compiled = compiled.clone();
    Box::new(move || Plugin::new_from_compiled(&compiled)?.call("noop", ()))
}

fn load(
    bytes: Vec<u8>,
    options: impl Fn(PluginBuilder<'_>) -> PluginBuilder<'_> + Send + 'static,
) -> Result<Operation> {
    options(PluginBuilder::new(&bytes))
        .build()?
        .call::<_, ()>("noop", ())?;
    Ok(Box::new(move || {
        options(PluginBuilder::new(&bytes)).build()?;
        Ok(())
    }))
}
