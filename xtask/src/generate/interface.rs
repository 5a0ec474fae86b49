//! The tables of the C interface: `abi/functions.toml` and `abi/types.toml`.
//!
//! Must not know: any output format. Invariant: an interface that was read names nothing twice, and no type
//! is made of one that stands below it.

mod file;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use super::c::{Declaration, Parameter, words};
use super::item::{Item, Kind, Part};
use super::limits::Limits;
use super::status::Table as Statuses;
use crate::project::Project;

/// Where the functions are.
pub(super) const FUNCTIONS: &str = "abi/functions.toml";

/// Where the types, constants and macros are.
pub(super) const TYPES: &str = "abi/types.toml";

/// What `since` says about the interface of Extism 1.41.
const PUBLISHED: &str = "1.x";

/// The C interface.
pub(super) struct Interface {
    pub(super) nouns: Vec<Noun>,
    pub(super) types: Vec<Type>,
}

/// A section of the header.
pub(super) struct Noun {
    pub(super) title: String,
    pub(super) functions: Vec<Function>,
}

/// A function of the library.
pub(super) struct Function {
    pub(super) declaration: Declaration,
    pub(super) since: String,
    /// How SDKs call it, unless none shows it.
    pub(super) word: Option<String>,
    pub(super) doc: String,
}

/// A type, a constant or a macro.
pub(super) struct Type {
    pub(super) name: String,
    pub(super) since: String,
    pub(super) doc: String,
    pub(super) what: What,
}

/// What a type is made of.
pub(super) enum What {
    Alias { of: String },
    Opaque,
    Enum { is_tagged: bool, values: Vec<Value> },
    Union { fields: Vec<Parameter> },
    Struct { is_tagged: bool, fields: Vec<Field> },
    Callback { declaration: Declaration },
    Constant { value: String },
    Macro { parameters: String, body: String },
}

/// A value of an enum.
pub(super) struct Value {
    pub(super) name: String,
    pub(super) number: u32,
}

/// A field of a struct.
pub(super) struct Field {
    pub(super) declared: Parameter,
    pub(super) doc: String,
}

impl Interface {
    pub(super) fn load(project: &Project) -> Result<Interface> {
        let statuses = Statuses::load(project)?;
        let limits = Limits::load(project)?;
        Interface::parse(
            &project.read(FUNCTIONS)?,
            &project.read(TYPES)?,
            &statuses,
            &limits,
        )
    }

    fn parse(
        functions: &str,
        types: &str,
        statuses: &Statuses,
        limits: &Limits,
    ) -> Result<Interface> {
        let interface = Interface {
            nouns: file::nouns(functions).context(FUNCTIONS)?,
            types: file::types(types, statuses, limits).context(TYPES)?,
        };
        let mut names = BTreeSet::new();
        for item in interface
            .functions_as_items()
            .chain(interface.types_as_items())
        {
            ensure!(
                names.insert(item.name.clone()),
                "{} stands twice",
                item.name
            );
        }
        Ok(interface)
    }

    pub(super) fn functions(&self) -> impl Iterator<Item = &Function> {
        self.nouns.iter().flat_map(|noun| &noun.functions)
    }

    pub(super) fn functions_as_items(&self) -> impl Iterator<Item = Item> {
        self.nouns.iter().flat_map(|noun| {
            noun.functions.iter().map(|function| Item {
                noun: noun.title.clone(),
                is_published: function.is_published(),
                doc: function.doc.clone(),
                ..Item::of_declaration(Kind::Function, &function.declaration)
            })
        })
    }

    pub(super) fn types_as_items(&self) -> impl Iterator<Item = Item> {
        self.types.iter().map(Type::as_item)
    }
}

impl Function {
    pub(super) fn name(&self) -> &str {
        &self.declaration.name
    }

    pub(super) fn is_published(&self) -> bool {
        self.since == PUBLISHED
    }
}

