//! The facts about one module of a plug-in, as they are given to programs.
//!
//! Must not know: how a module is read. Invariant: a field, once published, keeps its name and its
//! meaning in JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use wasmparser::{MemoryType, TableType};

use super::provider::Provider;
use super::signature::{self, Signature};

/// What is in a module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ModuleInspection {
    /// The module's name in the plug-in; the one whose functions are called is `main`.
    pub name: String,
    /// The size of the binary module, in bytes.
    pub bytes: u64,
    /// The SHA-256 of the binary module in lower-case hexadecimal digits.
    pub sha256: String,
    /// How it wants to be started.
    pub kind: Kind,
    /// Whether it has a start function, which runs whenever an instance is made.
    pub start: bool,
    /// What it exports, in its own order.
    pub exports: Vec<ExportInspection>,
    /// What it imports, in its own order.
    pub imports: Vec<ImportInspection>,
    /// Whether lists were cut, because the names and types in them are many megabytes.
    pub truncated: bool,
    /// Its linear memories, imported ones first.
    pub memories: Vec<MemoryInspection>,
    /// Its tables, imported ones first.
    pub tables: Vec<TableInspection>,
    /// Number of globals, imported ones included.
    pub globals: u64,
    /// Number of functions it defines itself.
    pub functions: u64,
    /// Bytes of code.
    pub code_bytes: u64,
    /// Bytes of initial data.
    pub data_bytes: u64,
    /// The language it was probably written in.
    pub language: Option<String>,
    /// The kit for plug-ins it was probably built with.
    pub pdk: Option<String>,
    /// What its tools say of themselves: from `language`, `sdk` or `processed-by` to names with versions.
    pub producers: BTreeMap<String, Vec<String>>,
    /// Its custom sections: debug information, names, artefacts.
    pub custom_sections: Vec<CustomSection>,
    /// The Wasm proposals beyond the first version of Wasm it uses, by the names of their
    /// repositories; sorted.
    pub features: Vec<String>,
    /// What becomes of its calls for kernel memory when it is loaded: `yes` if they become
    /// instructions, `off` if the options rule that out, or `declined: ` and a reason.
    pub rewriting: String,
    /// Whether it carries machine code made ahead of time.
    pub artefact: bool,
}

/// How a module wants to be started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Functions can be called at once.
    #[default]
    Library,
    /// It exports `_initialize`, which runs first.
    Reactor,
    /// It exports `_start`: a program that runs once.
    Command,
    /// It exports `hs_init`: the Haskell runtime is initialised first.
    Haskell,
    /// It exports both `_start` and `_initialize`; such a module is refused when it is loaded.
    CommandAndReactor,
}

/// Something a module exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExportInspection {
    /// Its name.
    pub name: String,
    /// `function`, `memory`, `table`, `global` or `tag`.
    pub kind: &'static str,
    /// Its type as text, such as `() -> i32`.
    #[serde(rename = "type")]
    pub ty: String,
}

/// Something a module imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImportInspection {
    /// The module or namespace it is imported from.
    pub module: String,
    /// Its name.
    pub name: String,
    /// `function`, `memory`, `table`, `global` or `tag`.
    pub kind: &'static str,
    /// Its type as text, such as `(i64) -> i64`.
    #[serde(rename = "type")]
    pub ty: String,
    /// Who provides it.
    pub provider: Provider,
    /// The type of a function.
    #[serde(skip)]
    pub(super) signature: Option<Signature>,
}

/// A linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemoryInspection {
    /// Pages at the start.
    pub minimum_pages: u64,
    /// Pages it may grow to, if it says.
    pub maximum_pages: Option<u64>,
    /// The size of a page in bytes: 65,536 but for a proposal.
    pub page_bytes: u64,
    /// Whether several threads could use it.
    pub shared: bool,
    /// Whether addresses have 64 bits.
    pub memory64: bool,
    /// Whether it is imported.
    pub imported: bool,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableInspection {
    /// The type of its elements, such as `funcref`.
    pub element_type: String,
    /// Elements at the start.
    pub minimum: u64,
    /// Elements it may grow to, if it says.
    pub maximum: Option<u64>,
    /// Whether it is imported.
    pub imported: bool,
}

/// A custom section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CustomSection {
    /// Its name.
    pub name: String,
    /// The size of its contents, in bytes.
    pub bytes: u64,
}

impl ModuleInspection {
    /// Whether it exports a function of this name.
    pub(super) fn exports_function(&self, name: &str) -> bool {
        self.exports
            .iter()
            .any(|export| export.kind == "function" && export.name == name)
    }
}

impl MemoryInspection {
    pub(super) fn of(ty: &MemoryType, imported: bool) -> MemoryInspection {
        const PAGE_BYTES_LOG2: u32 = 16;
        MemoryInspection {
            minimum_pages: ty.initial,
            maximum_pages: ty.maximum,
            page_bytes: 1u64
                .checked_shl(ty.page_size_log2.unwrap_or(PAGE_BYTES_LOG2))
                .unwrap_or(0),
            shared: ty.shared,
            memory64: ty.memory64,
            imported,
        }
    }
}

impl fmt::Display for MemoryInspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.maximum_pages {
            Some(maximum) if maximum == self.minimum_pages => write!(f, "{maximum} pages")?,
            Some(maximum) => write!(f, "{} to {maximum} pages", self.minimum_pages)?,
            None => write!(f, "{} pages or more", self.minimum_pages)?,
        }
        if self.page_bytes != extism_abi::layout::PAGE_BYTES {
            write!(f, " of {} bytes", self.page_bytes)?;
        }
        for (set, word) in [(self.shared, "shared"), (self.memory64, "64-bit")] {
            if set {
                write!(f, ", {word}")?;
            }
        }
        Ok(())
    }
}

impl TableInspection {
    pub(super) fn of(ty: &TableType, imported: bool) -> TableInspection {
        TableInspection {
            element_type: signature::reference(ty.element_type),
            minimum: ty.initial,
            maximum: ty.maximum,
            imported,
        }
    }
}

impl fmt::Display for TableInspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.maximum {
            Some(maximum) if maximum == self.minimum => write!(f, "{maximum}")?,
            Some(maximum) => write!(f, "{} to {maximum}", self.minimum)?,
            None => write!(f, "{} or more", self.minimum)?,
        }
        write!(f, " {}", self.element_type)
    }
}
