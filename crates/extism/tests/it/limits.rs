//! Memory, time, cancelling, fuel.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use extism::{
    Error, ErrorExt, Function, Limits, Manifest, Plugin, PluginBuilder, Rewriting, Status,
    UserData, Wasm,
};

use crate::support::{ECHO, example, fixture, told, wat};

/// What programs and suites for 1.41 rely on: a text of two pages through a plug-in of 17 pages.
#[test]
fn the_memory_limit_is_where_it_was() {
    let input = "a".repeat(65_536 * 2);
    let count = |name: &str, pages, rewriting| {
        let mut manifest = Manifest::new([fixture(name)]);
        manifest.memory.max_pages = pages;
        let builder = PluginBuilder::new(manifest)
            .with_wasi(true)
            .with_rewriting(rewriting);
        let mut plugin = builder
            .build()
            .expect("what is too much is said by the call");
        plugin.call::<_, String>("count_vowels", &input)
    };
    for rewriting in [Rewriting::Auto, Rewriting::Off] {
        for name in ["published", "ours"] {
            let error = count(name, Some(16), rewriting).unwrap_err();
            assert_eq!(told(&error), (Status::Memory, "oom".into()), "{name}");
            for pages in [Some(17), None] {
                let text = count(name, pages, rewriting).unwrap();
                assert!(
                    text.starts_with(r#"{"count":131072"#),
                    "{name} {pages:?}: {text}"
                );
            }
        }
    }
}

#[test]
fn growing_beyond_the_limit() {
    for name in ["published", "ours"] {
        let manifest = Manifest::new([fixture(name)]).with_memory_max(20);
        let mut plugin = Plugin::new(&manifest, [], false).unwrap();
        let before = plugin.memory_bytes();
        plugin
            .call::<_, ()>("alloc", (10 * 65_536).to_string())
            .unwrap();
        assert!(plugin.memory_bytes() > before, "{name}");
        // The kit is told that there is no more, and reports it.
        let error = plugin
            .call::<_, ()>("alloc", (30 * 65_536).to_string())
            .unwrap_err();
        assert_eq!(
            error.status(),
            Some(Status::GuestError),
            "{name}: {error:?}"
        );
        let error = plugin
            .call::<_, ()>("echo", vec![0; 30 * 65_536])
            .unwrap_err();
        assert_eq!(told(&error), (Status::Memory, "oom".into()), "{name}");
    }
}

#[test]
fn an_input_that_does_not_fit() {
    let limits = Limits {
        kernel_bytes_max: 1 << 16,
        ..Limits::default()
    };
    let mut plugin = PluginBuilder::new(ECHO)
        .with_limits(limits)
        .build()
        .unwrap();
    let (error, code) = plugin
        .call_get_error_code::<_, ()>("echo", vec![0; 1 << 20])
        .unwrap_err();
    assert_eq!((code, told(&error)), (-1, (Status::Memory, "oom".into())));
    assert_eq!(error.to_string(), "failed to allocate extism memory");
    assert_eq!(plugin.call::<_, &str>("echo", "small").unwrap(), "small");
}

#[test]
fn the_hosts_ceiling_holds() {
    let limits = Limits {
        output_bytes_max: 4,
        ..Limits::untrusted()
    };
    let mut plugin = PluginBuilder::new(ECHO)
        .with_limits(limits)
        .build()
        .unwrap();
    assert_eq!(plugin.call::<_, &str>("echo", "four").unwrap(), "four");
    let error = plugin.call::<_, ()>("echo", "fifth").unwrap_err();
    assert_eq!(error.status(), Some(Status::Output));
    assert_eq!(plugin.compiled().limits().output_bytes_max, 4);
}

#[test]
fn timeouts() {
    let manifest = Manifest::new([Wasm::data(ECHO)]).with_timeout(Duration::from_millis(50));
    let mut plugin = Plugin::new(manifest, [], false).unwrap();
    for _ in 0..3 {
        let started = Instant::now();
        let (error, code) = plugin.call_get_error_code::<_, ()>("spin", ()).unwrap_err();
        assert_eq!(
            (code, told(&error)),
            (134, (Status::Timeout, "timeout".into()))
        );
        assert!(started.elapsed() >= Duration::from_millis(50));
        assert_eq!(plugin.call::<_, &str>("echo", "fine").unwrap(), "fine");
    }
    let limits = Limits {
        call_time_max: Some(Duration::from_millis(50)),
        ..Limits::default()
    };
    let mut plugin = PluginBuilder::new(ECHO)
        .with_limits(limits)
        .build()
        .unwrap();
    assert_eq!(
        told(&plugin.call::<_, ()>("spin", ()).unwrap_err()).0,
        Status::Timeout
    );
}

/// Tells the host that it runs, then never returns.
const READY: &str = r#"(module
    (import "extism:host/user" "ready" (func $ready))
    (func (export "spin") (call $ready) (loop (br 0)))
    (func (export "noop")))"#;

