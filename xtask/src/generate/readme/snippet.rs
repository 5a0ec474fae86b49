//! Pieces of samples, cut out between two comments: `snippet: name` and `end snippet`.
//!
//! Must not know: how any language writes comments. Invariant: a piece is the code as it stands, without the
//! indentation all of its lines share.

use std::fs;

use anyhow::{Context, Result, bail, ensure};

use crate::project::Project;

/// The file of a sample, whatever its language calls files: `basic.py`, `Basic.java`, `basic/main.go`.
pub(super) fn find(project: &Project, folder: &str, sample: &str) -> Result<String> {
    let mut found = Vec::new();
    for entry in
        fs::read_dir(project.path(folder)).with_context(|| format!("cannot read {folder}"))?
    {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let stem = name.split('.').next().unwrap_or(&name);
        if plain(stem) != plain(sample) || name.ends_with(".wasm") {
            continue;
        }
        if entry.file_type()?.is_file() {
            found.push(format!("{folder}/{name}"));
        } else if let Ok(file) = main_file(project, &format!("{folder}/{name}"), sample) {
            found.push(file);
        }
    }
    found.sort();
    match found.as_slice() {
        [file] => Ok(file.clone()),
        [] => bail!("{folder} has no sample `{sample}`"),
        [first, second, ..] => bail!("{first} and {second} are both the sample `{sample}`"),
    }
}

/// The file of a sample that is a folder: `main`, `lib`, or one named like the sample.
fn main_file(project: &Project, folder: &str, sample: &str) -> Result<String> {
    for inner in [folder.to_string(), format!("{folder}/src")] {
        for entry in fs::read_dir(project.path(&inner)).into_iter().flatten() {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let stem = plain(name.split('.').next().unwrap_or(&name));
            let is_main =
                ["main", "lib", "program"].contains(&stem.as_str()) || stem == plain(sample);
            if is_main && entry.file_type()?.is_file() && name.contains('.') {
                return Ok(format!("{inner}/{name}"));
            }
        }
    }
    bail!("{folder} has no file of the sample `{sample}`")
}

/// A name without what languages write differently: `HostFunctions` and `host_functions` are the same.
fn plain(name: &str) -> String {
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

/// The lines of a snippet; where it has several parts, one after the other.
pub(super) fn cut(text: &str, name: &str) -> Result<String> {
    let mut parts: Vec<Vec<&str>> = Vec::new();
    let mut within: Option<&str> = None;
    for line in text.lines() {
        // What is left of a comment without its signs, in any language.
        let words = line.trim_matches(|c: char| !c.is_alphanumeric());
        if let Some(begun) = words.strip_prefix("snippet: ") {
            ensure!(
                within.is_none(),
                "the snippet `{begun}` begins within another"
            );
            within = Some(begun);
            if begun == name {
                parts.push(Vec::new());
            }
        } else if words == "end snippet" {
            ensure!(within.is_some(), "a snippet ends that did not begin");
            within = None;
        } else if within == Some(name)
            && let Some(part) = parts.last_mut()
        {
            part.push(line);
        }
    }
    ensure!(within != Some(name), "the snippet `{name}` has no end");
    ensure!(!parts.is_empty(), "there is no snippet `{name}`");
    let parts: Vec<String> = parts.iter().map(|lines| dedented(lines)).collect();
    Ok(parts.join("\n"))
}

/// The lines without the indentation they share and without blank lines at both ends.
fn dedented(lines: &[&str]) -> String {
    let blank = |line: &&str| line.trim().is_empty();
    let used: Vec<&str> = lines.iter().copied().skip_while(blank).collect();
    let end = used
        .iter()
        .rposition(|line| !blank(line))
        .map_or(0, |at| at + 1);
    let used = &used[..end];
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let shared = used
        .iter()
        .filter(|line| !blank(line))
        .map(indent)
        .min()
        .unwrap_or(0);
    let lines = used
        .iter()
        .map(|line| line.get(shared..).unwrap_or_default());
    lines.map(|line| format!("{line}\n")).collect()
}

/// What a block of code is marked with.
pub(super) fn fence(file: &str) -> &str {
    match file.rsplit('.').next().unwrap_or_default() {
        "cc" | "hpp" => "cpp",
        "cs" => "csharp",
        "erl" | "escript" => "erlang",
        "ex" | "exs" => "elixir",
        "hs" => "haskell",
        "js" | "mjs" => "javascript",
        "kt" => "kotlin",
        "ml" => "ocaml",
        "pl" => "perl",
        "py" => "python",
        "rb" => "ruby",
        "rs" => "rust",
        "ts" => "typescript",
        extension => extension,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_is_found_in_the_comments_of_any_language() {
        for (open, close) in [
            ("// ", ""),
            ("# ", ""),
            ("/* ", " */"),
            ("-- ", ""),
            ("(* ", " *)"),
            ("%% ", ""),
        ] {
            let text = format!(
                "a\n  {open}snippet: one{close}\n  b\n    c\n\n  {open}end snippet{close}\nd\n"
            );
            assert_eq!(cut(&text, "one").unwrap(), "b\n  c\n", "{open}");
        }
    }

    #[test]
    fn parts_of_a_snippet_stand_below_each_other() {
        let text = "# snippet: a\n1\n# end snippet\n# snippet: b\n2\n# end snippet\n# snippet: a\n3\n# end snippet\n";
        assert_eq!(cut(text, "a").unwrap(), "1\n\n3\n");
    }

    #[test]
    fn markers_that_do_not_pair_are_refused() {
        let complaint = |text: &str| cut(text, "a").unwrap_err().to_string();
        assert_eq!(complaint(""), "there is no snippet `a`");
        assert_eq!(complaint("# snippet: a\n1\n"), "the snippet `a` has no end");
        assert_eq!(
            complaint("# end snippet\n"),
            "a snippet ends that did not begin"
        );
        assert_eq!(
            complaint("# snippet: a\n# snippet: b\n"),
            "the snippet `b` begins within another"
        );
    }

    #[test]
    fn a_sample_is_found_under_the_name_its_language_gives_it() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::at(folder.path());
        for file in [
            "s/basic.py",
            "s/basic.wasm",
            "s/HostFunctions.java",
            "s/http/main.go",
            "s/expected/basic.txt",
        ] {
            project.write(file, "").unwrap();
        }
        assert_eq!(find(&project, "s", "basic").unwrap(), "s/basic.py");
        assert_eq!(
            find(&project, "s", "host_functions").unwrap(),
            "s/HostFunctions.java"
        );
        assert_eq!(find(&project, "s", "http").unwrap(), "s/http/main.go");
        let error = find(&project, "s", "pool_and_cancel").unwrap_err();
        assert_eq!(error.to_string(), "s has no sample `pool_and_cancel`");
        project.write("s/basic.pyi", "").unwrap();
        let error = find(&project, "s", "basic").unwrap_err();
        assert_eq!(
            error.to_string(),
            "s/basic.py and s/basic.pyi are both the sample `basic`"
        );
    }

    #[test]
    fn a_block_is_marked_with_its_language() {
        assert_eq!(fence("a/b.py"), "python");
        assert_eq!(fence("a/b.c"), "c");
    }
}
