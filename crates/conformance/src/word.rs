//! The words of a step, as people write them: bare words, quoted texts, repetitions.
//!
//! Must not know: what a verb takes. Invariant: a line is read completely or refused; a quoted text stands
//! for exactly the bytes it shows.

use anyhow::{Result, bail, ensure};

/// One word of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Anything without quotes.
    Bare(String),
    /// `'text'`, `"text"`, or `'text'*3`: bytes, so many times.
    Text {
        /// The bytes, once.
        bytes: Vec<u8>,
        /// How often they are repeated.
        times: usize,
    },
    /// `name='text'`, `2:'text'`: a bare beginning and a text. The sign is part of the beginning.
    Named {
        /// The beginning, its sign included.
        name: String,
        /// The text.
        bytes: Vec<u8>,
    },
}

/// Splits a line into words.
///
/// In a text, `\n`, `\t`, `\0`, `\\`, `\'`, `\"` and `\xNN` have their usual meaning.
///
/// # Errors
///
/// If the line is none: a quote is not closed, an escape is unknown, a space is missing.
pub fn split(line: &str) -> Result<Vec<Word>> {
    let mut rest = line.trim_start();
    let mut words = Vec::new();
    while !rest.is_empty() {
        let (word, after) = next(rest)?;
        words.push(word);
        let trimmed = after.trim_start();
        ensure!(
            after.is_empty() || trimmed.len() < after.len(),
            "a space is missing before {after}"
        );
        rest = trimmed;
    }
    Ok(words)
}

fn next(rest: &str) -> Result<(Word, &str)> {
    let end = rest.find([' ', '\'', '"']).unwrap_or(rest.len());
    let (bare, after) = rest.split_at(end);
    if !after.starts_with(['\'', '"']) {
        return Ok((Word::Bare(bare.to_owned()), after));
    }
    let (bytes, after) = text(after)?;
    if !bare.is_empty() {
        let name = bare.to_owned();
        return Ok((Word::Named { name, bytes }, after));
    }
    let Some(count) = after.strip_prefix('*') else {
        return Ok((Word::Text { bytes, times: 1 }, after));
    };
    let end = count.find(' ').unwrap_or(count.len());
    let times = count[..end].parse()?;
    Ok((Word::Text { bytes, times }, &count[end..]))
}

/// A text from its opening quote on: its bytes, and what follows the closing quote.
fn text(quoted: &str) -> Result<(Vec<u8>, &str)> {
    let mut characters = quoted.char_indices();
    let Some((_, quote)) = characters.next() else {
        bail!("a text is missing");
    };
    let mut bytes = Vec::new();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Ok((bytes, &quoted[at + 1..]));
        }
        if character != '\\' {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        bytes.push(match characters.next() {
            Some((_, 'n')) => b'\n',
            Some((_, 't')) => b'\t',
            Some((_, '0')) => 0,
            Some((_, plain @ ('\\' | '\'' | '"'))) => plain as u8,
            Some((at, 'x')) => {
                characters.nth(1);
                let digits = quoted.get(at + 1..at + 3).unwrap_or_default();
                u8::from_str_radix(digits, 16)?
            }
            _ => bail!("an unknown escape in {quoted}"),
        });
    }
    bail!("a text does not end: {quoted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(text: &str) -> Word {
        Word::Bare(text.to_owned())
    }

    fn quoted(bytes: &[u8], times: usize) -> Word {
        let bytes = bytes.to_vec();
        Word::Text { bytes, times }
    }

    #[test]
    fn words_of_every_kind() {
        let words = split(r#"CALL  p1 echo 'it''s'"#);
        assert!(words.is_err(), "two texts without a space");
        let words = split(r#" CALL p1  "a 'b'" 'x'*3 wasi=1 arg='é' 2:"m""#).unwrap();
        let named = |name: &str, text: &str| Word::Named {
            name: name.to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        let expected = [
            bare("CALL"),
            bare("p1"),
            quoted(b"a 'b'", 1),
            quoted(b"x", 3),
            bare("wasi=1"),
            named("arg=", "é"),
            named("2:", "m"),
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn escapes() {
        let words = split(r#"'a\n\t\0\\\'\"\xff\x00é'"#).unwrap();
        assert_eq!(words, [quoted(b"a\n\t\0\\'\"\xff\0\xc3\xa9", 1)]);
        for wrong in [
            r"'a", r"'\q'", r"'\x'", r"'\xg0'", r"'a'*x", r"'a'b", r"'\xé'",
        ] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }
}
