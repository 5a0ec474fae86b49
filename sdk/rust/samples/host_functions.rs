//! Gives a plug-in two functions of the host, with which it keeps a number in a store. Run it at the root of
//! the repository.

use std::collections::BTreeMap;

use extism::{Error, Manifest, PluginBuilder, UserData, Wasm};

// snippet: host_function
type Store = BTreeMap<String, u32>;

extism::host_fn!(kv_read(store: Store; key: String) -> Option<u32> {
    let store = store.get()?;
    let store = store.lock().expect("no function panics with the store");
    Ok(store.get(&key).copied())
});

extism::host_fn!(kv_write(store: Store; key: String, value: u32) {
    let store = store.get()?;
    store.lock().expect("no function panics with the store").insert(key, value);
    Ok(())
});

fn main() -> Result<(), Error> {
    let store = UserData::new(Store::new());
    let manifest = Manifest::new([Wasm::file("examples/plugins/kv.wasm")]);
    let mut plugin = PluginBuilder::new(manifest)
        .with_function(
            "kv_read",
            [extism::PTR],
            [extism::PTR],
            store.clone(),
            kv_read,
        )
        .with_function(
            "kv_write",
            [extism::PTR, extism::PTR],
            [],
            store.clone(),
            kv_write,
        )
        .build()?;
    for text in ["this is a test", "Hello, World!"] {
        let report: &str = plugin.call("count_vowels", text)?;
        println!("{report}");
    }
    println!(
        "{:?}",
        store
            .get()?
            .lock()
            .expect("no function panics with the store")
    );
    Ok(())
}
// end snippet
