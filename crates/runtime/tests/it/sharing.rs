//! Pools, contexts, threads, and who is alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use extism_runtime::{
    CompiledPlugin, Context, Error, HostFunction, Options, Plugin, Pool, PoolOptions, Status,
    ValueType,
};

const COUNTER: &str = r#"(module
    (global $n (mut i32) (i32.const 0))
    (func (export "count") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1))) global.get $n)
    (func (export "trap") unreachable))"#;

fn pool(instances_max: usize) -> Pool<Plugin, Error> {
    let compiled = CompiledPlugin::new(COUNTER, Options::default()).unwrap();
    Pool::new(PoolOptions { instances_max }, move || {
        Plugin::new(&compiled)
    })
}

#[test]
fn a_borrower_has_used_no_fuel_of_the_last_one() {
    let options = Options {
        fuel: Some(1_000),
        ..Options::default()
    };
    let compiled = CompiledPlugin::new(COUNTER, options).unwrap();
    let pool = Pool::new(PoolOptions { instances_max: 1 }, move || {
        Plugin::new(&compiled)
    });
    let borrow = || pool.get(Duration::ZERO).unwrap().unwrap();
    let mut first = borrow();
    assert_eq!(first.call("trap", b"").status(), Status::TrapUnreachable);
    drop(first);
    let mut second = borrow();
    assert_eq!(second.fuel_consumed(), Some(0));
    assert_eq!(second.call("count", b"").code, 1);
    assert!(matches!(second.fuel_consumed(), Some(1..100)));
}

#[test]
fn a_pool_lends_what_it_has_and_no_more() {
    let pool = pool(2);
    let mut first = pool.get(Duration::ZERO).unwrap().unwrap();
    let second = pool.get(Duration::ZERO).unwrap().unwrap();
    assert!(pool.get(Duration::from_millis(10)).unwrap().is_none());
    assert_eq!(first.call("count", b"").code, 1);
    drop(first);
    let mut again = pool.get(Duration::ZERO).unwrap().unwrap();
    assert_eq!(again.call("count", b"").code, 2, "the same instance");
    assert_eq!(again.call("trap", b"").status(), Status::TrapUnreachable);
    drop(again);
    let mut fresh = pool.get(Duration::ZERO).unwrap().unwrap();
    assert_eq!(
        fresh.call("count", b"").code,
        1,
        "a trapped one begins anew"
    );
    drop((fresh, second));
    let stats = pool.stats();
    assert_eq!(
        (stats.alive, stats.idle, stats.waiting, stats.made),
        (2, 2, 0, 2)
    );
}

#[test]
fn a_waiter_gets_what_comes_back() {
    let pool = pool(1);
    let lease = pool.get(Duration::ZERO).unwrap().unwrap();
    let waiter = std::thread::spawn({
        let pool = pool.clone();
        move || pool.get(Duration::from_secs(60)).unwrap().is_some()
    });
    while pool.stats().waiting == 0 {
        std::thread::yield_now();
    }
    drop(lease);
    assert!(waiter.join().unwrap());
}

#[test]
fn a_pool_survives_failure_and_panic() {
    let failing: Pool<Plugin, Error> = Pool::new(PoolOptions { instances_max: 1 }, || {
        Plugin::load("", Options::default())
    });
    for _ in 0..2 {
        let error = failing.get(Duration::ZERO).err().unwrap();
        assert_eq!(error.status(), Status::NoModules);
    }
    assert_eq!(failing.stats().alive, 0);
    let pool = pool(1);
    let panicked = std::thread::spawn({
        let pool = pool.clone();
        move || {
            let _lease = pool.get(Duration::ZERO).unwrap().unwrap();
            panic!("a borrower panics on purpose");
        }
    });
    assert!(panicked.join().is_err());
    assert_eq!(pool.stats().replaced, 1);
    assert!(pool.get(Duration::ZERO).unwrap().is_some());
}

#[test]
fn many_threads_share_a_pool() {
    let pool = pool(3);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mut plugin = pool.get(Duration::from_secs(60)).unwrap().unwrap();
                    assert!(plugin.call("count", b"").code > 0);
                }
            });
        }
    });
    assert!(pool.stats().made <= 3);
}

