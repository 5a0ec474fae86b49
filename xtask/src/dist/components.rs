//! The list of what is compiled into the package, in the CycloneDX format.
//!
//! Must not know: what the packages do. Invariant: every package that is linked into the library or the
//! program is listed with its licence; one without a licence is an error.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::process;
use crate::project::{Project, VERSION};

/// The packages whose results are in the archive.
const ROOTS: &[&str] = &["libextism", "extism-cli"];

pub(super) fn list(project: &Project) -> Result<String> {
    let mut command = project.cargo("metadata");
    command.args([
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        &super::host_target()?,
    ]);
    document(&process::stdout_of(command)?)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    /// Absent for packages of the workspace.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// Absent for what is linked; `build` or `dev` otherwise.
    kind: Option<String>,
}

fn document(metadata: &str) -> Result<String> {
    let Metadata { packages, resolve } =
        serde_json::from_str(metadata).context("cargo's metadata cannot be read")?;
    let linked = linked(&packages, &resolve);
    let mut components = BTreeMap::new();
    for package in packages
        .iter()
        .filter(|package| linked.contains(package.id.as_str()))
    {
        components.insert((&package.name, &package.version), component(package)?);
    }
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "library",
            "bom-ref": "extism",
            "name": "extism",
            "version": VERSION,
            "licenses": [{ "license": { "id": "BSD-3-Clause" } }],
        } },
        "components": components.into_values().collect::<Vec<Value>>(),
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

/// The roots and everything linked into them, by id.
fn linked<'a>(packages: &'a [Package], resolve: &'a Resolve) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<&str, &Node> = resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let roots = packages
        .iter()
        .filter(|package| ROOTS.contains(&package.name.as_str()));
    let mut waiting: Vec<&str> = roots.map(|package| package.id.as_str()).collect();
    let mut found = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !found.insert(id) {
            continue;
        }
        let dependencies = nodes.get(id).into_iter().flat_map(|node| &node.deps);
        let normal =
            dependencies.filter(|one| one.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        waiting.extend(normal.map(|one| one.pkg.as_str()));
    }
    found
}

fn component(package: &Package) -> Result<Value> {
    let Package {
        name,
        version,
        license,
        source,
        ..
    } = package;
    let license = license
        .as_deref()
        .with_context(|| format!("package {name} {version} names no licence"))?;
    // An old way to write a choice.
    let expression = license.replace('/', " OR ");
    let reference = format!("pkg:cargo/{name}@{version}");
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "licenses": [{ "expression": expression }],
    });
    if source.is_some() {
        component["purl"] = json!(reference);
    }
    Ok(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(license: &str) -> String {
        let package = |name: &str, license: &str, source: &str| {
            format!(
                r#"{{"id":"{name} 1","name":"{name}","version":"1.0.0","license":{license},"source":{source}}}"#
            )
        };
        let edge = |name: &str, kind: &str| {
            format!(r#"{{"pkg":"{name} 1","dep_kinds":[{{"kind":{kind}}}]}}"#)
        };
        format!(
            r#"{{"packages":[{},{},{},{}],"resolve":{{"nodes":[{{"id":"libextism 1","deps":[{},{}]}},
            {{"id":"linked 1","deps":[{}]}},{{"id":"built 1","deps":[]}},{{"id":"other 1","deps":[]}}]}}}}"#,
            package("libextism", "\"BSD-3-Clause\"", "null"),
            package("linked", license, "\"registry\""),
            package("built", "null", "\"registry\""),
            package("other", "null", "null"),
            edge("linked", "null"),
            edge("built", "\"build\""),
            edge("libextism", "null"),
        )
    }

    #[test]
    fn what_is_linked_is_listed_with_its_licence() {
        let text = document(&metadata("\"MIT/Apache-2.0\"")).unwrap();
        let list: Value = serde_json::from_str(&text).unwrap();
        let shown: Vec<String> = list["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        assert_eq!(
            shown,
            [
                r#"{"bom-ref":"pkg:cargo/libextism@1.0.0","licenses":[{"expression":"BSD-3-Clause"}],"name":"libextism","type":"library","version":"1.0.0"}"#,
                r#"{"bom-ref":"pkg:cargo/linked@1.0.0","licenses":[{"expression":"MIT OR Apache-2.0"}],"name":"linked","purl":"pkg:cargo/linked@1.0.0","type":"library","version":"1.0.0"}"#,
            ]
        );
    }

    #[test]
    fn a_linked_package_without_a_licence_is_an_error() {
        let error = document(&metadata("null")).unwrap_err();
        assert_eq!(error.to_string(), "package linked 1.0.0 names no licence");
    }
}
