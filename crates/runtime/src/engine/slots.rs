//! Slots for instances: address space set aside once, so that making and dropping an instance
//! touches only the pages it writes.
//!
//! Without slots each memory of each instance is a mapping of its own, made and torn down with it:
//! several times the cost, most of it in the operating system, where threads wait for each other.
//! Invariant: what fits an engine without slots fits one slot, so slots only ever run out by number.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::EngineConfig;
use crate::error::Error;

/// How many engines of a process have slots. An engine's slots take 12 TiB of the 128 TiB of address
/// space a process has on most systems, and no memory until they are used.
pub(super) const ENGINES_MAX: usize = 4;

/// Instances that are alive at the same time on one engine.
const INSTANCES_MAX: u32 = 1_024;

/// The memories of an instance that is made in a slot: its own and the kernel's. Modules with more
/// are made without, so that a few of them cannot take the slots of all others.
pub(crate) const MEMORIES_PER_INSTANCE_MAX: u32 = 2;

/// With the memory that a garbage-collected heap takes when it is first used: a call that is running
/// never finds it missing.
const MEMORIES_MAX: u32 = (MEMORIES_PER_INSTANCE_MAX + 1) * INSTANCES_MAX;

/// The engine's own bounds on one module.
const MEMORIES_PER_MODULE_MAX: u32 = 100;
const TABLES_PER_MODULE_MAX: u32 = 100;
const TABLE_ELEMENTS_MAX: usize = 10_000_000;

/// The structure that holds an instance's globals, functions and so on; more than any module needs.
const INSTANCE_BYTES_MAX: usize = 1 << 30;

/// A 32-bit memory.
const MEMORY_BYTES_MAX: u64 = 1 << 32;

/// Memory that a slot keeps for its next instance: cleared by writing rather than given back.
const KEEP_BYTES: usize = 256 << 10;

/// An engine with slots.
pub(super) fn build(config: &EngineConfig) -> Result<Engine, Error> {
    let mut base = Config::new();
    base.allocation_strategy(InstanceAllocationStrategy::Pooling(slots()));
    super::build(base, config)
}

fn slots() -> PoolingAllocationConfig {
    let mut slots = PoolingAllocationConfig::new();
    slots
        .total_core_instances(INSTANCES_MAX)
        .total_memories(MEMORIES_MAX)
        .total_tables(INSTANCES_MAX)
        .total_gc_heaps(INSTANCES_MAX)
        .max_memories_per_module(MEMORIES_PER_MODULE_MAX)
        .max_tables_per_module(TABLES_PER_MODULE_MAX)
        .max_core_instance_size(INSTANCE_BYTES_MAX)
        .max_memory_size(usize::try_from(MEMORY_BYTES_MAX).unwrap_or(usize::MAX))
        .table_elements(TABLE_ELEMENTS_MAX)
        .linear_memory_keep_resident(KEEP_BYTES)
        .table_keep_resident(KEEP_BYTES)
        .pagemap_scan(Enabled::Auto);
    slots
}
