//! What a call costs, counted and not timed: fuel, locks, system calls, bytes copied, calls out of Wasm.

use extism_runtime::manifest::{Manifest, Wasm};
use extism_runtime::{Options, Plugin, Rewriting};

const MEBIBYTE: usize = 1 << 20;

/// How often a byte is written inside of the guest when `ours.wasm` echoes it: to its argument, and to
/// kernel memory.
const GUEST_PASSES_MAX: u64 = 2;

fn fixture(name: &str, options: Options) -> Plugin {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/plugins");
    let manifest = Manifest::new([Wasm::file(format!("{folder}/{name}.wasm"))]);
    Plugin::load(manifest, options).unwrap()
}

/// The fuel an echo takes for `bytes` bytes more, once the plug-in has all the memory it needs.
fn fuel_for(bytes: usize, name: &str, rewrite: Rewriting) -> u64 {
    let options = Options {
        rewrite,
        fuel: Some(u64::MAX),
        ..Options::default()
    };
    let mut plugin = fixture(name, options);
    let mut fuel_for_echo = |bytes: usize| {
        let input = vec![7; bytes];
        for _ in 0..2 {
            assert_eq!(plugin.call("echo", &input).code, 0);
            assert!(plugin.output() == input);
        }
        plugin.fuel_consumed().unwrap()
    };
    fuel_for_echo(2 * bytes) - fuel_for_echo(bytes)
}

#[test]
fn bulk_copies_take_no_instruction_per_byte() {
    // The engine asks one unit for an instruction, and one for each byte that an instruction copies
    // or fills: a multiple of the bytes leaves nothing for a loop.
    let bulk = fuel_for(MEBIBYTE, "ours", Rewriting::Auto);
    let passes = bulk / MEBIBYTE as u64;
    assert_eq!(bulk, passes * MEBIBYTE as u64);
    assert!(passes <= GUEST_PASSES_MAX, "{passes} passes");

    // Without the rewriting pass there are loops: more than ten instructions for each word of eight
    // bytes.
    let bytes = 65_536;
    for name in ["ours", "published"] {
        let fuel = fuel_for(bytes, name, Rewriting::Off);
        let loops = fuel.saturating_sub(passes * bytes as u64);
        assert!(loops > 10 * bytes as u64 / 8, "{name} {loops}");
    }
}

