//! Inputs: those that are committed, and new ones made from them.
//!
//! Must not know: targets. Invariant: the same seed makes the same inputs on every machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// An input of the folder `fuzz`.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// Where it is.
    pub path: PathBuf,
    /// What a target is given.
    pub bytes: Vec<u8>,
}

/// The committed inputs of a target, sorted: `fuzz/corpus/<target>`, where a run starts from, and
/// `fuzz/crashes/<target>`, what was found and must not come back.
///
/// A file named `….hex.txt` is read as hexadecimal digits with comments (`#`) and white space between
/// them; any other file is taken as it is.
///
/// # Errors
///
/// If a file cannot be read, or is not what its name says.
pub fn fixtures(target: &str) -> io::Result<Vec<Fixture>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let mut found = Vec::new();
    for kind in ["corpus", "crashes"] {
        let folder = root.join(kind).join(target);
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            let bytes = fs::read(&path)?;
            let bytes = match path.to_string_lossy().ends_with(".hex.txt") {
                true => from_hex(&bytes).ok_or_else(|| {
                    io::Error::other(format!("{}: not hexadecimal", path.display()))
                })?,
                false => bytes,
            };
            found.push(Fixture { path, bytes });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let without_comments = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or(""));
    let digits: Vec<u32> = without_comments
        .flat_map(str::chars)
        .filter(|character| !character.is_whitespace())
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let bytes = pairs.iter().map(|[high, low]| (high << 4 | low) as u8);
    Some(bytes.collect())
}

/// Numbers that look random and are the same on every run (xorshift with a final multiplication).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11).checked_rem(end as u64).unwrap_or(0) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}

/// An input: one of the seeds changed at a few places, or, where there is none and now and then
/// otherwise, bytes out of nothing.
pub(crate) fn make(
    numbers: &mut Numbers,
    seeds: &[Vec<u8>],
    words: &[&str],
    bytes_max: usize,
) -> Vec<u8> {
    let fresh = seeds.is_empty() || numbers.below(16) == 0;
    let mut input = if fresh {
        let short = numbers.below(2) == 0;
        let count = numbers.below(if short { 64.min(bytes_max) } else { bytes_max } + 1);
        numbers.bytes(count)
    } else {
        seeds[numbers.below(seeds.len())].clone()
    };
    for _ in 0..1 + numbers.below(8) {
        change(numbers, &mut input, seeds, words);
    }
    input.truncate(bytes_max);
    input
}

/// Bytes at which comparisons turn.
const EDGES: [u8; 8] = [0, 1, 0x0a, 0x20, 0x7f, 0x80, 0xfe, 0xff];

fn change(numbers: &mut Numbers, input: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&str]) {
    let at = numbers.below(input.len() + 1);
    let end = at + numbers.below((input.len() - at).min(32) + 1);
    match numbers.below(8) {
        0 if !input.is_empty() => {
            let at = at.min(input.len() - 1);
            input[at] ^= 1 << numbers.below(8);
        }
        1 if !input.is_empty() => {
            let at = at.min(input.len() - 1);
            input[at] = EDGES[numbers.below(EDGES.len())];
        }
        2 => drop(input.drain(at..end)),
        3 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        4 if !seeds.is_empty() => {
            let other = &seeds[numbers.below(seeds.len())];
            let from = numbers.below(other.len() + 1);
            let to = from + numbers.below(other.len() - from + 1);
            input.splice(at..end, other[from..to].iter().copied());
        }
        5 | 6 if !words.is_empty() => {
            let word = words[numbers.below(words.len())];
            let end = if numbers.below(2) == 0 { at } else { end };
            input.splice(at..end, word.bytes());
        }
        _ => {
            let count = 1 + numbers.below(8);
            let bytes = numbers.bytes(count);
            input.splice(at..at, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_with_comments() {
        let text = b"00 ff # two\n\n1 0\n";
        assert_eq!(from_hex(text), Some(vec![0, 0xff, 0x10]));
        assert_eq!(from_hex(b"0"), None);
        assert_eq!(from_hex(b"xx"), None);
        assert_eq!(from_hex(b""), Some(Vec::new()));
    }

    #[test]
    fn inputs_are_the_same_each_time_and_differ_from_each_other() {
        let seeds = [b"hello".to_vec(), Vec::new()];
        let series = || {
            let mut numbers = Numbers::new(7);
            let make = |_| make(&mut numbers, &seeds, &["word"], 100);
            (0..1000).map(make).collect::<Vec<_>>()
        };
        let first = series();
        assert_eq!(first, series());
        assert!(first.iter().all(|input| input.len() <= 100));
        let distinct: std::collections::BTreeSet<_> = first.iter().collect();
        assert!(distinct.len() > 800, "{}", distinct.len());
        assert!(
            first
                .iter()
                .any(|input| input.windows(4).any(|four| four == b"word"))
        );
    }
}