fn ready() -> (Function, mpsc::Receiver<()>) {
    let (sender, receiver) = mpsc::channel();
    let ready = Function::new("ready", [], [], UserData::new(sender), |_, _, _, sender| {
        Ok(sender.get()?.lock().unwrap().send(())?)
    });
    (ready, receiver)
}

#[test]
fn cancelling() {
    let (ready, receiver) = ready();
    let mut plugin = Plugin::new(READY, [ready], false).unwrap();
    let handle = plugin.cancel_handle();
    assert_eq!(handle.id, plugin.id);
    handle.cancel().unwrap();
    plugin
        .call::<_, ()>("noop", ())
        .expect("a cancel before the call does nothing");
    let canceller = std::thread::spawn(move || {
        for () in receiver {
            handle.cancel().unwrap();
        }
    });
    for _ in 0..3 {
        let (error, code) = plugin.call_get_error_code::<_, ()>("spin", ()).unwrap_err();
        assert_eq!((code, error.status()), (134, Some(Status::Cancelled)));
        assert!(
            error.root_cause().to_string().contains("timeout"),
            "as suites expect"
        );
        plugin.call::<_, ()>("noop", ()).unwrap();
    }
    drop(plugin);
    canceller.join().unwrap();
}

#[test]
fn cancelling_one_does_not_disturb_another() {
    let (ready, receiver) = ready();
    let compiled = PluginBuilder::new(READY)
        .with_functions([ready])
        .compile()
        .unwrap();
    let mut one = Plugin::new_from_compiled(&compiled).unwrap();
    let mut other = Plugin::new_from_compiled(&compiled).unwrap();
    let (one_handle, other_handle) = (one.cancel_handle(), other.cancel_handle());
    let (done, one_done) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let error = one.call::<_, ()>("spin", ()).unwrap_err();
            done.send(error.status()).unwrap();
        });
        let second = scope.spawn(move || {
            let started = Instant::now();
            let error = other.call::<_, ()>("spin", ()).unwrap_err();
            (error.status(), started.elapsed())
        });
        receiver.recv().unwrap();
        receiver.recv().unwrap();
        one_handle.cancel().unwrap();
        assert_eq!(one_done.recv().unwrap(), Some(Status::Cancelled));
        assert!(!second.is_finished(), "the other goes on");
        other_handle.cancel().unwrap();
        assert_eq!(second.join().unwrap().0, Some(Status::Cancelled));
    });
}

#[test]
fn fuel() {
    let mut plugin = PluginBuilder::new(ECHO)
        .with_fuel_limit(10_000)
        .with_initialization_fuel_limit(u64::MAX)
        .build()
        .unwrap();
    for _ in 0..100 {
        let (error, code) = plugin.call_get_error_code::<_, ()>("spin", ()).unwrap_err();
        assert_eq!(
            (code, told(&error)),
            (-1, (Status::Fuel, "plugin ran out of fuel".into()))
        );
        assert_eq!(plugin.fuel_consumed(), Some(10_000));
    }
    plugin.call::<_, ()>("noop", ()).unwrap();
    let used = plugin.fuel_consumed().unwrap();
    assert!((1..100).contains(&used), "{used}");
    assert_eq!(wat(ECHO).fuel_consumed(), None);
}

#[test]
fn fuel_of_the_start() {
    let error = PluginBuilder::new(ECHO)
        .with_initialization_fuel_limit(10)
        .compile()
        .unwrap_err();
    let text = "an initialization fuel limit requires a call fuel limit";
    assert_eq!(told(&error), (Status::InvalidArgument, text.into()));

    let fuel_error = |error: Error| {
        assert_eq!(error.status(), Some(Status::Fuel));
        assert!(
            error
                .chain()
                .any(|cause| cause.to_string().contains("fuel")),
            "{error:?}"
        );
    };
    let start = r#"(module (func $spin (loop (br 0))) (start $spin) (func (export "run")))"#;
    fuel_error(
        PluginBuilder::new(start)
            .with_fuel_limit(100_000)
            .build()
            .unwrap_err(),
    );
    for name in ["__wasm_call_ctors", "_initialize"] {
        let text =
            format!(r#"(module (func (export "{name}") (loop (br 0))) (func (export "run")))"#);
        let mut plugin = PluginBuilder::new(text.as_str())
            .with_fuel_limit(1_000_000)
            .with_initialization_fuel_limit(100_000)
            .build()
            .unwrap();
        fuel_error(plugin.call::<_, ()>("run", ()).unwrap_err());
    }
}

#[test]
fn many_calls_of_one_plugin() {
    let mut plugin = Plugin::new(Manifest::new([example("greet")]), [], true).unwrap();
    for _ in 0..10_001 {
        assert_eq!(
            plugin.call::<_, &str>("greet", "Ada").unwrap(),
            "Hello, Ada!"
        );
    }
}
