//! Guarantees 15, 16 and 18: processes. The library is part of the program, so nothing is loaded or unloaded;
//! what is left is that child processes work, that versions agree, and that the signal handlers of others
//! still do.

use std::process::{Command, Output};

use extism::{ErrorExt, Plugin, Status};

use crate::echo;

/// Set where this test program runs itself.
const CHILD: &str = "EXTISM_TEST_CHILD";

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// This program, with this test alone.
fn run(test: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap()
}

#[test]
fn g15_parent_and_child_process_both_work() {
    let mut plugin = echo();
    assert_eq!(plugin.call::<_, &str>("echo", "before").unwrap(), "before");
    if is_child() {
        return;
    }
    let output = run("unload::g15_parent_and_child_process_both_work");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(plugin.call::<_, &str>("echo", "after").unwrap(), "after");
}

#[test]
fn g16_versions_agree() {
    assert_eq!(extism::extism_version(), env!("CARGO_PKG_VERSION"));
}

fn trap() {
    let wat = "(module (memory 1) (func (export \"run\") (drop (i32.load (i32.const 65536)))))";
    let mut plugin = Plugin::new(wat, [], false).unwrap();
    let error = plugin.call::<_, ()>("run", ()).unwrap_err();
    assert_eq!(error.status(), Some(Status::TrapMemory));
}

/// Rust notices by a signal that a stack overflows; the engine notices by the same signal that Wasm leaves
/// its memory.
#[cfg(unix)]
#[test]
fn g18_signal_handlers_of_the_program_still_work() {
    fn deeper(depth: u64) -> u64 {
        match std::hint::black_box(depth) {
            u64::MAX => depth,
            depth => std::hint::black_box(depth) + deeper(depth + 1),
        }
    }
    trap();
    if is_child() {
        let thread = std::thread::spawn(|| deeper(0));
        let _ = thread.join();
        return;
    }
    let output = run("unload::g18_signal_handlers_of_the_program_still_work");
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("has overflowed its stack"), "{told}");
    trap();
}
