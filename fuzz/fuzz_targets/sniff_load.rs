//! The target `sniff_load` of crates/fuzzing as a program of libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| extism_fuzzing::execute("sniff_load", input));
