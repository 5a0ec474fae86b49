//! Guarantees 8 to 11: threads. A `Plugin` is called through `&mut`, so the compiler keeps a second thread
//! away; where threads share one, in a `Context`, the second is told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use extism::{
    CancelHandle, CompiledPlugin, Context, CurrentPlugin, ErrorExt, Function, Plugin,
    PluginBuilder, Pool, Status,
};

/// Says that it has begun, and never ends.
const FOREVER: &str = r#"(module (import "extism:host/user" "begun" (func $begun))
    (func (export "forever") (call $begun) (loop (br 0)))
    (func (export "short") (call $begun)))"#;

fn begun() -> (Function, mpsc::Receiver<()>) {
    let (sender, receiver) = mpsc::channel();
    let function = Function::typed("begun", move |_: &mut CurrentPlugin| Ok(sender.send(())?));
    (function, receiver)
}

#[test]
fn g08_two_threads_are_told_or_wait() {
    let (function, has_begun) = begun();
    let plugin = Plugin::new(FOREVER, [function], false).unwrap();
    let cancel = plugin.cancel_handle();
    let context = Context::new();
    let handle = context.insert(plugin).unwrap();
    thread::scope(|scope| {
        let call = |name: &'static str| {
            let context = &context;
            move || context.with(handle, |plugin| plugin.call::<_, ()>(name, ()))
        };
        let caller = scope.spawn(call("forever"));
        has_begun.recv().unwrap();
        for _ in 0..1_000 {
            assert_eq!(call("short")().unwrap_err().status(), Status::Busy);
        }
        cancel.cancel().unwrap();
        let ended = caller.join().unwrap().unwrap().unwrap_err();
        assert_eq!(ended.status(), Some(Status::Cancelled));
        call("short")().unwrap().unwrap();
    });
}

#[test]
fn g09_a_call_holds_nobody_else_up() {
    let (function, has_begun) = begun();
    let mut plugin = Plugin::new(FOREVER, [function], false).unwrap();
    let cancel = plugin.cancel_handle();
    let others = AtomicU64::new(0);
    let count = &others;
    thread::scope(|scope| {
        scope.spawn(move || {
            has_begun.recv().unwrap();
            let mut other = crate::echo();
            for _ in 0..1_000 {
                assert_eq!(other.call::<_, &str>("echo", "x").unwrap(), "x");
                count.fetch_add(1, Ordering::Relaxed);
            }
            cancel.cancel().unwrap();
        });
        let error = plugin.call::<_, ()>("forever", ()).unwrap_err();
        assert_eq!(error.status(), Some(Status::Cancelled));
    });
    assert_eq!(others.into_inner(), 1_000);
}

#[test]
fn g10_another_thread_cancels_a_call() {
    let (function, has_begun) = begun();
    let mut plugin = Plugin::new(FOREVER, [function], false).unwrap();
    let cancel = plugin.cancel_handle();
    let canceller = thread::spawn(move || {
        for _ in 0..20 {
            has_begun.recv().unwrap();
            cancel.cancel().unwrap();
        }
        has_begun
    });
    for _ in 0..20 {
        let error = plugin.call::<_, ()>("forever", ()).unwrap_err();
        assert_eq!(error.status(), Some(Status::Cancelled));
    }
    let _open = canceller.join().unwrap();
    plugin.call::<_, ()>("short", ()).unwrap();
}

/// There is no asynchronous form in Rust: a call is given to a thread, which every object of the SDK allows.
#[test]
fn g11_a_call_on_another_thread_leaves_this_one_alone() {
    fn send<T: Send + 'static>() {}
    fn share<T: Send + Sync + 'static>() {}
    send::<Plugin>();
    share::<CompiledPlugin>();
    share::<Pool>();
    share::<Context>();
    share::<CancelHandle>();
    share::<Function>();
    share::<PluginBuilder<'static>>();

    let (function, has_begun) = begun();
    let mut plugin = Plugin::new(FOREVER, [function], false).unwrap();
    let cancel = plugin.cancel_handle();
    let caller = thread::spawn(move || plugin.call::<_, ()>("forever", ()).unwrap_err());
    has_begun.recv().unwrap();
    let mut here = crate::echo();
    for _ in 0..100 {
        assert_eq!(here.call::<_, &str>("echo", "x").unwrap(), "x");
    }
    assert!(!caller.is_finished());
    cancel.cancel().unwrap();
    assert_eq!(caller.join().unwrap().status(), Some(Status::Cancelled));
}
