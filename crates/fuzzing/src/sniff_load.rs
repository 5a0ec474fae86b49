//! Any bytes handed over as a plug-in: the same bytes are always taken for the same, and sizes are bounded.
//!
//! Input: the bytes.

use extism_abi::Status;
use extism_runtime::{CompiledPlugin, Limits, Options, Plugin, Rewriting};

use crate::engine::{bounded, is_ours};
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "sniff_load",
    about: "any bytes as a plug-in: module, text or manifest",
    bytes_max: 4096,
    words: &[
        "\0asm",
        "\u{1}\0\0\0",
        "(module",
        ")",
        ";;",
        "(;",
        ";)",
        "{",
        "[",
        "\"wasm\"",
        "\"data\"",
        "AGFzbQEAAAA=",
        "memory",
        "(func",
        "(export \"run\")",
        "\u{feff}",
        " ",
        "\n",
        "wasm = ",
        "[[wasm]]",
    ],
    smoke: 4_000,
    run,
};

const BYTES_MAX: u64 = 2048;

fn run(input: &[u8]) {
    // Files and downloads are other tests' business: nothing here may reach for one.
    let text = String::from_utf8_lossy(input);
    if ["path", "url", "\\u"]
        .iter()
        .any(|word| text.contains(word))
    {
        return;
    }
    let options = || {
        let bounds = bounded(Rewriting::Auto);
        let limits = Limits {
            manifest_bytes_max: BYTES_MAX,
            module_bytes_max: BYTES_MAX,
            ..bounds.limits.clone()
        };
        Options { limits, ..bounds }
    };
    let load =
        || CompiledPlugin::new(input, options()).map_err(|error| (error.status(), error.report()));
    let loaded = load();
    let again = load();
    assert_eq!(
        loaded.as_ref().err(),
        again.as_ref().err(),
        "the same bytes twice"
    );
    match loaded {
        Ok(compiled) => {
            assert!(input.len() as u64 <= 4 * BYTES_MAX, "{} bytes", input.len());
            let made = Plugin::new(&compiled).map_err(|error| error.status());
            assert!(made.err().is_none_or(|status| !is_ours(status)));
        }
        Err((status, report)) => {
            assert!(!is_ours(status), "{report}");
            assert!(!report.is_empty());
            let is_manifest = matches!(status, Status::ManifestSyntax | Status::ManifestField);
            assert!(!(is_manifest && input.starts_with(b"\0asm")), "{report}");
        }
    }
}
