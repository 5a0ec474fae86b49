//! Which Wasm proposals are on and which are off, each with its reason.

use wasmtime::Config;

/// Sets the proposals. What is not named here is finished and on in every engine: mutable globals,
/// sign extension, saturating conversions, multiple values, bulk memory, reference types,
/// fixed-width SIMD.
pub(crate) fn set(config: &mut Config) {
    config
        // On, because published plug-ins may use them.
        .wasm_tail_call(true)
        .wasm_function_references(true)
        .wasm_gc(true)
        .wasm_exceptions(true)
        .wasm_multi_memory(true)
        .wasm_extended_const(true)
        .wasm_relaxed_simd(true)
        // Relaxed operations must answer alike on every machine.
        .relaxed_simd_deterministic(true)
        // Off: kernel memory and limits are built on 32-bit memories.
        .wasm_memory64(false)
        // Off: a plug-in runs on one thread; shared memories could not be counted or reset.
        .shared_memory(false)
        // Off: not finished.
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false);
}
