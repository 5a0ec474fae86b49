//! WASI's `poll_oneoff`: what is waited for, and what is refused before anything is made for it.

use std::time::{Duration, Instant, SystemTime};

use extism_runtime::manifest::{Manifest, Wasm};
use extism_runtime::{Options, Plugin, Status};

/// Polls the subscriptions that are its input, and puts out the events.
const POLLS: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (import "extism:host/env" "input_load_u8" (func $input (param i64) (result i32)))
    (memory (export "memory") 4)
    (data (i32.const 200_000) "f")
    (func (export "open") (result i32)
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 200_000) (i32.const 1) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 200_008)))
        (i32.load (i32.const 200_008)))
    (func (export "close_output") (result i32) (call $close (i32.const 1)))
    (func (export "now") (result i32)
        (drop (call $time (i32.const 1) (i64.const 0) (i32.const 131_080)))
        (call $put (i32.const 131_080) (i32.const 8))
        (i32.const 0))
    (func $put (param $from i32) (param $bytes i32) (local $block i64) (local $at i32)
        (local.set $block (call $alloc (i64.extend_i32_u (local.get $bytes))))
        (loop $next
            (call $store (i64.add (local.get $block) (i64.extend_i32_u (local.get $at)))
                (i64.load (i32.add (local.get $from) (local.get $at))))
            (br_if $next (i32.lt_u
                (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $bytes))))
        (call $output (local.get $block) (i64.extend_i32_u (local.get $bytes))))
    (func (export "poll") (result i32) (local $at i64) (local $errno i32)
        (block $done (loop $next
            (br_if $done (i64.ge_u (local.get $at) (call $length)))
            (i32.store8 (i32.wrap_i64 (local.get $at)) (call $input (local.get $at)))
            (local.set $at (i64.add (local.get $at) (i64.const 1)))
            (br $next)))
        (local.set $errno (call $poll (i32.const 0) (i32.const 65_536)
            (i32.wrap_i64 (i64.div_u (call $length) (i64.const 48))) (i32.const 131_072)))
        (if (local.get $errno) (then (return (local.get $errno))))
        (call $put (i32.const 65_536) (i32.mul (i32.load (i32.const 131_072)) (i32.const 32)))
        (i32.const 0))
    (func (export "many") (result i32)
        (call $poll (i32.const 0) (i32.const 0) (i32.const 100_000) (i32.const 131_072)))
    (func (export "outside") (result i32)
        (call $poll (i32.const 262_096) (i32.const 0) (i32.const 2) (i32.const 131_072)))
    (func (export "events_outside") (result i32)
        (call $poll (i32.const 0) (i32.const 262_114) (i32.const 1) (i32.const 131_072)))
    (func (export "count_outside") (result i32)
        (call $poll (i32.const 0) (i32.const 65_536) (i32.const 1) (i32.const 262_141))))"#;

const INVALID: i32 = 28;
const BAD_DESCRIPTOR: i32 = 8;

fn polls() -> Plugin {
    let options = Options {
        wasi: true,
        ..Options::default()
    };
    Plugin::load(POLLS, options).unwrap()
}

fn clock(userdata: u64, clock: u32, time: u64, flags: u16) -> [u8; 48] {
    let mut bytes = subscription(userdata, 0, clock);
    bytes[24..32].copy_from_slice(&time.to_le_bytes());
    bytes[40..42].copy_from_slice(&flags.to_le_bytes());
    bytes
}

fn subscription(userdata: u64, kind: u8, what: u32) -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[..8].copy_from_slice(&userdata.to_le_bytes());
    bytes[8] = kind;
    bytes[16..20].copy_from_slice(&what.to_le_bytes());
    bytes
}

