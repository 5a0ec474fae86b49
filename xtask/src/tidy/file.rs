//! A file of the tree, read once, with the views the checks need.
//!
//! Must not know: the checks. Invariant: a path uses `/` and is relative to the root; the masked views of
//! Rust source have exactly the lines of the text.

use std::sync::OnceLock;

use super::finding::Finding;
use super::rust::{Masked, mask};

/// One file.
pub(super) struct File {
    pub(super) path: String,
    pub(super) bytes: u64,
    /// Absent where the content is not UTF-8 or holds a zero byte.
    pub(super) text: Option<String>,
    masked: OnceLock<Masked>,
}

impl File {
    pub(super) fn new(path: &str, content: Vec<u8>) -> File {
        let bytes = content.len() as u64;
        let text = String::from_utf8(content)
            .ok()
            .filter(|text| !text.contains('\0'));
        File {
            path: path.to_string(),
            bytes,
            text,
            masked: OnceLock::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// What follows the last dot of the name; empty where there is none or it is the first character.
    pub(super) fn extension(&self) -> &str {
        match self.name().rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => extension,
            _ => "",
        }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    pub(super) fn is_markdown(&self) -> bool {
        self.extension() == "md"
    }

    pub(super) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or("")
    }

    /// Lines with their numbers, counted from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(self.text())
    }

    /// The Rust source with comments and strings blanked.
    pub(super) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.masked().code)
    }

    /// The Rust source with everything but comments blanked.
    pub(super) fn comment_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.masked().comments)
    }

    pub(super) fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            message: message.into(),
        }
    }

    fn masked(&self) -> &Masked {
        self.masked.get_or_init(|| mask(self.text()))
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n')
        .enumerate()
        .map(|(at, line)| (at + 1, line))
}
