//! JSON read into a tree.
//!
//! Must not know the manifest. Invariants: what is accepted is JSON as RFC 8259 has it and nothing else; the
//! stack does not grow with the text, and the tree not beyond the budget.

use crate::node::{Budget, DEPTH_MAX, FLOAT, Node};

/// Why a text is no JSON, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: &'static str,
    pub(crate) at: usize,
}

type Result<T> = std::result::Result<T, Fault>;

const TOO_DEEP: Node = Node::Other("a value nested too deeply");

const END_IN_VALUE: &str = "EOF while parsing a value";
const END_IN_OBJECT: &str = "EOF while parsing an object";
const END_IN_ARRAY: &str = "EOF while parsing a list";
const END_IN_TEXT: &str = "EOF while parsing a string";
const BAD_ESCAPE: &str = "invalid escape";
const BAD_NUMBER: &str = "invalid number";
const LONE_SURROGATE: &str = "lone leading surrogate in hex escape";

/// Reads a text that is one value.
pub(crate) fn read(text: &str, budget: &Budget) -> Result<Node> {
    let mut reader = Reader {
        text,
        at: 0,
        budget,
    };
    let node = reader.value(DEPTH_MAX)?;
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.fault("trailing characters")),
    }
}

struct Reader<'t, 'b> {
    text: &'t str,
    at: usize,
    budget: &'b Budget,
}

impl Reader<'_, '_> {
    fn fault(&self, message: &'static str) -> Fault {
        Fault {
            message,
            at: self.at,
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The byte after any space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Passes over a byte that is there.
    fn eat(&mut self, expected: u8) -> bool {
        let is_there = self.byte() == Some(expected);
        self.at += usize::from(is_there);
        is_there
    }

    fn value(&mut self, depth_left: usize) -> Result<Node> {
        if !self.budget.take_one() {
            return Err(self.fault("a manifest of too many values"));
        }
        match self.peek() {
            Some(b'{' | b'[') if depth_left == 0 => self.skip().map(|()| TOO_DEEP),
            Some(b'{') => self.object(depth_left - 1),
            Some(b'[') => self.array(depth_left - 1),
            _ => self.scalar(),
        }
    }

    fn object(&mut self, depth_left: usize) -> Result<Node> {
        self.at += 1;
        let mut entries = Vec::new();
        while self.key_follows(entries.is_empty())? {
            let key = self.key()?;
            entries.push((key, self.value(depth_left)?));
        }
        Ok(Node::Object(entries))
    }

    fn array(&mut self, depth_left: usize) -> Result<Node> {
        self.at += 1;
        let mut items = Vec::new();
        while self.item_follows(items.is_empty())? {
            items.push(self.value(depth_left)?);
        }
        Ok(Node::Array(items))
    }

    /// Whether there is another entry of an object, or its end, which is passed over.
    fn key_follows(&mut self, is_first: bool) -> Result<bool> {
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(false);
            }
            Some(b',') if !is_first => self.at += 1,
            Some(_) if is_first => {}
            Some(_) => return Err(self.fault("expected `,` or `}`")),
            None => return Err(self.fault(END_IN_OBJECT)),
        }
        match self.peek() {
            Some(b'"') => Ok(true),
            Some(b'}') => Err(self.fault("trailing comma")),
            Some(_) => Err(self.fault("key must be a string")),
            None => Err(self.fault(END_IN_VALUE)),
        }
    }

    /// A key and the colon after it.
    fn key(&mut self) -> Result<String> {
        let key = self.text()?;
        match self.peek() {
            Some(b':') => {
                self.at += 1;
                Ok(key)
            }
            Some(_) => Err(self.fault("expected `:`")),
            None => Err(self.fault(END_IN_OBJECT)),
        }
    }

    /// As [`Reader::key_follows`], of an array.
    fn item_follows(&mut self, is_first: bool) -> Result<bool> {
        match self.peek() {
            Some(b']') => {
                self.at += 1;
                return Ok(false);
            }
            Some(b',') if !is_first => self.at += 1,
            Some(_) if is_first => return Ok(true),
            Some(_) => return Err(self.fault("expected `,` or `]`")),
            None => return Err(self.fault(END_IN_ARRAY)),
        }
        match self.peek() {
            Some(b']') => Err(self.fault("trailing comma")),
            Some(_) => Ok(true),
            None => Err(self.fault(END_IN_VALUE)),
        }
    }

