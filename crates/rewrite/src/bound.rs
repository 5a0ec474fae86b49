//! A module whose memories are declared to grow by so much at most.
//!
//! Knows the memory section alone. Invariant: nothing else of the module changes, and no memory is
//! declared to grow further than before.

use wasm_encoder::{MemorySection, MemoryType, Module, RawSection};
use wasmparser::Payload;

use crate::outline::parser;

/// For an engine without a limiter of its own, where a module was not rewritten: each memory the module
/// defines may grow by `pages_max` pages at most. `None` if it defines none, or cannot be read.
pub fn bound_memories(wasm: &[u8], pages_max: u64) -> Option<Vec<u8>> {
    let mut module = Module::new();
    let mut is_bounded = false;
    for payload in parser().parse_all(wasm) {
        let payload = payload.ok()?;
        let Some((id, range)) = payload.as_section() else {
            continue;
        };
        let Payload::MemorySection(section) = &payload else {
            module.section(&RawSection {
                id,
                data: wasm.get(range)?,
            });
            continue;
        };
        let mut memories = MemorySection::new();
        for memory in section.clone() {
            let memory = memory.ok()?;
            let bound = memory.initial.saturating_add(pages_max);
            memories.memory(MemoryType {
                minimum: memory.initial,
                maximum: Some(
                    memory
                        .maximum
                        .map_or(bound, |declared| declared.min(bound))
                        .min(match memory.memory64 {
                            true => 1 << 48,
                            false => 1 << 16,
                        }),
                ),
                memory64: memory.memory64,
                shared: memory.shared,
                page_size_log2: memory.page_size_log2,
            });
        }
        module.section(&memories);
        is_bounded = true;
    }
    is_bounded.then(|| module.finish())
}
