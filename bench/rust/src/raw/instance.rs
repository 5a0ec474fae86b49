//! Instances of the plug-in: made, called once, dropped, with a store of their own.
//!
//! As published the plug-in has one memory and kernel memory is elsewhere; rewritten it brings both.
//!
//! Must not know: how the runtime wires its state. Invariant: imports are resolved before the time is taken.

use anyhow::{Context, Result, ensure};
use extism_bench::{Kit, module};
use wasmtime::{Engine, InstancePre};

use super::linked;
use super::settings::{Allocation, engine, store};
use crate::table::{Operation, Table};

pub(super) fn rows(table: &mut Table<'_>) -> Result<()> {
    let modules = [
        ("as published", module(Kit::Published)?),
        ("rewritten", linked::rewritten()?),
    ];
    for allocation in Allocation::ALL {
        for (kind, wasm) in &modules {
            let how = allocation.name();
            let prepare = || -> Result<[Operation; 2]> {
                let engine = engine(allocation)?;
                let plugin = linked::with_stubs(&engine, wasm)?;
                Ok([instances(&engine, &plugin), instances(&engine, &plugin)])
            };
            table.row(&format!("raw: instance, {kind}, {how}"), || {
                let [one, _] = prepare()?;
                Ok(one)
            })?;
            let threads = format!("raw: instances on 2 threads, {kind}, {how}");
            table.scaling(&threads, prepare)?;
        }
    }
    Ok(())
}

fn instances(engine: &Engine, plugin: &InstancePre<()>) -> Operation {
    let (engine, plugin) = (engine.clone(), plugin.clone());
    Box::new(move || use_once(&engine, &plugin))
}

fn use_once(engine: &Engine, plugin: &InstancePre<()>) -> Result<()> {
    let mut store = store(engine);
    let instance = plugin.instantiate(&mut store)?;
    let function = instance
        .get_func(&mut store, "noop")
        .context("it has no noop")?;
    let answer = function.typed::<(), i32>(&store)?.call(&mut store, ())?;
    ensure!(answer == 0, "the answer is {answer}");
    Ok(())
}
