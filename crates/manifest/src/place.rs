//! A place in a manifest, such as `wasm[0].hash`, and the faults that can be found there.
//!
//! Must not know which fields exist. Invariant: a place prints as one short line whatever the keys are.

use std::fmt;

use extism_abi::Quoted;

use crate::ParseError;
use crate::node::Node;

/// How many characters of a key are shown.
const KEY_CHARS_MAX: usize = 64;

/// Which language a text is written in; decides the words of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Json,
    #[cfg_attr(
        not(feature = "toml"),
        expect(dead_code, reason = "what never is read is never named")
    )]
    Toml,
}

impl Syntax {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Syntax::Json => "JSON",
            Syntax::Toml => "TOML",
        }
    }

    /// What a set of named fields is called.
    pub(crate) fn object(self) -> &'static str {
        match self {
            Syntax::Json => "an object",
            Syntax::Toml => "a table",
        }
    }
}

/// A path from the root of a manifest to one of its values.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    Root(Syntax),
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    pub(crate) fn field(&'a self, name: &'a str) -> Place<'a> {
        Place::Field(self, name)
    }

    pub(crate) fn item(&'a self, index: usize) -> Place<'a> {
        Place::Item(self, index)
    }

    pub(crate) fn syntax(&self) -> Syntax {
        match self {
            Place::Root(syntax) => *syntax,
            Place::Field(parent, _) | Place::Item(parent, _) => parent.syntax(),
        }
    }

    /// The fault that this place holds something wrong.
    pub(crate) fn fault(&self, message: impl Into<String>) -> ParseError {
        ParseError::field_fault(self.to_string(), message.into())
    }

    /// The fault that this place should hold one thing and holds another.
    pub(crate) fn expected(&self, what: &str, found: &Node) -> ParseError {
        self.fault(format!(
            "expected {what}, found {}",
            found.kind(self.syntax())
        ))
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root(_) => Ok(()),
            Place::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Place::Field(parent, name) if !is_plain(name) => {
                let shown = name.chars().take(KEY_CHARS_MAX).collect::<String>();
                let more = if shown.len() < name.len() { "…" } else { "" };
                write!(f, "{parent}[{}{more}]", Quoted(&shown))
            }
            Place::Field(Place::Root(_), name) => f.write_str(name),
            Place::Field(parent, name) => write!(f, "{parent}.{name}"),
        }
    }
}

/// Whether a key can be shown without quotes.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=KEY_CHARS_MAX).contains(&name.len()) && name.bytes().all(plain)
}
