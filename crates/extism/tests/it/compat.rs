//! Code exactly as programs for 1.41 write it: glob imports, elided lifetimes, every spelling of its guide.

use extism::*;
// The engine by the name of its own crate, beside the glob import that has it, too.
use wasmtime::Config;

use crate::support::{example, fixture};

// The key-value example of the guide.
type KVStore = std::collections::BTreeMap<String, Vec<u8>>;

host_fn!(kv_read(user_data: KVStore; key: String) -> u32 {
    let kv = user_data.get()?;
    let kv = kv.lock().unwrap();
    let value = kv
        .get(&key)
        .map(|x| u32::from_le_bytes(x.clone().try_into().unwrap()))
        .unwrap_or_else(|| 0u32);
    Ok(value)
});

host_fn!(kv_write(user_data: KVStore; key: String, value: u32) {
    let kv = user_data.get()?;
    let mut kv = kv.lock().unwrap();
    kv.insert(key, value.to_le_bytes().to_vec());
    Ok(())
});

#[test]
fn the_key_value_store() {
    let kv_store = UserData::new(KVStore::default());
    let manifest = Manifest::new([example("kv")]);
    let mut plugin = PluginBuilder::new(manifest)
        .with_wasi(true)
        .with_function("kv_read", [PTR], [PTR], kv_store.clone(), kv_read)
        .with_function("kv_write", [PTR, PTR], [], kv_store.clone(), kv_write)
        .build()
        .unwrap();
    for total in [3, 6, 9] {
        let res = plugin
            .call::<&str, &str>("count_vowels", "Hello, world!")
            .unwrap();
        assert_eq!(res, format!(r#"{{"count":3,"total":{total}}}"#));
    }
    let kv = kv_store.get().unwrap();
    assert_eq!(kv.lock().unwrap()["count-vowels"], 9u32.to_le_bytes());
}

#[derive(Debug, serde::Deserialize, PartialEq)]
struct VowelCount {
    count: usize,
    total: usize,
    vowels: String,
}

#[test]
fn the_guide() {
    let manifest =
        Manifest::new([example("count_vowels")]).with_config_key("vowels", "aeiouyAEIOUY");
    let mut plugin = Plugin::new(&manifest, [], true).unwrap();
    let res = plugin
        .call::<&str, &str>("count_vowels", "Yellow, world!")
        .unwrap();
    assert_eq!(res, r#"{"count":4,"total":4,"vowels":"aeiouyAEIOUY"}"#);
    let convert::Json(res) = plugin
        .call::<&str, convert::Json<VowelCount>>("count_vowels", "Yellow, world!")
        .unwrap();
    assert_eq!(
        res,
        VowelCount {
            count: 4,
            total: 8,
            vowels: "aeiouyAEIOUY".into()
        }
    );
    let output = plugin.call("count_vowels", "abc123").unwrap();
    let count: serde_json::Value = serde_json::from_slice(output).unwrap();
    assert_eq!(count.get("count").unwrap().as_i64().unwrap(), 1);
}

// A host function in full, and a closure in full.
fn hello_world(
    plugin: &mut CurrentPlugin,
    inputs: &[Val],
    outputs: &mut [Val],
    _user_data: UserData<()>,
) -> Result<(), Error> {
    let handle = plugin
        .memory_from_val(&inputs[0])
        .ok_or_else(|| Error::msg("no such block"))?;
    let text = plugin.memory_str(handle)?.to_string();
    let output = plugin.memory_new(&text)?;
    outputs[0] = plugin.memory_to_val(output);
    Ok(())
}

fn generic<T: 'static + Send>(user_data: UserData<T>) -> Function {
    Function::new(
        "add",
        [ValType::I64, ValType::I64],
        vec![ValType::I64],
        user_data,
        |_plugin: &mut CurrentPlugin,
         inputs: &[Val],
         outputs: &mut [Val],
         _user_data: UserData<T>| {
            outputs[0] = Val::I64(inputs[0].unwrap_i64() + inputs[1].unwrap_i64());
            Ok(())
        },
    )
}

#[test]
fn host_functions_in_full() {
    let f = Function::new(
        "hello_world",
        [PTR],
        [PTR],
        UserData::default(),
        hello_world,
    )
    .with_namespace(EXTISM_USER_MODULE);
    let g = Function::new(
        "hello_world",
        [PTR],
        [PTR],
        UserData::default(),
        hello_world,
    )
    .with_namespace("test");
    let functions = vec![f, g, generic(UserData::new(String::new()))];
    let manifest = Manifest::new([fixture("published_host")]);
    let mut plugin = Plugin::new(manifest, functions, true).unwrap();
    let output: String = plugin.call("call_host", "hi").unwrap();
    assert_eq!(output, "hi");
    let output: Result<String, Error> = plugin.call("add_host", "20 22");
    assert_eq!(output.unwrap(), "42");
    type Boxed = Box<dyn Fn(&mut CurrentPlugin) -> Result<u64, Error>>;
    let boxed: Vec<Boxed> = vec![Box::new(|plugin| plugin.memory_length(0))];
    assert_eq!(boxed.len(), 1);
}

// Helpers that take the plug-in along.
fn read_all<'a>(plugin: &'a mut CurrentPlugin, value: &Val) -> Result<&'a str, Error> {
    plugin.memory_get_val(value)
}

