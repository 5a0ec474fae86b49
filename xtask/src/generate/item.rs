//! A named thing of the C interface, in the form in which header and tables are compared.
//!
//! Must not know: where it was read. Invariant: two items are equal to a caller in C if their kinds, shapes
//! and parts are.

use super::c::Declaration;

/// What an item is, in the words of a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Alias,
    Opaque,
    Enum,
    Union,
    Struct,
    Callback,
    Constant,
    Macro,
    Function,
}

/// A function, a type, a constant or a macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// What there is beside the parts: the value of a constant, the type behind an alias, what is returned.
    pub(super) shape: String,
    pub(super) parts: Vec<Part>,
    /// The section of the header; of functions alone.
    pub(super) noun: String,
    /// Whether it is of the interface of Extism 1.41.
    pub(super) is_published: bool,
    /// The text that explains it, or the beginning of that.
    pub(super) doc: String,
}

/// A field, a value of an enum, or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    /// Its type, or its number.
    pub(super) shape: String,
    pub(super) doc: String,
}

impl Part {
    pub(super) fn new(name: impl Into<String>, shape: impl Into<String>) -> Part {
        Part {
            name: name.into(),
            shape: shape.into(),
            doc: String::new(),
        }
    }
}

impl Item {
    /// An item with neither parts nor a text.
    pub(super) fn new(kind: Kind, name: impl Into<String>, shape: impl Into<String>) -> Item {
        Item {
            kind,
            name: name.into(),
            shape: shape.into(),
            parts: Vec::new(),
            noun: String::new(),
            is_published: false,
            doc: String::new(),
        }
    }

    /// A function or a type of functions.
    pub(super) fn of_declaration(kind: Kind, declaration: &Declaration) -> Item {
        let parts = declaration.parameters.iter().flatten();
        Item {
            parts: parts.map(|one| Part::new(&one.name, &one.ty)).collect(),
            ..Item::new(kind, &declaration.name, &declaration.ty)
        }
    }
}
