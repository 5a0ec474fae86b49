//! From sources to plug-ins: every kind of input, hashes, errors of creation, artefacts, dumps.

use extism::{
    DebugOptions, ErrorExt, Manifest, Plugin, PluginBuilder, Status, Wasm, WasmInput, WasmMetadata,
    inspect,
};

use crate::support::{ECHO, example, fixture, told};

fn echoes<'a>(input: impl Into<WasmInput<'a>>) {
    let mut plugin = Plugin::new(input, [], false).unwrap();
    assert_eq!(plugin.call::<_, &str>("echo", "hi").unwrap(), "hi");
}

#[test]
fn everything_a_plugin_can_be_made_from() {
    let bytes = wat::parse_str(ECHO).unwrap();
    let mut manifest = Manifest::new([Wasm::data(bytes.clone())]);
    echoes(ECHO);
    echoes(ECHO.as_bytes());
    echoes(bytes.clone());
    echoes(&bytes);
    echoes(bytes.as_slice());
    echoes(&manifest);
    echoes(&mut manifest);
    echoes(serde_json::to_string(&manifest).unwrap().as_str());
    echoes(toml::to_string_pretty(&manifest).unwrap().as_bytes());
    echoes(WasmInput::Data(bytes.into()));
    echoes(WasmInput::ManifestRef(&manifest));
    echoes(manifest);
}

#[test]
fn modules_link_by_name() {
    let library = r#"(module (func (export "seven") (result i32) i32.const 7))"#;
    let main = r#"(module
        (import "lib" "seven" (func $seven (result i32)))
        (func (export "run") (result i32) (call $seven)))"#;
    let meta = WasmMetadata {
        name: Some("lib".into()),
        hash: None,
    };
    let library = Wasm::Data {
        data: library.into(),
        meta,
    };
    let mut plugin = Plugin::new(Manifest::new([library, Wasm::data(main)]), [], false).unwrap();
    assert_eq!(
        plugin
            .call_get_error_code::<_, ()>("run", ())
            .unwrap_err()
            .1,
        7
    );
}

#[test]
fn hashes_are_checked() {
    let wrong = "0".repeat(64);
    let error =
        Plugin::new(Manifest::new([fixture("ours").with_hash(&wrong)]), [], true).unwrap_err();
    let (status, text) = told(&error);
    assert_eq!(status, Status::HashMismatch);
    let found = text.strip_prefix("Hash mismatch, found ").unwrap();
    let (found, expected) = found.split_once(" but expected ").unwrap();
    assert_eq!(expected, wrong);
    let right = Manifest::new([fixture("ours").with_hash(found)]);
    Plugin::new(right, [], true)
        .unwrap()
        .call::<_, ()>("noop", ())
        .unwrap();
}

