//! What a step expects, and whether a reply is that.
//!
//! Must not know: verbs and drivers. Invariant: a status and a guest code are compared exactly and an output
//! byte by byte; `CANNOT` is never what was expected.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use extism_abi::Status;

use crate::hex;
use crate::reply::Reply;
use crate::word::Word;
use crate::world::World;

/// What has to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    outcome: Outcome,
    /// Texts that the message, or the first word, has to contain.
    contains: Vec<Vec<u8>>,
    /// How long the step may take, in milliseconds.
    took_ms: Option<RangeInclusive<u64>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// Success, whatever follows.
    Done,
    /// Success with exactly these words.
    Words(Vec<Pattern>),
    /// One of these statuses, nearly always the only one.
    Failed {
        statuses: Vec<Status>,
        guest_code: i32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// The word itself.
    Plain(String),
    /// These bytes, so many times.
    Bytes { bytes: Vec<u8>, times: usize },
    /// A beginning and a text: `2:'message'`.
    Named { name: String, bytes: Vec<u8> },
    /// A number in this range.
    Between(RangeInclusive<i64>),
    /// Bytes of this length.
    Length(usize),
    /// Any word.
    Any,
    /// The word of this name: kept if there is none yet, else the same.
    Same(String),
    /// Not the word of this name.
    Different(String),
}

impl Expectation {
    /// What a step without `->` expects.
    pub(crate) fn success() -> Expectation {
        Expectation {
            outcome: Outcome::Done,
            contains: Vec::new(),
            took_ms: None,
        }
    }

    /// Reads what stands behind `->`.
    pub(crate) fn parse(words: &[Word]) -> Result<Expectation> {
        ensure!(!words.is_empty(), "nothing stands behind ->");
        let mut expected = Expectation::success();
        let mut patterns = Vec::new();
        let mut failed = None;
        for word in words {
            match word {
                Word::Named { name, bytes } if name == "~" => expected.contains.push(bytes.clone()),
                Word::Bare(word) if word.starts_with("within=") => {
                    let window = word.trim_start_matches("within=");
                    expected.took_ms = Some(range(window).context("within=from..to")?);
                }
                Word::Bare(word) if word == "OK" || word == "none" => {
                    ensure!(
                        patterns.is_empty() && failed.is_none(),
                        "{word} stands alone"
                    );
                    if word == "none" {
                        expected.outcome = Outcome::Words(Vec::new());
                    }
                }
                Word::Bare(word) if patterns.is_empty() && statuses(word).is_some() => {
                    failed = statuses(word).map(|statuses| (statuses, 0));
                }
                Word::Bare(word) if failed.is_some() => {
                    let code = word.parse().with_context(|| format!("{word} is no code"))?;
                    failed = failed.map(|(statuses, _)| (statuses, code));
                }
                word => patterns.push(Pattern::parse(word)?),
            }
        }
        if let Some((statuses, guest_code)) = failed {
            ensure!(patterns.is_empty(), "an error has no output");
            expected.outcome = Outcome::Failed {
                statuses,
                guest_code,
            };
        } else if !patterns.is_empty() {
            expected.outcome = Outcome::Words(patterns);
        }
        Ok(expected)
    }

