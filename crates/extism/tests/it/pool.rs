//! Pools: bounds, waiting, threads, and what happens to plug-ins that come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use extism::{
    Error, ErrorExt, Manifest, Plugin, PluginBuilder, Pool, PoolBuilder, Status, UserData, ValType,
};

use crate::support::{ECHO, fixture};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

fn pool(max_instances: usize) -> Pool {
    let builder = PluginBuilder::new(Manifest::new([fixture("published")])).with_wasi(true);
    let compiled = builder.compile().unwrap();
    PoolBuilder::new()
        .with_max_instances(max_instances)
        .build(move || Plugin::new_from_compiled(&compiled))
}

#[test]
fn threads_share_a_bounded_number() {
    for max in 1..=3 {
        let pool = pool(max);
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let mut plugin = pool.get(LONG).unwrap().unwrap();
                        let text: String = plugin.call("echo", "abc").unwrap();
                        assert_eq!(text, "abc");
                    }
                });
            }
        });
        assert!(pool.count() <= max, "{} of {max}", pool.count());
        assert_eq!(pool.stats().idle, pool.count());
    }
}

#[test]
fn nobody_gets_more_than_there_are() {
    let pool = pool(1);
    assert_eq!(pool.count(), 0);
    let mut first = pool.get(SECOND).unwrap().unwrap();
    assert_eq!(pool.count(), 1);
    assert!(pool.get(Duration::from_millis(10)).unwrap().is_none());
    assert!(
        pool.with_plugin(Duration::ZERO, |_| Ok(()))
            .unwrap()
            .is_none()
    );
    let id = first.id();
    assert_eq!(first.id, id);
    first.vars_mut().insert("mine".into(), vec![1]);
    assert!(first.function_exists("echo"));
    drop(first);
    let vars = pool
        .with_plugin(SECOND, |plugin| Ok((plugin.id, plugin.vars().len())))
        .unwrap();
    assert_eq!(vars, Some((id, 0)), "what a borrower changed is its own");
}

#[test]
fn what_the_last_borrower_left_is_wiped() {
    let pool = Pool::new(|| Plugin::new(ECHO, [], false));
    let mut plugin = pool.get(SECOND).unwrap().unwrap();
    plugin.call::<_, ()>("echo", "secret").unwrap();
    let id = plugin.id();
    drop(plugin);
    let plugin = pool.get(SECOND).unwrap().unwrap();
    assert_eq!((plugin.id(), plugin.output()), (id, &b""[..]));
}

#[test]
fn a_plugin_that_trapped_is_made_anew() {
    let pool = PoolBuilder::new()
        .with_max_instances(1)
        .build(|| Plugin::new(ECHO, [], false));
    let trapped = pool.with_plugin(SECOND, |plugin| {
        plugin.vars_mut().insert("in disorder".into(), vec![1]);
        plugin.call::<_, ()>("trap", ())
    });
    assert_eq!(trapped.unwrap_err().status(), Some(Status::TrapUnreachable));
    let mut plugin = pool.get(SECOND).unwrap().unwrap();
    assert!(plugin.vars().is_empty());
    assert_eq!(plugin.call::<_, String>("echo", "fine").unwrap(), "fine");
    assert_eq!(pool.count(), 1);
}

#[test]
fn a_plugin_whose_borrower_panicked_is_replaced() {
    let pool = PoolBuilder::new()
        .with_max_instances(1)
        .build(|| Plugin::new(ECHO, [], false));
    let borrower = {
        let pool = pool.clone();
        std::thread::spawn(move || {
            let _plugin = pool.get(SECOND).unwrap().unwrap();
            panic!("of the borrower");
        })
    };
    assert!(borrower.join().is_err());
    let mut plugin = pool.get(LONG).unwrap().unwrap();
    assert_eq!(plugin.call::<_, String>("echo", "fine").unwrap(), "fine");
    assert_eq!(pool.stats().replaced, 1);
}

#[test]
fn function_exists_is_remembered() {
    let pool = pool(1);
    assert!(pool.function_exists("echo", SECOND).unwrap());
    assert!(!pool.function_exists("nope", SECOND).unwrap());
    let _borrowed = pool.get(SECOND).unwrap();
    assert!(
        pool.function_exists("echo", Duration::ZERO).unwrap(),
        "without a plug-in"
    );
    assert!(
        !pool.function_exists("noop", Duration::ZERO).unwrap(),
        "nobody to ask"
    );
    drop(_borrowed);
    assert!(
        pool.function_exists("noop", SECOND).unwrap(),
        "which was not remembered"
    );
}

#[test]
fn errors_of_the_source_are_the_borrowers() {
    let tries = Arc::new(AtomicUsize::new(0));
    let pool = {
        let tries = Arc::clone(&tries);
        PoolBuilder { max_instances: 1 }.build(move || match tries.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Error::msg("not yet")),
            _ => Plugin::new(ECHO, [], false),
        })
    };
    assert_eq!(pool.get(SECOND).unwrap_err().to_string(), "not yet");
    assert_eq!(pool.count(), 0);
    let error = pool
        .with_plugin(SECOND, |_| Err::<(), _>(Error::msg("mine")))
        .unwrap_err();
    assert_eq!(error.to_string(), "mine");
    assert_eq!(pool.count(), 1);
    assert_eq!(
        format!("{:?}", PoolBuilder { max_instances: 1 }),
        "PoolBuilder { max_instances: 1 }"
    );
}

#[test]
fn a_builder_can_be_captured() {
    let builder = PluginBuilder::new(ECHO).with_function(
        "my_func",
        [ValType::I64],
        [ValType::I64],
        UserData::new(String::from("hello")),
        |_, inputs, outputs, _| {
            outputs[0] = inputs[0];
            Ok(())
        },
    );
    let pool = PoolBuilder::new()
        .with_max_instances(2)
        .build(move || builder.clone().build());
    std::thread::spawn(move || {
        pool.get(SECOND)
            .unwrap()
            .unwrap()
            .call::<_, ()>("noop", ())
            .unwrap()
    })
    .join()
    .unwrap();
}
