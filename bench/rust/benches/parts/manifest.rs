//! Reading manifests: small, long, in both languages, and with a module inside.
//!
//! Must not know: what a manifest asks for. Invariant: every text is a valid manifest.

use std::fmt::Write as _;

use criterion::{Criterion, Throughput};
use extism_manifest::{Manifest, ParseOptions};

pub(super) fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("manifest");
    let small = r#"{"wasm": [{"path": "plugin.wasm"}], "config": {"language": "en"},
        "allowed_hosts": ["api.example.com"], "timeout_ms": 1000}"#;
    let small_toml = "allowed_hosts = ['api.example.com']\ntimeout_ms = 1000\n\n[[wasm]]\npath = 'plugin.wasm'\n\n\
        [config]\nlanguage = 'en'\n";
    for (name, text) in [
        ("JSON", small.to_owned()),
        ("TOML", small_toml.to_owned()),
        ("JSON with 1,000 config keys", with_config()),
        ("JSON with a module of 88 KiB", with_module()),
    ] {
        let read = || Manifest::parse(text.as_bytes(), &ParseOptions::default());
        let manifest = read().expect("it is a manifest");
        assert_eq!(manifest.wasm.len(), 1, "{name}");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(read));
    }
}

fn with_config() -> String {
    let mut text = r#"{"wasm": [{"path": "plugin.wasm"}], "config": {"#.to_owned();
    for key in 0..1_000 {
        let comma = if key == 0 { "" } else { "," };
        write!(text, r#"{comma}"key {key}": "the value of key {key}""#)
            .expect("writing to a string does not fail");
    }
    text + "}}"
}

/// The module is in base64: four characters for three bytes.
fn with_module() -> String {
    let base64 = "AGFz".repeat(88 * 1_024 / 3);
    format!(r#"{{"wasm": [{{"data": "{base64}"}}]}}"#)
}
