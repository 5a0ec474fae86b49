//! Compiles a plug-in once, borrows instances of it from a pool, and ends a call that takes too long. Run it
//! at the root of the repository.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use extism::{Error, ErrorExt, Function, Manifest, Plugin, PluginBuilder, PoolBuilder, Wasm};

// snippet: pool
fn pool() -> Result<(), Error> {
    let manifest = Manifest::new([Wasm::file("examples/plugins/greet.wasm")]);
    let compiled = PluginBuilder::new(manifest).compile()?;
    let make = move || Plugin::new_from_compiled(&compiled);
    let pool = PoolBuilder::new().with_max_instances(2).build(make);
    let threads = [1, 2, 3, 4].map(|_| {
        let pool = pool.clone();
        thread::spawn(move || {
            let plugin = pool.get(Duration::from_secs(10))?;
            let mut plugin = plugin.ok_or_else(|| Error::msg("the pool is exhausted"))?;
            plugin.call::<_, String>("greet", "pool")
        })
    });
    for thread in threads {
        println!("{}", thread.join().expect("no thread panics")?);
    }
    println!("at most 2 plug-ins: {}", pool.count() <= 2);
    Ok(())
}
// end snippet

// snippet: cancel
fn cancel() -> Result<(), Error> {
    // The plug-in says that it has begun, and then never ends by itself.
    let wat = r#"(module
        (import "extism:host/user" "begun" (func $begun))
        (func (export "forever") (call $begun) (loop (br 0))))"#;
    let (sender, receiver) = mpsc::channel();
    let begun = Function::typed("begun", move |_: &mut extism::CurrentPlugin| {
        Ok(sender.send(())?)
    });
    let mut plugin = Plugin::new(wat, [begun], false)?;
    let handle = plugin.cancel_handle();
    let canceller = thread::spawn(move || {
        receiver.recv()?;
        handle.cancel()
    });
    if let Err(error) = plugin.call::<_, ()>("forever", "") {
        println!(
            "forever: {}",
            error.status().map_or("", |status| status.name())
        );
    }
    canceller.join().expect("no thread panics")
}
// end snippet

fn main() -> Result<(), Error> {
    pool()?;
    cancel()
}
