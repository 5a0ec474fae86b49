//! Time limits and cancelling: everything ends, nobody else is disturbed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use extism_runtime::{CompiledPlugin, HostFunction, Limits, Options, Plugin, Status};

use crate::support::call;

const LOOPS: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "extism:host/user" "running" (func $running))
    (memory (export "memory") 1)
    (func (export "loop") (call $running) (loop br 0))
    (func (export "host_loop") (call $running) (loop (call $running) br 0))
    (func (export "fill") (call $running)
        (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) br 0))
    ;; Sleeps for an hour.
    (func (export "sleep") (result i32)
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 3600000000000))
        (call $running)
        (call $poll (i32.const 0) (i32.const 512) (i32.const 1) (i32.const 1024)))
    (func (export "fine") (result i32) i32.const 0))"#;

fn options(call_time_max: Option<Duration>, running: impl Fn() + Send + Sync + 'static) -> Options {
    let running = HostFunction::new("running", [], [], move |_, _| {
        running();
        Ok(())
    });
    Options {
        wasi: true,
        functions: vec![running],
        limits: Limits {
            call_time_max,
            ..Limits::default()
        },
        ..Options::default()
    }
}

#[test]
fn every_kind_of_endless_call_ends_in_time() {
    let limit = Duration::from_millis(50);
    let mut plugin = Plugin::load(LOOPS, options(Some(limit), || ())).unwrap();
    for name in ["loop", "host_loop", "sleep", "fill"] {
        let begun = Instant::now();
        let expected = (134, Status::Timeout, "timeout".to_owned());
        assert_eq!(call(&mut plugin, name, b""), expected, "{name}");
        let took = begun.elapsed();
        assert!(
            took >= limit && took < Duration::from_secs(5),
            "{name} took {took:?}"
        );
        assert_eq!(plugin.call("fine", b"").code, 0, "after {name}");
    }
}

#[test]
fn an_endless_start_ends_in_time() {
    for source in [
        "(module (func $f (loop br 0)) (start $f))",
        r#"(module (func (export "_initialize") (loop br 0)) (func (export "run")))"#,
        r#"(module (func (export "__wasm_call_ctors") (loop br 0)) (func (export "run")))"#,
        r#"(module (func (export "hs_init") (param i32 i32) (loop br 0)) (func (export "run")))"#,
    ] {
        let options = options(Some(Duration::from_millis(20)), || ());
        let status = match Plugin::load(source, options) {
            Ok(mut plugin) => plugin.call("run", b"").status(),
            Err(error) => error.status(),
        };
        assert_eq!(status, Status::Timeout, "{source}");
    }
}

#[test]
fn cancel_ends_the_running_call_and_no_other() {
    for name in ["loop", "host_loop", "fill", "sleep"] {
        let (sender, receiver) = mpsc::channel();
        let sent = AtomicBool::new(false);
        let running = move || {
            if !sent.swap(true, Ordering::Relaxed) {
                sender.send(()).unwrap();
            }
        };
        let mut plugin = Plugin::load(LOOPS, options(None, running)).unwrap();
        let handle = plugin.cancel_handle();
        handle.cancel();
        assert_eq!(
            plugin.call("fine", b"").code,
            0,
            "a cancel before a call is lost"
        );
        let canceller = std::thread::spawn(move || {
            receiver.recv().unwrap();
            handle.cancel();
            handle
        });
        let (code, status, text) = call(&mut plugin, name, b"");
        assert_eq!((code, status), (134, Status::Cancelled), "{name}");
        assert!(text.contains("timeout"), "{text}");
        let handle = canceller.join().unwrap();
        handle.cancel();
        assert_eq!(
            plugin.call("fine", b"").code,
            0,
            "a late cancel hits nothing"
        );
        drop(plugin);
        handle.cancel();
    }
}

/// What such a function answers no longer matters, even if the plug-in would return at once.
#[test]
fn a_host_function_that_saw_it_must_stop_was_the_last_of_the_call() {
    let source = r#"(module (import "extism:host/user" "wait" (func $wait))
        (func (export "run") (result i32) (call $wait) (i32.const 1)))"#;
    let waiting = |call_time_max, begun: Option<mpsc::Sender<()>>| {
        let wait = HostFunction::new("wait", [], [], move |plugin, _| {
            if let Some(begun) = &begun {
                begun.send(()).unwrap();
            }
            while !plugin.must_stop() {
                std::thread::yield_now();
            }
            Ok(())
        });
        let limits = Limits {
            call_time_max,
            ..Limits::default()
        };
        let options = Options {
            functions: vec![wait],
            limits,
            ..Options::default()
        };
        Plugin::load(source, options).unwrap()
    };
    let mut limited = waiting(Some(Duration::from_millis(20)), None);
    assert_eq!(limited.call("run", b"").status(), Status::Timeout);

    let (sender, receiver) = mpsc::channel();
    let mut plugin = waiting(None, Some(sender));
    let handle = plugin.cancel_handle();
    let canceller = std::thread::spawn(move || {
        receiver.recv().unwrap();
        handle.cancel();
    });
    assert_eq!(plugin.call("run", b"").status(), Status::Cancelled);
    canceller.join().unwrap();
}

