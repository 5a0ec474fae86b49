//! A module whose memories are declared to grow by so much at most.
//!
//! Knows the memory section alone. Invariant: nothing else of the module changes, and no memory is
//! declared to grow further than before.

use wasm_encoder::{MemorySection, MemoryType, Module, RawSection};

use crate::module::{Sections, memories, section};

/// For an engine without a limiter of its own, where a module was not rewritten: each memory the module
/// defines may grow by `pages_max` pages at most. `None` if it defines none, or cannot be read.
pub fn bound_memories(wasm: &[u8], pages_max: u64) -> Option<Vec<u8>> {
    let mut module = Module::new();
    let mut is_bounded = false;
    for found in Sections::new(wasm) {
        let (id, range) = found.ok()?;
        let data = wasm.get(range)?;
        if id != section::MEMORY {
            module.section(&RawSection { id, data });
            continue;
        }
        let mut bounded = MemorySection::new();
        for memory in memories(data).ok()? {
            let bound = memory.minimum.saturating_add(pages_max);
            let most = memory.maximum.map_or(bound, |declared| declared.min(bound));
            bounded.memory(MemoryType {
                maximum: Some(most.min(match memory.memory64 {
                    true => 1 << 48,
                    false => 1 << 16,
                })),
                ..memory
            });
        }
        module.section(&bounded);
        is_bounded = true;
    }
    is_bounded.then(|| module.finish())
}