#[test]
fn a_context_owns_its_plugins() {
    let context = Context::new();
    let compiled = CompiledPlugin::new(COUNTER, Options::default()).unwrap();
    let add = || context.insert(Plugin::new(&compiled).unwrap()).unwrap();
    let (a, b) = (add(), add());
    assert_eq!((a, b), (0, 1));
    let count = |handle| context.with(handle, |plugin| plugin.call("count", b"").code);
    assert_eq!(count(a).unwrap(), 1);
    assert_eq!(count(a).unwrap(), 2);
    context.replace(a, Plugin::new(&compiled).unwrap()).unwrap();
    assert_eq!(
        count(a).unwrap(),
        1,
        "the handle stays, the plug-in is another"
    );
    let nested = context.with(b, |_| count(b).unwrap_err().status()).unwrap();
    assert_eq!(nested, Status::Busy);
    context.remove(a).unwrap();
    let error = count(a).unwrap_err();
    assert_eq!(
        (error.status(), error.message()),
        (Status::BadHandle, "Plugin does not exist: 0")
    );
    assert_eq!(context.remove(a).unwrap_err().status(), Status::BadHandle);
    context.reset();
    assert!(context.is_empty());
    assert_eq!(count(b).unwrap_err().status(), Status::BadHandle);
    assert_eq!(add(), 2, "no handle is given out twice");
}

#[test]
fn what_is_beside_a_plugin_is_there_while_it_is_in_use_and_goes_with_it() {
    let context = Context::default();
    let compiled = CompiledPlugin::new(COUNTER, Options::default()).unwrap();
    let plugin = || Plugin::new(&compiled).unwrap();
    let token = Arc::new(());
    let beside = |number| (number, Arc::clone(&token));
    let handle = context.insert_with(plugin(), beside(1)).unwrap();
    let number = || context.beside(handle, |(number, _)| *number);
    assert_eq!(context.with(handle, |_| number().unwrap()).unwrap(), 1);
    context.replace_with(handle, plugin(), beside(2)).unwrap();
    assert_eq!((number().unwrap(), Arc::strong_count(&token)), (2, 2));
    let removed = || {
        context.remove(handle).unwrap();
        (number().unwrap_err().status(), Arc::strong_count(&token))
    };
    let removed = context.with(handle, |_| removed()).unwrap();
    assert_eq!(removed, (Status::BadHandle, 1));
    let gone = context.replace_with(handle, plugin(), beside(3));
    assert_eq!(gone.unwrap_err().status(), Status::BadHandle);
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn what_a_host_function_captured_is_released_once() {
    let token = Arc::new(());
    let function = {
        let token = Arc::clone(&token);
        HostFunction::new("f", [], [], move |_, _| {
            let _ = &token;
            Ok(())
        })
    };
    let options = Options {
        functions: vec![function.clone()],
        ..Options::default()
    };
    let source = r#"(module (import "extism:host/user" "f" (func)))"#;
    let compiled = CompiledPlugin::new(source, options).unwrap();
    let plugins: Vec<Plugin> = (0..3).map(|_| Plugin::new(&compiled).unwrap()).collect();
    drop((function, compiled));
    assert_eq!(Arc::strong_count(&token), 2, "held by the plug-ins");
    drop(plugins);
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn plugins_call_each_other_but_not_endlessly() {
    use std::sync::Mutex;
    // Each plug-in's host function calls the next one, one level deeper.
    let source = r#"(module (import "extism:host/user" "next" (func $next (result i32)))
        (func (export "run") (result i32) (i32.add (call $next) (i32.const 1))))"#;
    type Next = Arc<Mutex<Option<Plugin>>>;
    fn make(source: &str, next: Next) -> Plugin {
        let call = HostFunction::new("next", [], [ValueType::I32], move |_, slots| {
            let answer = match next.lock().unwrap().as_mut() {
                None => 0,
                Some(plugin) => {
                    let outcome = plugin.call("run", b"");
                    if let Some(error) = outcome.error {
                        return Err(error.into());
                    }
                    outcome.code as u64
                }
            };
            slots.set(0, ValueType::I32, answer);
            Ok(())
        });
        let options = Options {
            functions: vec![call],
            ..Options::default()
        };
        Plugin::load(source, options).unwrap()
    }
    let chain = |length: usize| {
        let mut plugin = None;
        for _ in 0..length {
            plugin = Some(make(source, Arc::new(Mutex::new(plugin))));
        }
        plugin.unwrap()
    };
    let outcome = chain(8).call("run", b"");
    assert_eq!((outcome.code, outcome.status()), (8, Status::GuestError));
    let outcome = chain(9).call("run", b"");
    assert_eq!(outcome.status(), Status::CallDepth);
}

/// Each plug-in uses much of its stack before it calls the next one; the thread has less than all of them
/// together may use.
#[test]
fn plugins_that_call_each_other_stay_on_the_threads_stack() {
    use std::sync::Mutex;
    let source = r#"(module (import "extism:host/user" "next" (func $next))
        (func $down (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0))
                (then (call $next) (i32.const 0))
                (else (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))))
        (func (export "run") (drop (call $down (i32.const 8000)))))"#;
    let chain = || {
        let mut first: Option<Plugin> = None;
        for _ in 0..8 {
            let next = Mutex::new(first.take());
            let call = HostFunction::new("next", [], [], move |_, _| {
                let mut next = next.lock().unwrap();
                let outcome = next.as_mut().map(|plugin| plugin.call("run", b""));
                let error = outcome.and_then(|outcome| outcome.error);
                error.map_or(Ok(()), |error| Err(error.into()))
            });
            let options = Options {
                functions: vec![call],
                ..Options::default()
            };
            first = Some(Plugin::load(source, options).unwrap());
        }
        first.unwrap()
    };
    let call_on = |stack_bytes| {
        let mut plugin = chain();
        let thread = std::thread::Builder::new().stack_size(stack_bytes);
        let called = thread.spawn(move || plugin.call("run", b"").status());
        called.unwrap().join().unwrap()
    };
    assert_eq!(call_on(16 << 20), Status::Ok);
    assert_eq!(call_on(1536 << 10), Status::CallDepth);
}

