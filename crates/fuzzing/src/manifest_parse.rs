//! Any bytes are a manifest or a parse error that can be acted on.
//!
//! Input: the bytes.

use std::time::{Duration, Instant};

use extism_abi::Status;
use extism_manifest::{Manifest, ParseError, ParseOptions};

use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "manifest_parse",
    about: "any bytes through the manifest parser",
    bytes_max: 2048,
    words: WORDS,
    smoke: 100_000,
    run,
};

/// What manifests are made of, in both languages.
pub(crate) const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    "\"",
    "'''",
    "\"\"\"",
    ":",
    "=",
    ",",
    "#",
    "\n",
    "\\u0000",
    "\\",
    "\u{feff}",
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "0x10",
    "18446744073709551615",
    "18446744073709551616",
    "1.0",
    "inf",
    "wasm",
    "\"wasm\": [",
    "[[wasm]]\n",
    "path",
    "url",
    "data",
    "ptr",
    "len",
    "name",
    "hash",
    "method",
    "header",
    "headers",
    "memory",
    "max",
    "max_pages",
    "max_http_response_bytes",
    "max_var_bytes",
    "config",
    "allowed_hosts",
    "allowed_paths",
    "timeout_ms",
    "AA==",
    "ro:/",
    "[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":",
    "a.a.a.a.a.a = 1\n",
    "1979-05-27T07:32:00Z",
];

/// Far above what a text of two kilobytes takes, far below what anyone waits for.
const TIME_MAX: Duration = Duration::from_secs(2);

fn run(input: &[u8]) {
    let started = Instant::now();
    let options = ParseOptions {
        modules_max: 16,
        values_max: 400,
        ..ParseOptions::default()
    };
    let both = Manifest::parse(input, &options);
    let json = Manifest::from_json(input, &options);
    let toml = Manifest::from_toml(input, &options);
    assert!(started.elapsed() < TIME_MAX, "{:?}", started.elapsed());
    for error in [&both, &json, &toml]
        .into_iter()
        .filter_map(|read| read.as_ref().err())
    {
        explain(error, input);
    }
    let Ok(manifest) = &both else {
        return;
    };
    let of_one = [&json, &toml]
        .into_iter()
        .filter(|read| read.as_ref() == Ok(manifest))
        .count();
    assert!(of_one > 0, "{manifest:?} is neither {json:?} nor {toml:?}");
    assert!(manifest.wasm.len() <= options.modules_max);
    let printed = manifest.to_json();
    let again = Manifest::from_json(&printed, &ParseOptions::default());
    assert_eq!(again.as_ref(), Ok(manifest));
    let small = ParseOptions {
        manifest_bytes_max: input.len().saturating_sub(1),
        ..options
    };
    let refused = Manifest::parse(input, &small).map_err(|error| error.status());
    assert!(
        input.is_empty() || refused == Err(Status::TooLarge),
        "{refused:?}"
    );
}

fn explain(error: &ParseError, input: &[u8]) {
    let status = error.status();
    let expected = [
        Status::ManifestSyntax,
        Status::ManifestField,
        Status::TooLarge,
    ];
    assert!(expected.contains(&status), "{status}");
    let text = error.to_string();
    assert!(
        text.len() < 4096 + 4 * input.len(),
        "{} bytes of message",
        text.len()
    );
}
