//! What a plug-in keeps: variables, configuration, memory; and how to get rid of it.

use extism::{Context, ErrorExt, Manifest, Plugin, PluginBuilder, Stats, Status};

use crate::support::{ECHO, fixture, told, wat};

fn published() -> Plugin {
    let manifest =
        Manifest::new([fixture("published")]).with_config_key("key", "from the manifest");
    Plugin::new(manifest, [], false).unwrap()
}

#[test]
fn variables_are_seen_from_both_sides() {
    let mut plugin = published();
    plugin.call::<&[u8], ()>("var_set", b"name=\xff\0").unwrap();
    assert_eq!(plugin.vars()["name"], b"\xff\0");
    plugin.vars_mut().insert("other".into(), b"host".to_vec());
    assert_eq!(plugin.call::<_, &str>("var_get", "other").unwrap(), "host");
    plugin.call::<_, ()>("var_remove", "name").unwrap();
    assert_eq!(plugin.vars().keys().collect::<Vec<_>>(), ["other"]);
}

#[test]
fn the_limit_of_variables() {
    let mut manifest = Manifest::new([fixture("published")]);
    manifest.memory.max_var_bytes = Some(48 + 1 + 5);
    let mut plugin = Plugin::new(&manifest, [], false).unwrap();
    plugin.call::<_, ()>("var_set", "k=12345").unwrap();
    plugin.call::<_, ()>("var_set", "k=54321").unwrap();
    let (error, code) = plugin
        .call_get_error_code::<_, ()>("var_set", "k=123456")
        .unwrap_err();
    assert_eq!(
        (code, told(&error)),
        (-1, (Status::Vars, "Variable store is full".into()))
    );
    manifest.memory.max_var_bytes = Some(0);
    let mut plugin = Plugin::new(&manifest, [], false).unwrap();
    let error = plugin.call::<_, ()>("var_set", "k=1").unwrap_err();
    assert_eq!(
        told(&error),
        (
            Status::VarsDisabled,
            "Vars are disabled by this host".into()
        )
    );
}

#[test]
fn configuration_can_change() {
    let mut plugin = published();
    assert_eq!(
        plugin.call::<_, &str>("config", "key").unwrap(),
        "from the manifest"
    );
    plugin.set_config("key", "changed");
    plugin.set_config("new", "value");
    assert_eq!(plugin.call::<_, &str>("config", "key").unwrap(), "changed");
    assert_eq!(plugin.call::<_, &str>("config", "new").unwrap(), "value");
    plugin.remove_config("key");
    assert_eq!(plugin.call::<_, &str>("config", "key").unwrap(), "");
    assert_eq!(plugin.config().len(), 1);
    assert_eq!(plugin.manifest().config["key"], "from the manifest");
}

#[test]
fn reset_wipes_what_the_last_call_left() {
    let mut plugin = wat(ECHO);
    plugin.call::<_, ()>("echo", "secret").unwrap();
    assert_eq!(plugin.output(), b"secret");
    plugin.reset().unwrap();
    assert_eq!(plugin.output(), b"");
    assert_eq!(plugin.call::<_, &str>("echo", "next").unwrap(), "next");
}

#[test]
fn renew_makes_it_as_new() {
    let mut plugin = published();
    let id = plugin.id;
    plugin.set_config("key", "changed");
    plugin.call::<_, ()>("var_set", "k=v").unwrap();
    plugin.renew().unwrap();
    assert_eq!(plugin.id, id);
    assert!(plugin.vars().is_empty());
    assert_eq!(
        plugin.call::<_, &str>("config", "key").unwrap(),
        "from the manifest"
    );
    assert_eq!(format!("{plugin:?}"), format!("Plugin({})", plugin.id));
}

#[test]
fn instances_are_independent() {
    let compiled = PluginBuilder::new(Manifest::new([fixture("ours")]))
        .compile()
        .unwrap();
    let mut one = Plugin::new_from_compiled(&compiled).unwrap();
    let mut other = Plugin::new_from_compiled(&compiled).unwrap();
    assert_ne!(one.id, other.id);
    one.call::<_, ()>("var_set", "k=v").unwrap();
    assert_eq!(other.call::<_, &str>("var_get", "k").unwrap(), "");
    assert_eq!(one.compiled().manifest(), compiled.manifest());
    assert!(one.memory_bytes() > 0);
}

#[test]
fn a_context_owns_plugins_under_numbers() {
    let context = Context::new();
    let one = context.insert(wat(ECHO)).unwrap();
    let other = context.insert(wat(ECHO)).unwrap();
    assert_eq!((one, other, context.len()), (0, 1, 2));
    let output = context
        .with(one, |plugin| plugin.call::<_, String>("echo", "hi"))
        .unwrap();
    assert_eq!(output.unwrap(), "hi");
    context
        .replace(one, wat(r#"(module (func (export "new")))"#))
        .unwrap();
    assert!(
        context
            .with(one, |plugin| plugin.function_exists("new"))
            .unwrap()
    );
    context.remove(one).unwrap();
    let error: extism::Error = context.with(one, |_| ()).unwrap_err().into();
    assert_eq!(error.status(), Some(Status::BadHandle));
    context.reset();
    assert!(context.is_empty());
}

#[test]
fn live_objects_are_counted() {
    let plugin = wat(ECHO);
    let stats = Stats::now();
    assert!(
        stats.plugins >= 1 && stats.compiled_plugins >= 1,
        "{stats:?}"
    );
    drop(plugin);
}
