//! The target `capi_sequence` of crates/fuzzing as a program of libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| extism_fuzzing::execute("capi_sequence", input));
