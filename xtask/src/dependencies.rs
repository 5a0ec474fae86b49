//! The packages of the lock file against the rules of `deny.toml`: licences, sources, bans, duplicates.
//!
//! Must not know: what a package does. cargo-deny reads the same file; this check needs neither it nor the
//! network, and leaves only the database of advisories to it. Invariant: a second version of a package has
//! a reason, and a reason that is not needed any more is found.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::process;
use crate::project::Project;

const RULES: &str = "deny.toml";

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    sources: Sources,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Entry>,
    skip: Vec<Entry>,
}

/// A package, by its name or as `name@version`, and why it is in the list.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "crate")]
    package: String,
    reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// Absent for packages of the workspace.
    source: Option<String>,
}

/// Workspaces of their own whose lock files have to follow those of the packages they test.
const BESIDE: &[&str] = &["fuzz", "models"];

/// Checks the lock file; the error lists every finding.
pub(crate) fn check(project: &Project) -> Result<()> {
    for folder in BESIDE {
        metadata(project, folder).with_context(|| format!("{folder}/Cargo.lock"))?;
    }
    let metadata = metadata(project, ".")?;
    let findings = findings(&project.read(RULES)?, &metadata)?;
    ensure!(findings.is_empty(), "{}", findings.join("\n"));
    Ok(())
}

/// What cargo says of a workspace; an error if its lock file would have to change.
fn metadata(project: &Project, folder: &str) -> Result<String> {
    let mut command = project.cargo("metadata");
    command
        .current_dir(project.path(folder))
        .args(["--format-version", "1", "--locked"]);
    process::stdout_of(command)
}

fn findings(rules: &str, metadata: &str) -> Result<Vec<String>> {
    let rules: Rules = toml::from_str(rules).with_context(|| format!("{RULES} cannot be read"))?;
    let Metadata { packages } =
        serde_json::from_str(metadata).context("cargo's metadata cannot be read")?;
    let allowed = rules
        .licenses
        .allow
        .iter()
        .map(|text| Licensee::parse(text));
    let allowed: Vec<Licensee> = allowed
        .collect::<Result<_, _>>()
        .with_context(|| format!("a licence of {RULES}"))?;
    let mut found = Vec::new();
    for package in &packages {
        found.extend(wrong_licence(package, &allowed));
        found.extend(wrong_source(package, &rules.sources.allow_registry));
        let ban = rules
            .bans
            .deny
            .iter()
            .find(|entry| entry.package == package.name);
        found.extend(ban.map(|ban| format!("{}: banned: {}", package.name, ban.reason)));
    }
    let empty = rules.bans.deny.iter().chain(&rules.bans.skip);
    let empty = empty.filter(|entry| entry.reason.trim().is_empty());
    found.extend(empty.map(|entry| format!("{}: a reason is missing", entry.package)));
    found.extend(duplicates(&packages, &rules.bans.skip));
    Ok(found
        .iter()
        .map(|text| format!("{RULES}: {text}"))
        .collect())
}

fn wrong_licence(package: &Package, allowed: &[Licensee]) -> Option<String> {
    let Package {
        name,
        version,
        license,
        ..
    } = package;
    let Some(license) = license else {
        return Some(format!("{name} {version} names no licence"));
    };
    let satisfied = match Expression::parse_mode(license, ParseMode::LAX) {
        Ok(expression) => {
            expression.evaluate(|wanted| allowed.iter().any(|one| one.satisfies(wanted)))
        }
        Err(_) => false,
    };
    (!satisfied).then(|| format!("{name} {version} is under {license}"))
}

fn wrong_source(package: &Package, registries: &[String]) -> Option<String> {
    let source = package.source.as_ref()?;
    let known = source
        .strip_prefix("registry+")
        .is_some_and(|registry| registries.iter().any(|known| known == registry));
    (!known).then(|| format!("{} {} is from {source}", package.name, package.version))
}

/// All versions but the latest have to be listed, and nothing else.
fn duplicates(packages: &[Package], skipped: &[Entry]) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions
            .entry(&package.name)
            .or_default()
            .push(&package.version);
    }
    let mut older = BTreeSet::new();
    for (name, mut versions) in versions {
        versions.sort_by_key(|version| numbers(version));
        versions.pop();
        older.extend(versions.iter().map(|version| format!("{name}@{version}")));
    }
    let listed: BTreeSet<String> = skipped.iter().map(|entry| entry.package.clone()).collect();
    let missing = older
        .difference(&listed)
        .map(|one| format!("{one} is there beside a later one"));
    let idle = listed
        .difference(&older)
        .map(|one| format!("{one} is listed for nothing"));
    missing.chain(idle).collect()
}

fn numbers(version: &str) -> Vec<u64> {
    let core = version.split(['+', '-']).next().unwrap_or(version);
    core.split('.')
        .map(|number| number.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        licenses.allow = ["MIT", "Apache-2.0 WITH LLVM-exception"]
        sources.allow-registry = ["https://index"]
        bans.deny = [{ crate = "banned", reason = "of old" }]
        bans.skip = [{ crate = "two@1.9.0", reason = "a is behind" }]
    "#;

    fn package(name: &str, version: &str, license: &str) -> String {
        let registry = "registry+https://index";
        format!(
            r#"{{"name":"{name}","version":"{version}","license":"{license}","source":"{registry}"}}"#
        )
    }

    fn check(packages: &[String]) -> Vec<String> {
        let two = [
            package("two", "1.9.0", "MIT"),
            package("two", "1.10.0", "MIT"),
        ];
        let all: Vec<String> = packages.iter().cloned().chain(two).collect();
        findings(RULES, &format!(r#"{{"packages":[{}]}}"#, all.join(","))).unwrap()
    }

    #[test]
    fn the_lock_file_keeps_the_rules() {
        super::check(&Project::locate()).unwrap();
    }

    #[test]
    fn what_keeps_the_rules() {
        let good = [
            package("a", "1.0.0", "GPL-2.0-only OR MIT"),
            package("b", "1.0.0", "MIT/Apache-2.0"),
            package("c", "1.0.0", "Apache-2.0 WITH LLVM-exception AND MIT"),
        ];
        assert!(check(&good).is_empty());
    }

    #[test]
    fn what_breaks_them() {
        let bad = [
            package("a", "1.0.0", "Apache-2.0"),
            package("b", "1.0.0", "MIT AND GPL-2.0-only"),
            package("banned", "1.0.0", "MIT"),
            package("two", "2.0.0", "MIT"),
            r#"{"name":"d","version":"1.0.0","license":null,"source":"git+https://host"}"#
                .to_string(),
        ];
        let expected = [
            "a 1.0.0 is under Apache-2.0",
            "b 1.0.0 is under MIT AND GPL-2.0-only",
            "banned: banned: of old",
            "d 1.0.0 names no licence",
            "d 1.0.0 is from git+https://host",
            "two@1.10.0 is there beside a later one",
        ];
        assert_eq!(
            check(&bad),
            expected.map(|text| format!("deny.toml: {text}"))
        );
    }

    #[test]
    fn a_reason_that_is_not_needed() {
        let one = format!(r#"{{"packages":[{}]}}"#, package("two", "1.10.0", "MIT"));
        let found = findings(RULES, &one).unwrap();
        assert_eq!(found, ["deny.toml: two@1.9.0 is listed for nothing"]);
    }
}
