//! Guarantees 1 to 5: who lives how long.
//!
//! Must not know: how anything is freed. Invariant: a program of its own, one test at a time, since the
//! library counts what is alive in the whole process; every test ends with nothing alive.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use extism::{
    CompiledPlugin, Context, CurrentPlugin, Function, Plugin, PluginBuilder, PoolBuilder, Stats,
    Status,
};

const COUNTER: &str = include_str!("../../../fixtures/wat/counter.wat");

/// The only test that runs, and that nothing is left when it ends.
struct Alone(#[expect(dead_code, reason = "held, not looked at")] MutexGuard<'static, ()>);

impl Drop for Alone {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(Stats::now(), Stats::default());
        }
    }
}

fn alone() -> Alone {
    static LOCK: Mutex<()> = Mutex::new(());
    Alone(LOCK.lock().unwrap_or_else(PoisonError::into_inner))
}

fn compiled() -> CompiledPlugin {
    PluginBuilder::new(COUNTER).compile().unwrap()
}

/// Ownership keeps everybody else from what is gone; a number of a context has to answer.
#[test]
fn g01_what_is_gone_answers() {
    let _alone = alone();
    let context = Context::new();
    let handle = context
        .insert(Plugin::new(COUNTER, [], false).unwrap())
        .unwrap();
    context.remove(handle).unwrap();
    let gone = |status| assert_eq!(status, Status::BadHandle);
    gone(
        context
            .with(handle, |plugin| plugin.reset())
            .unwrap_err()
            .status(),
    );
    gone(context.remove(handle).unwrap_err().status());
    let other = Plugin::new(COUNTER, [], false).unwrap();
    gone(context.replace(handle, other).unwrap_err().status());
    assert!(context.is_empty());
}

#[test]
fn g02_nothing_is_freed_twice() {
    let _alone = alone();
    let compiled = compiled();
    let copies = [compiled.clone(), compiled.clone()];
    drop(compiled);
    assert_eq!(Stats::now().compiled_plugins, 1, "copies share it");
    drop(copies);
    let context = Context::new();
    context
        .insert(Plugin::new(COUNTER, [], false).unwrap())
        .unwrap();
    context.reset();
    context.reset();
    drop(context);
}

#[test]
fn g03_any_thread_frees_in_any_order() {
    let _alone = alone();
    let compiled = compiled();
    let mut plugins: Vec<Plugin> = (0..200)
        .map(|_| Plugin::new_from_compiled(&compiled).unwrap())
        .collect();
    drop(compiled);
    let odd: Vec<Plugin> = (0..100).map(|at| plugins.remove(at)).collect();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(odd));
        scope.spawn(move || plugins.into_iter().rev().for_each(drop));
    });
}

#[test]
fn g04_children_outlive_parents() {
    let _alone = alone();
    let parent = compiled();
    let mut plugin = Plugin::new_from_compiled(&parent).unwrap();
    let make = move || Plugin::new_from_compiled(&parent);
    let pool = PoolBuilder::new().with_max_instances(1).build(make);
    let mut lent = pool.get(Duration::ZERO).unwrap().unwrap();
    drop(pool);
    assert_eq!(lent.call::<_, String>("count", ()).unwrap(), "1");
    drop(lent);
    assert_eq!(plugin.call::<_, &str>("count", ()).unwrap(), "1");
    let handle = plugin.cancel_handle();
    drop(plugin);
    handle.cancel().unwrap();
}

#[test]
fn g05_host_functions_are_released_once() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let _alone = alone();
    let released = Arc::new(AtomicUsize::new(0));
    let counted = Counted(Arc::clone(&released));
    let function = Function::typed("nothing", move |_: &mut CurrentPlugin| {
        let _ = &counted;
        Ok(())
    });
    let wat = r#"(module (import "extism:host/user" "nothing" (func $nothing))
        (func (export "run") (call $nothing)))"#;
    let mut one = Plugin::new(wat, [function.clone()], false).unwrap();
    let mut other = Plugin::new(wat, [function], false).unwrap();
    one.call::<_, ()>("run", ()).unwrap();
    drop(one);
    other.call::<_, ()>("run", ()).unwrap();
    assert_eq!(released.load(Ordering::SeqCst), 0);
    drop(other);
    assert_eq!(released.load(Ordering::SeqCst), 1);
}
