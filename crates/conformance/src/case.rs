//! Cases: what `conformance/cases/*.toml` holds.
//!
//! Must not know: drivers and servers. Invariant: ids are unique, every case has a step, and every source a
//! step names is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::feature;
use crate::source;
use crate::step::{Argument, SourceName, Step};
use crate::world::World;

/// One case.
#[derive(Debug)]
pub(crate) struct Case {
    /// The name of its file.
    pub(crate) area: String,
    pub(crate) id: String,
    /// Whether it belongs to the subset for SDKs that are not complete.
    pub(crate) core: bool,
    /// What an SDK needs, stated or seen in the steps.
    pub(crate) needs: BTreeSet<String>,
    /// The files it finds, if it wants a folder.
    pub(crate) tree: Option<BTreeMap<String, String>>,
    sources: BTreeMap<String, toml::Table>,
    pub(crate) steps: Vec<Step>,
}

impl Case {
    /// `area/id`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.area, self.id)
    }

    /// The bytes of a source.
    pub(crate) fn source(&self, name: &SourceName, world: &World) -> Result<Vec<u8>> {
        match name {
            SourceName::File(file) => source::file(&world.root, file),
            SourceName::Named(name) => {
                let table = self.sources.get(name);
                let table = table.with_context(|| format!("no source @{name}"))?;
                source::bytes(table, world).with_context(|| format!("@{name}"))
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Sources for all cases of the file.
    #[serde(default)]
    source: BTreeMap<String, toml::Table>,
    case: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default)]
    core: bool,
    #[serde(default)]
    needs: BTreeSet<String>,
    tree: Option<BTreeMap<String, String>>,
    #[serde(default)]
    source: BTreeMap<String, toml::Table>,
    steps: String,
}

/// What stands in the cases for something that is known only when they are run.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// With its braces.
    pub(crate) placeholder: String,
    pub(crate) value: String,
}

/// All cases of the suite, by area and then as they stand.
pub(crate) fn load(suite: &Path, settings: &[Setting]) -> Result<Vec<Case>> {
    let folder = suite.join("cases");
    let listed = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut paths = listed
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let area = path.file_stem().and_then(|stem| stem.to_str());
        let area = area.context("a file name that is no text")?;
        let mut text = std::fs::read_to_string(&path)?;
        for Setting { placeholder, value } in settings {
            ensure!(
                text.contains(placeholder.as_str()),
                "{}: no {placeholder}",
                path.display()
            );
            text = text.replace(placeholder.as_str(), value);
        }
        cases.extend(parse(area, &text).with_context(|| path.display().to_string())?);
    }
    Ok(cases)
}

/// The cases of one file.
pub(crate) fn parse(area: &str, text: &str) -> Result<Vec<Case>> {
    let file: File = toml::from_str(text)?;
    let mut ids = BTreeSet::new();
    let mut cases = Vec::new();
    for entry in file.case {
        let id = entry.id.clone();
        ensure!(ids.insert(id.clone()), "two cases are called {id}");
        cases.push(read(area, entry, &file.source).with_context(|| id)?);
    }
    Ok(cases)
}

fn read(area: &str, entry: Entry, shared: &BTreeMap<String, toml::Table>) -> Result<Case> {
    let well_formed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure!(
        !entry.id.is_empty() && entry.id.chars().all(well_formed),
        "an id is made of small letters, digits and -"
    );
    let mut steps = Vec::new();
    for line in entry.steps.lines().map(str::trim) {
        if !line.is_empty() && !line.starts_with('#') {
            steps.push(Step::parse(line).with_context(|| line.to_owned())?);
        }
    }
    ensure!(!steps.is_empty(), "no steps");
    ensure!(
        steps.iter().any(|step| step.text.contains("->")),
        "nothing is expected"
    );
    let mut sources = shared.clone();
    sources.extend(entry.source);
    let mut needs = entry.needs;
    for step in &steps {
        needs.extend(step.features());
        for argument in &step.arguments {
            if let Argument::Source(SourceName::Named(name)) = argument {
                let table = sources.get(name);
                let table = table.with_context(|| format!("no source @{name}"))?;
                needs.extend(features_of(table, &step.text).map(str::to_owned));
            }
        }
    }
    needs.extend(entry.tree.is_some().then(|| "fs".to_owned()));
    for need in &needs {
        if !feature::ALL.contains(&need.as_str()) {
            bail!("{need} is no feature of protocol.md");
        }
    }
    Ok(Case {
        area: area.to_owned(),
        id: entry.id,
        core: entry.core,
        needs,
        tree: entry.tree,
        sources,
        steps,
    })
}

/// What an SDK needs to use a manifest: HTTP, or files.
fn features_of(table: &toml::Table, step: &str) -> impl Iterator<Item = &'static str> {
    let http = table.contains_key("allowed_hosts");
    let files = table.contains_key("allowed_paths") && step.contains("wasi=1");
    let http = http.then_some("http").into_iter();
    http.chain(files.then_some("fs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", parse("area", text).unwrap_err())
    }

    #[test]
    fn a_file_of_cases() {
        let text = r#"
            source.shared = {module = "(module)"}
            [[case]]
            id = "one"
            core = true
            source.own = {module = "(module)", allowed_hosts = ["a"]}
            steps = '''
            # A remark.
            NEW p1 @shared fuel=5

            NEW p2 @own -> OK
            '''
            [[case]]
            id = "two"
            needs = ["threads"]
            tree = {"a.txt" = "x"}
            steps = "TREE -> unchanged"
        "#;
        let cases = parse("area", text).unwrap();
        assert_eq!(cases[0].name(), "area/one");
        assert!(cases[0].core && !cases[1].core);
        assert_eq!(cases[0].steps.len(), 2);
        assert_eq!(Vec::from_iter(&cases[0].needs), ["fuel", "http"]);
        assert_eq!(Vec::from_iter(&cases[1].needs), ["fs", "threads"]);
        let bytes = |name: &str| {
            let name = SourceName::Named(name.to_owned());
            cases[0].source(&name, &World::bare())
        };
        assert!(bytes("shared").unwrap().starts_with(b"{\"wasm\""));
        assert!(bytes("absent").is_err());
    }

    #[test]
    fn what_is_refused() {
        for (text, why) in [
            ("", "missing field `case`"),
            ("[[case]]\nid = \"a\"", "missing field `steps`"),
            (
                "[[case]]\nid = \"a\"\nsteps = \"GC -> OK\"\nx = 1",
                "unknown field `x`",
            ),
            (
                "[[case]]\nid = \"A b\"\nsteps = \"GC -> OK\"",
                "an id is made of",
            ),
            ("[[case]]\nid = \"a\"\nsteps = \"# none\"", "no steps"),
            (
                "[[case]]\nid = \"a\"\nsteps = \"GC\"",
                "nothing is expected",
            ),
            (
                "[[case]]\nid = \"a\"\nsteps = \"NEW p1 @b -> OK\"",
                "no source @b",
            ),
            (
                "[[case]]\nid = \"a\"\nsteps = \"GO -> OK\"",
                "GO is no verb",
            ),
            (
                "[[case]]\nid = \"a\"\nneeds = [\"x\"]\nsteps = \"GC -> OK\"",
                "x is no feature",
            ),
            (
                "[[case]]\nid = \"a\"\nsteps = \"GC -> OK\"\n[[case]]\nid = \"a\"\nsteps = \"GC -> OK\"",
                "two cases are called a",
            ),
        ] {
            let error = error(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
