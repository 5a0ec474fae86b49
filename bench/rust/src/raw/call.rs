//! Calls into Wasm and out of it.
//!
//! Must not know: blocks, inputs and outputs. Invariant: functions are looked up once, and typed.

use anyhow::{Result, ensure};
use extism_bench::{HOST_CALLS, HOST_FUNCTION, Kit, module};
use wasmtime::{Instance, Linker, Module, Store};

use super::linked;
use super::settings::{Allocation, engine, store};
use crate::table::{Operation, Table};

pub(super) fn rows(table: &mut Table<'_>) -> Result<()> {
    table.row("raw: no-op", no_op)?;
    table.scaling("raw: calls on 2 threads", || Ok([no_op()?, no_op()?]))?;
    table.row("raw: no-op of the plug-in", || {
        let engine = engine(Allocation::OnDemand)?;
        let mut store = store(&engine);
        let plugin = linked::with_stubs(&engine, &module(Kit::Published)?)?;
        let instance = plugin.instantiate(&mut store)?;
        call(store, instance, "noop")
    })?;
    table.difference("raw: host function", HOST_CALLS, || {
        let engine = engine(Allocation::OnDemand)?;
        let module = Module::new(&engine, wat::parse_str(HOST_FUNCTION)?)?;
        let mut linker = Linker::new(&engine);
        linker.func_wrap("extism:host/user", "identity", |value: i64| value)?;
        let operation = |export| {
            let mut store = store(&engine);
            let instance = linker.instantiate(&mut store, &module)?;
            call(store, instance, export)
        };
        Ok([operation("calls")?, operation("loops")?])
    })
}

fn no_op() -> Result<Operation> {
    let engine = engine(Allocation::OnDemand)?;
    let wat = r#"(module (func (export "noop") (result i32) i32.const 0))"#;
    let module = Module::new(&engine, wat::parse_str(wat)?)?;
    let mut store = store(&engine);
    let instance = Instance::new(&mut store, &module, &[])?;
    call(store, instance, "noop")
}

/// Calls a function that answers 0.
fn call(mut store: Store<()>, instance: Instance, export: &str) -> Result<Operation> {
    let function = instance.get_typed_func::<(), i32>(&mut store, export)?;
    Ok(Box::new(move || {
        let answer = function.call(&mut store, ())?;
        ensure!(answer == 0, "the answer is {answer}");
        Ok(())
    }))
}
