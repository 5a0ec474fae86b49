//! Precompiled plug-ins: a module that carries its own machine code in a custom section.
//!
//! An artefact is still a valid Wasm module, so every host can load it; one that trusts it, and has
//! the same engine version and configuration, skips compilation. Invariant: machine code is only
//! ever taken where the host opted in (`Options::trust_artefacts`), and only if the checksum over
//! module and code is right. It finds damage, not malice: whoever can write the file can run code in
//! the host. A cryptographic hash would promise no more, and take longer than all else of loading.

use extism_abi::ARTEFACT_SECTION as SECTION;
use wasmtime::{Engine, Module};

use crate::Status;
use crate::compiled;
use crate::error::Error;
use crate::module::compile::{self, CompiledModule, Reuse, Rewrite, Rewritten};
use crate::options::Options;
use crate::source::{self, LoadContext, Source};

/// The first byte of the section's contents; another number means another layout.
const VERSION: u8 = 2;

/// Version, how kernel memory was put in, and the checksum.
const HEADER_BYTES: usize = 2 + 4;

/// Compiles a plug-in of one module ahead of time, for the engine of this version of the library
/// and these options.
///
/// # Errors
/// As [`CompiledPlugin::new`](crate::CompiledPlugin::new); [`Status::InvalidArgument`] if the
/// plug-in has several modules: compile each and name them in a manifest.
pub fn precompile<'a>(source: impl Into<Source<'a>>, options: &Options) -> Result<Vec<u8>, Error> {
    let loaded = source::load(source.into(), &options.limits, LoadContext::default())?;
    let mut modules = loaded.modules();
    let (Some((_, bytes)), 0) = (modules.next(), modules.len()) else {
        let text = "a manifest of several modules cannot be compiled into one artefact: compile each module";
        return Err(Error::new(Status::InvalidArgument, text));
    };
    let wasm = without_artefact(bytes);
    let engine = compiled::engine_of(options, false)?;
    let rewrite = compiled::rewrite_of(options, 1);
    let reuse = Reuse {
        cache: false,
        artefacts: false,
    };
    let compiled = compile::compile(&engine, wasm, rewrite, reuse)?;
    let code = compiled
        .module
        .serialize()
        .map_err(|error| Error::from_chain(Status::Internal, error))?;
    Ok(write(wasm, &compiled.rewritten, &code))
}

/// The machine code a module carries, as a module of `engine`. `None` if it carries none, or none
/// for this engine and this way of putting in kernel memory: then it has to be compiled.
pub(crate) fn load(
    engine: &Engine,
    wasm: &[u8],
    rewrite: Rewrite,
) -> Result<Option<CompiledModule>, Error> {
    let Some((before, contents)) = find(wasm) else {
        return Ok(None);
    };
    let Some((header, code)) = contents.split_at_checked(HEADER_BYTES) else {
        return Err(refused("its section is too short"));
    };
    let [version, kind, checksum @ ..] = header else {
        return Err(refused("its section is too short"));
    };
    if *version != VERSION {
        return Ok(None);
    }
    if checksum_of(before, *kind, code)[..] != *checksum {
        return Err(refused("its checksum is wrong"));
    }
    let rewritten = match (*kind, rewrite) {
        (KIND_OFF, Rewrite::Off) => Rewritten::Off,
        (KIND_DEFINE, Rewrite::Define) => Rewritten::Yes(Rewrite::Define),
        (KIND_DECLINED, Rewrite::Define | Rewrite::Import) => {
            Rewritten::Declined("when it was precompiled".into())
        }
        _ => return Ok(None),
    };
    // SAFETY: the bytes are what `Module::serialize` gave, unchanged: their checksum is right,
    // and the host has vouched for whoever wrote both by setting `Options::trust_artefacts`, which
    // is how this function is reached.
    let module = unsafe { Module::deserialize(engine, code) };
    match module {
        Ok(module) => Ok(Some(CompiledModule::new(module, rewritten))),
        // Made by another version of the engine, or with other settings.
        Err(error) => {
            tracing::debug!("an artefact is compiled again: {error:#}");
            Ok(None)
        }
    }
}

const KIND_OFF: u8 = 0;
const KIND_DEFINE: u8 = 1;
const KIND_DECLINED: u8 = 2;

fn write(wasm: &[u8], rewritten: &Rewritten, code: &[u8]) -> Vec<u8> {
    let kind = match rewritten {
        Rewritten::Yes(_) => KIND_DEFINE,
        Rewritten::Declined(_) => KIND_DECLINED,
        Rewritten::Off => KIND_OFF,
    };
    let mut contents = vec![VERSION, kind];
    contents.extend(checksum_of(wasm, kind, code));
    contents.extend(code);
    let mut artefact = wasm.to_vec();
    let mut name = Vec::new();
    leb128(SECTION.len(), &mut name);
    name.extend(SECTION.as_bytes());
    artefact.push(CUSTOM_SECTION);
    leb128(name.len() + contents.len(), &mut artefact);
    artefact.extend(name);
    artefact.extend(contents);
    artefact
}

fn checksum_of(wasm: &[u8], kind: u8, code: &[u8]) -> [u8; 4] {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&(wasm.len() as u64).to_le_bytes());
    checksum.update(wasm);
    checksum.update(&[kind]);
    checksum.update(code);
    checksum.finalize().to_le_bytes()
}

fn refused(why: &str) -> Error {
    let text = format!("the precompiled artefact is damaged: {why}; compile it again");
    Error::new(Status::ArtefactRefused, text)
}

/// The module without the machine code it may carry.
fn without_artefact(wasm: &[u8]) -> &[u8] {
    find(wasm).map_or(wasm, |(before, _)| before)
}

const CUSTOM_SECTION: u8 = 0;
const MODULE_HEADER_BYTES: usize = 8;

/// The bytes before the artefact section, and its contents, if it is the last section of the module.
fn find(wasm: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = MODULE_HEADER_BYTES;
    while let Some((id, rest)) = wasm.get(at..)?.split_first() {
        let (length, rest) = read_leb128(rest)?;
        let (section, after) = rest.split_at_checked(length)?;
        if *id == CUSTOM_SECTION
            && after.is_empty()
            && let Some((name_length, name)) = read_leb128(section)
            && let Some((name, contents)) = name.split_at_checked(name_length)
            && name == SECTION.as_bytes()
        {
            return Some((wasm.get(..at)?, contents));
        }
        at = wasm.len() - after.len();
    }
    None
}

fn leb128(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        // The low seven bits.
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found() {
        let wasm = wat::parse_str("(module (func))").unwrap();
        let code = vec![7; 1000];
        let artefact = write(&wasm, &Rewritten::Off, &code);
        let (before, contents) = find(&artefact).unwrap();
        assert_eq!(before, wasm);
        assert_eq!(contents[HEADER_BYTES..], code);
        assert_eq!(without_artefact(&wasm), wasm);
        assert!(wasmparser::validate(&artefact).is_ok(), "still a module");
    }

    #[test]
    fn no_bytes_confuse_the_search() {
        let wasm = wat::parse_str("(module (func))").unwrap();
        let artefact = write(&wasm, &Rewritten::Off, &[1, 2, 3]);
        for end in 0..artefact.len() {
            assert!(find(&artefact[..end]).is_none(), "cut at {end}");
        }
        for at in 0..artefact.len() {
            let mut flipped = artefact.clone();
            flipped[at] ^= 0xff;
            let _ = find(&flipped);
        }
    }
}
