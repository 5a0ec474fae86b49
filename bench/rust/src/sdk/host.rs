//! Host functions: numbers as values, and typed arguments in blocks of kernel memory.
//!
//! Must not know: how a call reaches the host. Invariant: what is measured is the host function alone; the
//! loop around it is measured as well and subtracted.

use anyhow::Result;
use extism::{
    CurrentPlugin, Function, PTR, Plugin, PluginBuilder, UserData, Val, ValType, host_fn,
};
use extism_bench::{HOST_CALLS, HOST_FUNCTION};

use crate::table::{Operation, Table};

/// A host function from block to block; it calls as often as [`HOST_FUNCTION`].
const BLOCKS: &str = include_str!("../../wat/blocks.wat");

host_fn!(add_one(number: u64) -> u64 {
    Ok(number.wrapping_add(1))
});

pub(super) fn rows(table: &mut Table<'_>) -> Result<()> {
    table.difference("rust: host function", HOST_CALLS, || {
        let identity = Function::new(
            "identity",
            [ValType::I64],
            [ValType::I64],
            UserData::new(()),
            |_plugin, arguments, results, _data| {
                results[0] = Val::I64(arguments[0].unwrap_i64());
                Ok(())
            },
        );
        calls_and_loops(HOST_FUNCTION, identity)
    })?;
    table.difference("rust: host function by Function::typed", HOST_CALLS, || {
        let identity = Function::typed("identity", |_: &mut CurrentPlugin, number: i64| Ok(number));
        calls_and_loops(HOST_FUNCTION, identity)
    })?;
    // The guest's own block is in the loop without calls; the host's copies are what remains.
    table.difference("rust: host function by host_fn!", HOST_CALLS, || {
        let add_one = Function::new("add_one", [PTR], [PTR], UserData::new(()), add_one);
        calls_and_loops(BLOCKS, add_one)
    })
}

fn calls_and_loops(wat: &str, function: Function) -> Result<[Operation; 2]> {
    let compiled = PluginBuilder::new(wat)
        .with_functions([function])
        .compile()?;
    let operation = |export: &'static str| -> Result<Operation> {
        let mut plugin = Plugin::new_from_compiled(&compiled)?;
        // A code other than 0 is an error.
        Ok(Box::new(move || plugin.call(export, ())))
    };
    Ok([operation("calls")?, operation("loops")?])
}
