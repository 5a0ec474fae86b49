//! Running the benchmarks of the Rust SDK.
//!
//! Must not know: what is measured. Invariant: without benchmarks nothing is built.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::project::Project;

const FOLDER: &str = "crates/extism/benches";

/// Runs the benchmarks with their output on the screen.
pub(crate) fn run(project: &Project, filter: Option<&str>) -> Result<()> {
    let Some(mut command) = command(project)? else {
        println!("there are no benchmarks in {FOLDER}");
        return Ok(());
    };
    command.args(filter);
    ensure!(command.status()?.success(), "the benchmarks failed");
    Ok(())
}

fn command(project: &Project) -> Result<Option<Command>> {
    if !project.exists(FOLDER) {
        return Ok(None);
    }
    let mut command = project.cargo("bench");
    command.args(["--package", "extism", "--benches"]);
    Ok(Some(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_command_where_there_are_benchmarks() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::at(folder.path());
        assert!(command(&project).unwrap().is_none());
        project
            .write(&format!("{FOLDER}/call.rs"), "//! Calls.\n")
            .unwrap();
        let arguments: Vec<_> = command(&project)
            .unwrap()
            .unwrap()
            .get_args()
            .map(|a| a.to_owned())
            .collect();
        assert_eq!(arguments, ["bench", "--package", "extism", "--benches"]);
    }
}
