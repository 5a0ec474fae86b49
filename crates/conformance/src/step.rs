//! One step of a case: a request and what it has to be answered.
//!
//! Must not know: how a request is sent. Invariant: a step that is read has a known verb with as many
//! arguments as it takes, and only known options.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};

use crate::expectation::Expectation;
use crate::hex;
use crate::verb::{self, BYTES_OPTIONS, Kind, PLAIN_OPTIONS, Verb};
use crate::word::{self, Word};
use crate::world::World;

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    /// As it is written.
    pub(crate) text: String,
    pub(crate) verb: &'static Verb,
    pub(crate) arguments: Vec<Argument>,
    options: Vec<(String, Argument)>,
    pub(crate) expected: Expectation,
}

/// What a step says at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Argument {
    /// As it stands.
    Plain(String),
    /// These bytes, so many times.
    Bytes { bytes: Vec<u8>, times: usize },
    /// A source of the case, or a file of the fixtures.
    Source(SourceName),
    /// A word kept from a reply.
    Captured(String),
}

/// Where the bytes of a source come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceName {
    /// `@name`: described in the case file.
    Named(String),
    /// `echo.wat`: a file of the fixtures.
    File(String),
}

impl Step {
    /// Reads a line: `VERB arguments options -> expectation`.
    pub(crate) fn parse(line: &str) -> Result<Step> {
        let mut words = word::split(line)?;
        let arrow = words.iter().position(|word| is_bare(word, "->"));
        let expected = match arrow {
            Some(at) => Expectation::parse(&words.split_off(at)[1..])?,
            None => Expectation::success(),
        };
        let mut words = words.into_iter();
        let Some(Word::Bare(name)) = words.next() else {
            bail!("a step begins with a verb");
        };
        let verb = verb::find(&name).with_context(|| format!("{name} is no verb"))?;
        let mut rest: Vec<Word> = words.collect();
        let first_option = rest.iter().position(is_option).unwrap_or(rest.len());
        let options = rest.split_off(first_option);
        let options = options.into_iter().map(option).collect::<Result<_>>()?;
        Ok(Step {
            text: line.trim().to_owned(),
            verb,
            arguments: arguments(verb, rest)?,
            options,
            expected,
        })
    }

    /// What an SDK needs for this step, as far as the step shows it.
    pub(crate) fn features(&self) -> BTreeSet<String> {
        let options = self.options.iter();
        let of_options = options
            .clone()
            .filter_map(|(name, _)| verb::feature_of_option(name));
        let mut features: BTreeSet<String> = of_options
            .chain(self.verb.feature)
            .map(str::to_owned)
            .collect();
        let functions = options.filter(|(name, _)| name == "functions");
        for (_, value) in functions {
            let Argument::Plain(names) = value else {
                continue;
            };
            for name in names.split(',') {
                if let "nested" | "reenter" = name {
                    features.insert(name.to_owned());
                }
                if name == "ctx_get" {
                    features.insert("host_context".to_owned());
                }
            }
        }
        features
    }

    /// The names of the objects it makes.
    pub(crate) fn makes(&self) -> impl Iterator<Item = &str> {
        let arguments = self.arguments.iter().enumerate();
        arguments.filter_map(|(at, argument)| match argument {
            Argument::Plain(id) if self.verb.makes(at) => Some(id.as_str()),
            _ => None,
        })
    }

    /// The line for the driver.
    pub(crate) fn request(
        &self,
        world: &World,
        rewriting_off: bool,
        source: impl Fn(&SourceName) -> Result<Vec<u8>>,
    ) -> Result<String> {
        let mut line = self.verb.name.to_owned();
        let mut loads = false;
        for argument in &self.arguments {
            line.push(' ');
            line.push_str(&match argument {
                Argument::Source(name) => hex::encode(&source(name)?),
                argument => argument.render(world)?,
            });
        }
        for (at, kind) in self.verb.takes.iter().enumerate() {
            let given = self.arguments.get(at);
            loads |= match kind {
                Kind::Source => true,
                Kind::SourceOrCompiled => !matches!(given, Some(Argument::Plain(_))),
                _ => false,
            };
        }
        for (name, value) in &self.options {
            line.push_str(&format!(" {name}={}", value.render(world)?));
        }
        if loads && rewriting_off && !self.options.iter().any(|(name, _)| name == "rewrite") {
            line.push_str(" rewrite=0");
        }
        Ok(line)
    }
}