impl Type {
    fn as_item(&self) -> Item {
        let name = &self.name;
        let tagged = |is_tagged: &bool| if *is_tagged { "tagged" } else { "" };
        let item = match &self.what {
            What::Alias { of } => Item::new(Kind::Alias, name, of),
            What::Opaque => Item::new(Kind::Opaque, name, ""),
            What::Enum { is_tagged, values } => {
                let parts = values
                    .iter()
                    .map(|value| Part::new(&value.name, value.number.to_string()));
                Item {
                    parts: parts.collect(),
                    ..Item::new(Kind::Enum, name, tagged(is_tagged))
                }
            }
            What::Union { fields } => Item {
                parts: fields
                    .iter()
                    .map(|own| Part::new(&own.name, &own.ty))
                    .collect(),
                ..Item::new(Kind::Union, name, "")
            },
            What::Struct { is_tagged, fields } => {
                let parts = fields.iter().map(|field| Part {
                    doc: field.doc.clone(),
                    ..Part::new(&field.declared.name, &field.declared.ty)
                });
                Item {
                    parts: parts.collect(),
                    ..Item::new(Kind::Struct, name, tagged(is_tagged))
                }
            }
            What::Callback { declaration } => Item::of_declaration(Kind::Callback, declaration),
            What::Constant { value } => Item::new(Kind::Constant, name, words(value).join(" ")),
            What::Macro { parameters, body } => {
                let shape = format!("({parameters}) {}", words(body).join(" "));
                Item::new(Kind::Macro, name, shape)
            }
        };
        Item {
            is_published: self.since == PUBLISHED,
            doc: self.doc.clone(),
            ..item
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTIONS: &str = "[[noun]]\ntitle = \"Things\"\n[[noun.function]]\n\
        declaration = \"int f(const char *name)\"\nsince = \"1.x\"\nword = \"Thing.f\"\ndoc = \"Calls.\"\n";
    const TYPES: &str = "[[type]]\nname = \"ExtismStatus\"\nkind = \"statuses\"\nsince = \"1.42\"\n\
        [[type]]\nname = \"Sink\"\nkind = \"callback\"\nsince = \"1.42\"\n\
        declaration = \"void (*Sink)(void *data)\"\ndoc = \"Receives.\"\n";

    fn parse(functions: &str, types: &str) -> Result<Interface> {
        let project = Project::locate();
        let (statuses, limits) = (Statuses::load(&project)?, Limits::load(&project)?);
        Interface::parse(functions, types, &statuses, &limits)
    }

    #[test]
    fn the_tables_become_items() {
        let interface = parse(FUNCTIONS, TYPES).unwrap();
        let function = interface.functions_as_items().next().unwrap();
        assert_eq!(
            (function.name.as_str(), function.noun.as_str()),
            ("f", "Things")
        );
        assert!(function.is_published);
        assert_eq!(function.parts, [Part::new("name", "const char *")]);
        let kinds: Vec<Kind> = interface.types_as_items().map(|item| item.kind).collect();
        assert_eq!(kinds, [Kind::Enum, Kind::Callback]);
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused() {
        let complaint =
            |functions: &str, types: &str| format!("{:#}", parse(functions, types).err().unwrap());
        assert_eq!(
            complaint(&FUNCTIONS.replace("int f", "int Sink"), TYPES),
            "Sink stands twice"
        );
        assert_eq!(
            complaint(FUNCTIONS, &TYPES.replace("(*Sink)", "(*Other)")),
            "abi/types.toml: Sink declares Other"
        );
        assert_eq!(
            complaint(&FUNCTIONS.replace("f(const char *name)", "f"), TYPES),
            "abi/functions.toml: f is no function"
        );
    }

    #[test]
    fn the_committed_tables_have_the_33_published_functions() {
        let interface = Interface::load(&Project::locate()).unwrap();
        let published = interface
            .functions()
            .filter(|function| function.is_published());
        assert_eq!(published.count(), 33);
    }
}