#[test]
fn siblings_are_not_disturbed() {
    let source = r#"(module
        (func (export "loop") (loop br 0))
        (func (export "work") (result i32) (local $i i32)
            (loop (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if 0 (i32.lt_u (local.get $i) (i32.const 200000))))
            (i32.const 0)))"#;
    let options = Options {
        limits: Limits {
            call_time_max: Some(Duration::from_millis(5)),
            ..Limits::default()
        },
        ..Options::default()
    };
    let limited = CompiledPlugin::new(source, options).unwrap();
    let free = CompiledPlugin::new(source, Options::default()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut plugin = Plugin::new(&free).unwrap();
            while !done.load(Ordering::Relaxed) {
                assert_eq!(plugin.call("work", b"").code, 0);
            }
        });
        let mut plugin = Plugin::new(&limited).unwrap();
        for _ in 0..50 {
            assert_eq!(plugin.call("loop", b"").status(), Status::Timeout);
        }
        done.store(true, Ordering::Relaxed);
        worker.join().unwrap();
    });
}

#[test]
fn deadlines_of_many_plugins_are_all_kept() {
    std::thread::scope(|scope| {
        for millis in 1..=16u64 {
            scope.spawn(move || {
                let limit = Duration::from_millis(millis * 7);
                let mut plugin = Plugin::load(LOOPS, options(Some(limit), || ())).unwrap();
                for _ in 0..3 {
                    let begun = Instant::now();
                    assert_eq!(plugin.call("loop", b"").status(), Status::Timeout);
                    assert!(begun.elapsed() >= limit);
                }
            });
        }
    });
}

#[test]
fn a_cancel_while_a_call_begins_is_not_lost() {
    // The engine looks when a call begins; a cancel that comes just then is repeated.
    let spin = r#"(module (func (export "spin") (loop br 0)))"#;
    let mut plugin = Plugin::load(spin, Options::default()).unwrap();
    for _ in 0..2_000 {
        let next = plugin.next_call();
        let canceller = std::thread::spawn(move || next.cancel());
        assert_eq!(call(&mut plugin, "spin", b"").1, Status::Cancelled);
        canceller.join().unwrap();
    }
}

/// The cancel comes before the call, and the call makes an instance of its own: nothing of that runs.
#[test]
fn a_cancel_before_a_call_that_starts_over_is_not_lost() {
    let source = r#"(module (import "extism:host/user" "ran" (func $ran))
        (func (export "_start")) (func (export "run") (call $ran)))"#;
    let runs = Arc::new(AtomicUsize::new(0));
    let ran = HostFunction::new("ran", [], [], {
        let runs = Arc::clone(&runs);
        move |_, _| {
            runs.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    });
    let options = Options {
        functions: vec![ran],
        ..Options::default()
    };
    let mut plugin = Plugin::load(source, options).unwrap();
    for _ in 0..3 {
        assert_eq!(call(&mut plugin, "_start", b"").1, Status::Ok);
        plugin.next_call().cancel();
        assert_eq!(call(&mut plugin, "run", b"").1, Status::Cancelled);
        assert_eq!(runs.load(Ordering::Relaxed), 0);
    }
    assert_eq!(call(&mut plugin, "run", b"").1, Status::Ok);
}

#[test]
fn the_call_after_one_that_panicked_can_be_cancelled_before_it_begins() {
    let source = r#"(module (import "extism:host/user" "panic" (func $panic))
        (func (export "panic") (call $panic)) (func (export "spin") (loop br 0)))"#;
    let panics = HostFunction::unguarded("panic", [], [], |_, _| panic!("on purpose"));
    let limits = Limits {
        call_time_max: Some(Duration::from_secs(20)),
        ..Limits::default()
    };
    let options = Options {
        functions: vec![panics],
        limits,
        ..Options::default()
    };
    let mut plugin = Plugin::load(source, options).unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| plugin.call("panic", b"")));
    assert!(panicked.is_err());
    plugin.next_call().cancel();
    assert_eq!(call(&mut plugin, "spin", b"").1, Status::Cancelled);
}