impl Argument {
    /// The bytes it stands for, where it is bytes.
    pub(crate) fn text(&self, world: &World) -> Result<String> {
        match self {
            Argument::Bytes { bytes, times } => {
                Ok(String::from_utf8(world.substitute(bytes).repeat(*times))?)
            }
            other => bail!("{other:?} is no text"),
        }
    }

    fn render(&self, world: &World) -> Result<String> {
        Ok(match self {
            Argument::Plain(word) => word.clone(),
            Argument::Bytes { bytes, times } => {
                let bytes = world.substitute(bytes);
                match times {
                    1 => hex::encode(&bytes),
                    0 => "-".to_owned(),
                    _ => format!("{}*{times}", hex::encode(&bytes)),
                }
            }
            Argument::Captured(name) => {
                let word = world.captured(name);
                word.with_context(|| format!("nothing was kept as ${name}"))?
                    .to_owned()
            }
            Argument::Source(_) => bail!("a source at a wrong place"),
        })
    }
}

fn is_bare(word: &Word, text: &str) -> bool {
    matches!(word, Word::Bare(word) if word == text)
}

fn is_option(word: &Word) -> bool {
    match word {
        Word::Bare(word) => word.contains('=') && !word.starts_with(['@', '$']),
        Word::Named { name, .. } => name.ends_with('='),
        Word::Text { .. } => false,
    }
}

fn option(word: Word) -> Result<(String, Argument)> {
    let known = |list: &[&str], name: &str| list.contains(&name);
    match word {
        Word::Named { name, bytes } => {
            let name = name.trim_end_matches('=');
            ensure!(
                known(BYTES_OPTIONS, name),
                "{name} is no option with a text"
            );
            Ok((name.to_owned(), Argument::Bytes { bytes, times: 1 }))
        }
        Word::Bare(word) => {
            let (name, value) = word.split_once('=').unwrap_or((&word, ""));
            let limit = name.starts_with("limit.");
            ensure!(limit || known(PLAIN_OPTIONS, name), "{name} is no option");
            Ok((name.to_owned(), Argument::Plain(value.to_owned())))
        }
        Word::Text { .. } => bail!("a text is no option"),
    }
}

fn arguments(verb: &Verb, words: Vec<Word>) -> Result<Vec<Argument>> {
    let count = words.len();
    ensure!(
        count <= verb.takes.len(),
        "{} takes {}",
        verb.name,
        verb.takes.len()
    );
    let mut words = words.into_iter();
    let mut arguments = Vec::new();
    for kind in verb.takes {
        match (words.next(), kind) {
            (Some(word), kind) => arguments.push(argument(*kind, word)?),
            (None, Kind::Input) => arguments.push(Argument::Bytes {
                bytes: Vec::new(),
                times: 1,
            }),
            (None, Kind::Value) => {}
            (None, _) => bail!("{} takes {}, not {count}", verb.name, verb.takes.len()),
        }
    }
    Ok(arguments)
}

fn argument(kind: Kind, word: Word) -> Result<Argument> {
    Ok(match (kind, word) {
        (Kind::Id, Word::Bare(word)) => {
            ensure!(is_id(&word), "{word} is no name of an object");
            Argument::Plain(word)
        }
        (Kind::Number, Word::Bare(word)) => {
            word.parse::<i64>()
                .with_context(|| format!("{word} is no number"))?;
            Argument::Plain(word)
        }
        (Kind::Word, Word::Bare(word)) => Argument::Plain(word),
        (Kind::SourceOrCompiled, Word::Bare(word)) if is_id(&word) => Argument::Plain(word),
        (Kind::Source | Kind::SourceOrCompiled, Word::Bare(word)) => {
            if let Some(name) = word.strip_prefix('@') {
                Argument::Source(SourceName::Named(name.to_owned()))
            } else if let Some(name) = word.strip_prefix('$') {
                Argument::Captured(name.to_owned())
            } else if word.contains('.') {
                Argument::Source(SourceName::File(word))
            } else {
                bail!("{word} is neither @name, $name nor a file")
            }
        }
        (Kind::Id | Kind::Number | Kind::Word, word) => bail!("{word:?} is at a wrong place"),
        (_, Word::Text { bytes, times }) => Argument::Bytes { bytes, times },
        (_, Word::Bare(word)) if word == "-" => Argument::Plain(word),
        (_, Word::Bare(word)) => match word.strip_prefix('$') {
            Some(name) => Argument::Captured(name.to_owned()),
            None => Argument::Bytes {
                bytes: word.into_bytes(),
                times: 1,
            },
        },
        (_, word) => bail!("{word:?} is at a wrong place"),
    })
}

