//! An inspection as people read it: short, aligned, the plug-in first and then its modules.
//!
//! Invariant: no name from a plug-in reaches a terminal unescaped, and a line stays readable
//! whatever the plug-in holds.

use std::fmt;

use super::module::{Kind, ModuleInspection};
use super::provider::Provider;
use super::{Era, HostImport, Inspection};

/// Entries shown of one list; JSON has them all.
const SHOWN_MAX: usize = 40;

/// Characters shown of one name or type; JSON has them all.
const SHOWN_CHARS_MAX: usize = 200;

/// Where the second column begins.
const COLUMN: usize = 12;

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions = self.functions.iter().map(|name| shown(name));
        row(f, "functions", &or_none(list(functions)))?;
        row(f, "era", &self.era.to_string())?;
        row(f, "wasi", if self.wasi { "needed" } else { "not needed" })?;
        let made_of = [&self.language, &self.pdk].into_iter().flatten();
        let made_of = list(made_of.map(|text| shown(text)));
        row(
            f,
            "language",
            if made_of.is_empty() {
                "unknown"
            } else {
                &made_of
            },
        )?;
        rows(
            f,
            "host",
            self.host_functions.iter().map(HostImport::to_string),
        )?;
        for module in &self.modules {
            writeln!(f)?;
            write_module(f, module)?;
        }
        Ok(())
    }
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Era::Current => "1.x",
            Era::Legacy => "0.1",
            Era::Both => "both 1.x and 0.1",
            Era::None => "none: it imports nothing of Extism",
        })
    }
}

impl fmt::Display for HostImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = super::signature::Signature {
            params: self.params.clone(),
            results: self.results.clone(),
        };
        let signature = shown(&signature.to_string());
        write!(
            f,
            "{}::{}{signature}",
            shown(&self.namespace),
            shown(&self.name)
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Library => "library",
            Kind::Reactor => "reactor",
            Kind::Command => "command",
            Kind::Haskell => "Haskell reactor",
            Kind::CommandAndReactor => "both command and reactor, which is refused",
        })
    }
}

fn write_module(f: &mut fmt::Formatter<'_>, module: &ModuleInspection) -> fmt::Result {
    let start = if module.start {
        ", with a start function"
    } else {
        ""
    };
    row(
        f,
        "module",
        &format!("{}: {}{start}", shown(&module.name), module.kind),
    )?;
    let (all, code, data) = (
        size(module.bytes),
        size(module.code_bytes),
        size(module.data_bytes),
    );
    row(f, "size", &format!("{all}: {code} code, {data} data"))?;
    row(f, "sha256", &module.sha256)?;
    row(f, "imports", &or_none(imports(module)))?;
    let unknown = module
        .imports
        .iter()
        .filter(|import| import.provider == Provider::Unknown);
    let unknown = unknown.map(|import| {
        format!(
            "{}::{} {}",
            shown(&import.module),
            shown(&import.name),
            shown(&import.ty)
        )
    });
    rows(f, "unknown", unknown)?;
    rows(
        f,
        "memory",
        module.memories.iter().map(|memory| {
            let imported = if memory.imported { ", imported" } else { "" };
            format!("{memory}{imported}")
        }),
    )?;
    if !module.features.is_empty() {
        row(f, "features", &list(module.features.iter().cloned()))?;
    }
    row(f, "rewriting", &shown(&module.rewriting))?;
    if module.artefact {
        row(f, "artefact", "carries machine code made ahead of time")?;
    }
    if module.truncated {
        row(f, "truncated", "its names and types are too many to list")?;
    }
    Ok(())
}

/// How many imports each provider answers.
fn imports(module: &ModuleInspection) -> String {
    let counted = [
        (Provider::Kernel, "kernel"),
        (Provider::Builtin, "builtin"),
        (Provider::Wasi, "WASI"),
        (Provider::Host, "host"),
        (Provider::Module, "other modules"),
        (Provider::Unknown, "unknown"),
    ];
    let counted = counted.into_iter().filter_map(|(provider, name)| {
        let of_provider = module
            .imports
            .iter()
            .filter(|import| import.provider == provider);
        match of_provider.count() {
            0 => None,
            count => Some(format!("{count} {name}")),
        }
    });
    list(counted)
}

fn row(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    writeln!(f, "{label:COLUMN$}{text}")
}

/// One row for each entry, the label on the first; none if there is nothing to show.
fn rows(
    f: &mut fmt::Formatter<'_>,
    label: &str,
    mut entries: impl Iterator<Item = String>,
) -> fmt::Result {
    for (index, text) in entries.by_ref().take(SHOWN_MAX).enumerate() {
        row(f, if index == 0 { label } else { "" }, &text)?;
    }
    match entries.count() {
        0 => Ok(()),
        more => row(f, "", &format!("and {more} more")),
    }
}

fn list(mut entries: impl Iterator<Item = String>) -> String {
    let mut shown: Vec<String> = entries.by_ref().take(SHOWN_MAX).collect();
    match entries.count() {
        0 => {}
        more => shown.push(format!("and {more} more")),
    }
    shown.join(", ")
}

fn or_none(text: String) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

/// A text from a plug-in, cut, with everything escaped that is not a visible character.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == SHOWN_CHARS_MAX {
            shown.push('…');
            break;
        }
        match character {
            '"' | '\'' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}

/// A size in bytes, KiB or MiB, with one digit after the point.
fn size(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    let (unit, name) = match bytes {
        ..KIB => return format!("{bytes} bytes"),
        KIB..MIB => (KIB, "KiB"),
        MIB.. => (MIB, "MiB"),
    };
    let tenths = u128::from(bytes) * 10 / u128::from(unit);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}
