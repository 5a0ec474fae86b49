//! What README.md shows on a command line, typed in and compared.
//!
//! Must not know: what the command line can do. Invariant: every line `$ extism …` in a `console` block is
//! run at the root of the repository, and what follows it is exactly what it prints.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process;
use crate::project::Project;

const FILE: &str = "README.md";

/// The programs it shows: files of the repository that are compiled and run by tests.
pub(crate) const EMBED_C: &str = "examples/embed.c";
const EMBED_RUST: &str = "crates/extism/examples/embed.rs";

/// Checks that the programs it shows are those files, below their first comment.
pub(crate) fn check_programs(project: &Project) -> Result<()> {
    let text = project.read(FILE)?;
    for (language, file) in [("c", EMBED_C), ("rust", EMBED_RUST)] {
        let program = project.read(file)?;
        let (_, shown) = program
            .split_once("\n\n")
            .context("no comment at the top")?;
        ensure!(
            text.contains(&format!("```{language}\n{shown}```\n")),
            "{FILE} does not show {file} as it is"
        );
    }
    Ok(())
}

/// A command and what the document says it prints.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    line: usize,
    command: String,
    printed: String,
}

/// Runs every example with the programs under `prefix` and returns how many there were.
pub(crate) fn run(project: &Project, prefix: &Path) -> Result<u64> {
    if !project.exists(FILE) {
        return Ok(0);
    }
    let examples = examples(&project.read(FILE)?);
    let mut count = 0;
    for Example {
        line,
        command,
        printed,
    } in examples
    {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &command])
            .current_dir(project.root())
            .env("PATH", path(prefix)?);
        let output = process::stdout_of(shell)?;
        ensure!(
            output == printed,
            "{FILE}:{line}: `{command}` printed\n{output}and not\n{printed}"
        );
        count += 1;
    }
    Ok(count)
}

fn path(prefix: &Path) -> Result<std::ffi::OsString> {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(prefix.join("bin")).chain(env::split_paths(&inherited));
    Ok(env::join_paths(folders.collect::<Vec<PathBuf>>())?)
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let (mut in_block, mut in_example) = (false, false);
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            in_block = !in_block && line == "```console";
            in_example = false;
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| in_block) {
            in_example = command.starts_with("extism ");
            if in_example {
                examples.push(Example {
                    line: at + 1,
                    command: command.to_string(),
                    printed: String::new(),
                });
            }
        } else if let Some(example) = examples.last_mut().filter(|_| in_example) {
            example.printed.push_str(line);
            example.printed.push('\n');
        }
    }
    examples
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# A

$ extism not this one

```console
$ cargo build
Finished
$ extism call a.wasm f --input x
one
two
$ extism --version | head -n 1
```

```sh
$ extism nor this one
```
";

    #[test]
    fn only_commands_of_ours_in_console_blocks_are_examples() {
        let example = |line, command: &str, printed: &str| Example {
            line,
            command: command.to_string(),
            printed: printed.to_string(),
        };
        let expected = [
            example(8, "extism call a.wasm f --input x", "one\ntwo\n"),
            example(11, "extism --version | head -n 1", ""),
        ];
        assert_eq!(examples(TEXT), expected);
    }

    #[cfg(unix)]
    #[test]
    fn an_example_that_prints_something_else_is_named() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let project = Project::at(folder.path());
        project
            .write("bin/extism", "#!/bin/sh\necho got \"$1\"\n")
            .unwrap();
        let program = project.path("bin/extism");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();

        project
            .write(
                FILE,
                "# A\n```console\n$ extism a\ngot a\n$ extism b\ngot b\n```\n",
            )
            .unwrap();
        assert_eq!(run(&project, folder.path()).unwrap(), 2);
        project
            .write(FILE, "# A\n```console\n$ extism a\ngot b\n```\n")
            .unwrap();
        let error = run(&project, folder.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "README.md:3: `extism a` printed\ngot a\nand not\ngot b\n"
        );
    }
}
