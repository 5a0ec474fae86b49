//! Which language a module was probably written in, and with which kit for plug-ins.
//!
//! A guess, never more: modules are stripped, merged and optimised, and anybody can write anything
//! into them. Must not know: how modules are read. Invariant: bytes looked at are bounded by
//! [`EVIDENCE_BYTES_MAX`].

use extism_abi::import::{ENV_MODULE, LEGACY_MODULE, LEGACY_PREFIX};
use extism_abi::layout::{BULK_LOAD_EXPORT, BULK_STORE_EXPORT};

use super::module::ModuleInspection;

/// Names and data searched of one module, in bytes.
const EVIDENCE_BYTES_MAX: usize = 16 << 20;

/// Bytes of a module that may hold texts a toolchain leaves behind: its names and its data.
#[derive(Default)]
pub(super) struct Evidence<'a> {
    texts: Vec<&'a [u8]>,
    bytes: usize,
}

impl<'a> Evidence<'a> {
    /// Adds bytes, as far as there is room.
    pub(super) fn add(&mut self, bytes: &'a [u8]) {
        let room = EVIDENCE_BYTES_MAX.saturating_sub(self.bytes);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.texts.push(bytes);
        }
    }
}

/// What a module seems to be made from.
#[derive(Default)]
pub(super) struct Guess {
    pub(super) language: Option<String>,
    pub(super) pdk: Option<String>,
}

/// A text a toolchain leaves in a module, and what it says.
struct Clue {
    text: &'static [u8],
    says: Says,
}

