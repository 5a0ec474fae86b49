//! The plug-ins that are measured, and what they are given.
//!
//! Must not know: engines or clocks, so that a benchmark of one part links that part alone. Invariant: the
//! same bytes for every row of one run.
#![forbid(unsafe_code)]

use std::path::Path;

use anyhow::{Context, Result};

/// Which kit a plug-in is built with; the source is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kit {
    /// The published Rust kit.
    Published,
    /// The kit of this repository.
    Ours,
}

/// The module built with a kit.
///
/// ```
/// use extism_bench::{Kit, module};
///
/// assert!(module(Kit::Published)?.starts_with(b"\0asm"));
/// # Ok::<(), anyhow::Error>(())
/// ```
///
/// # Errors
/// When it cannot be read.
pub fn module(kit: Kit) -> Result<Vec<u8>> {
    let name = match kit {
        Kit::Published => "published.wasm",
        Kit::Ours => "ours.wasm",
    };
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let path = plugins.join(name);
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Calls of a host function, many in one call of the plug-in: the module the C program is measured with, too.
pub const HOST_FUNCTION: &str = include_str!("../../host_function.wat");

/// How often one call of [`HOST_FUNCTION`] calls its host function, or goes round its empty loop.
pub const HOST_CALLS: u32 = 1_000;

/// The text for `count_vowels`: 14 bytes with four vowels.
pub const TEXT: &str = "this is a test";

/// What the answer of `count_vowels` to [`TEXT`] begins with.
pub const COUNT: &str = "{\"count\":4";

/// Bytes to echo, none of them like its neighbours.
pub fn input(bytes: usize) -> Vec<u8> {
    // Truncation is meant: any bytes will do.
    (0..bytes).map(|index| (index * 31) as u8).collect()
}
