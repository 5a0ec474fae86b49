//! Ctrl-C.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::support::{Folder, extism, run};

/// Says that it runs, then never ends.
const SPINS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\08\00\00\00started\n")
    (func (export "run")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
        (loop br 0)))"#;

#[test]
fn a_running_call_is_cancelled() {
    let folder = Folder::new();
    let plugin = folder.write("spins.wat", SPINS);
    let mut child = extism()
        .args(["call", &plugin, "run", "--wasi"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "started\n");
    let process = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &process]).status();
    assert!(killed.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "extism: interrupted\n"
    );
}

#[test]
fn a_reader_that_went_away_is_no_news() {
    let plugin = crate::support::plain();
    let mut child = extism()
        .args(["call", &plugin, "produce", "-i", "1000000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(run(["schema"]).code, 0);
}
