//! What is found in modules made for the purpose, in real plug-ins, and in damaged ones.

mod damage;
mod guesses;

use serde_json::{Value, json};

use super::module::{CustomSection, Kind};
use super::*;

/// A host that adds nothing and grants nothing.
const BARE: Host<'_> = Host {
    given: &|_, _| false,
    wasi: false,
    kernel_memory: Some(KernelMemory::Import),
};

fn look(text: &str) -> Inspection {
    look_all(&[(MAIN, text)], &BARE)
}

fn look_into(bytes: &[u8]) -> Result<Inspection, Fault> {
    inspect([(MAIN, bytes)], &BARE)
}

/// A plug-in of several modules in text, the last being main.
fn look_all(modules: &[(&str, &str)], host: &Host<'_>) -> Inspection {
    let modules: Vec<(&str, Vec<u8>)> = modules
        .iter()
        .map(|(name, text)| (*name, wat::parse_str(text).unwrap()))
        .collect();
    let modules = modules
        .iter()
        .map(|(name, bytes)| (*name, bytes.as_slice()));
    inspect(modules, host).unwrap()
}

/// Providers of the imports of module `name`, in order.
fn providers(inspection: &Inspection, name: &str) -> Vec<Provider> {
    let module = inspection
        .modules
        .iter()
        .find(|module| module.name == name)
        .unwrap();
    module
        .imports
        .iter()
        .map(|import| import.provider)
        .collect()
}

fn repository_file(path: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    std::fs::read(format!("{root}{path}")).unwrap()
}

#[test]
fn functions_are_those_a_host_can_call() {
    let inspection = look(
        r#"(module
            (memory (export "memory") 1)
            (func $unit) (func $code (result i32) (i32.const 0))
            (func $wide (result i64) (i64.const 0)) (func $takes (param i32))
            (export "b" (func $code)) (export "a" (func $unit))
            (export "wide" (func $wide)) (export "takes" (func $takes))
            (export "_initialize" (func $unit)) (export "__wasm_call_ctors" (func $unit))
            (export "asyncify_get_state" (func $code)) (export "hs_init" (func $unit)))"#,
    );
    assert_eq!(inspection.functions, ["b", "a"]);
    assert_eq!(inspection.language.as_deref(), Some("Haskell"));
    assert_eq!(inspection.modules[0].kind, Kind::Haskell);
}