    /// Passes over an object or array, and remembers no more of it than what is open.
    fn skip(&mut self) -> Result<()> {
        let mut open = Vec::new();
        loop {
            // At a value.
            let mut is_first = false;
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.at += 1;
                    open.push(bracket);
                    is_first = true;
                }
                _ => drop(self.scalar()?),
            }
            // After a value, or after a bracket: on to the next value.
            loop {
                let follows = match open.last() {
                    None => return Ok(()),
                    Some(b'{') => self.key_follows(is_first)? && self.key().map(|_| true)?,
                    Some(_) => self.item_follows(is_first)?,
                };
                if follows {
                    break;
                }
                open.pop();
                is_first = false;
            }
        }
    }

    fn scalar(&mut self) -> Result<Node> {
        match self.byte() {
            Some(b'"') => self.text().map(Node::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.word("null", Node::Null),
            Some(b't') => self.word("true", Node::Other("a boolean")),
            Some(b'f') => self.word("false", Node::Other("a boolean")),
            Some(_) => Err(self.fault("expected value")),
            None => Err(self.fault(END_IN_VALUE)),
        }
    }

    fn word(&mut self, word: &str, node: Node) -> Result<Node> {
        for letter in word.bytes() {
            if !self.eat(letter) {
                let message = match self.byte() {
                    Some(_) => "expected ident",
                    None => END_IN_VALUE,
                };
                return Err(self.fault(message));
            }
        }
        Ok(node)
    }

    /// A whole number of 64 bits as such, any other as a floating-point number.
    fn number(&mut self) -> Result<Node> {
        let start = self.at;
        let is_negative = self.eat(b'-');
        if self.eat(b'0') {
            if let Some(b'0'..=b'9') = self.byte() {
                return Err(self.fault(BAD_NUMBER));
            }
        } else {
            self.digits()?;
        }
        let digits = &self.text[start..self.at];
        let mut is_whole = true;
        if self.eat(b'.') {
            is_whole = false;
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            is_whole = false;
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        let value = match (is_whole, is_negative) {
            (false, _) => None,
            (true, false) => digits.parse().ok().map(Node::Whole),
            // Minus zero is no whole number.
            (true, true) => digits.parse().ok().filter(|n| *n != 0).map(Node::Negative),
        };
        Ok(value.unwrap_or(FLOAT))
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        match self.byte() {
            _ if self.at > start => Ok(()),
            Some(_) => Err(self.fault(BAD_NUMBER)),
            None => Err(self.fault(END_IN_VALUE)),
        }
    }

    fn text(&mut self) -> Result<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let start = self.at;
            while self
                .byte()
                .is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f))
            {
                self.at += 1;
            }
            text.push_str(&self.text[start..self.at]);
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => {
                    let message =
                        "control character (\\u0000-\\u001F) found while parsing a string";
                    return Err(self.fault(message));
                }
                None => return Err(self.fault(END_IN_TEXT)),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        self.at += 1;
        let escaped = match self.byte() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            Some(_) => return Err(self.fault(BAD_ESCAPE)),
            None => return Err(self.fault(END_IN_TEXT)),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// What four digits stand for, or twice four with a surrogate each.
    fn code_point(&mut self) -> Result<char> {
        let first = self.unit()?;
        let Some(high) = first.checked_sub(0xd800).filter(|high| *high < 0x400) else {
            return char::from_u32(first).ok_or_else(|| self.fault(LONE_SURROGATE));
        };
        if !self.eat(b'\\') || self.byte() != Some(b'u') {
            return Err(self.fault(match self.byte() {
                Some(_) => "unexpected end of hex escape",
                None => END_IN_TEXT,
            }));
        }
        let second = self.unit()?;
        let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
        low.and_then(|low| char::from_u32(0x10000 + (high << 10) + low))
            .ok_or_else(|| self.fault(LONE_SURROGATE))
    }

    /// A `u` and four digits.
    fn unit(&mut self) -> Result<u32> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = match self.byte() {
                Some(byte) => char::from(byte).to_digit(16),
                None => return Err(self.fault(END_IN_TEXT)),
            };
            let digit = digit.ok_or_else(|| self.fault(BAD_ESCAPE))?;
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES_MAX: usize = 1 << 16;

    /// What `serde_json` makes of the same text, through the reader of trees for other formats.
    fn theirs(text: &str) -> std::result::Result<Node, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let node = Budget::new(VALUES_MAX).read(&mut deserializer)?;
        deserializer.end()?;
        Ok(node)
    }

    #[track_caller]
    fn check(text: &str) {
        let ours = read(text, &Budget::new(VALUES_MAX));
        match (ours, theirs(text)) {
            (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{text}"),
            (Err(ours), Err(theirs)) => {
                let words = theirs.to_string();
                assert!(
                    words.starts_with(ours.message),
                    "{text}: {} and {words}",
                    ours.message
                );
                // Theirs counts from 1, and of an escape names the end.
                if !text.contains('\n') {
                    let column = (ours.at + 1).min(text.len());
                    let theirs = theirs.column();
                    assert!(
                        theirs.abs_diff(column) <= 4,
                        "{text}: {column} and {theirs}"
                    );
                }
            }
            // No field is a floating-point number, however large.
            (Ok(_), Err(theirs)) if theirs.to_string().starts_with("number out of range") => {}
            (ours, theirs) => panic!("{text}: {ours:?} and {theirs:?}"),
        }
    }

    const TEXTS: &[&str] = &[
        r#"{"a": [1, -2, 0, -0, 1.5, 1e9, 1E+9, 2e-7, true, false, null, "x"], "b": {}, "c": []}"#,
        r#""\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00 é 😀""#,
        r#""\ud800\udc00\udbff\udfff\ud7ff\ue000\uffff""#,
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "\t\r\n [ 1 , 2 ] \n",
        r#"{"a": 1, "a": 2}"#,
    ];

    const BROKEN: &[&str] = &[
        "",
        " ",
        "{",
        "[",
        "\"",
        "\"\\",
        "\"\\u00",
        "\"\\ud83d\"",
        "\"\\ud83d\\n\"",
        "\"\\ude00\"",
        "\"\\udc00\"",
        "\"\\udbff\\udbff\"",
        "\"\\ud800\\ue000\"",
        "\"\\ud83d\\u0041\"",
        "\"\\x\"",
        "\"\u{1}\"",
        "01",
        "-",
        "-x",
        "1.",
        "1.x",
        "1e",
        "1e+",
        "+1",
        ".5",
        "nul",
        "nulx",
        "tru",
        "True",
        "[1 2]",
        "[1,]",
        "[,1]",
        "{,}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "{} {}",
        "[] x",
        "'a'",
        "\u{a0}1",
        "{\"a\":",
        "{\"a\"",
        "[1,",
        "{\"a\":1,",
        "[1",
        "{\"a\":1",
        "NaN",
        "// x",
        "1 // x",
    ];

    #[test]
    fn it_reads_what_serde_json_reads() {
        for text in TEXTS.iter().chain(BROKEN) {
            check(text);
        }
    }

    /// Every text with a byte less, or another one in a place.
    #[test]
    fn it_refuses_what_serde_json_refuses() {
        for text in TEXTS {
            for (at, found) in text.char_indices() {
                check(&text[..at]);
                let after = &text[at + found.len_utf8()..];
                for other in [
                    "", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", "e", ".", "u",
                ] {
                    check(&format!("{}{other}{after}", &text[..at]));
                }
            }
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_checked_all_the_same() {
        for depth in [DEPTH_MAX - 1, DEPTH_MAX, DEPTH_MAX + 1, 100] {
            for (open, inner, close) in [
                ("[", "1", "]"),
                ("{\"a\":", "[{}, {\"b\": [1, 2]}, \"\\n\"]", "}"),
                ("[", "1,", "]"),
                ("{\"a\":", "[1 2]", "}"),
                ("[", "", "}"),
                ("[[], 0, ", "[]", "]"),
            ] {
                let text = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
                let ours = read(&text, &Budget::new(VALUES_MAX));
                assert_eq!(ours.ok(), theirs(&text).ok(), "{text}");
            }
        }
    }

    #[test]
    fn the_budget_ends_it() {
        let budget = Budget::new(3);
        assert_eq!(read("[1, 2]", &budget).map(|_| ()), Ok(()));
        let budget = Budget::new(2);
        assert_eq!(read("[1, 2]", &budget).unwrap_err().at, 4);
        assert!(budget.is_exceeded());
    }
}
