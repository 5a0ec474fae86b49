//! The target `kernel_alloc_model` of crates/fuzzing as a program of libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| extism_fuzzing::execute("kernel_alloc_model", input));
