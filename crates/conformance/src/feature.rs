//! Features: what an SDK may lack, and what an SDK says about itself.
//!
//! Must not know: any SDK. Invariant: every feature is either declared or missing for a stated reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Everything a driver may declare (conformance/protocol.md).
pub(crate) const ALL: &[&str] = &[
    "cancel",
    "compiled",
    "context",
    "fs",
    "fuel",
    "headers",
    "host_context",
    "http",
    "inspect",
    "limits",
    "logs",
    "namespace",
    "nested",
    "pool",
    "precompile",
    "reenter",
    "renew",
    "stats",
    "threads",
    "vars",
    "wasi",
];

/// What an SDK has, and why it lacks the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    declared: BTreeSet<String>,
    missing: BTreeMap<String, String>,
}

impl Features {
    /// All of them.
    pub(crate) fn all() -> Features {
        Features {
            declared: ALL.iter().map(|name| (*name).to_owned()).collect(),
            missing: BTreeMap::new(),
        }
    }

    /// Those of a list with commas; the rest is missing without a better reason.
    pub(crate) fn listed(list: &str) -> Result<Features> {
        let names = list.split(',').filter(|name| !name.is_empty());
        let declared: BTreeSet<String> = names.map(str::to_owned).collect();
        let missing = ALL.iter().filter(|name| !declared.contains(**name));
        let missing = missing.map(|name| ((*name).to_owned(), "not declared".to_owned()));
        Features {
            missing: missing.collect(),
            declared,
        }
        .checked()
    }

    fn checked(self) -> Result<Features> {
        for name in self.declared.iter().chain(self.missing.keys()) {
            ensure!(
                ALL.contains(&name.as_str()),
                "{name} is no feature of protocol.md"
            );
        }
        for name in ALL {
            let declared = self.declared.contains(*name);
            let reason = self
                .missing
                .get(*name)
                .filter(|reason| !reason.trim().is_empty());
            ensure!(
                declared != reason.is_some(),
                "the feature {name} must be either declared or missing with a reason"
            );
        }
        Ok(self)
    }

    /// The first of `needed` that is missing, with the reason.
    pub(crate) fn lacks<'a>(&'a self, needed: &'a BTreeSet<String>) -> Option<(&'a str, &'a str)> {
        needed.iter().find_map(|name| {
            let reason = self.missing.get(name)?;
            Some((name.as_str(), reason.as_str()))
        })
    }

    /// Whether `HELLO` says the same.
    pub(crate) fn agree_with(&self, told: &str) -> Result<()> {
        let told: BTreeSet<&str> = told.split(',').filter(|name| !name.is_empty()).collect();
        let declared: BTreeSet<&str> = self.declared.iter().map(String::as_str).collect();
        ensure!(
            told == declared,
            "the driver says that it has {told:?}, sdk.toml declares {declared:?}"
        );
        Ok(())
    }
}

/// What of `sdk.toml` the runner needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sdk {
    /// The words that start the driver in the folder of the SDK.
    pub(crate) driver: Vec<String>,
    pub(crate) features: Features,
}

#[derive(Deserialize)]
struct File {
    commands: Commands,
    features: Declared,
}

#[derive(Deserialize)]
struct Commands {
    driver: Vec<String>,
}

#[derive(Deserialize)]
struct Declared {
    declared: BTreeSet<String>,
    #[serde(default)]
    missing: BTreeMap<String, String>,
}

/// Reads the `sdk.toml` of a folder.
pub(crate) fn read_sdk(folder: &Path) -> Result<Sdk> {
    let path = folder.join("sdk.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    parse_sdk(&text).with_context(|| path.display().to_string())
}

fn parse_sdk(text: &str) -> Result<Sdk> {
    let file: File = toml::from_str(text)?;
    ensure!(
        !file.commands.driver.is_empty(),
        "commands.driver has no words"
    );
    let features = Features {
        declared: file.features.declared,
        missing: file.features.missing,
    };
    Ok(Sdk {
        driver: file.commands.driver,
        features: features.checked()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdk(declared: &[&str], missing: &str) -> Result<Sdk> {
        parse_sdk(&format!(
            "[commands]\ndriver = [\"a\"]\n[features]\ndeclared = {declared:?}\n[features.missing]\n{missing}"
        ))
    }

    #[test]
    fn every_feature_is_declared_or_missing_for_a_reason() {
        assert_eq!(sdk(ALL, "").unwrap().features, Features::all());
        let but_first = &ALL[1..];
        assert_eq!(
            sdk(but_first, "").unwrap_err().to_string(),
            "the feature cancel must be either declared or missing with a reason"
        );
        assert!(sdk(but_first, "cancel = \" \"").is_err());
        assert!(sdk(ALL, "cancel = \"both\"").is_err());
        assert!(sdk(ALL, "magic = \"unknown\"").is_err());
        let features = sdk(but_first, "cancel = \"no threads\"").unwrap().features;
        let needed = BTreeSet::from(["cancel".to_owned(), "wasi".to_owned()]);
        assert_eq!(features.lacks(&needed), Some(("cancel", "no threads")));
        assert_eq!(Features::all().lacks(&needed), None);
    }

    #[test]
    fn hello_and_the_file_agree() {
        let features = Features::listed("wasi,http").unwrap();
        features.agree_with("http,wasi").unwrap();
        assert!(features.agree_with("http").is_err());
        assert!(Features::listed("magic").is_err());
    }
}