/// A start function is as deep as the plug-in that had it made.
#[test]
fn start_functions_that_make_plugins_stay_on_the_threads_stack() {
    use std::sync::OnceLock;
    static COMPILED: OnceLock<CompiledPlugin> = OnceLock::new();
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let source = r#"(module (import "extism:host/user" "make" (func $make))
        (func $down (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0))
                (then (call $make) (i32.const 0))
                (else (i32.add (call $down (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))))
        (func $start (drop (call $down (i32.const 8000))))
        (start $start))"#;
    let make = HostFunction::new("make", [], [], |_, _| {
        MADE.fetch_add(1, Ordering::Relaxed);
        Plugin::new(COMPILED.get().unwrap())?;
        Ok(())
    });
    let options = Options {
        functions: vec![make],
        ..Options::default()
    };
    let compiled = COMPILED.get_or_init(|| CompiledPlugin::new(source, options).unwrap());
    let make_on = |stack_bytes| {
        let thread = std::thread::Builder::new().stack_size(stack_bytes);
        let made = thread.spawn(move || Plugin::new(compiled).err().map(|error| error.status()));
        assert_eq!(made.unwrap().join().unwrap(), Some(Status::CallDepth));
        MADE.swap(0, Ordering::Relaxed)
    };
    assert_eq!(make_on(16 << 20), 8);
    let made = make_on(1536 << 10);
    assert!((1..8).contains(&made), "{made}");
}

#[test]
fn a_renewed_plugin_is_the_same_one_made_anew() {
    let source = r#"(module
        (global $n (mut i32) (i32.const 0))
        (func (export "count") (result i32)
            (global.set $n (i32.add (global.get $n) (i32.const 1))) global.get $n)
        (func (export "loop") (loop br 0)))"#;
    let mut plugin = Plugin::load(source, Options::default()).unwrap();
    let (id, handle) = (plugin.id(), plugin.cancel_handle());
    plugin.vars_mut().insert("name".into(), vec![1]);
    assert_eq!(plugin.call("count", b"").code, 1);
    plugin.renew().unwrap();
    assert_eq!(plugin.call("count", b"").code, 1);
    assert!(plugin.vars().is_empty());
    assert_eq!(plugin.id(), id);
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let canceller = std::thread::spawn(move || {
        // Before the call has begun a cancel is lost.
        while is_done.recv_timeout(Duration::from_millis(1)).is_err() {
            handle.cancel();
        }
    });
    assert_eq!(plugin.call("loop", b"").status(), Status::Cancelled);
    done.send(()).unwrap();
    canceller.join().unwrap();
}

/// What a borrower changed, gave out or was told is its own.
#[test]
fn a_borrower_finds_a_plugin_as_the_manifest_has_it() {
    use extism_runtime::{Level, LogSink};

    let source = r#"(module
        (import "extism:host/env" "log_error" (func $log (param i64)))
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (import "extism:host/env" "http_status_code" (func $status (result i32)))
        (func (export "log") (call $log (call $alloc (i64.const 1))))
        (func (export "status") (result i32) (call $status))
        (func (export "spin") (loop (br 0))))"#;
    let compiled = CompiledPlugin::new(source, Options::default()).unwrap();
    let options = PoolOptions { instances_max: 1 };
    let pool: Pool<Plugin, Error> = Pool::new(options, move || Plugin::new(&compiled));
    let borrow = || pool.get(Duration::ZERO).unwrap().unwrap();
    let (sender, records) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let mut first = borrow();
    let id = first.id();
    first.configure([("key".to_owned(), Some("secret".to_owned()))]);
    first.vars_mut().insert("name".into(), vec![1]);
    first.set_log_sink(Some(LogSink {
        level: Level::Error,
        receive: Arc::new(move |_| sender.lock().unwrap().send(()).unwrap()),
    }));
    let handle = first.cancel_handle();
    assert_eq!(first.call("log", b"").status(), Status::Ok);
    assert_eq!(records.try_iter().count(), 1);
    drop(first);

    let mut second = borrow();
    assert_eq!(second.id(), id);
    assert!(second.config().is_empty() && second.vars().is_empty());
    assert_eq!(second.call("log", b"").status(), Status::Ok);
    assert_eq!(
        records.try_iter().count(),
        0,
        "the sink was the first one's"
    );

    let own = second.cancel_handle();
    let (began, has_begun) = std::sync::mpsc::channel();
    let canceller = std::thread::spawn(move || {
        has_begun.recv().unwrap();
        for _ in 0..1000 {
            handle.cancel();
        }
        own
    });
    began.send(()).unwrap();
    // Whenever the first one's handle is used, none of these calls ends by it.
    while !canceller.is_finished() {
        assert_eq!(second.call("status", b"").status(), Status::Ok);
    }
    let own = canceller.join().unwrap();
    let spinning = std::thread::spawn(move || {
        let status = second.call("spin", b"").status();
        (status, second)
    });
    while !spinning.is_finished() {
        own.cancel();
        std::thread::yield_now();
    }
    let (status, second) = spinning.join().unwrap();
    assert_eq!(status, Status::Cancelled);
    drop(second);
    assert_eq!(pool.stats().replaced, 0);
}