#[derive(Clone, Copy)]
enum Says {
    /// The runtime of this language is inside, whatever that is written in itself.
    Runtime(&'static str),
    /// Code in this language is inside.
    Code(&'static str),
    /// This kit is inside.
    Kit(&'static str),
    /// This kit is inside, and its version follows the text.
    KitVersion(&'static str),
}

const fn clue(text: &'static [u8], says: Says) -> Clue {
    Clue { text, says }
}

/// Most telling first.
const CLUES: &[Clue] = &[
    // QuickJS names its well-known symbols.
    clue(b"Symbol.asyncIterator", Says::Runtime("JavaScript")),
    // The module CPython starts from.
    clue(b"_frozen_importlib", Says::Runtime("Python")),
    clue(b"System.Private.CoreLib", Says::Runtime("C#")),
    // AssemblyScript keeps the paths of its library, as UTF-16 in data and as they are in names.
    clue(b"~\0l\0i\0b\0/\0", Says::Runtime("AssemblyScript")),
    clue(b"~lib/", Says::Runtime("AssemblyScript")),
    clue(b"tinygo_", Says::Runtime("TinyGo")),
    clue(b"panic: runtime error", Says::Runtime("TinyGo")),
    clue(b"library/core/src/", Says::Code("Rust")),
    clue(b"library/alloc/src/", Says::Code("Rust")),
    clue(b"library/std/src/", Says::Code("Rust")),
    clue(b"attempt to use null value", Says::Code("Zig")),
    clue(b"builtin.default_panic", Says::Code("Zig")),
    clue(b"extism-pdk-", Says::KitVersion("extism-pdk")),
    clue(b"extism_pdk", Says::Kit("extism-pdk")),
    clue(b"extism/go-pdk", Says::Kit("go-pdk")),
    clue(b"@extism/as-pdk", Says::Kit("as-pdk")),
    // The name of the Haskell module as GHC encodes it.
    clue(b"ExtismziPDK", Says::Kit("haskell-pdk")),
    clue(b"extism_load_input", Says::Kit("c-pdk")),
    clue(b"extism_alloc_buf", Says::Kit("c-pdk")),
];

/// The name of the kit for a language.
const KITS: &[(&str, &str)] = &[
    ("Rust", "extism-pdk"),
    ("Go", "go-pdk"),
    ("TinyGo", "go-pdk"),
    ("C", "c-pdk"),
    ("C++", "c-pdk"),
    ("C or C++", "c-pdk"),
    ("Zig", "zig-pdk"),
    ("AssemblyScript", "as-pdk"),
    ("JavaScript", "js-pdk"),
    ("Haskell", "haskell-pdk"),
    ("C#", "dotnet-pdk"),
    ("Python", "python-pdk"),
];

/// Weighs what is known of a module.
pub(super) fn guess(evidence: &Evidence<'_>, module: &ModuleInspection) -> Guess {
    let found = search(&evidence.texts);
    let language = language(&found, module);
    let pdk = kit(&found, module, language.as_deref());
    Guess { language, pdk }
}

fn language(found: &Found<'_>, module: &ModuleInspection) -> Option<String> {
    if module.exports_function("hs_init") {
        return Some("Haskell".to_owned());
    }
    let runtime = found.first(|says| match says {
        Says::Runtime(language) => Some(language),
        _ => None,
    });
    let code = || {
        found.first(|says| match says {
            Says::Code(language) => Some(language),
            _ => None,
        })
    };
    let known = |language: &'static str| Some(language.to_owned());
    runtime
        .and_then(known)
        .or_else(|| processed_by(module, "TinyGo").then(|| "TinyGo".to_owned()))
        .or_else(|| stated(module))
        .or_else(|| has_section(module, "go:buildid").then(|| "Go".to_owned()))
        .or_else(|| code().and_then(known))
        .or_else(|| processed_by(module, "clang").then(|| "C or C++".to_owned()))
}

/// The language the producers section states. C comes last: the C library is part of modules in
/// other languages.
fn stated(module: &ModuleInspection) -> Option<String> {
    let stated = module.producers.get("language")?;
    let names = || stated.iter().map(|value| plain_name(value));
    let is_c = |name: &&str| matches!(*name, "C" | "C++");
    let name = names()
        .find(|name| !is_c(name))
        .or_else(|| names().find(|name| *name == "C++"))
        .or_else(|| names().next())?;
    Some(name.to_owned())
}

/// The name of a language without its version and edition: `C_plus_plus_14` is C++, `C11` is C.
fn plain_name(value: &str) -> &str {
    let name = value.split(' ').next().unwrap_or(value);
    if name.starts_with("C_plus_plus") || name.starts_with("C++") {
        return "C++";
    }
    match name.strip_prefix('C') {
        Some(edition) if edition.bytes().all(|byte| byte.is_ascii_digit()) => "C",
        _ => name,
    }
}

fn processed_by(module: &ModuleInspection, tool: &str) -> bool {
    let tools = module.producers.get("processed-by");
    tools.is_some_and(|tools| tools.iter().any(|value| value.contains(tool)))
}

fn has_section(module: &ModuleInspection, name: &str) -> bool {
    module
        .custom_sections
        .iter()
        .any(|section| section.name == name)
}

/// The kit, of a module that imports anything of ours at all.
fn kit(found: &Found<'_>, module: &ModuleInspection, language: Option<&str>) -> Option<String> {
    let is_ours = module
        .imports
        .iter()
        .any(|import| match import.module.as_str() {
            ENV_MODULE => true,
            LEGACY_MODULE => import.name.starts_with(LEGACY_PREFIX),
            _ => false,
        });
    if !is_ours {
        return None;
    }
    let of_language = KITS.iter().find(|(known, _)| Some(*known) == language);
    // These languages are only ever brought in by their kits.
    let embedded = ["JavaScript", "Python"].contains(&language.unwrap_or_default());
    let bulk = [BULK_LOAD_EXPORT, BULK_STORE_EXPORT];
    if embedded || bulk.iter().any(|name| module.exports_function(name)) {
        return of_language.map(|(_, kit)| (*kit).to_owned());
    }
    for (clue, after) in found.clues() {
        match clue.says {
            Says::Kit(kit) => return Some(kit.to_owned()),
            Says::KitVersion(kit) if let Some(version) = version(after) => {
                return Some(format!("{kit} {version}"));
            }
            _ => {}
        }
    }
    None
}

/// The version that bytes begin with, up to the end of a folder's name.
fn version(bytes: &[u8]) -> Option<&str> {
    const VERSION_BYTES_MAX: usize = 32;
    let bytes = bytes.get(..VERSION_BYTES_MAX).unwrap_or(bytes);
    let end = bytes.iter().position(|byte| matches!(byte, b'/' | b'\\'))?;
    let version = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let is_version = version.starts_with(|first: char| first.is_ascii_digit())
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte));
    is_version.then_some(version)
}

/// For each clue what follows it in the module, if it is there.
struct Found<'a>(Vec<Option<&'a [u8]>>);

impl<'a> Found<'a> {
    /// The clues that are there, most telling first, each with what follows it.
    fn clues(&self) -> impl Iterator<Item = (&'static Clue, &'a [u8])> {
        CLUES
            .iter()
            .zip(&self.0)
            .filter_map(|(clue, after)| Some((clue, (*after)?)))
    }

    fn first(&self, says: impl Fn(Says) -> Option<&'static str>) -> Option<&'static str> {
        self.clues().find_map(|(clue, _)| says(clue.says))
    }
}

/// Searches for all clues in one pass.
fn search<'a>(texts: &[&'a [u8]]) -> Found<'a> {
    let mut begins = [false; 256];
    for first in CLUES.iter().filter_map(|clue| clue.text.first()) {
        begins[usize::from(*first)] = true;
    }
    let mut found = vec![None; CLUES.len()];
    for text in texts {
        let starts = text
            .iter()
            .enumerate()
            .filter(|(_, byte)| begins[usize::from(**byte)]);
        for (start, _) in starts {
            let rest = text.get(start..).unwrap_or_default();
            for (clue, after) in CLUES.iter().zip(&mut found) {
                if after.is_none() {
                    *after = rest.strip_prefix(clue.text);
                }
            }
        }
    }
    Found(found)
}
