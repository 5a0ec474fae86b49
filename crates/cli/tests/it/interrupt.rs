//! Ctrl-C, and readers of the output that go away or do not read.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

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
fn an_interrupted_call_is_told_in_json() {
    // Whoever is asked does not answer.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let http = crate::support::repository("examples/plugins/http.wasm");
    let args = ["call", "--json", &http, "fetch", "-i", &url];
    let child = extism()
        .args(args)
        .args(["--allow-host", "127.0.0.1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    let process = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &process]).status();
    assert!(killed.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let mut told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let duration_us = told.as_object_mut().unwrap().remove("duration_us");
    assert!(duration_us.unwrap().is_u64());
    let expected = serde_json::json!({
        "code": 134, "status": "CANCELLED", "status_code": 501, "fuel": null, "error": "interrupted",
    });
    assert_eq!(told, expected);
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

#[test]
fn a_reader_that_does_not_read_does_not_hold_up_a_call() {
    let source = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\00\40\00\00")
        (func (export "run")
            (loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32768))) br 0)))"#;
    let folder = Folder::new();
    let plugin = folder.write("writes.wat", source);
    let mut child = extism()
        .args(["call", &plugin, "run", "--wasi", "--timeout", "200"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let process = child.id().to_string();
    let stdout = child.stdout.take();
    let mut stderr = child.stderr.take().unwrap();
    let (sender, receiver) = mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let status = child.wait();
        sender.send(()).unwrap();
        status.unwrap()
    });
    let ended = receiver.recv_timeout(Duration::from_secs(30));
    if ended.is_err() {
        let _ = Command::new("kill").args(["-KILL", &process]).status();
    }
    let status = waiter.join().unwrap();
    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    drop(stdout);
    assert_eq!(ended, Ok(()), "it waits for its reader");
    assert_eq!(status.code(), Some(1));
    assert!(text.starts_with("extism: timeout\n"), "{text}");
}
