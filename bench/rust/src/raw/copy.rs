//! Copies: what moving an echo's bytes costs when nothing else is done.
//!
//! Must not know: Wasm. Invariant: each copy reads what the one before it wrote.

use std::hint::black_box;

use anyhow::{Result, ensure};
use extism_bench::input;

use crate::table::Table;

const BYTES: usize = 1 << 20;

/// Into kernel memory, into the guest's memory, back into kernel memory, out to the host.
const COPIES: usize = 4;

pub(super) fn rows(table: &mut Table<'_>) -> Result<()> {
    table.row("raw: 4 copies of 1 MiB", || {
        let mut buffers = vec![vec![0; BYTES]; COPIES + 1];
        buffers[0] = input(BYTES);
        Ok(Box::new(move || {
            buffers[0][0] = buffers[0][0].wrapping_add(1);
            for at in 1..buffers.len() {
                let (before, after) = buffers.split_at_mut(at);
                after[0].copy_from_slice(black_box(&before[at - 1]));
            }
            ensure!(buffers[COPIES][0] == buffers[0][0], "a copy is missing");
            Ok(())
        }))
    })
}
