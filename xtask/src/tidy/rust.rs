//! A Rust source split into code, comments and literals, as far as the checks need it.
//!
//! Must not know: the checks. Invariant: both views have the length and the line breaks of the source, with
//! spaces in place of what they leave out; a malformed source gives odd views, never a panic.

/// The two views of one source.
pub(super) struct Masked {
    /// Code, with comments and the content of strings blanked. The quotes stay.
    pub(super) code: String,
    /// Comments alone.
    pub(super) comments: String,
}

pub(super) fn mask(source: &str) -> Masked {
    let mut scanner = Scanner {
        rest: source,
        code: String::new(),
        comments: String::new(),
    };
    while let Some(first) = scanner.rest.chars().next() {
        scanner.step(first);
    }
    Masked {
        code: scanner.code,
        comments: scanner.comments,
    }
}

struct Scanner<'a> {
    rest: &'a str,
    code: String,
    comments: String,
}

#[derive(Clone, Copy)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Scanner<'_> {
    fn step(&mut self, first: char) {
        if self.rest.starts_with("//") {
            let length = self.rest.find('\n').unwrap_or(self.rest.len());
            self.take(length, Kind::Comment);
        } else if self.rest.starts_with("/*") {
            self.take(block_comment_bytes(self.rest), Kind::Comment);
        } else if let Some(hashes) = raw_string_hashes(self.rest).filter(|_| !self.ends_in_word()) {
            self.raw_string(hashes);
        } else if first == '"' {
            self.take(1, Kind::Code);
            self.take(string_bytes(self.rest), Kind::Literal);
            self.take(self.rest.len().min(1), Kind::Code);
        } else if let Some(length) = character_bytes(self.rest) {
            self.take(length, Kind::Literal);
        } else {
            self.take(first.len_utf8(), Kind::Code);
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        let opening = self.rest.find('"').map_or(self.rest.len(), |at| at + 1);
        self.take(opening, Kind::Code);
        let closing = format!("\"{}", "#".repeat(hashes));
        let length = self.rest.find(&closing).unwrap_or(self.rest.len());
        self.take(length, Kind::Literal);
        self.take(self.rest.len().min(closing.len()), Kind::Code);
    }

    /// An identifier that ends in `r` or `br` does not begin a raw string.
    fn ends_in_word(&self) -> bool {
        self.code
            .ends_with(|last: char| last.is_alphanumeric() || last == '_')
    }

    fn take(&mut self, length: usize, kind: Kind) {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        let blank: String = taken
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect();
        match kind {
            Kind::Code => {
                self.code.push_str(taken);
                self.comments.push_str(&blank);
            }
            Kind::Comment => {
                self.code.push_str(&blank);
                self.comments.push_str(taken);
            }
            Kind::Literal => {
                self.code.push_str(&blank);
                self.comments.push_str(&blank);
            }
        }
    }
}

/// Block comments nest.
fn block_comment_bytes(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The number of `#` where a raw string begins here.
fn raw_string_hashes(text: &str) -> Option<usize> {
    let after = ["br", "cr", "r"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// Bytes up to the closing quote.
fn string_bytes(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    text.len()
}

/// Bytes of a character literal with its quotes; a lifetime is none.
fn character_bytes(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let mut characters = inside.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        // The character after the backslash may be a quote itself.
        let (after, _) = characters.nth(1)?;
        return Some(1 + after + inside.get(after..)?.find('\'')? + 1);
    }
    let (at, second) = characters.next()?;
    (second == '\'').then_some(1 + at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, code: &str, comments: &str) {
        let masked = mask(source);
        assert_eq!(masked.code, code, "code of {source}");
        assert_eq!(masked.comments, comments, "comments of {source}");
    }

    #[test]
    fn comments_strings_and_code_are_told_apart() {
        check("a // b\nc", "a     \nc", "  // b\n ");
        check(
            "a /* b /* c */ d */ e",
            "a                   e",
            "  /* b /* c */ d */  ",
        );
        check(
            r#"f("// x \" y", z)"#,
            r#"f("         ", z)"#,
            "                 ",
        );
        check("r#\"a \" b\"# c", "r#\"     \"# c", "            ");
        check("b\"x\" br\"y\\\" z", "b\" \" br\"  \" z", "             ");
    }

    #[test]
    fn lifetimes_are_code_and_characters_are_not() {
        check(
            "&'a str, '\"', '\\'', 'b'",
            "&'a str,    ,     ,    ",
            "                       ",
        );
        check("'\\u{1F600}' x", "            x", "             ");
    }

    #[test]
    fn an_identifier_before_a_string_does_not_make_it_raw() {
        check("expr\"a\\\"b\" c", "expr\"    \" c", "            ");
    }

    #[test]
    fn a_source_that_ends_too_early_is_taken_as_it_is() {
        for source in ["\"abc", "/* abc", "r#\"abc\"", "'", "'\\", "b'", "/*/"] {
            assert_eq!(
                mask(source).code.chars().count(),
                source.chars().count(),
                "{source}"
            );
        }
    }
}
