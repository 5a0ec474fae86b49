//! Wildcards in host names: `*` any run of characters, `?` any one, `[a-z]` and `[!a-z]` one of a class.
//!
//! Must not know: URLs, ports, grants.
//!
//! Keeps: matching takes at most (length of pattern) × (length of host) steps, whatever the pattern.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Run,
    Any,
    One(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    /// Reads a pattern, or returns `None` if it is not a valid one.
    ///
    /// `**` is valid alone, where it means `*`, and nowhere else: patterns that were refused as
    /// wildcards before must not begin to match something.
    pub(crate) fn parse(pattern: &str) -> Option<Glob> {
        if pattern == "**" {
            return Glob::parse("*");
        }
        let mut tokens = Vec::new();
        let mut rest = pattern.chars();
        while let Some(first) = rest.next() {
            let token = match first {
                '*' if tokens.last() == Some(&Token::Run) => return None,
                '*' => Token::Run,
                '?' => Token::Any,
                '[' => {
                    let (class, after) = parse_class(rest.as_str())?;
                    rest = after.chars();
                    class
                }
                one => Token::One(one),
            };
            tokens.push(token);
        }
        Some(Glob { tokens })
    }

    pub(crate) fn matches(&self, host: &str) -> bool {
        let host: Vec<char> = host.chars().collect();
        let (mut token_at, mut char_at) = (0_usize, 0_usize);
        // Where to resume if what follows the last `*` does not fit: one character further on.
        let mut resume: Option<(usize, usize)> = None;
        while let Some(&char) = host.get(char_at) {
            match self.tokens.get(token_at) {
                Some(Token::Run) => {
                    token_at = token_at.saturating_add(1);
                    resume = Some((token_at, char_at));
                }
                Some(token) if token.accepts(char) => {
                    token_at = token_at.saturating_add(1);
                    char_at = char_at.saturating_add(1);
                }
                _ => {
                    let Some((after_run, start)) = resume else {
                        return false;
                    };
                    char_at = start.saturating_add(1);
                    token_at = after_run;
                    resume = Some((after_run, char_at));
                }
            }
        }
        self.tokens
            .iter()
            .skip(token_at)
            .all(|token| *token == Token::Run)
    }
}

impl Token {
    fn accepts(&self, char: char) -> bool {
        match self {
            Token::Run | Token::Any => true,
            Token::One(one) => *one == char,
            Token::Class { negated, ranges } => {
                ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&char))
                    != *negated
            }
        }
    }
}

/// Reads a class after its `[`; returns it and what follows its `]`. The first member may be `]`.
fn parse_class(text: &str) -> Option<(Token, &str)> {
    let (negated, body) = match text.strip_prefix('!') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let first = body.chars().next()?;
    let end = first
        .len_utf8()
        .checked_add(body.get(first.len_utf8()..)?.find(']')?)?;
    let members: Vec<char> = body.get(..end)?.chars().collect();
    let mut ranges = Vec::new();
    let mut at = members.as_slice();
    loop {
        at = match at {
            [low, '-', high, rest @ ..] => {
                ranges.push((*low, *high));
                rest
            }
            [one, rest @ ..] => {
                ranges.push((*one, *one));
                rest
            }
            [] => break,
        };
    }
    let after = body.get(end.checked_add(1)?..)?;
    Some((Token::Class { negated, ranges }, after))
}
