//! Rules for documents.
//!
//! Must not know: what a document says. Invariant: a link inside the tree leads to something in the tree.

use super::file::File;
use super::finding::Finding;
use super::tree::Tree;

pub(super) fn one_title(file: &File, _: &Tree) -> Vec<Finding> {
    if !file.is_markdown() {
        return Vec::new();
    }
    let titles: Vec<usize> = prose(file)
        .filter(|(_, line)| line.starts_with("# "))
        .map(|(at, _)| at)
        .collect();
    match titles.as_slice() {
        [_] => Vec::new(),
        [] => vec![file.finding(0, "the document has no title (`# `)")],
        [_, second, ..] => vec![file.finding(*second, "a second title; a document has one `# `")],
    }
}

pub(super) fn links_resolve(file: &File, tree: &Tree) -> Vec<Finding> {
    if !file.is_markdown() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (at, line) in prose(file) {
        for target in targets(&without_code(line)) {
            if is_relative(target) && !resolves(file, tree, target) {
                findings.push(file.finding(at, format!("the link `{target}` leads nowhere")));
            }
        }
    }
    findings
}

/// The lines outside fenced code.
fn prose(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    file.lines().filter(move |(_, line)| {
        let line = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| line.starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(close)) if open == close => fence = None,
            (None, None) => return true,
            (Some(_), _) => {}
        }
        false
    })
}

/// The line with its `inline code` removed.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// What the links and images of a line lead to, and what a `[name]: target` line names.
fn targets(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (start, _) in line.match_indices("](") {
        let rest = &line[start + 2..];
        if let Some(end) = rest.find(')') {
            found.push(&rest[..end]);
        }
    }
    if let Some((_, rest)) = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
    {
        found.push(rest);
    }
    // A title may follow the target.
    found
        .iter()
        .filter_map(|target| target.split_whitespace().next())
        .collect()
}

fn is_relative(target: &str) -> bool {
    !(target.starts_with('#') || target.contains("://") || target.starts_with("mailto:"))
}

fn resolves(file: &File, tree: &Tree, target: &str) -> bool {
    let path = target.split_once('#').map_or(target, |(path, _)| path);
    let mut parts: Vec<&str> = file.path.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            _ => parts.push(part),
        }
    }
    !path.starts_with('/') && tree.contains(&parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::messages;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(messages("docs/a.md", text), expected, "{text}");
    }

    #[test]
    fn a_document_has_exactly_one_title() {
        check("# A\n\n```sh\n# a comment\n```\n", &[]);
        check("## A\n", &["docs/a.md: the document has no title (`# `)"]);
        check(
            "# A\n\n# B\n",
            &["docs/a.md:3: a second title; a document has one `# `"],
        );
    }

    #[test]
    fn a_link_into_the_tree_has_to_resolve() {
        check(
            "# A\n[a](a.md) [b](./a.md#part \"title\") [c](../docs/) ![d](/a.md)\n",
            &["docs/a.md:2: the link `/a.md` leads nowhere"],
        );
        check(
            "# A\n[a](b.md)\n",
            &["docs/a.md:2: the link `b.md` leads nowhere"],
        );
        check(
            "# A\n[a](../../a.md)\n",
            &["docs/a.md:2: the link `../../a.md` leads nowhere"],
        );
        check(
            "# A\n[a]: b.md\n",
            &["docs/a.md:2: the link `b.md` leads nowhere"],
        );
    }

    #[test]
    fn addresses_anchors_and_code_are_no_links_into_the_tree() {
        check(
            "# A\n[a](https://example.com/b.md) [b](#a) [c](mailto:a@example.com) `[d](b.md)`\n",
            &[],
        );
        check("# A\n~~~\n[a](b.md)\n```\n~~~\n", &[]);
    }
}
