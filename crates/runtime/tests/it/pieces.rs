//! Large buffers of WASI: the host copies a piece of them at once, and the plug-in does not notice.

use std::path::Path;

use extism_runtime::manifest::{Manifest, Wasm};
use extism_runtime::{Options, Plugin, Status};

/// More than wasmtime-wasi takes at once.
const BUFFER: usize = 129 << 20;
const PIECE: usize = 1 << 20;

/// Its file is open as number 4. The list of buffers is at 64: an empty one, and one from 65536 on. The
/// functions answer how many bytes were done, or the error number below zero.
const SOURCE: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
    (memory (export "memory") 2065)
    (data (i32.const 0) "file")
    (data (i32.const 72) "\00\00\01\00\00\00\10\08")
    (data (i32.const 65536) "begin")
    (func $done (param $error i32) (result i32)
      (if (local.get $error) (then (return (i32.sub (i32.const 0) (local.get $error)))))
      (i32.load (i32.const 96)))
    (func $last (result i32)
      (i32.sub (i32.add (i32.load (i32.const 72)) (i32.load (i32.const 76))) (i32.const 4)))
    (func (export "open") (result i32)
      (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4)
        (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 32)))
    (func (export "write") (result i32)
      (i32.store (call $last) (i32.const 0x656e6f64))
      (call $done (call $write (i32.const 4) (i32.const 64) (i32.const 2) (i32.const 96))))
    (func (export "pwrite") (result i32)
      (call $done (call $pwrite (i32.const 4) (i32.const 64) (i32.const 2) (i64.const 7) (i32.const 96))))
    (func $run (export "read") (result i32)
      (call $done (call $read (i32.const 4) (i32.const 64) (i32.const 2) (i32.const 96))))
    (func (export "beyond") (result i32)
      (i32.store (i32.const 72) (i32.const 134283264))
      (i32.store (i32.const 76) (i32.const 2097152))
      (call $run))
    (func (export "closed") (result i32)
      (call $done (call $read (i32.const 9) (i32.const 64) (i32.const 2) (i32.const 96))))
    ;; The buffer begins with what says how long it is.
    (func (export "over") (result i32)
      (i32.store (i32.const 72) (i32.const 76))
      (drop (call $run))
      (i32.load (i32.const 76)))
    ;; The buffer is all of the memory, and so has the list in it.
    (func (export "dump") (result i32)
      (i32.store (i32.const 72) (i32.const 0))
      (i32.store (i32.const 76) (i32.const 2097152))
      (call $done (call $write (i32.const 4) (i32.const 64) (i32.const 2) (i32.const 96))))
    (func (export "last") (result i32) (i32.load (call $last)))
    (func (export "start") (result i32) (i32.load (i32.const 72)))
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

fn list(plugin: &mut Plugin) -> [i32; 2] {
    ["start", "length"].map(|field| plugin.call(field, b"").code)
}

const LISTED: [i32; 2] = [65_536, BUFFER as i32];

#[test]
fn large_buffers_are_written_and_read_as_a_whole() {
    const DONE: i32 = i32::from_le_bytes(*b"done");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let mut writer = plugin(folder.path());
    assert_eq!(writer.call("write", b"").code, BUFFER as i32);
    assert_eq!(list(&mut writer), LISTED);
    let mut reader = plugin(folder.path());
    assert_eq!(reader.call("read", b"").code, BUFFER as i32);
    assert_eq!(reader.call("last", b"").code, DONE);
    assert_eq!(reader.call("read", b"").code, 0);
    assert_eq!(list(&mut reader), LISTED);
    let mut writer = plugin(folder.path());
    assert_eq!(writer.call("pwrite", b"").code, BUFFER as i32);
    let written = std::fs::read(&file).unwrap();
    assert_eq!(written.len(), 7 + BUFFER);
    assert!(written.starts_with(b"begin\0\0begin\0"));
}

#[test]
fn a_file_ends_within_a_piece_and_after_one() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE] {
        std::fs::write(folder.path().join("file"), vec![7; bytes]).unwrap();
        let mut plugin = plugin(folder.path());
        assert_eq!(plugin.call("read", b"").code, bytes as i32);
        assert_eq!(list(&mut plugin), LISTED);
    }
}

#[test]
fn a_buffer_with_its_own_list_is_written_up_to_that() {
    let folder = tempfile::tempdir().unwrap();
    let mut plugin = plugin(folder.path());
    assert_eq!(plugin.call("dump", b"").code, 72);
    assert_eq!(list(&mut plugin), [0, 2 << 20]);
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap().len(), 72);
}

#[test]
fn a_large_buffer_may_be_no_good() {
    const BAD_DESCRIPTOR: i32 = 8;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), vec![7; 2 * PIECE]).unwrap();
    let mut first = plugin(folder.path());
    assert_eq!(first.call("closed", b"").code, -BAD_DESCRIPTOR);
    assert_eq!(list(&mut first), LISTED);
    let over = plugin(folder.path()).call("over", b"");
    assert_eq!(over.code, 0x0707_0707);
    let outcome = plugin(folder.path()).call("beyond", b"");
    assert_eq!(outcome.status(), Status::TrapMemory, "{outcome:?}");
}
