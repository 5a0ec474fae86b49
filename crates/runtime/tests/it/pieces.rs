//! Large buffers of WASI: the host copies no more than a piece of them at once.

use std::path::Path;

use extism_runtime::manifest::{Manifest, Wasm};
use extism_runtime::{Options, Plugin, Status};

const BUFFER: usize = 4 << 20;
const PIECE: usize = 1 << 20;

/// Its file is open as number 4. The list of buffers is at 64: an empty one, and one of four mebibytes.
const SOURCE: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
    (memory (export "memory") 65)
    (data (i32.const 0) "file")
    (data (i32.const 72) "\00\00\01\00\00\00\40\00")
    (data (i32.const 65536) "begin")
    (func $done (param $error i32) (result i32)
      (if (local.get $error) (then (return (i32.sub (i32.const 0) (local.get $error)))))
      (i32.load (i32.const 96)))
    (func (export "open") (result i32)
      (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4)
        (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 32)))
    (func (export "write") (result i32)
      (call $done (call $write (i32.const 4) (i32.const 64) (i32.const 2) (i32.const 96))))
    (func (export "pwrite") (result i32)
      (call $done (call $pwrite (i32.const 4) (i32.const 64) (i32.const 2) (i64.const 0) (i32.const 96))))
    (func (export "read") (result i32)
      (call $done (call $read (i32.const 4) (i32.const 64) (i32.const 2) (i32.const 96))))
    (func (export "beyond") (result i32)
      (i32.store (i32.const 76) (i32.const 0x400001))
      (call $done (call $read (i32.const 4) (i32.const 64) (i32.const 2) (i32.const 96))))
    ;; The buffer begins with what says how long it is.
    (func (export "over") (result i32)
      (i32.store (i32.const 72) (i32.const 76))
      (drop (call $done (call $read (i32.const 4) (i32.const 64) (i32.const 2) (i32.const 96))))
      (i32.load (i32.const 76)))
    (func (export "length") (result i32) (i32.load (i32.const 76))))"#;

fn plugin(folder: &Path) -> Plugin {
    let manifest =
        Manifest::new([Wasm::data(SOURCE)]).with_allowed_path(folder.display().to_string(), "/f");
    let options = Options {
        wasi: true,
        ..Options::default()
    };
    let mut plugin = Plugin::load(manifest, options).unwrap();
    assert_eq!(plugin.call("open", b"").code, 0);
    plugin
}

#[test]
fn the_host_copies_large_buffers_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let mut writer = plugin(folder.path());
    for function in ["write", "write", "pwrite"] {
        assert_eq!(writer.call(function, b"").code, PIECE as i32, "{function}");
        assert_eq!(writer.call("length", b"").code, BUFFER as i32, "{function}");
    }
    let written = std::fs::read(&file).unwrap();
    assert_eq!(written.len(), 2 * PIECE);
    assert!(written.starts_with(b"begin\0") && written[PIECE..].starts_with(b"begin\0"));
    let mut reader = plugin(folder.path());
    for read in [PIECE, PIECE, 0] {
        assert_eq!(reader.call("read", b"").code, read as i32);
        assert_eq!(reader.call("length", b"").code, BUFFER as i32);
    }
}

#[test]
fn what_is_said_of_a_buffer_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), vec![7; BUFFER]).unwrap();
    let outcome = plugin(folder.path()).call("beyond", b"");
    assert_eq!(outcome.status(), Status::TrapMemory, "{outcome:?}");
    let over = plugin(folder.path()).call("over", b"");
    assert_eq!(over.code, 0x0707_0707);
}
