//! Instances in slots and without: nobody can tell where a plug-in lives, or who lived there before.

use std::time::Duration;

use extism_runtime::{CompiledPlugin, Limits, Options, Plugin, Status};

use crate::support::{both_ways, call};

/// More than an engine has slots for.
const MANY: usize = 1_100;

const MODULE: &str = r#"(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "load_u8" (func $load (param i64) (result i32)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "memory_bytes" (func $bytes (result i64)))
    (memory 2 1000)
    (data (i32.const 100) "data")
    (table 10 100 funcref)
    (elem declare func $soil)
    (global $calls (mut i32) (i32.const 0))
    ;; How often this instance was called.
    (func (export "count") (result i32)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1))) global.get $calls)
    (func (export "spin") (loop (br 0)))
    ;; Writes everywhere.
    (func $soil (export "soil") (local $i i64)
        (drop (memory.grow (i32.const 5)))
        (memory.fill (i32.const 0) (i32.const 0xff) (i32.mul (memory.size) (i32.const 0x10000)))
        (drop (table.grow (ref.func $soil) (i32.const 20)))
        (table.fill (i32.const 0) (ref.func $soil) (table.size))
        (drop (call $alloc (i64.const 200000)))
        (local.set $i (i64.const 64))
        (loop
            (call $store (local.get $i) (i32.const 0xff))
            (local.set $i (i64.add (local.get $i) (i64.const 1)))
            (br_if 0 (i64.lt_u (local.get $i) (call $bytes)))))
    ;; How many bytes and elements are not as they are in an instance that was never called.
    (func (export "soiled") (result i32) (local $i i64) (local $n i32)
        (if (i32.ne (memory.size) (i32.const 2)) (then (return (i32.const -1))))
        (if (i32.ne (table.size) (i32.const 10)) (then (return (i32.const -2))))
        (if (i32.ne (i32.load (i32.const 100)) (i32.const 0x61746164)) (then (return (i32.const -3))))
        (i32.store (i32.const 100) (i32.const 0))
        (loop
            (if (i32.load8_u (i32.wrap_i64 (local.get $i)))
                (then (local.set $n (i32.add (local.get $n) (i32.const 1)))))
            (local.set $i (i64.add (local.get $i) (i64.const 1)))
            (br_if 0 (i64.lt_u (local.get $i) (i64.const 0x20000))))
        (local.set $i (i64.const 0))
        (loop
            (if (i32.eqz (ref.is_null (table.get (i32.wrap_i64 (local.get $i)))))
                (then (local.set $n (i32.add (local.get $n) (i32.const 1)))))
            (local.set $i (i64.add (local.get $i) (i64.const 1)))
            (br_if 0 (i64.lt_u (local.get $i) (i64.const 10))))
        (local.set $i (i64.const 64))
        (loop
            (if (call $load (local.get $i)) (then (local.set $n (i32.add (local.get $n) (i32.const 1)))))
            (local.set $i (i64.add (local.get $i) (i64.const 1)))
            (br_if 0 (i64.lt_u (local.get $i) (call $bytes))))
        (local.get $n)))"#;

#[test]
fn plugins_without_a_slot_are_like_those_with_one() {
    for options in both_ways() {
        let limits = Limits {
            call_time_max: Some(Duration::from_millis(100)),
            ..Limits::default()
        };
        let options = Options { limits, ..options };
        let compiled = CompiledPlugin::new(MODULE, options).unwrap();
        let mut plugins: Vec<Plugin> = (0..MANY).map(|_| Plugin::new(&compiled).unwrap()).collect();
        for plugin in &mut plugins {
            assert_eq!(plugin.call("count", b"").code, 1);
        }
        for plugin in [plugins.pop().unwrap(), plugins.swap_remove(0)] {
            has_every_property_of_a_plugin(plugin);
        }
        assert!(
            plugins
                .iter_mut()
                .all(|plugin| plugin.call("count", b"").code == 2)
        );
    }
}

fn has_every_property_of_a_plugin(mut plugin: Plugin) {
    assert_eq!(plugin.call("count", b"").code, 2);
    assert_eq!(plugin.call("spin", b"").status(), Status::Timeout);
    let handle = plugin.cancel_handle();
    let spun = std::thread::scope(|scope| {
        let spinning = scope.spawn(|| plugin.call("spin", b"").status());
        while !spinning.is_finished() {
            handle.cancel();
            std::thread::yield_now();
        }
        spinning.join()
    });
    assert_eq!(spun.ok(), Some(Status::Cancelled));
    plugin.renew().unwrap();
    assert_eq!(plugin.call("count", b"").code, 1);
}

#[test]
fn the_next_in_a_slot_finds_nothing_of_the_last() {
    for options in both_ways() {
        let compiled = CompiledPlugin::new(MODULE, options).unwrap();
        for round in 0..20 {
            let mut plugin = Plugin::new(&compiled).unwrap();
            let (code, status, text) = call(&mut plugin, "soiled", b"");
            assert_eq!((code, status), (0, Status::Ok), "round {round}: {text}");
            assert_eq!(call(&mut plugin, "soil", b"").1, Status::Ok);
        }
    }
}

#[test]
fn modules_too_large_for_a_slot_run_without_one() {
    let memories = "(memory 1)".repeat(50);
    let source = format!(
        r#"(module {memories} (table 10000000 funcref)
            (func (export "last") (result i32)
                (i32.store 49 (i32.const 8) (i32.const 7)) (i32.load 49 (i32.const 8))))"#
    );
    for options in both_ways() {
        let compiled = CompiledPlugin::new(source.as_str(), options).unwrap();
        let mut plugins: Vec<Plugin> = (0..20).map(|_| Plugin::new(&compiled).unwrap()).collect();
        assert!(
            plugins
                .iter_mut()
                .all(|plugin| plugin.call("last", b"").code == 7)
        );
    }
}

#[test]
fn garbage_collection_works_when_all_slots_are_taken() {
    let source = r#"(module
        (type $pair (struct (field i32) (field i32)))
        (memory 1)
        (func (export "pair") (result i32)
            (struct.get $pair 1 (struct.new $pair (i32.const 1) (i32.const 2)))))"#;
    let compiled = CompiledPlugin::new(source, Options::default()).unwrap();
    let mut plugins: Vec<Plugin> = (0..MANY).map(|_| Plugin::new(&compiled).unwrap()).collect();
    for plugin in &mut plugins {
        let (code, _, text) = call(plugin, "pair", b"");
        assert_eq!(code, 2, "{text}");
    }
}
