//! What memories add to an instance, by their number, their size, and how much of them is written.
//!
//! Must not know: plug-ins. Invariant: nothing but the memories differs from row to row.

use anyhow::{Context, Result, ensure};
use wasmtime::{Engine, InstancePre, Linker, Module};

use super::settings::{Allocation, engine, store};
use crate::table::Table;

/// Name, pages of each memory, and how many bytes of the first one the call writes to, one in each 4 KiB.
const SHAPES: &[(&str, &[u32], u32)] = &[
    ("no memory", &[], 0),
    ("1 page", &[1], 0),
    ("256 pages", &[256], 0),
    ("16,384 pages", &[16_384], 0),
    ("2 memories of 1 page", &[1, 1], 0),
    ("1 page, 64 KiB written", &[1], 64 << 10),
    ("256 pages, 256 KiB written", &[256], 256 << 10),
    ("256 pages, 16 MiB written", &[256], 16 << 20),
];

pub(super) fn rows(table: &mut Table<'_>) -> Result<()> {
    for allocation in Allocation::ALL {
        for (shape, pages, written_bytes) in SHAPES {
            let name = format!("raw: instance with {shape}, {}", allocation.name());
            table.row(&name, || {
                let engine = engine(allocation)?;
                let module = Module::new(&engine, wat::parse_str(wat(pages))?)?;
                let instance = Linker::new(&engine).instantiate_pre(&module)?;
                let bytes = *written_bytes;
                Ok(Box::new(move || use_once(&engine, &instance, bytes)))
            })?;
        }
    }
    Ok(())
}

/// A module whose function writes to the first so many bytes and gives the number of writes.
fn wat(pages: &[u32]) -> String {
    let memories: String = pages
        .iter()
        .map(|pages| format!("(memory {pages})"))
        .collect();
    let store = match pages {
        [] => "",
        _ => "(i32.store8 (local.get $at) (i32.const 1))",
    };
    format!(
        r#"(module {memories}
            (func (export "write") (param $end i32) (result i32) (local $at i32) (local $count i32)
                (block $done
                    (loop $again
                        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
                        {store}
                        (local.set $count (i32.add (local.get $count) (i32.const 1)))
                        (local.set $at (i32.add (local.get $at) (i32.const 4096)))
                        (br $again)))
                (local.get $count)))"#
    )
}

fn use_once(engine: &Engine, instance: &InstancePre<()>, written_bytes: u32) -> Result<()> {
    let mut store = store(engine);
    let instance = instance.instantiate(&mut store)?;
    let function = instance
        .get_func(&mut store, "write")
        .context("it has no write")?;
    let function = function.typed::<u32, u32>(&store)?;
    let count = function.call(&mut store, written_bytes)?;
    ensure!(count == written_bytes / 4_096, "{count} pages were written");
    Ok(())
}
