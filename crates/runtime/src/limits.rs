//! The bounds of a plug-in, as the engine asks for them.
//!
//! Invariant: every number comes from `extism-semantics`; nothing in this crate contains one.

use wasmtime::ResourceLimiter;

pub(crate) use extism_semantics::WASI_DESCRIPTORS_MAX;
pub use extism_semantics::{
    HTTP_RESPONSE_BYTES_DEFAULT, LimitNumber, Limits, VAR_OVERHEAD_BYTES, VARS_BYTES_DEFAULT,
};

/// Sums the memories and tables of one plug-in; the engine asks before each comes into being or grows.
pub(crate) struct Meter(pub(crate) extism_semantics::Meter);

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let maximum = maximum.map(|maximum| maximum as u64);
        Ok(self
            .0
            .memory_growing(current as u64, desired as u64, maximum))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.0.memory_grow_failed();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let maximum = maximum.map(|maximum| maximum as u64);
        Ok(self
            .0
            .table_growing(current as u64, desired as u64, maximum))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.0.table_grow_failed();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.0.instances_max()
    }

    fn memories(&self) -> usize {
        self.0.memories_max()
    }

    fn tables(&self) -> usize {
        self.0.tables_max()
    }
}
