//! Files that are written by a program: each is one entry of [`OUTPUTS`].
//!
//! Must not know: the content of any of them. Invariant: what is committed equals what the generator writes
//! now, byte for byte; `--check` says which file differs and the command that mends it.

mod abi;
mod c;
mod cpp;
mod document;
mod header;
mod imports;
mod interface;
mod item;
mod javascript;
mod limits;
mod profile;
mod python;
mod readme;
mod rust;
mod schema;
mod section;
mod status;
mod words;

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use crate::project::Project;

/// The command that brings every generated file up to date.
const COMMAND: &str = "cargo xtask gen";

/// A generated file, or a generated part of a file.
struct Output {
    /// Where the facts are, relative to the root.
    source: String,
    /// What is written, relative to the root.
    output: String,
    function: Generator,
}

/// Makes what stands in an output.
type Generator = Box<dyn Fn(&Project) -> Result<Produced>>;

impl Output {
    fn new(
        source: impl Into<String>,
        output: impl Into<String>,
        function: impl Fn(&Project) -> Result<Produced> + 'static,
    ) -> Output {
        Output {
            source: source.into(),
            output: output.into(),
            function: Box::new(function),
        }
    }
}

/// What a generator has to say.
#[derive(Debug, PartialEq, Eq)]
enum Produced {
    /// The whole text of the output.
    Text(String),
    /// There is nothing to generate from or into yet.
    Nothing(String),
    /// The output is there but has no place for the generated part: a failure of `--check`.
    NoPlace(String),
}

/// Every generated file. A new table plugs in here.
fn outputs(project: &Project) -> Result<Vec<Output>> {
    let mut outputs = vec![
        Output::new(status::SOURCE, "crates/abi/src/status.rs", rust::generate),
        Output::new(
            imports::SOURCE,
            imports::rust::OUTPUT,
            imports::rust::generate,
        ),
        Output::new(
            imports::SOURCE,
            imports::coverage::OUTPUT,
            imports::coverage::generate,
        ),
        Output::new(status::SOURCE, header::OUTPUT, header::generate),
        Output::new(status::SOURCE, "docs/errors.md", document::generate),
        Output::new(limits::SOURCE, limits::OUTPUT, limits::generate),
        Output::new("abi", abi::OUTPUT, abi::generate),
        Output::new(
            schema::SOURCE,
            "docs/manifest.schema.json",
            schema::generate,
        ),
        Output::new("abi", python::NATIVE, python::generate_native),
        Output::new(status::SOURCE, python::STATUS, python::generate_status),
        Output::new(status::SOURCE, cpp::OUTPUT, cpp::generate),
        Output::new(
            status::SOURCE,
            javascript::STATUS,
            javascript::generate_status,
        ),
        Output::new(
            limits::SOURCE,
            javascript::LIMITS,
            javascript::generate_limits,
        ),
        Output::new(words::SOURCE, words::OUTPUT, words::generate),
    ];
    outputs.extend(readme::outputs(project)?);
    outputs.extend(readme::overviews(project)?);
    Ok(outputs)
}

/// What is written by hand and has to say what a table says: one line for each difference.
type Comparison = fn(&Project) -> Result<Vec<String>>;

const COMPARISONS: &[Comparison] = &[
    header::differences,
    imports::kits::differences,
    words::differences,
];

/// Writes every output that differs and returns one line for each file it looked at.
pub(crate) fn write(project: &Project) -> Result<String> {
    let lines = write_outputs(project, &outputs(project)?)?;
    compare(project)?;
    Ok(lines)
}

/// Compares every output with what would be written.
pub(crate) fn check(project: &Project) -> Result<()> {
    let checks = [check_outputs(project, &outputs(project)?), compare(project)];
    let failed = checks.into_iter().filter_map(Result::err);
    let complaints: Vec<String> = failed.map(|error| format!("{error:#}")).collect();
    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    Ok(())
}

