//! Where a row says it is proven, there is a test of that name.
//!
//! Must not know: what a test does. Invariant: a test that is renamed or deleted takes its rows along, or
//! this fails.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::case::Suite;

/// Looks up every reference of every row.
pub(crate) fn check(root: &Path, suites: &[Suite]) -> Result<()> {
    let cases = suites.iter().flat_map(|suite| &suite.cases);
    let wrong: Vec<String> = cases
        .flat_map(|case| case.proven.iter().map(move |proof| (case, proof)))
        .filter_map(|(case, proof)| {
            let error = look_up(root, proof).err()?;
            Some(format!("{}: {error:#}", case.id))
        })
        .collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// `path: name`, where the name is that of a function of Rust or C, or of a conformance case.
fn look_up(root: &Path, proof: &str) -> Result<()> {
    let (path, name) = proof
        .split_once(": ")
        .with_context(|| format!("`{proof}` is not `file: name`"))?;
    let text = std::fs::read_to_string(root.join(path));
    let text = text.with_context(|| format!("cannot read {path}"))?;
    let found = match path.rsplit_once('.').map(|(_, kind)| kind) {
        Some("rs") => is_test(&text, name),
        Some("c") => text.contains(&format!("static void {name}(void) {{")),
        Some("toml") => text.contains(&format!("\nid = \"{name}\"\n")),
        _ => bail!("{path} is neither Rust nor C nor a file of cases"),
    };
    ensure!(found, "{path} has no test {name}");
    Ok(())
}

/// Whether a function of this name is marked as a test. Attributes may stand between.
fn is_test(text: &str, name: &str) -> bool {
    let function = format!("fn {name}() ");
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            marked = true;
        } else if line.starts_with(&function) {
            return marked;
        } else if !line.starts_with('#') {
            marked = false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_proven_by_what_exists() {
        check(crate::root(), &crate::case::load().unwrap()).unwrap();
    }

    #[test]
    fn a_function_that_is_no_test_proves_nothing() {
        let text = "#[test]\n#[cfg(unix)]\nfn a() {\n}\nfn b() {\n}\n";
        assert!(is_test(text, "a"));
        assert!(!is_test(text, "b"));
        assert!(!is_test(text, "c"));
    }
}