fn is_id(word: &str) -> bool {
    let mut characters = word.chars();
    characters
        .next()
        .is_some_and(|first| "pcxq".contains(first))
        && word.len() > 1
        && characters.all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(line: &str, rewriting_off: bool) -> Result<String> {
        let mut world = World::bare();
        world.capture("a", "6161");
        let bytes = |name: &SourceName| match name {
            SourceName::Named(name) | SourceName::File(name) => Ok(name.clone().into_bytes()),
        };
        Step::parse(line)?.request(&world, rewriting_off, bytes)
    }

    #[test]
    fn steps_become_requests() {
        for (line, request) in [
            ("CALL p1 echo", "CALL p1 6563686f -"),
            (
                "CALL p1 echo 'a'*3 cancel_ms=5",
                "CALL p1 6563686f 61*3 cancel_ms=5",
            ),
            (
                "CALL p1 echo $a context='x'",
                "CALL p1 6563686f 6161 context=78",
            ),
            ("CALL p1 f '{port}' -> 'a'", "CALL p1 66 31"),
            (
                "NEW p1 @m functions=upper,mix",
                "NEW p1 6d functions=upper,mix",
            ),
            (
                "NEW p1 e.wat limit.blocks_max=3",
                "NEW p1 652e776174 limit.blocks_max=3",
            ),
            ("NEW p1 c1", "NEW p1 c1"),
            ("NEW p1 $a", "NEW p1 6161"),
            ("VAR p1 get name", "VAR p1 get 6e616d65"),
            ("VAR p1 set name 'v'", "VAR p1 set 6e616d65 76"),
            ("VAR p1 set name -", "VAR p1 set 6e616d65 -"),
            ("CTXCALL x1 -1 f", "CTXCALL x1 -1 66 -"),
            ("STATS -> 0 0 0 0", "STATS"),
        ] {
            assert_eq!(sent(line, false).unwrap(), request, "{line}");
        }
        assert_eq!(
            sent("NEW p1 @m wasi=1", true).unwrap(),
            "NEW p1 6d wasi=1 rewrite=0"
        );
        assert_eq!(
            sent("NEW p1 @m rewrite=1", true).unwrap(),
            "NEW p1 6d rewrite=1"
        );
        assert_eq!(sent("NEW p1 c1", true).unwrap(), "NEW p1 c1");
        assert_eq!(
            sent("CTXNEW x1 @m", true).unwrap(),
            "CTXNEW x1 6d rewrite=0"
        );
    }

    #[test]
    fn what_is_no_step() {
        for line in [
            "",
            "'CALL' p1 f",
            "MAKE p1",
            "CALL p1",
            "CALL p1 f a b",
            "CALL 1p f",
            "NEW p1 echo",
            "NEW p1 @m colour=1",
            "NEW p1 @m wasi='1'",
            "CALL p1 f -> ",
            "GET q1 p1 soon",
            "CALL p1 f $b",
        ] {
            assert!(sent(line, false).is_err(), "{line}");
        }
    }

    #[test]
    fn features_follow_from_what_is_used() {
        let features = |line: &str| -> Vec<String> {
            Step::parse(line).unwrap().features().into_iter().collect()
        };
        assert_eq!(features("CALL p1 f"), [""; 0]);
        assert_eq!(
            features("NEW p1 @m functions=upper,nested,ctx_get log=2 limit.blocks_max=1 wasi=1"),
            ["host_context", "limits", "logs", "nested", "wasi"]
        );
        assert_eq!(features("CALL p1 f cancel_ms=1"), ["cancel"]);
        assert_eq!(features("STATS"), ["stats"]);
        let step = Step::parse("GET q1 p3 5").unwrap();
        assert_eq!(step.makes().collect::<Vec<_>>(), ["p3"]);
    }
}