    /// Why the reply is not what was expected; `None` if it is.
    pub(crate) fn mismatch(
        &self,
        reply: &Reply,
        took: Duration,
        world: &mut World,
    ) -> Option<String> {
        let content = match (&self.outcome, reply) {
            (_, Reply::Cannot(_)) => return Some("a required feature is missing".to_owned()),
            (Outcome::Done, Reply::Done(words)) => first_bytes(words),
            (Outcome::Words(patterns), Reply::Done(words)) => {
                if let Some(why) = words_differ(patterns, words, world) {
                    return Some(why);
                }
                first_bytes(words)
            }
            (
                Outcome::Failed {
                    statuses,
                    guest_code,
                },
                Reply::Failed {
                    status,
                    guest_code: got_code,
                    message,
                },
            ) => {
                if !statuses.iter().any(|expected| expected.code() == *status) {
                    return Some(format!("expected the status {}", names(statuses)));
                }
                if guest_code != got_code {
                    return Some(format!("expected the guest code {guest_code}"));
                }
                message.clone()
            }
            (Outcome::Failed { statuses, .. }, Reply::Done(_)) => {
                return Some(format!("expected the error {}", names(statuses)));
            }
            (_, Reply::Failed { .. }) => return Some("expected success".to_owned()),
        };
        let absent = self.contains.iter().find(|text| {
            let text = world.substitute(text);
            !content
                .windows(text.len().max(1))
                .any(|window| window == text)
        });
        if let Some(text) = absent {
            return Some(format!("{} is not in it", crate::reply::quoted(text)));
        }
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match &self.took_ms {
            Some(window) if !window.contains(&took_ms) => Some(format!("it took {took_ms} ms")),
            _ => None,
        }
    }
}

impl Pattern {
    fn parse(word: &Word) -> Result<Pattern> {
        Ok(match word {
            Word::Text { bytes, times } => Pattern::Bytes {
                bytes: bytes.clone(),
                times: *times,
            },
            Word::Named { name, bytes } => Pattern::Named {
                name: name.clone(),
                bytes: bytes.clone(),
            },
            Word::Bare(word) => {
                if word == "_" {
                    Pattern::Any
                } else if let Some(name) = word.strip_prefix("!$") {
                    Pattern::Different(name.to_owned())
                } else if let Some(name) = word.strip_prefix('$') {
                    Pattern::Same(name.to_owned())
                } else if let Some(length) = word.strip_prefix("length=") {
                    Pattern::Length(length.parse()?)
                } else if word.contains("..") {
                    Pattern::Between(range(word)?)
                } else if is_plain(word) {
                    Pattern::Plain(word.clone())
                } else {
                    bail!("{word} is neither a status nor anything a reply can have")
                }
            }
        })
    }

    fn matches(&self, word: &str, world: &mut World) -> bool {
        match self {
            Pattern::Plain(plain) => plain == word,
            Pattern::Bytes { bytes, times } => {
                hex::decode(word).is_some_and(|got| got == world.substitute(bytes).repeat(*times))
            }
            Pattern::Named { name, bytes } => {
                let tail = word.strip_prefix(name.as_str());
                tail.and_then(hex::decode)
                    .is_some_and(|got| got == world.substitute(bytes))
            }
            Pattern::Between(range) => word.parse().is_ok_and(|number| range.contains(&number)),
            Pattern::Length(length) => hex::decode(word).is_some_and(|got| got.len() == *length),
            Pattern::Any => true,
            Pattern::Same(name) => world.capture(name, word) == word,
            Pattern::Different(name) => world.captured(name).is_some_and(|kept| kept != word),
        }
    }
}

/// Numbers, and the words of which replies are made: `-`, `?`, `unchanged`.
fn is_plain(word: &str) -> bool {
    word.parse::<i64>().is_ok() || ["-", "?", "unchanged", "changed"].contains(&word)
}

/// `TIMEOUT`, or `BAD_HANDLE|CLOSED` where SDKs differ by what they are made of.
fn statuses(word: &str) -> Option<Vec<Status>> {
    let named = |name: &str| {
        Status::ALL
            .iter()
            .find(|status| status.name() == name)
            .copied()
    };
    word.split('|').map(named).collect()
}

fn names(statuses: &[Status]) -> String {
    let names: Vec<&str> = statuses.iter().map(|status| status.name()).collect();
    names.join(" or ")
}

fn range<T: std::str::FromStr>(word: &str) -> Result<RangeInclusive<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let (from, to) = word.split_once("..").context("a range is from..to")?;
    Ok(from.parse()?..=to.parse()?)
}

