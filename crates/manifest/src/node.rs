//! A text read into a tree, before anything is known about what it means.
//!
//! Must not know the manifest. Invariants: reading costs a bounded number of nodes and a bounded depth,
//! whatever the format underneath; entries stay in order and repeated keys stay visible, so that the reader
//! can refuse them.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::place::Syntax;

/// Deeper than any manifest is; what lies below is skipped without being stored.
pub(crate) const DEPTH_MAX: usize = 16;

/// One value, with only as much detail as a manifest can use.
#[derive(Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Whole(u64),
    Negative(i64),
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
    /// What no field of a manifest can be, as the words to call it by.
    Other(&'static str),
}

impl Node {
    /// What to call this value in a message. Never the value itself: it may be a secret.
    pub(crate) fn kind(&self, syntax: Syntax) -> &'static str {
        match self {
            Node::Null => "null",
            Node::Whole(_) | Node::Negative(_) => "a number",
            Node::Text(_) => "a string",
            Node::Array(_) => "an array",
            Node::Object(_) => syntax.object(),
            Node::Other(words) => words,
        }
    }
}

pub(crate) const FLOAT: Node = Node::Other("a floating-point number");
const BEYOND_64_BITS: Node = Node::Other("a number of more than 64 bits");

/// How many more nodes may be read.
pub(crate) struct Budget(Cell<Option<usize>>);

impl Budget {
    pub(crate) fn new(values_max: usize) -> Budget {
        Budget(Cell::new(Some(values_max)))
    }

    /// Reads one tree.
    pub(crate) fn read<'de, D: Deserializer<'de>>(
        &self,
        deserializer: D,
    ) -> Result<Node, D::Error> {
        NodeSeed {
            depth_left: DEPTH_MAX,
            budget: self,
        }
        .deserialize(deserializer)
    }

    /// Whether reading stopped because there were too many nodes.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.0.get().is_none()
    }

    /// Whether there may be one more; it counts.
    pub(crate) fn take_one(&self) -> bool {
        self.0
            .set(self.0.get().and_then(|left| left.checked_sub(1)));
        !self.is_exceeded()
    }
}

#[derive(Clone, Copy)]
struct NodeSeed<'b> {
    depth_left: usize,
    budget: &'b Budget,
}

impl NodeSeed<'_> {
    fn deeper(self) -> Option<Self> {
        let depth_left = self.depth_left.checked_sub(1)?;
        Some(NodeSeed { depth_left, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        if !self.budget.take_one() {
            return Err(D::Error::custom("a manifest of too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other("a boolean"))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(u64::try_from(value).map_or(Node::Negative(value), Node::Whole))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => Ok(Node::Whole(value)),
            (_, Ok(value)) => Ok(Node::Negative(value)),
            _ => Ok(BEYOND_64_BITS),
        }
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Whole(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(u64::try_from(value).map_or(BEYOND_64_BITS, Node::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(FLOAT)
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Node, E> {
        // Some binary formats do not tell text from bytes.
        Ok(match std::str::from_utf8(value) {
            Ok(text) => Node::Text(text.to_owned()),
            Err(_) => Node::Other("bytes"),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let Some(seed) = self.deeper() else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Node::Other("a value nested too deeply"));
        };
        let mut array = Vec::new();
        while let Some(node) = items.next_element_seed(seed)? {
            array.push(node);
        }
        Ok(Node::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let Some(seed) = self.deeper() else {
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Node::Other("a value nested too deeply"));
        };
        let mut object = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            object.push((key, entries.next_value_seed(seed)?));
        }
        Ok(disguised(&object).unwrap_or(Node::Object(object)))
    }
}

/// Two parsers hand over what serde has no word for as a map with one key that nobody would write: `toml` a
/// date, `serde_json` any number when some crate of the program has turned on its feature
/// `arbitrary_precision`.
fn disguised(object: &[(String, Node)]) -> Option<Node> {
    let [(key, Node::Text(text))] = object else {
        return None;
    };
    match key.as_str() {
        "$__toml_private_datetime" => Some(Node::Other("a date or time")),
        "$serde_json::private::Number" => Some(match text.parse() {
            Ok(value) => Node::Whole(value),
            _ => match text.parse() {
                // Plain `serde_json` reads -0 as a floating-point number.
                Ok(value) if value != 0 => Node::Negative(value),
                _ => FLOAT,
            },
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error, I128Deserializer, MapDeserializer};

    use super::*;

    fn read<'de>(deserializer: impl Deserializer<'de, Error = Error>) -> Node {
        Budget::new(10).read(deserializer).unwrap()
    }

    #[test]
    fn numbers_of_128_bits() {
        for (value, expected) in [
            (0, Node::Whole(0)),
            (u64::MAX.into(), Node::Whole(u64::MAX)),
            (i128::from(u64::MAX) + 1, BEYOND_64_BITS),
            (-1, Node::Negative(-1)),
            (i64::MIN.into(), Node::Negative(i64::MIN)),
            (i128::from(i64::MIN) - 1, BEYOND_64_BITS),
        ] {
            assert_eq!(read(I128Deserializer::new(value)), expected, "{value}");
        }
    }

    #[test]
    fn numbers_handed_over_as_texts() {
        for (text, expected) in [
            ("0", Node::Whole(0)),
            ("18446744073709551615", Node::Whole(u64::MAX)),
            ("18446744073709551616", FLOAT),
            ("-1", Node::Negative(-1)),
            ("-0", FLOAT),
            ("1.5", FLOAT),
        ] {
            let disguised = [("$serde_json::private::Number", text)];
            assert_eq!(
                read(MapDeserializer::new(disguised.into_iter())),
                expected,
                "{text}"
            );
        }
    }
}
