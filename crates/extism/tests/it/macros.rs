//! `host_fn!` and `typed_plugin!` in every form they can be written in.

use extism::convert::Json;
use extism::{
    Error, ErrorExt, FromBytes, Function, Manifest, PTR, Plugin, PluginBuilder, Status, UserData,
    Val, host_fn, typed_plugin,
};

use crate::support::{example, fixture, told};

host_fn!(plain(text: String) -> String { Ok(text + "!") });
host_fn!(pub borrowed(text: &str) -> String { Ok(text.to_uppercase()) });
host_fn!(pub(crate) no_result(log: Vec<String>; text: String) {
    log.get()?.lock().unwrap().push(text);
    Ok(())
});
host_fn!(no_arguments() -> u64 { Ok(42u64) });
host_fn!(two(prefix: String; text: String, times: u32) -> String {
    let prefix = prefix.get()?;
    let prefix = prefix.lock().unwrap();
    Ok(format!("{prefix}{}", text.repeat(times as usize)))
});
host_fn!(
    /// With documentation, and what `?` does.
    failing(text: String) -> u32 {
        Ok(text.parse::<u32>()?)
    }
);

/// A module that calls the host functions above with the input and a block of four bytes.
const CALLER: &str = r#"(module
    (import "extism:host/user" "plain" (func $plain (param i64) (result i64)))
    (import "extism:host/user" "borrowed" (func $borrowed (param i64) (result i64)))
    (import "extism:host/user" "no_result" (func $no_result (param i64)))
    (import "extism:host/user" "no_arguments" (func $no_arguments (result i64)))
    (import "extism:host/user" "two" (func $two (param i64 i64) (result i64)))
    (import "extism:host/user" "failing" (func $failing (param i64) (result i64)))
    (import "extism:host/env" "input_offset" (func $input (result i64)))
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
    (import "extism:host/env" "length" (func $length (param i64) (result i64)))
    (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
    (func $output (param $p i64) (call $output_set (local.get $p) (call $length (local.get $p))))
    (func (export "plain") (call $output (call $plain (call $input))))
    (func (export "borrowed") (call $output (call $borrowed (call $input))))
    (func (export "no_result") (call $no_result (call $input)))
    (func (export "no_arguments") (call $output (call $no_arguments)))
    (func (export "failing") (call $output (call $failing (call $input))))
    (func (export "two") (local $p i64)
        (local.set $p (call $alloc (i64.const 4)))
        (call $store (local.get $p) (i64.const 3))
        (call $output (call $two (call $input) (local.get $p)))))"#;

#[test]
fn typed_host_functions() {
    let log = UserData::new(Vec::new());
    let mut plugin = PluginBuilder::new(CALLER)
        .with_function("plain", [PTR], [PTR], UserData::default(), plain)
        .with_function("borrowed", [PTR], [PTR], UserData::default(), borrowed)
        .with_function("no_result", [PTR], [], log.clone(), no_result)
        .with_function("no_arguments", [], [PTR], UserData::default(), no_arguments)
        .with_function(
            "two",
            [PTR, PTR],
            [PTR],
            UserData::new(String::from("> ")),
            two,
        )
        .with_function("failing", [PTR], [PTR], UserData::default(), failing)
        .build()
        .unwrap();
    assert_eq!(plugin.call::<_, &str>("plain", "a").unwrap(), "a!");
    assert_eq!(plugin.call::<_, &str>("borrowed", "a").unwrap(), "A");
    plugin.call::<_, ()>("no_result", "kept").unwrap();
    assert_eq!(*log.get().unwrap().lock().unwrap(), ["kept"]);
    assert_eq!(plugin.call::<_, u64>("no_arguments", ()).unwrap(), 42);
    assert_eq!(plugin.call::<_, u32>("failing", "17").unwrap(), 17);
    let error = plugin.call::<_, ()>("failing", "no number").unwrap_err();
    assert_eq!(
        told(&error),
        (Status::HostFunction, "invalid digit found in string".into())
    );
    assert!(error.find::<std::num::ParseIntError>().is_some());
    let error = plugin.call::<&[u8], ()>("plain", b"\xff").unwrap_err();
    assert_eq!(error.status(), Some(Status::HostFunction), "not UTF-8");
}

