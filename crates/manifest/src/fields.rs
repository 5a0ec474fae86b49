//! Reading one object: sorts its entries into the fields that are known there and refuses the rest.
//!
//! Must not know what the fields mean. Invariant: a field is given at most once, under its name or its old
//! name.

use crate::ParseError;
use crate::node::Node;
use crate::place::{Place, Syntax};

/// Longer keys are never a slip of the pen, and comparing them would take long.
const SUGGEST_BYTES_MAX: usize = 64;

/// The fields of one kind of object.
pub(crate) struct Known<const N: usize> {
    /// The names, in the order of the answer and of the positional form.
    pub(crate) names: [&'static str; N],
    /// An old name and what it is called now.
    pub(crate) alias: Option<(&'static str, &'static str)>,
    /// Whether an array with the values in order is accepted too, as generated readers do.
    pub(crate) form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Named,
    NamedOrPositional,
}

/// A field that was given, under the name it was given.
pub(crate) struct Field {
    name: &'static str,
    node: Node,
}

impl<const N: usize> Known<N> {
    /// The fields of `node`, `None` for those that are absent.
    pub(crate) fn read(
        &self,
        node: Node,
        place: &Place<'_>,
    ) -> Result<[Option<Field>; N], ParseError> {
        let mut fields = [const { None }; N];
        let known = Names {
            names: &self.names,
            alias: self.alias,
            form: self.form,
        };
        known.read(node, place, &mut fields)?;
        Ok(fields)
    }
}

/// The same for any number of fields.
struct Names<'a> {
    names: &'a [&'static str],
    alias: Option<(&'static str, &'static str)>,
    form: Form,
}

impl Names<'_> {
    fn read(
        &self,
        node: Node,
        place: &Place<'_>,
        fields: &mut [Option<Field>],
    ) -> Result<(), ParseError> {
        match node {
            Node::Object(entries) => self.named(entries, place, fields),
            Node::Array(items) if self.form == Form::NamedOrPositional => {
                self.positional(items, place, fields)
            }
            other => Err(place.expected(place.syntax().object(), &other)),
        }
    }

    fn named(
        &self,
        entries: Vec<(String, Node)>,
        place: &Place<'_>,
        fields: &mut [Option<Field>],
    ) -> Result<(), ParseError> {
        for (key, node) in entries {
            let unknown = || place.field(&key).fault(self.unknown(&key));
            let (index, name) = self.find(&key).ok_or_else(unknown)?;
            let slot: &mut Option<Field> = &mut fields[index];
            if let Some(earlier) = slot {
                return Err(place.field(name).fault(match earlier.name == name {
                    true => "given twice".to_owned(),
                    false => format!("given twice, as {} and as {name}", earlier.name),
                }));
            }
            *slot = Some(Field { name, node });
        }
        Ok(())
    }

    fn positional(
        &self,
        items: Vec<Node>,
        place: &Place<'_>,
        fields: &mut [Option<Field>],
    ) -> Result<(), ParseError> {
        let most = self.names.len();
        // NB: the published TOML reader skips values beyond the last field, the JSON reader refuses them.
        if items.len() > most && place.syntax() == Syntax::Json {
            let found = items.len();
            return Err(place.fault(format!(
                "expected at most {most} values in order, found {found}"
            )));
        }
        for ((slot, name), node) in fields.iter_mut().zip(self.names.iter().copied()).zip(items) {
            *slot = Some(Field { name, node });
        }
        Ok(())
    }

    /// Which field a key is, and the key as a lasting string.
    fn find(&self, key: &str) -> Option<(usize, &'static str)> {
        let index_of = |name: &str| self.names.iter().position(|known| *known == name);
        match self.alias {
            Some((old, new)) if old == key => Some((index_of(new)?, old)),
            _ => index_of(key).map(|index| (index, self.names[index])),
        }
    }

    fn unknown(&self, key: &str) -> String {
        let known = self.names.join(", ");
        match nearest(key, self.names) {
            Some(name) => format!("unknown field, did you mean {name}? Known fields: {known}"),
            None => format!("unknown field. Known fields: {known}"),
        }
    }
}

impl Field {
    /// What the field holds, if it was given. It is taken out of the fields, so that what is left of them is
    /// dropped in one place.
    pub(crate) fn value<T>(
        field: &mut Option<Field>,
        place: &Place<'_>,
        read: impl FnOnce(Node, &Place<'_>) -> Result<T, ParseError>,
    ) -> Result<Option<T>, ParseError> {
        field
            .take()
            .map(|Field { name, node }| read(node, &place.field(name)))
            .transpose()
    }

    /// What the field holds, where null means the same as leaving it out.
    pub(crate) fn nullable<T>(
        field: &mut Option<Field>,
        place: &Place<'_>,
        read: impl FnOnce(Node, &Place<'_>) -> Result<T, ParseError>,
    ) -> Result<Option<T>, ParseError> {
        if field.as_ref().is_some_and(|field| field.node == Node::Null) {
            return Ok(None);
        }
        Field::value(field, place, read)
    }

    /// The name it was given under.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

/// The known name that was probably meant: few letters apart, or one a part of the other.
fn nearest(key: &str, names: &[&'static str]) -> Option<&'static str> {
    if key.len() > SUGGEST_BYTES_MAX {
        return None;
    }
    let key = key.to_ascii_lowercase().replace('-', "_");
    let (letters, name) = names
        .iter()
        .map(|name| (distance(&key, name), *name))
        .min()?;
    if letters <= 2 && letters < key.len() {
        return Some(name);
    }
    // Not `contains`: looking for a text is a large piece of code in the core for pages.
    let has = |text: &str, part: &str| {
        let mut windows = text.as_bytes().windows(part.len());
        windows.any(|window| window == part.as_bytes())
    };
    let is_part = |name: &str| key.len() >= 4 && (has(name, &key) || has(&key, name));
    names.iter().copied().find(|name| is_part(name))
}

/// How many letters must be added, removed or changed to turn one word into the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to = to.chars().collect::<Vec<_>>();
    let mut row = (0..=to.len()).collect::<Vec<_>>();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}