/// Tests that step through calls.
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod stepped {
    use std::hint::black_box;
    use std::os::unix::fs::FileExt as _;
    use std::process::{Command, Stdio};
    use std::sync::atomic::{AtomicU64, Ordering, fence};
    use std::time::Duration;

    use extism_runtime::{HostFunction, Limits, ValueType};

    use super::*;
    use crate::stepper::{self, Counts};
    use crate::support::{both_ways, plugin};

    const MODULE: &str = r#"(module
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (import "extism:host/env" "free" (func $free (param i64)))
        (import "extism:host/env" "load_u64" (func $load (param i64) (result i64)))
        (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
        (import "extism:host/env" "input_offset" (func $offset (result i64)))
        (import "extism:host/env" "input_length" (func $input (result i64)))
        (import "extism:host/env" "output_set" (func $output (param i64 i64)))
        (import "extism:host/user" "add" (func $add (param i64 i64) (result i64)))
        (func (export "noop") (result i32) i32.const 0)
        (func (export "work")
            (call $free (call $alloc (call $add (i64.const 30) (i64.const 70))))
            (call $output (call $offset) (call $input)))
        (func (export "words") (local $from i64) (local $to i64) (local $end i64)
            (local.set $from (call $offset))
            (local.set $end (i64.add (local.get $from) (call $input)))
            (local.set $to (call $alloc (i64.const 64)))
            (block $done
                (loop $next
                    (br_if $done (i64.ge_u (local.get $from) (local.get $end)))
                    (call $store (local.get $to)
                        (i64.add (i64.const 1) (call $load (local.get $from))))
                    (local.set $from (i64.add (local.get $from) (i64.const 8)))
                    (local.set $to (i64.add (local.get $to) (i64.const 8)))
                    (br $next)))))"#;

    /// Plug-ins from [`MODULE`], with the rewriting pass and without.
    fn plugins(call_time_max: Option<Duration>) -> [Plugin; 2] {
        let add = HostFunction::new("add", [ValueType::I64; 2], [ValueType::I64], |_, slots| {
            let [a, b] = [0, 1].map(|at| slots.get(at, ValueType::I64));
            slots.set(0, ValueType::I64, a + b);
            Ok(())
        });
        both_ways().map(|mut options| {
            options.functions = vec![add.clone()];
            options.limits = Limits {
                call_time_max,
                ..Limits::default()
            };
            plugin(MODULE, options)
        })
    }

    /// Runs `body` in a process where no other test runs: this test, started once more.
    fn alone(test: &str, body: impl FnOnce()) {
        const ALONE: &str = "EXTISM_TEST_ALONE";
        if std::env::var_os(ALONE).is_some() {
            return body();
        }
        let test = format!("counted::stepped::{test}");
        let output = Command::new(std::env::current_exe().unwrap())
            .args([&test, "--exact", "--nocapture"])
            .env(ALONE, "1")
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        // A name that is not found passes, too.
        let passed = output.status.success() && said.contains("1 passed");
        assert!(passed, "{said}");
    }

    /// As [`alone`], where a thread can be stepped through. Where it cannot, says so, which is seen:
    /// nobody captures what the process says that runs the body.
    fn stepping(test: &str, body: impl FnOnce()) {
        alone(test, || match stepper::count(|| ()) {
            Some(_) => body(),
            None => eprintln!("{test} skipped: no trap flag here"),
        });
    }

    fn count(work: impl FnOnce()) -> Counts {
        stepper::count(work).expect("stepping worked before")
    }

    /// What a call does when there have been some like it.
    fn count_call(plugin: &mut Plugin, name: &str, input: &[u8]) -> Counts {
        for _ in 0..3 {
            assert_eq!(plugin.call(name, input).code, 0);
        }
        let mut outcome = None;
        let counts = count(|| outcome = Some(plugin.call(name, input)));
        assert_eq!(outcome.unwrap().code, 0);
        counts
    }

    /// The locked instructions of a call without Extism: the engine's own checks of a debug build.
    fn locked_by_engine() -> u64 {
        let module = r#"(module (func (export "noop") (result i32) i32.const 0))"#;
        let module = wat::parse_str(module).unwrap();
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::new(&engine, &module).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let noop = instance
            .get_typed_func::<(), i32>(&mut store, "noop")
            .unwrap();
        let mut call = || assert_eq!(noop.call(&mut store, ()).unwrap(), 0);
        call();
        let counts = count(call);
        if !cfg!(debug_assertions) {
            assert_eq!(counts.locked, 0, "{:?}", counts.sites());
        }
        counts.locked
    }

    #[test]
    fn counts_are_those_of_what_was_done() {
        stepping("counts_are_those_of_what_was_done", || {
            let cell = AtomicU64::new(0);
            let locked = |work: fn(&AtomicU64)| count(|| work(black_box(&cell))).locked;
            assert_eq!(locked(|cell| cell.store(1, Ordering::Release)), 0);
            assert_eq!(locked(|cell| _ = cell.fetch_add(1, Ordering::Relaxed)), 1);
            assert_eq!(locked(|cell| _ = cell.swap(1, Ordering::Relaxed)), 1);
            assert_eq!(locked(|_| fence(Ordering::SeqCst)), 1);

            let counts = count(|| _ = black_box(std::os::unix::process::parent_id()));
            assert_eq!(counts.system_calls, 1, "{counts:?}");

            let (from, mut to) = (vec![1_u8; MEBIBYTE], vec![0; MEBIBYTE]);
            let mut copy = |bytes| count(|| to[..bytes].copy_from_slice(black_box(&from[..bytes])));
            let (short, long) = (copy(1_000), copy(MEBIBYTE));
            assert_eq!(short.copied_bytes, 1_000);
            assert_eq!(long.copied_bytes, MEBIBYTE as u64);
            assert_eq!(short.instructions, long.instructions);
            let filled = count(|| black_box(&mut to).fill(7)).filled_bytes;
            assert_eq!(filled, MEBIBYTE as u64);
            assert!(to.iter().all(|byte| *byte == 7));
        });
    }

    #[test]
    fn a_call_takes_no_lock_and_enters_no_system() {
        stepping("a_call_takes_no_lock_and_enters_no_system", || {
            let by_engine = locked_by_engine();
            let input = vec![7; 65_536];
            // A call with a limit begins in one order with the watchdog's falling asleep.
            for (limit, expected) in [(None, 0), (Some(Duration::from_secs(60)), 1)] {
                for mut plugin in plugins(limit) {
                    let _handle = plugin.cancel_handle();
                    for name in ["noop", "work"] {
                        let counts = count_call(&mut plugin, name, &input);
                        let seen = (counts.locked, counts.system_calls);
                        let places = counts.sites();
                        assert_eq!(seen, (by_engine + expected, 0), "{name}: {places:#?}");
                    }
                }
            }
        });
    }

    #[test]
    fn a_call_writes_to_no_static() {
        alone("a_call_writes_to_no_static", || {
            static WRITTEN: AtomicU64 = AtomicU64::new(0);
            let changed = statics_changed_by(|| black_box(&WRITTEN).store(1, Ordering::Relaxed));
            assert_eq!(changed.len(), 1, "a write would be seen: {changed:?}");
            let input = vec![7; 65_536];
            for mut plugin in plugins(None) {
                for name in ["noop", "work"] {
                    let mut call = || assert_eq!(plugin.call(name, &input).code, 0);
                    call();
                    assert_eq!(statics_changed_by(call), [] as [String; 0], "{name}");
                }
            }
        });
    }

    /// The places in the writable memory of programs and libraries that differ after `work`.
    fn statics_changed_by(work: impl FnOnce()) -> Vec<String> {
        let mappings = stepper::mappings();
        let ranges = stepper::statics(&mappings);
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        let buffers = || -> Vec<_> { ranges.iter().map(|range| vec![0; range.len()]).collect() };
        // Allocated beforehand: the allocator has statics, too.
        let (mut before, mut after) = (buffers(), buffers());
        let read = |buffers: &mut Vec<Vec<u8>>| {
            for (buffer, range) in buffers.iter_mut().zip(&ranges) {
                memory.read_exact_at(buffer, range.start as u64).unwrap();
            }
        };
        read(&mut before);
        work();
        read(&mut after);
        let mut changed = Vec::new();
        for ((before, after), range) in before.iter().zip(&after).zip(&ranges) {
            for at in (0..range.len()).filter(|at| before[*at] != after[*at]) {
                changed.push(stepper::place(&mappings, range.start + at));
            }
        }
        changed
    }

    #[test]
    fn an_echo_copies_what_it_must() {
        stepping("an_echo_copies_what_it_must", || {
            let mut plugin = fixture("ours", Options::default());
            let small = count_call(&mut plugin, "echo", &vec![7; 65_536]);
            let large = count_call(&mut plugin, "echo", &vec![7; MEBIBYTE]);
            let more = (MEBIBYTE - 65_536) as u64;
            let written = |counts: &Counts| counts.copied_bytes + counts.filled_bytes;
            let written = written(&large) - written(&small);
            // The host writes the input once; the output stays where it is.
            assert_eq!(written % more, 0, "{large:?}");
            assert!(written / more <= 1 + GUEST_PASSES_MAX, "{large:?}");
            // Not to the instruction: where the kernel's blocks are found differs from run to run.
            let steps = large.instructions.abs_diff(small.instructions);
            assert!(steps < 200, "a loop over bytes: {large:?}");
        });
    }

    #[test]
    fn words_cross_without_calls_of_the_host() {
        stepping("words_cross_without_calls_of_the_host", || {
            let [mut rewritten, mut plain] = plugins(None);
            let host_calls = |plugin: &mut Plugin, words: usize| {
                count_call(plugin, "words", &vec![7; 8 * words]).host_calls()
            };
            let none = host_calls(&mut rewritten, 0);
            assert_eq!(host_calls(&mut rewritten, 2), none);
            let none = host_calls(&mut plain, 0);
            assert_eq!(host_calls(&mut plain, 2), none + 4);
        });
    }
}
