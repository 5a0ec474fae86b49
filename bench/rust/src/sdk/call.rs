//! Calls: nothing, a little text, many bytes; with a time limit and a cancel handle; with code that was
//! compiled in other ways.
//!
//! Must not know: how a plug-in is made fast. Invariant: each echo has a first byte of its own, so an old
//! output is no right answer.

use std::time::Duration;

use anyhow::{Result, ensure};
use extism::{Manifest, Plugin, PluginBuilder, Wasm, wasmtime};
use extism_bench::{COUNT, Kit, TEXT, input, module};

use super::plugin;
use crate::codegen;
use crate::table::{Operation, Table};

const SIZES: [(&str, usize); 3] = [
    ("64 KiB", 64 << 10),
    ("1 MiB", 1 << 20),
    ("16 MiB", 16 << 20),
];

pub(super) fn rows(table: &mut Table<'_>) -> Result<()> {
    table.row("rust: no-op", || no_op(plugin(Kit::Published)?))?;
    for function in ["count_vowels", "count_vowels_total"] {
        table.row(&format!("rust: {function}"), || {
            count_vowels(plugin(Kit::Published)?, function)
        })?;
    }
    for (kit, whose) in [(Kit::Published, ""), (Kit::Ours, ", our kit")] {
        for (size, bytes) in SIZES {
            table.row(&format!("rust: echo {size}{whose}"), || {
                echo(plugin(kit)?, bytes)
            })?;
        }
    }
    table.row("rust: no-op, time limit", || {
        let manifest = Manifest::new([Wasm::data(module(Kit::Published)?)]);
        let manifest = manifest.with_timeout(Duration::from_secs(1));
        no_op(PluginBuilder::new(manifest).build()?)
    })?;
    table.row("rust: no-op, cancel handle", || {
        let plugin = plugin(Kit::Published)?;
        let handle = plugin.cancel_handle();
        let mut call = no_op(plugin)?;
        Ok(Box::new(move || {
            let _alive = &handle;
            call()
        }))
    })?;
    table.scaling("rust: calls on 2 threads", || {
        let operation = || no_op(plugin(Kit::Published)?);
        Ok([operation()?, operation()?])
    })?;
    compiled_otherwise(table)
}

/// What cheaper compilation costs the calls.
fn compiled_otherwise(table: &mut Table<'_>) -> Result<()> {
    for codegen in codegen::OTHERS {
        let plugin = || -> Result<Plugin> {
            let mut config = wasmtime::Config::new();
            codegen.set(&mut config);
            let builder = PluginBuilder::new(module(Kit::Published)?);
            builder.with_wasmtime_config(config).build()
        };
        let name = codegen.name;
        table.row(&format!("rust: count_vowels, compiled {name}"), || {
            count_vowels(plugin()?, "count_vowels")
        })?;
        table.row(&format!("rust: echo 1 MiB, compiled {name}"), || {
            echo(plugin()?, 1 << 20)
        })?;
    }
    Ok(())
}

fn no_op(mut plugin: Plugin) -> Result<Operation> {
    Ok(Box::new(move || plugin.call("noop", ())))
}

fn count_vowels(mut plugin: Plugin, function: &'static str) -> Result<Operation> {
    Ok(Box::new(move || {
        let answer: &str = plugin.call(function, TEXT)?;
        ensure!(answer.starts_with(COUNT), "{function} says {answer}");
        Ok(())
    }))
}

fn echo(mut plugin: Plugin, bytes: usize) -> Result<Operation> {
    let mut input = input(bytes);
    let whole = plugin.call::<&[u8], &[u8]>("echo", &input)? == input;
    ensure!(whole, "the echo differs from what was called");
    Ok(Box::new(move || {
        input[0] = input[0].wrapping_add(1);
        let output: &[u8] = plugin.call("echo", &input)?;
        // Comparing all of it would be a good part of the row.
        let alike = output.len() == input.len()
            && output.first() == input.first()
            && output.last() == input.last();
        ensure!(alike, "the echo differs from what was called");
        Ok(())
    }))
}