fn compare(project: &Project) -> Result<()> {
    let mut differences = Vec::new();
    for comparison in COMPARISONS {
        differences.extend(comparison(project)?);
    }
    if !differences.is_empty() {
        bail!("{}", differences.join("\n"));
    }
    Ok(())
}

fn write_outputs(project: &Project, outputs: &[Output]) -> Result<String> {
    let mut lines = String::new();
    for Output {
        source,
        output,
        function,
    } in outputs
    {
        let outcome = match produce(project, output, function)? {
            Produced::Text(text) if current(project, output) == text => "unchanged".to_string(),
            Produced::Text(text) => {
                project.write(output, &text)?;
                "written".to_string()
            }
            Produced::Nothing(reason) | Produced::NoPlace(reason) => {
                format!("left alone: {reason}")
            }
        };
        writeln!(lines, "{output} (from {source}): {outcome}")?;
    }
    Ok(lines)
}

fn check_outputs(project: &Project, outputs: &[Output]) -> Result<()> {
    let mut complaints = String::new();
    for Output {
        source,
        output,
        function,
    } in outputs
    {
        match produce(project, output, function)? {
            Produced::Text(text) if current(project, output) == text => {}
            Produced::Text(_) => writeln!(
                complaints,
                "{output} does not match {source}: run `{COMMAND}`"
            )?,
            Produced::NoPlace(reason) => writeln!(complaints, "{output}: {reason}")?,
            Produced::Nothing(_) => {}
        }
    }
    if !complaints.is_empty() {
        bail!("{}", complaints.trim_end());
    }
    Ok(())
}

fn produce(
    project: &Project,
    output: &str,
    function: &dyn Fn(&Project) -> Result<Produced>,
) -> Result<Produced> {
    function(project).with_context(|| format!("generating {output}"))
}

/// The committed text, with the line ends a checkout on Windows may have added removed.
fn current(project: &Project, output: &str) -> String {
    project
        .read(output)
        .unwrap_or_default()
        .replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(function: fn(&Project) -> Result<Produced>) -> [Output; 1] {
        [Output::new("words.txt", "out/words.txt", function)]
    }

    fn upper() -> [Output; 1] {
        output(|project| Ok(Produced::Text(project.read("words.txt")?.to_uppercase())))
    }

    fn scratch() -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::at(folder.path());
        (folder, project)
    }

    #[test]
    fn an_output_is_written_once_and_then_matches() {
        let (_folder, project) = scratch();
        project.write("words.txt", "one\n").unwrap();
        let stale = check_outputs(&project, &upper()).unwrap_err();
        assert_eq!(
            stale.to_string(),
            "out/words.txt does not match words.txt: run `cargo xtask gen`"
        );

        assert_eq!(
            write_outputs(&project, &upper()).unwrap(),
            "out/words.txt (from words.txt): written\n"
        );
        assert_eq!(project.read("out/words.txt").unwrap(), "ONE\n");
        check_outputs(&project, &upper()).unwrap();
        assert_eq!(
            write_outputs(&project, &upper()).unwrap(),
            "out/words.txt (from words.txt): unchanged\n"
        );
    }

    #[test]
    fn a_missing_place_fails_the_check_and_a_missing_source_does_not() {
        let (_folder, project) = scratch();
        let nothing = output(|_| Ok(Produced::Nothing("no crate yet".into())));
        check_outputs(&project, &nothing).unwrap();
        let no_place = output(|_| Ok(Produced::NoPlace("no markers".into())));
        let error = check_outputs(&project, &no_place).unwrap_err();
        assert_eq!(error.to_string(), "out/words.txt: no markers");
    }

    #[test]
    fn an_error_names_the_output_and_the_cause() {
        let (_folder, project) = scratch();
        let error = check_outputs(&project, &upper()).unwrap_err();
        let causes: Vec<String> = error.chain().take(2).map(ToString::to_string).collect();
        assert_eq!(
            causes,
            ["generating out/words.txt", "cannot read words.txt"]
        );
    }
}
