//! Compilation, in every way there is, and what comes in its place: reading machine code, knowing the bytes.
//!
//! Must not know: caches and artefacts of the runtime. Invariant: what is compiled or read can be
//! instantiated: each row asks the module for an export.

use anyhow::{Result, ensure};
use extism_bench::{Kit, module};
use sha2::{Digest, Sha256};
use wasmtime::{Engine, Module};

use super::linked;
use super::settings::{Allocation, config, engine};
use crate::codegen::{self, Codegen};
use crate::table::{Operation, Table};

pub(super) fn rows(table: &mut Table<'_>) -> Result<()> {
    let default = &codegen::DEFAULT;
    for (threads, parallel) in [("2 threads", true), ("1 thread", false)] {
        table.row(
            &format!("raw: compile {}, as published, {threads}", default.name),
            || compile(default, parallel, module(Kit::Published)?),
        )?;
    }
    for codegen in [default].into_iter().chain(&codegen::OTHERS) {
        for (threads, parallel) in [("2 threads", true), ("1 thread", false)] {
            table.row(
                &format!("raw: compile {}, rewritten, {threads}", codegen.name),
                || compile(codegen, parallel, linked::rewritten()?),
            )?;
        }
    }
    table.row("raw: deserialise", deserialise)?;
    table.row("raw: deserialise a mapped file", deserialise_file)?;
    table.row("raw: SHA-256 of the plug-in", || {
        let wasm = module(Kit::Published)?;
        let expected = Sha256::digest(&wasm);
        Ok(Box::new(move || {
            ensure!(Sha256::digest(&wasm) == expected, "the hash changed");
            Ok(())
        }))
    })
}

fn compile(codegen: &Codegen, parallel: bool, wasm: Vec<u8>) -> Result<Operation> {
    let mut config = config();
    config.parallel_compilation(parallel);
    codegen.set(&mut config);
    let engine = Engine::new(&config)?;
    Ok(Box::new(move || check(&Module::new(&engine, &wasm)?)))
}

fn deserialise() -> Result<Operation> {
    let engine = engine(Allocation::OnDemand)?;
    let code = engine.precompile_module(&linked::rewritten()?)?;
    Ok(Box::new(move || {
        // SAFETY: the code is what this engine has made of a module just now.
        check(&unsafe { Module::deserialize(&engine, &code) }?)
    }))
}

fn deserialise_file() -> Result<Operation> {
    let engine = engine(Allocation::OnDemand)?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(&file, engine.precompile_module(&linked::rewritten()?)?)?;
    Ok(Box::new(move || {
        // SAFETY: the file holds what this engine has made of a module just now; it is private, and nobody
        // changes it before it is removed.
        check(&unsafe { Module::deserialize_file(&engine, file.path()) }?)
    }))
}

fn check(module: &Module) -> Result<()> {
    let found = module.get_export("count_vowels").is_some();
    ensure!(found, "the module has no count_vowels");
    Ok(())
}
