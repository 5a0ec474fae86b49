//! Bytes as the words of the driver protocol: lower-case hexadecimal, `-` for none.
//!
//! Must not know: what the bytes are. Invariant: [`decode`] takes what [`encode`] gives, and nothing else.

/// The word for these bytes.
pub fn encode(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a word; `None` if it is not one of bytes.
pub fn decode(word: &str) -> Option<Vec<u8>> {
    if word == "-" {
        return Some(Vec::new());
    }
    let digits: Option<Vec<u8>> = word.bytes().map(digit).collect();
    let digits = digits.filter(|digits| !digits.is_empty())?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bytes() {
        for (bytes, word) in [
            (&b""[..], "-"),
            (b"\0", "00"),
            (b"az", "617a"),
            (b"\xff\x10", "ff10"),
        ] {
            assert_eq!(encode(bytes), word);
            assert_eq!(decode(word).as_deref(), Some(bytes));
        }
        for word in ["", "0", "0g", "0A", "?", "00-", "é"] {
            assert_eq!(decode(word), None, "{word}");
        }
    }
}