#[test]
fn helpers_of_host_functions() {
    #[derive(Clone)]
    struct Foo {
        message: String,
    }
    let f = Function::new(
        "hello_world",
        [PTR],
        [PTR],
        UserData::default(),
        |current_plugin, val, ret, _user_data: UserData<()>| {
            let text = read_all(current_plugin, &val[0])?.len();
            let foo = current_plugin.host_context::<Foo>()?.clone();
            let hnd = current_plugin.memory_new(format!("{} {text}", foo.message))?;
            ret[0] = current_plugin.memory_to_val(hnd);
            Ok(())
        },
    );
    let manifest = Manifest::new([fixture("published_host")]);
    let mut plugin = Plugin::new(&manifest, [f, generic(UserData::new(()))], true).unwrap();
    let message = "hello world".to_string();
    let output: String = plugin
        .call_with_host_context("call_host", "four", Foo { message })
        .unwrap();
    assert_eq!(output, "hello world 4");
}

#[test]
fn shared_behind_a_lock() {
    let builder = PluginBuilder::new(Manifest::new([example("count_vowels")])).with_wasi(true);
    let p = std::sync::Arc::new(std::sync::Mutex::new(builder.build().unwrap()));
    let threads = (0..3).map(|_| {
        let plugin = p.clone();
        std::thread::spawn(move || {
            let mut plugin = plugin.lock().unwrap();
            let res: String = plugin.call("count_vowels", "this is a test aaa").unwrap();
            assert!(res.starts_with(r#"{"count":7,"#));
        })
    });
    threads
        .collect::<Vec<_>>()
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    let shared = std::sync::Arc::new(std::sync::RwLock::new(
        PluginBuilder::new("(module)").build().unwrap(),
    ));
    let other = std::thread::spawn(move || shared.read().unwrap().function_exists("nope"));
    assert!(!other.join().unwrap());
}

#[test]
fn every_method_of_the_builder() {
    let builder = PluginBuilder::new(Manifest::new([fixture("published")]))
        .with_wasi(false)
        .with_functions([] as [Function; 0])
        .with_cache_disabled()
        .with_fuel_limit(u64::MAX / 2)
        .with_initialization_fuel_limit(u64::MAX / 2)
        .with_http_response_headers(false)
        .with_debug_options(DebugOptions::default())
        .with_wasmtime_config(Config::new());
    let compiled: CompiledPlugin = CompiledPlugin::new(builder.clone()).unwrap();
    let mut plugin = Plugin::new_from_compiled(&compiled).unwrap();
    let data: &[u8] = plugin.call("echo", b"bytes".to_vec()).unwrap();
    assert_eq!(data, b"bytes");
    let _: Option<u64> = plugin.fuel_consumed();
    let _: CancelHandle = plugin.cancel_handle();
    plugin.reset().unwrap();
    assert!(!plugin.has_wasi());
}

#[test]
fn root_causes_are_matched_on() {
    let mut plugin = Plugin::new(Manifest::new([fixture("published")]), [], true).unwrap();
    let res: Result<String, Error> = plugin.call("http_get", "http://extism.org/");
    let err = res.unwrap_err().root_cause().to_string();
    assert!(
        err.contains("HTTP request to http://extism.org/ is not allowed"),
        "{err}"
    );
    match plugin.call_get_error_code::<&str, &str>("fail_code", "text") {
        Ok(_) => panic!("must fail"),
        Err((err, code)) => assert_eq!((err.to_string().as_str(), code), ("text", 7)),
    }
}
