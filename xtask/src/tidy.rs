//! Rules no compiler checks: each file of the tree is read once and shown to every check.
//!
//! Must not know: how a rule is decided. Invariant: a tree with no finding stays without one wherever it is
//! checked out; no check looks outside the tree, at the clock or at the network.

mod budget;
mod file;
mod finding;
mod markdown;
mod rust;
mod source;
mod text;
mod tree;

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::project::Project;
use file::File;
use finding::Finding;
use tree::Tree;

/// A rule: it sees a file and the tree, and says what is wrong with the file.
type Check = fn(&File, &Tree) -> Vec<Finding>;

/// Every rule.
const CHECKS: &[Check] = &[
    tree::small_enough,
    tree::known_kind,
    tree::public_sources_only,
    text::clean_white_space,
    text::short_enough,
    text::numbered_reminders,
    text::no_machine_paths,
    source::module_header,
    source::narrow_lines,
    source::no_debug_output,
    source::unsafe_where_allowed,
    source::environment_where_allowed,
    markdown::one_title,
    markdown::links_resolve,
    budget::within_budget,
];

/// Checks the tree; the error lists every finding.
pub(crate) fn run(project: &Project) -> Result<()> {
    let findings = examine(&read(project)?);
    if findings.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    bail!("{}\n{} findings", lines.join("\n"), lines.len());
}

fn examine(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree
        .files()
        .iter()
        .flat_map(|file| CHECKS.iter().flat_map(|check| check(file, tree)))
        .collect();
    findings.sort();
    findings
}

/// The files git tracks or would track.
fn read(project: &Project) -> Result<Tree> {
    let mut command = Command::new("git");
    command.current_dir(project.root());
    // The checkout may belong to another user than the one who runs the checks.
    command.args([
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let listed =
        process::stdout_of(command).context("tidy asks git which files belong to the tree")?;
    let mut files = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        let on_disk = project.path(path);
        // A file that was deleted and not yet committed is still listed.
        if on_disk.is_file() {
            let content = fs::read(&on_disk).with_context(|| format!("cannot read {path}"))?;
            files.push(File::new(path, content));
        }
    }
    Ok(Tree::new(files))
}

/// The messages the checks have for a tree of one file.
#[cfg(test)]
fn messages(path: &str, content: &str) -> Vec<String> {
    let tree = Tree::new(vec![File::new(path, content.as_bytes().to_vec())]);
    examine(&tree).iter().map(Finding::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        if let Err(findings) = run(&Project::locate()) {
            panic!("{findings}");
        }
    }

    #[test]
    fn findings_are_sorted_by_place() {
        let files = [("b.rs", "//! B.\nx \n"), ("a.rs", "//! A.\ny \n")];
        let files = files.map(|(path, text)| File::new(path, text.as_bytes().to_vec()));
        let found = examine(&Tree::new(files.into()));
        let shown: Vec<String> = found.iter().map(Finding::to_string).collect();
        assert_eq!(
            shown,
            [
                "a.rs:2: white space at the end of the line",
                "b.rs:2: white space at the end of the line"
            ]
        );
    }
}