#[test]
fn kinds_are_told_by_exports() {
    for (exports, kind) in [
        ("", Kind::Library),
        (r#"(export "_start" (func 0))"#, Kind::Command),
        (r#"(export "_initialize" (func 0))"#, Kind::Reactor),
        (
            r#"(export "_start" (func 0)) (export "_initialize" (func 0))"#,
            Kind::CommandAndReactor,
        ),
        (r#"(memory 1) (export "_start" (memory 0))"#, Kind::Library),
    ] {
        let inspection = look(&format!("(module (func) {exports})"));
        assert_eq!(inspection.modules[0].kind, kind, "{exports}");
    }
    assert!(look("(module (func) (start 0))").modules[0].start);
}

#[test]
fn eras_are_told_by_imports() {
    let current = r#"(import "extism:host/env" "alloc" (func (param i64) (result i64)))"#;
    let legacy = r#"(import "env" "extism_load_u32" (func (param i64) (result i32)))"#;
    let host = r#"(import "extism:host/user" "alloc" (func (param i64) (result i64)))"#;
    let none = r#"(import "env" "extism_of_the_host" (func))"#;
    for (imports, era, text) in [
        ([current, host], Era::Current, "1.x"),
        ([legacy, host], Era::Legacy, "0.1"),
        ([current, legacy], Era::Both, "both"),
        ([none, host], Era::None, "none"),
    ] {
        let inspection = look(&format!("(module {})", imports.concat()));
        assert_eq!(inspection.era, era);
        assert_eq!(serde_json::to_value(era).unwrap(), text);
    }
}

#[test]
fn every_import_of_both_eras_has_its_provider() {
    use extism_abi::import::{BUILTINS, KERNEL, LEGACY_ONLY, Ty};
    let tables = [
        (ENV_MODULE, "", KERNEL, Provider::Kernel),
        (ENV_MODULE, "", BUILTINS, Provider::Builtin),
        ("env", "extism_", KERNEL, Provider::Kernel),
        ("env", "extism_", BUILTINS, Provider::Builtin),
        ("env", "extism_", LEGACY_ONLY, Provider::Kernel),
        // These two never had a 1.x name.
        (ENV_MODULE, "", LEGACY_ONLY, Provider::Unknown),
    ];
    for (module, prefix, table, provider) in tables {
        for import in table {
            let types = |word: &str, types: &[Ty]| -> String {
                let name = |ty: &Ty| if *ty == Ty::I32 { "i32" } else { "i64" };
                types
                    .iter()
                    .map(|ty| format!("({word} {})", name(ty)))
                    .collect()
            };
            let (params, results) = (
                types("param", import.params),
                types("result", import.results),
            );
            let name = format!("{prefix}{}", import.name);
            let text = |extra: &str| {
                format!(
                    r#"(module (import "{module}" "{name}" (func {params} {extra} {results})))"#
                )
            };
            assert_eq!(
                providers(&look(&text("")), MAIN),
                [provider],
                "{module} {name}"
            );
            let other_type = look(&text("(param f32)"));
            assert_eq!(
                providers(&other_type, MAIN),
                [Provider::Unknown],
                "{module} {name}"
            );
        }
    }
}

#[test]
fn imports_are_answered_as_linking_answers_them() {
    let inspection = look(
        r#"(module
            (import "extism:host/env" "nope" (func))
            (import "extism:host/env" "memory" (memory 1))
            (import "extism:kernel" "memory" (memory 1))
            (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
            (import "extism:host/user" "kv" (func (param i64 f32) (result i64)))
            (import "env" "abort" (func (param i32)))
            (import "env" "table" (table 1 funcref))
            (import "kv" "limit" (global i32)))"#,
    );
    use Provider::{Host, Unknown, Wasi};
    assert_eq!(
        providers(&inspection, MAIN),
        [
            Unknown, Unknown, Unknown, Wasi, Host, Host, Unknown, Unknown
        ]
    );
    assert!(inspection.wasi);
    let host: Vec<String> = inspection
        .host_functions
        .iter()
        .map(HostImport::to_string)
        .collect();
    assert_eq!(
        host,
        [
            "env::abort(i32) -> ()",
            "extism:host/user::kv(i64, f32) -> i64"
        ]
    );
}

#[test]
fn modules_provide_for_each_other() {
    let modules = [
        (
            "lib",
            r#"(module (func (export "twice")) (func (export "legacy")))"#,
        ),
        (
            "wasi_snapshot_preview1",
            r#"(module (func (export "fd_write")))"#,
        ),
        (
            "main",
            r#"(module
                (import "lib" "twice" (func)) (import "lib" "thrice" (func))
                (import "env" "legacy" (func)) (import "env" "main_only" (func))
                (import "wasi_snapshot_preview1" "fd_write" (func))
                (func (export "main_only")) (func (export "run")))"#,
        ),
    ];
    use Provider::{Host, Module, Unknown, Wasi};
    let inspection = look_all(&modules, &BARE);
    assert_eq!(
        providers(&inspection, MAIN),
        [Module, Unknown, Module, Host, Module]
    );
    assert_eq!(inspection.functions, ["main_only", "run"]);
    assert!(!inspection.wasi, "a module of this name stands in for WASI");
    let grants = super::Host { wasi: true, ..BARE };
    let inspection = look_all(&modules, &grants);
    assert_eq!(
        providers(&inspection, MAIN),
        [Module, Unknown, Module, Host, Wasi]
    );
}

#[test]
fn a_host_function_is_needed_once_and_comes_first() {
    let imports =
        r#"(import "kv" "read" (func)) (import "env" "f" (func)) (import "kv" "read" (func))"#;
    let text = format!("(module {imports})");
    let library = r#"(module (func (export "f")))"#;
    let modules = [
        ("a", text.as_str()),
        ("lib", library),
        ("main", text.as_str()),
    ];
    let inspection = look_all(&modules, &BARE);
    let names: Vec<&str> = inspection
        .host_functions
        .iter()
        .map(|host| host.name.as_str())
        .collect();
    assert_eq!(names, ["read"]);

    let adds = Host {
        given: &|namespace, name| (namespace, name) == ("extism:host/user", "f"),
        ..BARE
    };
    assert_eq!(
        providers(&look_all(&modules, &adds), MAIN),
        [Provider::Host; 3]
    );
}

#[test]
fn everything_in_a_module_is_reported() {
    let inspection = look(
        r#"(module
            (import "env" "shared" (memory $shared 1 4))
            (import "host" "g" (global $g (mut i32)))
            (memory $own 2)
            (table 1 10 funcref)
            (func $f (param i32) (result i64 i64) (unreachable))
            (global i32 (i32.const 1))
            (data (memory $own) (i32.const 0) "0123456789")
            (export "f" (func $f)) (export "m" (memory $own)) (export "g" (global $g))
            (@custom "extism:artefact" "\01"))"#,
    );
    let module = &inspection.modules[0];
    let actual: Value = serde_json::from_str(&inspection.to_json()).unwrap();
    let hash = module.sha256.clone();
    assert_eq!(hash.len(), 64);
    let expected = json!({
        "functions": [], "era": "none", "wasi": false, "host_functions": [],
        "language": null, "pdk": null,
        "modules": [{
            "name": "main", "bytes": module.bytes, "sha256": hash, "kind": "library", "start": false,
            "exports": [
                {"name": "f", "kind": "function", "type": "(i32) -> (i64, i64)"},
                {"name": "m", "kind": "memory", "type": "2 pages or more"},
                {"name": "g", "kind": "global", "type": "mut i32"},
            ],
            "imports": [
                {"module": "env", "name": "shared", "kind": "memory", "type": "1 to 4 pages",
                 "provider": "unknown"},
                {"module": "host", "name": "g", "kind": "global", "type": "mut i32",
                 "provider": "unknown"},
            ],
            "truncated": false,
            "memories": [
                {"minimum_pages": 1, "maximum_pages": 4, "page_bytes": 65536, "shared": false,
                 "memory64": false, "imported": true},
                {"minimum_pages": 2, "maximum_pages": null, "page_bytes": 65536, "shared": false,
                 "memory64": false, "imported": false},
            ],
            "tables": [{"element_type": "funcref", "minimum": 1, "maximum": 10, "imported": false}],
            "globals": 2, "functions": 1, "code_bytes": 5, "data_bytes": 10,
            "language": null, "pdk": null, "producers": {},
            // Where the text format puts the name section, and how long it is, is its own affair.
            "custom_sections": module.custom_sections,
            "features": ["multi-memory", "multi-value", "mutable-global"],
            "rewriting": module.rewriting, "artefact": true,
        }],
    });
    assert_eq!(actual, expected);
    let artefact = CustomSection {
        name: "extism:artefact".into(),
        bytes: 1,
    };
    assert!(module.custom_sections.contains(&artefact));
}

#[test]
fn real_plugins() {
    for (path, pdk, wasi) in [
        ("examples/plugins/count_vowels.wasm", "extism-pdk", false),
        ("fixtures/plugins/ours.wasm", "extism-pdk", false),
        ("fixtures/plugins/ours_wasi.wasm", "extism-pdk", true),
        ("fixtures/plugins/published.wasm", "extism-pdk 1.4.1", false),
        (
            "fixtures/plugins/published_wasi.wasm",
            "extism-pdk 1.4.1",
            true,
        ),
    ] {
        let inspection = look_into(&repository_file(path)).unwrap();
        assert_eq!(inspection.era, Era::Current, "{path}");
        assert_eq!(inspection.language.as_deref(), Some("Rust"), "{path}");
        assert_eq!(inspection.pdk.as_deref(), Some(pdk), "{path}");
        assert_eq!(inspection.wasi, wasi, "{path}");
        assert_eq!(inspection.modules[0].rewriting, "yes", "{path}");
        assert!(
            !providers(&inspection, MAIN).contains(&Provider::Unknown),
            "{path}"
        );
        assert!(inspection.host_functions.is_empty(), "{path}");
    }
    let vowels = repository_file("examples/plugins/count_vowels.wasm");
    let vowels = look_into(&vowels).unwrap();
    assert_eq!(vowels.functions, ["count_vowels"]);
    let host = repository_file("fixtures/plugins/ours_host.wasm");
    let host = look_into(&host).unwrap();
    assert!(!host.host_functions.is_empty());
}

#[test]
fn people_read_it() {
    let inspection = look(
        r#"(module
            (import "extism:host/env" "output_set" (func (param i64 i64)))
            (import "extism:host/user" "kv_read" (func (param i64) (result i64)))
            (import "extism:host/user" "kv_write" (func (param i64 i64)))
            (memory 17)
            (func (export "count_vowels") (result i32) (i32.const 0))
            (func (export "evil\1b[2J\e2\80\aename")))"#,
    );
    let hash = &inspection.modules[0].sha256;
    let bytes = inspection.modules[0].bytes;
    let rewriting = &inspection.modules[0].rewriting;
    let expected = format!(
        "\
functions   count_vowels, evil\\u{{1b}}[2J\\u{{202e}}name
era         1.x
wasi        not needed
language    unknown
host        extism:host/user::kv_read(i64) -> i64
            extism:host/user::kv_write(i64, i64) -> ()

module      main: library
size        {bytes} bytes: 9 bytes code, 0 bytes data
sha256      {hash}
imports     1 kernel, 2 host
memory      17 pages or more
rewriting   {rewriting}
"
    );
    assert_eq!(inspection.to_string(), expected);
}

#[test]
fn long_lists_are_cut_for_people_only() {
    let functions: String = (0..50)
        .map(|i| format!(r#"(func (export "f{i}"))"#))
        .collect();
    let inspection = look(&format!("(module {functions})"));
    assert_eq!(inspection.functions.len(), 50);
    let text = inspection.to_string();
    assert!(
        text.contains("f39, and 10 more\n") && !text.contains("f40"),
        "{text}"
    );
}
