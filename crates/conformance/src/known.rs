//! Cases that are known to fail, each with a reason.
//!
//! Must not know: how a case fails. Invariant: a line has a reason; a listed case that passes is a failure,
//! so that the list only holds what is true.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known(Vec<Line>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    pattern: String,
    reason: String,
}

/// Reads a file: `pattern reason` in each line, where `*` in a pattern is any run of characters; empty lines
/// and those that begin with `#` say nothing.
pub(crate) fn read(file: &Path) -> Result<Known> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    parse(&text).with_context(|| file.display().to_string())
}

fn parse(text: &str) -> Result<Known> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines = lines.map(|line| {
        let (pattern, reason) = line.split_once(' ').unwrap_or((line, ""));
        ensure!(!reason.trim().is_empty(), "{pattern} has no reason");
        Ok(Line {
            pattern: pattern.to_owned(),
            reason: reason.trim().to_owned(),
        })
    });
    Ok(Known(lines.collect::<Result<_>>()?))
}

impl Known {
    /// Why the case of this name is known to fail; `None` if it is not.
    pub(crate) fn reason(&self, name: &str) -> Option<&str> {
        let line = self.0.iter().find(|line| matches(&line.pattern, name))?;
        Some(&line.reason)
    }

    /// The patterns that fit none of the names.
    pub(crate) fn unused<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = &'a str> {
        let unused = |line: &&Line| !names.iter().any(|name| matches(&line.pattern, name));
        self.0
            .iter()
            .filter(unused)
            .map(|line| line.pattern.as_str())
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(tail) = name.strip_prefix(head) else {
        return false;
    };
    let starts = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
    starts.into_iter().any(|at| matches(rest, &tail[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("a/b", "a/b", true),
            ("a/b", "a/bc", false),
            ("a/*", "a/b", true),
            ("*", "", true),
            ("*b*d", "abcd", true),
            ("*b*d", "abc", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_reason_is_mandatory() {
        let known = parse("# Remark\n\nhttp/*  no sockets here \na/b  why\n").unwrap();
        assert_eq!(known.reason("http/x"), Some("no sockets here"));
        assert_eq!(known.reason("fs/x"), None);
        let names = ["http/x".to_owned()];
        assert_eq!(known.unused(&names).collect::<Vec<_>>(), ["a/b"]);
        assert_eq!(
            parse("http/*\n").unwrap_err().to_string(),
            "http/* has no reason"
        );
    }
}
