//! What is no module, damaged, or made to be a burden.

use extism_abi::Status;

use super::*;

/// Three bytes make a section with a name: what is listed stays bounded all the same.
#[test]
fn small_entries_do_not_make_huge_lists() {
    let mut bytes = wat::parse_str("(module (func (export \"f\")))").unwrap();
    bytes.extend([0, 1, 0].repeat(300_000));
    let inspection = look_into(&bytes).unwrap();
    let module = &inspection.modules[0];
    assert!(module.truncated);
    assert!((200_000..300_000).contains(&module.custom_sections.len()));
    assert_eq!(inspection.functions, ["f"]);
    assert!(
        inspection
            .to_string()
            .ends_with("its names and types are too many to list\n")
    );
}

#[test]
fn what_is_no_module_is_an_error() {
    for (source, status) in [
        (&b"\0asm\x01\0\0\0\x01"[..], Status::ModuleInvalid),
        (b"\0asm\x01\0\0\0\x01\x01\x01", Status::ModuleInvalid),
        (b"\0asm\x01\0\0\0\x03\x02\x01\0", Status::ModuleInvalid),
        (b"\0asm\x0d\0\x01\0", Status::ModuleUnsupported),
        (b"\xff\xfe", Status::ModuleInvalid),
    ] {
        let fault = look_into(source).unwrap_err();
        assert_eq!(fault.status(), status, "{source:?}: {fault:?}");
    }
}

/// Damaged modules give an inspection or an error, never a panic: cut anywhere, and with bits turned over.
#[test]
fn damaged_modules_do_not_panic() {
    let small = wat::parse_str(
        r#"(module
            (import "extism:host/env" "alloc" (func (param i64) (result i64)))
            (import "env" "m" (memory 1 2)) (table 1 funcref) (global (mut i32) (i32.const 0))
            (func (export "f") (result i32) (block (drop (v128.const i64x2 0 0))) (i32.const 0))
            (elem (i32.const 0) 0) (data (i32.const 0) "library/core/src/extism-pdk-1.2.3/")
            (@custom "producers" "\01\08language\01\04Rust\031.0"))"#,
    )
    .unwrap();
    for end in 0..small.len() {
        check(&small[..end]);
    }
    for at in 0..small.len() {
        for bit in 0..8 {
            let mut damaged = small.clone();
            damaged[at] ^= 1 << bit;
            check(&damaged);
        }
    }
    let real = repository_file("examples/plugins/count_vowels.wasm");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..200 {
        // xorshift: the same damage in every run.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let at = (seed % real.len() as u64) as usize;
        let mut damaged = real.clone();
        match round % 4 {
            0 => damaged.truncate(at),
            // Sections before code are where the structure is.
            1 => damaged[at % 1_500] ^= 1 << (seed >> 61),
            _ => damaged[at] = (seed >> 32) as u8,
        }
        check(&damaged);
    }
}

/// Looks into bytes, and prints what was found.
fn check(bytes: &[u8]) {
    match look_into(bytes) {
        Ok(inspection) => {
            assert!(!inspection.to_string().is_empty());
            assert!(inspection.to_json().starts_with('{'));
        }
        Err(fault) => assert!(
            matches!(
                fault.status(),
                Status::ModuleInvalid | Status::ModuleUnsupported
            ),
            "{fault:?}"
        ),
    }
}