#[test]
fn two_arguments_of_which_one_has_the_wrong_length() {
    let mut plugin = PluginBuilder::new(CALLER)
        .with_functions([
            Function::new("plain", [PTR], [PTR], UserData::default(), plain),
            Function::new("borrowed", [PTR], [PTR], UserData::default(), borrowed),
            Function::new("no_result", [PTR], [], UserData::default(), no_result),
            Function::new("no_arguments", [], [PTR], UserData::default(), no_arguments),
            Function::new("failing", [PTR], [PTR], UserData::default(), failing),
        ])
        .with_function(
            "two",
            [PTR, PTR],
            [PTR],
            UserData::new(String::from("> ")),
            two,
        )
        .build()
        .unwrap();
    assert_eq!(plugin.call::<_, &str>("two", "ab").unwrap(), "> ababab");
}

#[test]
fn a_host_function_declared_with_too_few_arguments() {
    let text = r#"(module
        (import "extism:host/user" "two" (func $two (param i64) (result i64)))
        (func (export "run") (drop (call $two (i64.const 0)))))"#;
    let mut plugin = PluginBuilder::new(text)
        .with_function("two", [PTR], [PTR], UserData::default(), two)
        .build()
        .unwrap();
    let error = plugin.call::<_, ()>("run", ()).unwrap_err();
    let text = "the host function is declared without its argument times";
    assert_eq!(told(&error), (Status::HostFunction, text.into()));
}

#[derive(serde::Deserialize, Debug, PartialEq)]
struct Count {
    count: u32,
}

typed_plugin!(CountVowels {
    count_vowels(&str) -> Json<Count>;
});

typed_plugin!(pub CountVowelsAs {
    count_vowels<T: FromBytes<'a>>(&str) -> T
});

typed_plugin!(
    /// With documentation.
    pub(crate) Echo {
        /// Twice.
        echo(Vec<u8>) -> &'a [u8];
        noop(()) -> ();
    }
);

#[test]
fn typed_plugins() {
    let manifest = Manifest::new([example("count_vowels")]);
    let mut plugin: CountVowels = Plugin::new(&manifest, [], true)
        .unwrap()
        .try_into()
        .unwrap();
    let Json(count) = plugin.count_vowels("abc123").unwrap();
    assert_eq!(count, Count { count: 1 });
    let Json(same): Json<Count> = plugin.0.call("count_vowels", "abc123").unwrap();
    assert_eq!(same, count);

    let mut plugin = CountVowelsAs::try_from(Plugin::from(plugin)).unwrap();
    let text: String = plugin.count_vowels("aaa").unwrap();
    assert_eq!(text, r#"{"count":3,"total":5,"vowels":"aAeEiIoOuU"}"#);
    assert_eq!(
        plugin.count_vowels::<Json<Count>>("u").unwrap().0,
        Count { count: 1 }
    );

    let plugin = Plugin::new(Manifest::new([fixture("published")]), [], true).unwrap();
    let mut echo = Echo::try_from(plugin).unwrap();
    assert_eq!(echo.echo(vec![1, 2]).unwrap(), [1, 2]);
    echo.noop(()).unwrap();
}

#[test]
fn a_plugin_of_another_type() {
    let made = Plugin::new("(module)", [], false).unwrap();
    let error: Error = CountVowels::try_from(made).err().unwrap();
    assert_eq!(
        told(&error),
        (
            Status::FunctionNotFound,
            "Invalid function: count_vowels".into()
        )
    );
}

#[test]
fn typed_functions_are_ordinary_functions() {
    type Body =
        fn(&mut extism::CurrentPlugin, &[Val], &mut [Val], UserData<()>) -> Result<(), Error>;
    let _: Body = plain;
}