/// What happened: the number of each event, its kind, and whether bytes are ready.
fn poll(plugin: &mut Plugin, subscriptions: &[[u8; 48]]) -> Result<Vec<(u64, u8, u64)>, i32> {
    let outcome = plugin.call("poll", &subscriptions.concat());
    if outcome.code != 0 {
        return Err(outcome.code);
    }
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let events = plugin.output().chunks_exact(32).map(|event| {
        assert_eq!(event[8..10], [0, 0], "no error");
        (number(&event[..8]), event[10], number(&event[16..24]))
    });
    Ok(events.collect())
}

const MS: u64 = 1_000_000;
const HOUR: u64 = 3_600_000 * MS;

#[test]
fn the_first_clock_ends_the_wait() {
    let mut plugin = polls();
    let begun = Instant::now();
    let clocks = [
        clock(1, 1, HOUR, 0),
        clock(2, 0, 20 * MS, 0),
        clock(3, 1, u64::MAX, 0),
        clock(4, 1, 20 * MS, 0),
    ];
    assert_eq!(poll(&mut plugin, &clocks), Ok(vec![(2, 0, 0), (4, 0, 0)]));
    assert!(begun.elapsed() >= Duration::from_millis(20));
}

#[test]
fn times_may_be_absolute() {
    let mut plugin = polls();
    assert_eq!(plugin.call("now", b"").code, 0);
    let now = u64::from_le_bytes(plugin.output().try_into().unwrap());
    let begun = Instant::now();
    let later = clock(1, 1, now + 30 * MS, 1);
    assert_eq!(poll(&mut plugin, &[later]), Ok(vec![(1, 0, 0)]));
    assert_eq!(poll(&mut plugin, &[later]), Ok(vec![(1, 0, 0)]), "it is past");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let soon = clock(2, 0, since.as_nanos() as u64 + 30 * MS, 1);
    assert_eq!(poll(&mut plugin, &[soon]), Ok(vec![(2, 0, 0)]));
    let since_then = SystemTime::UNIX_EPOCH.elapsed().unwrap() - since;
    assert!(since_then >= Duration::from_millis(30));
}

#[test]
fn streams_and_files_are_ready() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f"), "text").unwrap();
    let manifest = Manifest::new([Wasm::data(POLLS)])
        .with_allowed_path(folder.path().display().to_string(), "/f");
    let options = Options {
        wasi: true,
        ..Options::default()
    };
    let mut plugin = Plugin::load(manifest, options).unwrap();
    let file = plugin.call("open", b"").code as u32;
    let wanted = [
        subscription(1, 1, 0),
        clock(2, 1, HOUR, 0),
        subscription(3, 2, 1),
        subscription(4, 1, file),
        clock(5, 1, 0, 0),
    ];
    let ready = vec![(1, 1, 1), (3, 2, 1), (4, 1, 1), (5, 0, 0)];
    assert_eq!(poll(&mut plugin, &wanted), Ok(ready));
    assert_eq!(plugin.call("close_output", b"").code, 0);
    assert_eq!(poll(&mut plugin, &wanted), Err(BAD_DESCRIPTOR));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut plugin = polls();
    let at_once = clock(7, 1, 0, 0);
    for bad in [
        clock(1, 2, 0, 0),
        clock(1, 1, 0, 2),
        subscription(1, 3, 0),
        subscription(1, 255, 0),
    ] {
        assert_eq!(poll(&mut plugin, &[at_once, bad]), Err(INVALID));
    }
    assert_eq!(poll(&mut plugin, &[]), Err(INVALID));
    assert_eq!(poll(&mut plugin, &vec![at_once; 1025]), Err(INVALID));
    assert_eq!(plugin.call("many", b"").code, INVALID);
    let events = poll(&mut plugin, &vec![at_once; 1024]).unwrap();
    assert_eq!(events, vec![(7, 0, 0); 1024]);
    for name in ["outside", "events_outside", "count_outside"] {
        assert_eq!(plugin.call(name, b"").status(), Status::TrapMemory, "{name}");
        assert_eq!(poll(&mut plugin, &[at_once]), Ok(vec![(7, 0, 0)]));
    }
}
