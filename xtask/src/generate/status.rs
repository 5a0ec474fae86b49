//! The table of status codes as the generators see it.
//!
//! Must not know: any output format. Invariant: a table that was read has unique names and numbers in
//! rising order, each inside a known band and none of them retired.

use anyhow::{Result, bail, ensure};
use serde::Deserialize;

use crate::project::Project;

/// Where the table is.
pub(super) const SOURCE: &str = "abi/status.toml";

/// Every status, and the numbers that must never be used again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) reserved: Vec<u32>,
    #[serde(rename = "status")]
    pub(super) all: Vec<Status>,
}

/// One line of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    /// In the style of Rust: `FunctionNotFound`.
    pub(super) name: String,
    pub(super) code: u32,
    /// One sentence.
    pub(super) doc: String,
}

/// A hundred numbers with one kind of cause.
pub(super) struct Band {
    pub(super) first: u32,
    pub(super) title: &'static str,
    /// What somebody who gets such a status should look at.
    pub(super) advice: &'static str,
}

/// The bands in use, in the order of the numbers.
pub(super) const BANDS: &[Band] = &[
    Band {
        first: 0,
        title: "Success",
        advice: "The operation did what it was asked to do.",
    },
    Band {
        first: 100,
        title: "Misuse of the API",
        advice: "The calling program has to change; nothing the plug-in does causes these.",
    },
    Band {
        first: 200,
        title: "Manifest and loading",
        advice: "The manifest, or the file or download it names, has to change.",
    },
    Band {
        first: 300,
        title: "The module",
        advice: "The Wasm module itself cannot be loaded here.",
    },
    Band {
        first: 400,
        title: "The call",
        advice: "The plug-in was loaded, and the call did not end well.",
    },
    Band {
        first: 500,
        title: "Limits",
        advice: "The plug-in reached a limit the host has set.",
    },
    Band {
        first: 600,
        title: "Policy",
        advice: "The plug-in asked for something the host does not allow.",
    },
    Band {
        first: 900,
        title: "Internal faults",
        advice: "A fault of the runtime; please report it.",
    },
];

impl Table {
    pub(super) fn load(project: &Project) -> Result<Table> {
        Table::parse(&project.read(SOURCE)?)
    }

    pub(super) fn parse(text: &str) -> Result<Table> {
        let table: Table = toml::from_str(text)?;
        let mut last: Option<&Status> = None;
        for status in &table.all {
            let Status { name, code, doc } = status;
            if let Some(last) = last.filter(|last| last.code >= *code) {
                bail!("{name} = {code} stands after {} = {}", last.name, last.code);
            }
            ensure!(
                table.all.iter().filter(|other| other.name == *name).count() == 1,
                "{name} stands twice"
            );
            ensure!(
                !table.reserved.contains(code),
                "{name} = {code}: the number is retired"
            );
            ensure!(
                band_of(*code).is_some(),
                "{name} = {code}: there is no such band"
            );
            ensure!(
                is_pascal_case(name),
                "{name}: the name is not in the style `FunctionNotFound`"
            );
            ensure!(
                doc.ends_with('.') && !doc.contains('\n'),
                "{name}: the text is not one sentence"
            );
            last = Some(status);
        }
        Ok(table)
    }

    /// The statuses of one band.
    pub(super) fn in_band(&self, band: &Band) -> impl Iterator<Item = &Status> {
        self.all
            .iter()
            .filter(|status| band_of(status.code).is_some_and(|own| own.first == band.first))
    }
}

impl Status {
    /// The name in C and in every SDK: `FUNCTION_NOT_FOUND`.
    pub(super) fn screaming_name(&self) -> String {
        let mut screaming = String::new();
        for (at, character) in self.name.chars().enumerate() {
            if character.is_ascii_uppercase() && at > 0 {
                screaming.push('_');
            }
            screaming.push(character.to_ascii_uppercase());
        }
        screaming
    }
}

fn band_of(code: u32) -> Option<&'static Band> {
    BANDS.iter().find(|band| band.first == code / 100 * 100)
}

fn is_pascal_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, complaint: &str) {
        assert_eq!(Table::parse(text).unwrap_err().to_string(), complaint);
    }

    fn entry(name: &str, code: u32, doc: &str) -> String {
        format!("[[status]]\nname = \"{name}\"\ncode = {code}\ndoc = \"{doc}\"\n")
    }

    #[test]
    fn the_committed_table_is_sound_and_every_band_is_used() {
        let table = Table::load(&Project::locate()).unwrap();
        assert_eq!(table.all.first().map(|status| status.code), Some(0));
        for band in BANDS {
            assert!(table.in_band(band).count() > 0, "{}", band.title);
        }
    }

    #[test]
    fn a_number_or_name_out_of_place_is_refused() {
        let none = "reserved = []\n";
        let (busy, closed) = (entry("Busy", 103, "Busy."), entry("Closed", 102, "Closed."));
        check(
            &format!("{none}{busy}{closed}"),
            "Closed = 102 stands after Busy = 103",
        );
        check(&format!("{none}{busy}{busy}"), "Busy stands twice");
        check(
            &format!("reserved = [103]\n{busy}"),
            "Busy = 103: the number is retired",
        );
        check(
            &format!("{none}{}", entry("Odd", 750, "Odd.")),
            "Odd = 750: there is no such band",
        );
        let shouting = entry("not_pascal", 100, "Text.");
        check(
            &format!("{none}{shouting}"),
            "not_pascal: the name is not in the style `FunctionNotFound`",
        );
        check(
            &format!("{none}{}", entry("Busy", 103, "Busy")),
            "Busy: the text is not one sentence",
        );
    }

    #[test]
    fn names_in_c_have_underscores_between_words() {
        let name = |name: &str| {
            Status {
                name: name.into(),
                code: 0,
                doc: String::new(),
            }
            .screaming_name()
        };
        assert_eq!(name("FunctionNotFound"), "FUNCTION_NOT_FOUND");
        assert_eq!(name("InvalidUtf8"), "INVALID_UTF8");
        assert_eq!(name("Ok"), "OK");
    }
}
