//! What bytes are, what modules are called, and whether they are the ones the manifest means.
//!
//! Keeps: sizes are bounded before anything is kept, and a module's hash is checked before anything
//! parses it; whoever fetches the bytes asks here first.

use extism_abi::Status;
use extism_manifest::{Manifest, ParseOptions, WasmMetadata};
use sha2::{Digest, Sha256};

use crate::{Fault, Limits};

/// The module that a plug-in's exports come from.
pub const MAIN: &str = "main";

/// Whether bytes are a module, binary or text, rather than a manifest.
pub fn is_module(bytes: &[u8]) -> bool {
    if is_binary(bytes) {
        return true;
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        // Neither a manifest nor text: the module parser says what is wrong with it.
        return true;
    };
    let text = text.trim_start();
    text.starts_with(";;")
        || text.starts_with("(;")
        || text
            .strip_prefix('(')
            .is_some_and(|rest| rest.trim_start().starts_with("module"))
}

/// Whether bytes are a binary module.
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm")
}

/// What the parser of manifests allows under these limits.
pub fn parse_options(limits: &Limits) -> ParseOptions<'static> {
    ParseOptions {
        manifest_bytes_max: usize::try_from(limits.manifest_bytes_max).unwrap_or(usize::MAX),
        modules_max: limits.modules_max,
        ..ParseOptions::default()
    }
}

/// Checks how many modules a manifest names.
///
/// # Errors
/// [`Status::NoModules`], [`Status::TooLarge`].
pub fn check_count(manifest: &Manifest, limits: &Limits) -> Result<(), Fault> {
    let (count, max) = (manifest.wasm.len(), limits.modules_max);
    if count == 0 {
        let text = "No wasm files specified in Extism manifest";
        return Err(Fault::new(Status::NoModules, text));
    }
    if count > max {
        let text = format!("manifest names {count} modules; at most {max} are allowed");
        return Err(Fault::new(Status::TooLarge, text));
    }
    Ok(())
}

/// Names every module by the manifest's rules: one module is `main` whatever it is called; of
/// several, one without a name is, and the last if none is called so.
///
/// # Errors
/// [`Status::DuplicateName`].
pub fn names(manifest: &Manifest) -> Result<Vec<String>, Fault> {
    let given: Vec<Option<&str>> = manifest
        .wasm
        .iter()
        .map(|wasm| wasm.meta().name.as_deref())
        .collect();
    let last = given.len().saturating_sub(1);
    let has_main = given
        .iter()
        .any(|name| name.is_none_or(|name| name == MAIN));
    let mut names: Vec<String> = Vec::with_capacity(given.len());
    for (index, name) in given.iter().enumerate() {
        let name = match name {
            _ if last == 0 => MAIN,
            _ if index == last && !has_main => MAIN,
            Some(name) => name,
            None => MAIN,
        };
        // The limits bound how many there are.
        let is_taken = names.iter().any(|taken| taken == name);
        if is_taken || name == extism_abi::import::ENV_MODULE {
            let text = format!("Duplicate module name found in Extism manifest: {name}");
            return Err(Fault::new(Status::DuplicateName, text));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Checks the size of a module.
///
/// # Errors
/// [`Status::TooLarge`].
pub fn check_size(bytes: u64, limits: &Limits, what: &str) -> Result<(), Fault> {
    let max = limits.module_bytes_max;
    if bytes <= max {
        return Ok(());
    }
    let text = format!("{what} is larger than the limit of {max} bytes");
    Err(Fault::new(Status::TooLarge, text))
}

/// Checks that bytes are the ones a manifest means.
///
/// # Errors
/// [`Status::HashMismatch`].
pub fn check_hash(meta: &WasmMetadata, bytes: &[u8]) -> Result<(), Fault> {
    let Some(expected) = &meta.hash else {
        return Ok(());
    };
    let found = hex(&Sha256::digest(bytes));
    if found == *expected {
        return Ok(());
    }
    let text = format!("Hash mismatch, found {found} but expected {expected}");
    Err(Fault::new(Status::HashMismatch, text))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    let digits = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
    bytes.iter().flat_map(digits).collect()
}