#[test]
fn errors_of_creation() {
    let note = "Invalid function import from extism:host/env: nope";
    for (input, status, text) in [
        (
            "",
            Status::NoModules,
            "No wasm files specified in Extism manifest",
        ),
        (
            "{}",
            Status::NoModules,
            "No wasm files specified in Extism manifest",
        ),
        (
            r#"{"wasm": [{"path": "/nonexist.wasm"}]}"#,
            Status::NotFound,
            "Unable to load Wasm file \"/nonexist.wasm\": entity not found",
        ),
        (
            r#"(module (import "extism:host/user" "kv_read" (func)))"#,
            Status::ImportUnknown,
            "unknown import: `extism:host/user::kv_read` has not been defined",
        ),
        (
            r#"(module (import "extism:host/env" "nope" (func)))"#,
            Status::ImportUnknown,
            note,
        ),
        (
            r#"(module (func $s unreachable) (start $s))"#,
            Status::TrapUnreachable,
            "wasm trap: wasm `unreachable` instruction executed",
        ),
        (
            r#"(module (func (export "_start")) (func (export "_initialize")))"#,
            Status::CommandAndReactor,
            "Program cannot be both a Command and a Reactor",
        ),
    ] {
        let error = Plugin::new(input, [], false).unwrap_err();
        let (found, cause) = told(&error);
        assert_eq!(found, status, "{input}: {error:?}");
        assert!(cause.starts_with(text), "{input}: {cause}");
    }
    let error = Plugin::new(r#"{"wasm": [], "unknown": 1}"#, [], false).unwrap_err();
    assert_eq!(error.status(), Some(Status::ManifestField));
    let error = Plugin::new(b"\0asm\x01\0\0\0\xff", [], false).unwrap_err();
    assert_eq!(error.status(), Some(Status::ModuleInvalid));
}

#[test]
fn modules_by_pointer_are_for_c_hosts() {
    let text = r#"{"wasm": [{"data": {"ptr": 4096, "len": 8}}]}"#;
    let error = Plugin::new(text, [], false).unwrap_err();
    assert_eq!(error.status(), Some(Status::ManifestField), "{error:?}");
}

#[test]
fn artefacts_save_compiling() {
    for wasm in [fixture("published"), example("count_vowels")] {
        let artefact = PluginBuilder::new(Manifest::new([wasm]))
            .precompile()
            .unwrap();
        for trusted in [false, true] {
            let mut plugin = PluginBuilder::new(&artefact)
                .with_precompiled(trusted)
                .build()
                .unwrap();
            let text: String = plugin.call("count_vowels", "aaa").unwrap();
            assert_eq!(text, r#"{"count":3,"total":3,"vowels":"aAeEiIoOuU"}"#);
        }
        let mut damaged = artefact;
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        let error = PluginBuilder::new(&damaged)
            .with_precompiled(true)
            .build()
            .unwrap_err();
        assert_eq!(error.status(), Some(Status::ArtefactRefused));
    }
}

#[test]
fn inspection_runs_nothing() {
    let text = r#"(module (func $s unreachable) (start $s) (func (export "run")))"#;
    inspect(text).unwrap();
    PluginBuilder::new(text).with_wasi(true).inspect().unwrap();
}

#[test]
fn caches() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("cache.toml");
    std::fs::write(
        &config,
        format!("[cache]\ndirectory = {:?}\n", folder.path().join("cache")),
    )
    .unwrap();
    for builder in [
        PluginBuilder::new(ECHO).with_cache_disabled(),
        PluginBuilder::new(ECHO).with_cache_config(&config),
        PluginBuilder::new(ECHO).with_cache_config(&config),
    ] {
        assert_eq!(
            builder
                .build()
                .unwrap()
                .call::<_, &str>("echo", "hi")
                .unwrap(),
            "hi"
        );
    }
    assert!(folder.path().join("cache").is_dir());
    let error = PluginBuilder::new(ECHO)
        .with_cache_config("/no/such/file")
        .build()
        .unwrap_err();
    assert_eq!(error.status(), Some(Status::Io));
}

#[test]
fn dumps_of_failed_calls() {
    let folder = tempfile::tempdir().unwrap();
    let (core, memory) = (folder.path().join("core"), folder.path().join("memory"));
    let mut plugin = PluginBuilder::new(ECHO)
        .with_coredump(&core)
        .with_memdump(&memory)
        .with_debug_info()
        .build()
        .unwrap();
    plugin.call::<_, ()>("echo", "fine").unwrap();
    assert!(!core.exists() && !memory.exists());
    plugin.call::<_, ()>("trap", "look for me").unwrap_err();
    assert!(std::fs::read(&core).unwrap().starts_with(b"\0asm"));
    let memory = std::fs::read(&memory).unwrap();
    assert!(memory.windows(11).any(|bytes| bytes == b"look for me"));
}

#[test]
fn debug_options() {
    let options = DebugOptions {
        profiling_strategy: extism::wasmtime::ProfilingStrategy::None,
        coredump: None,
        memdump: None,
        debug_info: false,
    };
    let builder = PluginBuilder::new(ECHO).with_debug_options(options);
    builder.clone().build().unwrap();
    let strategy = extism::wasmtime::ProfilingStrategy::Pulley;
    let error = builder
        .with_profiling_strategy(strategy)
        .build()
        .unwrap_err();
    assert_eq!(error.status(), Some(Status::InvalidArgument));
}

#[test]
fn an_engine_of_ones_own() {
    let mut config = extism::wasmtime::Config::new();
    config.cranelift_opt_level(extism::wasmtime::OptLevel::None);
    let builder = PluginBuilder::new(ECHO).with_wasmtime_config(config.clone());
    assert_eq!(
        builder
            .build()
            .unwrap()
            .call::<_, &str>("echo", "hi")
            .unwrap(),
        "hi"
    );
    assert_eq!(extism::extism_version(), env!("CARGO_PKG_VERSION"));
    assert_eq!(extism::EXTISM_ENV_MODULE, "extism:host/env");
    assert_eq!(extism::EXTISM_USER_MODULE, "extism:host/user");
}
