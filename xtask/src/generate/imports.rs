//! The table of what plug-ins import: `abi/imports.toml`.
//!
//! Must not know: any output format. Invariant: a table that was read names nothing twice, and every type in
//! it is one that Wasm can carry.

pub(super) mod coverage;
pub(super) mod document;
pub(super) mod kits;
pub(super) mod rust;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::project::Project;

/// Where the table is.
pub(super) const SOURCE: &str = "abi/imports.toml";

/// Every import, in the lists of the Rust code.
pub(super) struct Imports {
    pub(super) lists: Vec<List>,
}

/// A constant in Rust.
pub(super) struct List {
    pub(super) name: String,
    pub(super) doc: String,
    pub(super) imports: Vec<Import>,
}

/// A function of the host.
pub(super) struct Import {
    pub(super) name: String,
    /// The table of the document.
    pub(super) table: String,
    pub(super) params: Vec<Kind>,
    pub(super) result: Option<Kind>,
    /// Whether every kit declares it.
    pub(super) in_kits: bool,
    pub(super) doc: String,
}

/// What a value means; Wasm knows only how wide it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A block of kernel memory.
    Handle,
    U64,
    U8,
    U32,
    I32,
}

impl Kind {
    fn read(name: &str) -> Result<Kind> {
        Ok(match name {
            "handle" => Kind::Handle,
            "u64" => Kind::U64,
            "u8" => Kind::U8,
            "u32" => Kind::U32,
            "i32" => Kind::I32,
            other => bail!("{other} is no type of an import"),
        })
    }

    /// The type in Wasm.
    pub(super) fn wasm(self) -> &'static str {
        match self {
            Kind::Handle | Kind::U64 => "i64",
            Kind::U8 | Kind::U32 | Kind::I32 => "i32",
        }
    }
}

impl Imports {
    pub(super) fn load(project: &Project) -> Result<Imports> {
        Imports::parse(&project.read(SOURCE)?)
    }

    pub(super) fn parse(text: &str) -> Result<Imports> {
        let file: File = toml::from_str(text).context(SOURCE)?;
        let lists = file.lists.into_iter().map(ListEntry::read);
        let imports = Imports {
            lists: lists.collect::<Result<_>>()?,
        };
        for import in imports.all() {
            let count = imports
                .all()
                .filter(|other| other.name == import.name)
                .count();
            ensure!(count == 1, "{} stands twice", import.name);
        }
        Ok(imports)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Import> {
        self.lists.iter().flat_map(|list| &list.imports)
    }
}

impl Import {
    /// The type in Wasm: `(i64) -> i64`.
    pub(super) fn signature(&self) -> String {
        signature(&self.params, self.result)
    }
}

/// A type in Wasm: `(i64, i32)`.
pub(super) fn signature(params: &[Kind], result: Option<Kind>) -> String {
    let params: Vec<&str> = params.iter().map(|kind| kind.wasm()).collect();
    let result = result.map_or(String::new(), |kind| format!(" -> {}", kind.wasm()));
    format!("({}){result}", params.join(", "))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "list")]
    lists: Vec<ListEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListEntry {
    name: String,
    doc: String,
    #[serde(rename = "import")]
    imports: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    table: String,
    #[serde(default)]
    params: Vec<String>,
    result: Option<String>,
    #[serde(default = "yes")]
    in_kits: bool,
    doc: String,
}

fn yes() -> bool {
    true
}

impl ListEntry {
    fn read(self) -> Result<List> {
        let imports = self.imports.into_iter().map(Entry::read);
        Ok(List {
            name: self.name,
            doc: self.doc,
            imports: imports.collect::<Result<_>>()?,
        })
    }
}

impl Entry {
    fn read(self) -> Result<Import> {
        let kind = |param: &String| {
            let (_, kind) = param
                .split_once(": ")
                .context("a parameter is `name: type`")?;
            Kind::read(kind)
        };
        let params = self.params.iter().map(kind).collect::<Result<_>>();
        let result = self.result.as_deref().map(Kind::read).transpose();
        Ok(Import {
            params: params.with_context(|| self.name.clone())?,
            result: result.with_context(|| self.name.clone())?,
            name: self.name,
            table: self.table,
            in_kits: self.in_kits,
            doc: self.doc,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "[[list]]\nname = \"KERNEL\"\ndoc = \"Some.\"\n\
        [[list.import]]\nname = \"alloc\"\ntable = \"blocks\"\nparams = [\"length: u64\"]\n\
        result = \"handle\"\ndoc = \"Allocates.\"\n\
        [[list.import]]\nname = \"store_u8\"\ntable = \"blocks\"\n\
        params = [\"address: u64\", \"byte: u8\"]\nin_kits = false\ndoc = \"Stores.\"\n";

    #[test]
    fn a_table_is_read_with_the_types_of_wasm() {
        let imports = Imports::parse(TWO).unwrap();
        let shown: Vec<String> = imports
            .all()
            .map(|import| format!("{} {} {}", import.name, import.signature(), import.in_kits))
            .collect();
        assert_eq!(
            shown,
            ["alloc (i64) -> i64 true", "store_u8 (i64, i32) false"]
        );
    }

    #[test]
    fn a_name_twice_and_an_unknown_type_are_refused() {
        let complaint = |text: &str| format!("{:#}", Imports::parse(text).err().unwrap());
        assert_eq!(
            complaint(&TWO.replace("store_u8", "alloc")),
            "alloc stands twice"
        );
        assert_eq!(
            complaint(&TWO.replace("byte: u8", "byte: char")),
            "store_u8: char is no type of an import"
        );
    }

    #[test]
    fn the_committed_table_has_the_imports_of_both_eras() {
        let imports = Imports::load(&Project::locate()).unwrap();
        let sizes: Vec<(&str, usize)> = imports
            .lists
            .iter()
            .map(|list| (list.name.as_str(), list.imports.len()))
            .collect();
        assert_eq!(
            sizes,
            [("KERNEL", 20), ("BUILTINS", 12), ("LEGACY_ONLY", 2)]
        );
    }
}
