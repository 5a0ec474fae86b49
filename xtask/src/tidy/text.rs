//! Rules for every text file.
//!
//! Must not know: the grammar of any language. Invariant: a file reads the same on every machine.

use super::file::File;
use super::finding::Finding;
use super::tree::Tree;

pub(super) fn clean_white_space(file: &File, _: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in file.lines() {
        if line.ends_with('\r') {
            findings.push(file.finding(at, "a carriage return"));
        } else if line.ends_with([' ', '\t']) {
            findings.push(file.finding(at, "white space at the end of the line"));
        } else if line.contains('\t') {
            findings.push(file.finding(at, "a tab"));
        }
    }
    let text = file.text();
    if !text.is_empty()
        && (!text.ends_with('\n') || text.ends_with("\n\n"))
        && file.extension() != "svg"
    {
        findings.push(file.finding(0, "the file does not end with exactly one newline"));
    }
    findings
}

/// The longest file that is written by hand.
const LINES_MAX: usize = 600;

/// Kinds that a program writes, or that are data.
const LONG_KINDS: &[&str] = &["json", "lock", "svg", "txt"];

/// Files that may be longer, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[(
    "include/extism.h",
    "one header is what users include; it has a section per noun",
)];

pub(super) fn short_enough(file: &File, _: &Tree) -> Vec<Finding> {
    let excepted = LONG_FILES.iter().any(|(path, _)| *path == file.path);
    let count = file.text().lines().count();
    if count <= LINES_MAX || excepted || LONG_KINDS.contains(&file.extension()) {
        return Vec::new();
    }
    vec![file.finding(
        0,
        format!("{count} lines are more than {LINES_MAX}; one noun per file"),
    )]
}

/// Words that promise later work, written so that this file does not contain them.
const REMINDERS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// A reminder names the issue it belongs to, as in `(#12)` right behind the word. Prose may speak of them.
pub(super) fn numbered_reminders(file: &File, _: &Tree) -> Vec<Finding> {
    let lines: Box<dyn Iterator<Item = (usize, &str)>> = if file.is_rust() {
        Box::new(file.comment_lines())
    } else if file.is_markdown() || LONG_KINDS.contains(&file.extension()) {
        return Vec::new();
    } else {
        Box::new(file.lines())
    };
    let mut findings = Vec::new();
    for (at, line) in lines {
        for word in REMINDERS {
            let unnumbered = line.match_indices(word).any(|(start, _)| {
                let after = &line[start + word.len()..];
                stands_alone(line, start, word.len()) && !begins_with_number(after)
            });
            if unnumbered {
                findings
                    .push(file.finding(at, format!("a {word} without the number of its issue")));
            }
        }
    }
    findings
}

fn begins_with_number(text: &str) -> bool {
    let number = text
        .strip_prefix("(#")
        .and_then(|rest| rest.split_once(')'));
    number.is_some_and(|(digits, _)| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Folders of one machine, written so that this file does not contain them.
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/", "work"),
    concat!("/", "root"),
    concat!("/", "tmp"),
    concat!("/", "home"),
];

/// An absolute path that exists on one machine only.
pub(super) fn no_machine_paths(file: &File, _: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in file.lines() {
        for folder in MACHINE_FOLDERS {
            if line
                .match_indices(folder)
                .any(|(start, _)| stands_alone(line, start, folder.len()))
            {
                findings.push(file.finding(at, format!("`{folder}` is a folder of one machine")));
            }
        }
    }
    findings
}

/// Whether the match is neither part of a longer word nor of a relative path.
fn stands_alone(line: &str, start: usize, length: usize) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let before = line[..start].chars().next_back();
    let after = line[start + length..].chars().next();
    !before.is_some_and(|c| part_of_word(c) || ".)}>*~".contains(c))
        && !after.is_some_and(part_of_word)
}

#[cfg(test)]
mod tests {
    use super::super::messages;
    use super::*;

    fn check(path: &str, text: &str, expected: &[&str]) {
        assert_eq!(messages(path, text), expected, "{text}");
    }

    #[test]
    fn white_space_at_the_end_tabs_and_carriage_returns_are_found() {
        check(
            "a.txt",
            "a \n",
            &["a.txt:1: white space at the end of the line"],
        );
        check("a.txt", "a\n\tb\n", &["a.txt:2: a tab"]);
        check("a.txt", "a\r\n", &["a.txt:1: a carriage return"]);
        let newline = "a.txt: the file does not end with exactly one newline";
        check("a.txt", "a", &[newline]);
        check("a.txt", "a\n\n", &[newline]);
        check("a.txt", "a\n", &[]);
    }

    #[test]
    fn a_long_file_is_found() {
        check("a.c", &"x;\n".repeat(LINES_MAX), &[]);
        let message = "a.c: 601 lines are more than 600; one noun per file";
        check("a.c", &"x;\n".repeat(LINES_MAX + 1), &[message]);
        check("a.json", &"1\n".repeat(LINES_MAX + 1), &[]);
    }

    #[test]
    fn a_reminder_without_a_number_is_found() {
        let [later, mend] = [REMINDERS[0], REMINDERS[1]];
        check(
            "a.c",
            &format!("/* {later}: x */\n"),
            &[&format!("a.c:1: a {later} without the number of its issue")],
        );
        check(
            "a.rs",
            &format!("//! A.\n// {mend} x\n"),
            &[&format!("a.rs:2: a {mend} without the number of its issue")],
        );
        check(
            "a.rs",
            &format!("//! A.\n// {later}(#12): x\nlet a = \"{later}\";\n"),
            &[],
        );
        check("a.c", &format!("int {later}S;\n"), &[]);
        check(
            "a.c",
            &format!("/* {later}(#): x */\n"),
            &[&format!("a.c:1: a {later} without the number of its issue")],
        );
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for folder in MACHINE_FOLDERS {
            let message = format!("a.toml:1: `{folder}` is a folder of one machine");
            check("a.toml", &format!("path = \"{folder}/x\"\n"), &[&message]);
            check(
                "a.toml",
                &format!("path = \"target{folder}/x\"\nother = \"..{folder}\"\n"),
                &[],
            );
            check("a.toml", &format!("path = \"{folder}space/x\"\n"), &[]);
        }
    }
}
