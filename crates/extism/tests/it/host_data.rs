//! What host functions get at beside their arguments: user data, and the context of a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use extism::{ErrorExt, Function, PTR, Plugin, PluginBuilder, Status, UserData};

use crate::functions::{ASK, asking};
use crate::support::told;

#[test]
fn the_host_context_of_a_call() {
    #[derive(Clone, Debug, PartialEq)]
    struct Caller(String);
    let mut plugin = asking(|plugin, _, outputs, _| {
        let caller = plugin.host_context::<Caller>()?;
        caller.0.push('!');
        let name = caller.0.clone();
        plugin.memory_set_val(&mut outputs[0], name)
    });
    for name in ["ada", "bob"] {
        let answer: String = plugin
            .call_with_host_context("ask", (), Caller(name.into()))
            .unwrap();
        assert_eq!(answer, format!("{name}!"));
    }
    let error = plugin.call::<_, ()>("ask", ()).unwrap_err();
    let text = "the call was made without a host context";
    assert_eq!(told(&error), (Status::InvalidArgument, text.into()));
    let error = plugin
        .call_with_host_context::<_, (), _>("ask", (), 5u8)
        .unwrap_err();
    assert_eq!(error.status(), Some(Status::InvalidArgument));
    let dropped = Arc::new(());
    let _ = plugin.call_with_host_context::<_, (), _>("ask", (), Arc::clone(&dropped));
    assert_eq!(
        Arc::strong_count(&dropped),
        1,
        "it does not outlive the call"
    );
}

/// Counts how often it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn user_data_are_dropped_once_with_their_last_owner() {
    let drops = Arc::new(AtomicUsize::new(0));
    let count = || drops.load(Ordering::SeqCst);
    let data = UserData::new(Dropped(Arc::clone(&drops)));
    let host = Function::new("host", [PTR], [PTR], data.clone(), |_, _, _, data| {
        drop(data.get()?.lock().unwrap());
        Ok(())
    });
    let compiled = PluginBuilder::new(ASK)
        .with_functions([host.clone()])
        .compile()
        .unwrap();
    let mut plugin = Plugin::new_from_compiled(&compiled).unwrap();
    drop((data, host, compiled));
    plugin.call::<_, ()>("ask", ()).unwrap();
    assert_eq!(count(), 0, "the plug-in is an owner");
    drop(plugin);
    assert_eq!(count(), 1);

    // A plug-in that cannot be made, and a function nobody uses.
    for build in [true, false] {
        drops.store(0, Ordering::SeqCst);
        let data = UserData::new(Dropped(Arc::clone(&drops)));
        let host = Function::new("host", [PTR], [PTR], data, |_, _, _, _| Ok(()));
        if build {
            let made = Plugin::new("(module", [host], false);
            assert_eq!(made.unwrap_err().status(), Some(Status::ModuleInvalid));
        } else {
            drop(host);
        }
        assert_eq!(count(), 1);
    }
}

#[test]
fn user_data_are_shared() {
    let total = UserData::new(0usize);
    let function = |name: &str| {
        Function::new(
            name,
            [PTR],
            [PTR],
            total.clone(),
            |plugin, inputs, _, total: UserData<usize>| {
                let length = plugin.memory_get_val::<&[u8]>(&inputs[0])?.len();
                *total.get()?.lock().unwrap() += length;
                Ok(())
            },
        )
    };
    let mut one = Plugin::new(ASK, [function("host")], false).unwrap();
    let mut other = Plugin::new(ASK, [function("host")], false).unwrap();
    one.call::<_, ()>("ask", "four").unwrap();
    other.call::<_, ()>("ask", "fifth").unwrap();
    assert_eq!(*total.get().unwrap().lock().unwrap(), 9);
    assert!(matches!(total, UserData::Rust(_)));
}
