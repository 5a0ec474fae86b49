//! The rows of the suites: ids, what is tried, what is expected, and where it is proven.
//!
//! Must not know: how a case is run. Invariant: every id of a suite is there once, from 01 to its last, and
//! each row says where it is proven.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The files of the suites. They are part of the program: a case may run as a user who cannot read them.
const FILES: &[(&str, &str)] = &[
    ("exhaustion", include_str!("../cases/exhaustion.toml")),
    ("http", include_str!("../cases/http.toml")),
    ("files", include_str!("../cases/files.toml")),
    ("misuse", include_str!("../cases/misuse.toml")),
    ("concurrency", include_str!("../cases/concurrency.toml")),
    ("limits", include_str!("../cases/limits.toml")),
    ("faults", include_str!("../cases/faults.toml")),
    ("memory", include_str!("../cases/memory.toml")),
];

const MINIMUM: &str = include_str!("../cases/minimum.toml");

/// A suite.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What the suite is about.
    title: String,
    /// What the ids begin with.
    letter: String,
    case: Vec<Case>,
}

/// One row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    /// What is tried.
    pub(crate) what: String,
    /// What must come of it, in words.
    pub(crate) expect: String,
    /// Tests that prove it, as `file: name`.
    #[serde(default)]
    pub(crate) proven: Vec<String>,
    /// What is run here, in the form of its suite.
    pub(crate) run: Option<toml::Table>,
}

/// Reads every suite.
pub(crate) fn load() -> Result<Vec<Suite>> {
    let suites = FILES
        .iter()
        .map(|(name, text)| parse(name, text).with_context(|| format!("cases/{name}.toml")))
        .collect::<Result<Vec<_>>>()?;
    let minimum: BTreeMap<String, usize> = toml::from_str(MINIMUM)?;
    for suite in &suites {
        let least = minimum.get(suite.name);
        let least = least.with_context(|| format!("minimum.toml does not have {}", suite.name))?;
        ensure!(
            suite.cases.len() >= *least,
            "{}: {} cases, {least} are the minimum",
            suite.name,
            suite.cases.len()
        );
    }
    Ok(suites)
}

/// The case of this id.
pub(crate) fn find(id: &str) -> Result<(&'static str, Case)> {
    for suite in load()? {
        if let Some(case) = suite.cases.into_iter().find(|case| case.id == id) {
            return Ok((suite.name, case));
        }
    }
    anyhow::bail!("there is no case {id}")
}

fn parse(name: &'static str, text: &str) -> Result<Suite> {
    let File {
        title,
        letter,
        case: cases,
    } = toml::from_str(text)?;
    for (at, case) in cases.iter().enumerate() {
        let expected = format!("{letter}-{:02}", at + 1);
        ensure!(
            case.id == expected,
            "{} stands where {expected} should",
            case.id
        );
        ensure!(
            case.run.is_some() || !case.proven.is_empty(),
            "{}: neither run nor proven",
            case.id
        );
    }
    Ok(Suite { name, title, cases })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suites_can_be_read() {
        let suites = load().unwrap();
        assert_eq!(suites.len(), FILES.len());
    }

    #[test]
    fn rows_in_disorder_are_refused() {
        for (rows, why) in [
            (
                "[[case]]\nid = \"A-02\"\nwhat = \"\"\nexpect = \"\"",
                "A-01",
            ),
            (
                "[[case]]\nid = \"A-01\"\nwhat = \"\"\nexpect = \"\"",
                "nor proven",
            ),
        ] {
            let text = format!("title = \"a\"\nletter = \"A\"\n{rows}");
            let error = parse("a", &text).err().unwrap();
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }
}
