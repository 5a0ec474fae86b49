//! The engine as the runtime sets it up, with the choices that are compared.
//!
//! Must not know: modules. Invariant: what changes code is as in `crates/runtime/src/engine.rs`; the Wasm
//! proposals are the runtime's own list.

use anyhow::Result;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, Strategy,
};

#[path = "../../../../crates/runtime/src/engine/features.rs"]
mod features;

/// Where instances and their memories come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allocation {
    /// Mapped for each, and unmapped with it.
    OnDemand,
    /// Address space set aside once, as the engine does by default.
    Pooling,
    /// As `Pooling`, but what an instance leaves behind is cleared by writing, where that is little, and is
    /// not given back to the system.
    PoolingWarm,
}

impl Allocation {
    pub(super) const ALL: [Allocation; 3] = [
        Allocation::OnDemand,
        Allocation::Pooling,
        Allocation::PoolingWarm,
    ];

    /// As it stands in the names of rows.
    pub(super) fn name(self) -> &'static str {
        match self {
            Allocation::OnDemand => "on demand",
            Allocation::Pooling => "pooling",
            Allocation::PoolingWarm => "pooling, kept warm",
        }
    }
}

/// The runtime's settings.
pub(super) fn config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .epoch_interruption(true)
        .consume_fuel(false)
        .max_wasm_stack(512 << 10);
    features::set(&mut config);
    config
}

/// An engine with the runtime's settings.
pub(super) fn engine(allocation: Allocation) -> Result<Engine> {
    let mut config = config();
    match allocation {
        Allocation::OnDemand => {}
        Allocation::Pooling => {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(slots(0)));
        }
        Allocation::PoolingWarm => {
            let mut slots = slots(KEEP_BYTES);
            slots.pagemap_scan(Enabled::Auto);
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(slots));
        }
    }
    Ok(Engine::new(&config)?)
}

/// Memory a slot keeps for its next instance.
const KEEP_BYTES: usize = 256 << 10;

/// Few are alive at a time here.
const INSTANCES_MAX: u32 = 16;

const MEMORIES_PER_MODULE_MAX: u32 = 2;

fn slots(keep_bytes: usize) -> PoolingAllocationConfig {
    let mut slots = PoolingAllocationConfig::new();
    slots
        .total_core_instances(INSTANCES_MAX)
        .total_memories(MEMORIES_PER_MODULE_MAX * INSTANCES_MAX)
        .total_tables(INSTANCES_MAX)
        .total_gc_heaps(INSTANCES_MAX)
        .max_memories_per_module(MEMORIES_PER_MODULE_MAX)
        .linear_memory_keep_resident(keep_bytes)
        .table_keep_resident(keep_bytes);
    slots
}

/// A store whose epoch deadline has not passed.
pub(super) fn store(engine: &Engine) -> Store<()> {
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(1);
    store
}