/// Who gives a plug-in back waits for none of its code, which nobody could stop; the next borrower's call
/// makes it anew, within its own limits.
#[test]
fn giving_back_runs_nothing() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&starts);
    let started = HostFunction::new("started", [], [], move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    let source = r#"(module (import "extism:host/user" "started" (func $started))
        (start $started) (func (export "trap") unreachable) (func (export "fine")))"#;
    let options = Options {
        functions: vec![started],
        ..Options::default()
    };
    let compiled = CompiledPlugin::new(source, options).unwrap();
    let pool: Pool<Plugin, Error> = Pool::new(PoolOptions { instances_max: 1 }, move || {
        Plugin::new(&compiled)
    });
    let mut plugin = pool.get(Duration::ZERO).unwrap().unwrap();
    let id = plugin.id();
    assert_eq!(plugin.call("trap", b"").status(), Status::TrapUnreachable);
    drop(plugin);
    assert_eq!(starts.load(Ordering::Relaxed), 1);
    let mut plugin = pool.get(Duration::ZERO).unwrap().unwrap();
    assert_eq!(plugin.id(), id);
    assert!(plugin.has_function("fine") && !plugin.has_function("started"));
    assert_eq!(plugin.output(), b"");
    assert_eq!(plugin.call("fine", b"").status(), Status::Ok);
    assert_eq!(starts.load(Ordering::Relaxed), 2);
}

/// A plug-in that cannot be recycled is replaced, whatever happens meanwhile.
#[test]
fn a_place_in_a_pool_is_given_back_by_a_panic() {
    use extism_runtime::Pooled;

    struct Fragile;
    impl Pooled for Fragile {
        fn recycle(&mut self) -> bool {
            panic!("recycling panics on purpose");
        }
    }
    let pool: Pool<Fragile, Error> = Pool::new(PoolOptions { instances_max: 1 }, || Ok(Fragile));
    for replaced in 1..=3 {
        let lease = pool
            .get(Duration::ZERO)
            .unwrap()
            .expect("its place is free");
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(lease)));
        assert!(dropped.is_err());
        let stats = pool.stats();
        assert_eq!((stats.alive, stats.idle, stats.replaced), (0, 0, replaced));
    }
    let mut lease = pool.get(Duration::ZERO).unwrap().unwrap();
    lease.condemn();
    drop(lease);
    assert_eq!(pool.stats().replaced, 4, "not even looked at");
}

/// The time of another plug-in, which a host function calls, is not this one's.
#[test]
fn a_nested_plugins_timeout_is_an_error_of_the_host_function() {
    let inner = r#"{"wasm": [{"data": "KG1vZHVsZSAoZnVuYyAoZXhwb3J0ICJzcGluIikgKGxvb3AgKGJyIDApKSkp"}], "timeout_ms": 20}"#;
    let inner = std::sync::Mutex::new(Plugin::load(inner, Options::default()).unwrap());
    let call = HostFunction::new("inner", [], [], move |_, _| {
        match inner.lock().unwrap().call("spin", b"").error {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    });
    let source = r#"(module (import "extism:host/user" "inner" (func $inner)) (func (export "run") (call $inner)))"#;
    let options = Options {
        functions: vec![call],
        ..Options::default()
    };
    let mut outer = Plugin::load(source, options).unwrap();
    let outcome = outer.call("run", b"");
    assert_eq!((outcome.code, outcome.status()), (-1, Status::HostFunction));
    let report = outcome.error.unwrap().report();
    assert!(report.contains("timeout"), "{report}");
}