fn first_bytes(words: &[String]) -> Vec<u8> {
    words
        .first()
        .and_then(|word| hex::decode(word))
        .unwrap_or_default()
}

fn words_differ(patterns: &[Pattern], words: &[String], world: &mut World) -> Option<String> {
    if patterns.len() != words.len() {
        return Some(format!(
            "expected {} words, not {}",
            patterns.len(),
            words.len()
        ));
    }
    let mut pairs = patterns.iter().zip(words).enumerate();
    let (at, _) = pairs.find(|(_, (pattern, word))| !pattern.matches(word, world))?;
    Some(format!("word {} is another", at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::word;

    fn judge(expected: &str, reply: &str, took_ms: u64) -> Option<String> {
        let expected = Expectation::parse(&word::split(expected).unwrap()).unwrap();
        let took = Duration::from_millis(took_ms);
        expected.mismatch(&Reply::parse(reply).unwrap(), took, &mut World::bare())
    }

    #[test]
    fn what_fits() {
        for (expected, reply) in [
            ("OK", "OK 61"),
            ("none", "OK"),
            ("'hi'", "OK 6869"),
            ("'ab'*2", "OK 61626162"),
            ("''", "OK -"),
            ("-", "OK -"),
            ("?", "OK ?"),
            ("2:'m' 4:''", "OK 2:6d 4:-"),
            ("1 0 _ 2..4 -3", "OK 1 0 x 3 -3"),
            ("length=2", "OK 6161"),
            ("~'b'", "OK 616263"),
            ("TRAP_UNREACHABLE", "ERR 410 0 61"),
            ("GUEST_ERROR 7 ~'ell' ~'o'", "ERR 402 7 68656c6c6f"),
            ("BAD_HANDLE|CLOSED", "ERR 102 0 -"),
            ("OK within=0..10", "OK"),
            ("$a $a", "OK 61 61"),
        ] {
            assert_eq!(judge(expected, reply, 5), None, "{expected}: {reply}");
        }
    }

    #[test]
    fn what_does_not() {
        for (expected, reply, why) in [
            ("OK", "ERR 402 0 -", "expected success"),
            ("none", "OK 61", "expected 0 words, not 1"),
            ("'hi'", "OK 6868", "word 1 is another"),
            ("1 2..3", "OK 1 4", "word 2 is another"),
            ("$a $a", "OK 61 62", "word 2 is another"),
            ("!$a", "OK 61", "word 1 is another"),
            ("length=2", "OK 61", "word 1 is another"),
            ("~'x'", "OK 61", "'x' is not in it"),
            ("TIMEOUT", "OK", "expected the error TIMEOUT"),
            (
                "BUSY|CLOSED",
                "ERR 501 0 -",
                "expected the status BUSY or CLOSED",
            ),
            ("TIMEOUT", "ERR 501 0 -", "expected the status TIMEOUT"),
            ("GUEST_ERROR 7", "ERR 402 0 -", "expected the guest code 7"),
            ("GUEST_ERROR", "ERR 402 7 -", "expected the guest code 0"),
            ("GUEST_ERROR ~'x'", "ERR 402 0 61", "'x' is not in it"),
            ("OK within=0..4", "OK", "it took 5 ms"),
            ("OK", "CANNOT ever", "a required feature is missing"),
            ("TIMEOUT", "CANNOT ever", "a required feature is missing"),
        ] {
            assert_eq!(
                judge(expected, reply, 5).as_deref(),
                Some(why),
                "{expected}: {reply}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read() {
        for wrong in [
            "",
            "TIMEOT",
            "OK 'a' OK",
            "GUEST_ERROR x",
            "GUEST_ERROR 'a'",
            "1..",
            "within=5",
        ] {
            let words = word::split(wrong).unwrap();
            assert!(Expectation::parse(&words).is_err(), "{wrong}");
        }
    }
}
