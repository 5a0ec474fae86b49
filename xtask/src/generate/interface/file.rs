//! The tables of the C interface as they are written.
//!
//! Must not know: what becomes of them. Invariant: an entry with a key nobody knows is refused, and what is
//! left out is what the head of the table says.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::super::c::{Declaration, Parameter};
use super::super::limits::Limits;
use super::super::status::Table as Statuses;
use super::{Field, Function, Noun, Type, Value, What};

/// The sections of `abi/functions.toml`.
pub(super) fn nouns(text: &str) -> Result<Vec<Noun>> {
    let file: FunctionsFile = toml::from_str(text)?;
    file.nouns.into_iter().map(NounEntry::read).collect()
}

/// What `abi/types.toml` has, with what it takes from the other tables.
pub(super) fn types(text: &str, statuses: &Statuses, limits: &Limits) -> Result<Vec<Type>> {
    let file: TypesFile = toml::from_str(text)?;
    let types = file.types.into_iter();
    types.map(|entry| entry.read(statuses, limits)).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionsFile {
    #[serde(rename = "noun")]
    nouns: Vec<NounEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NounEntry {
    title: String,
    #[serde(rename = "function")]
    functions: Vec<FunctionEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionEntry {
    declaration: String,
    since: String,
    word: Option<String>,
    doc: String,
}

impl NounEntry {
    fn read(self) -> Result<Noun> {
        let read = |entry: FunctionEntry| {
            let declaration = Declaration::parse(&entry.declaration)?;
            ensure!(
                declaration.parameters.is_some(),
                "{} is no function",
                declaration.name
            );
            Ok(Function {
                declaration,
                since: entry.since,
                word: entry.word,
                doc: entry.doc,
            })
        };
        Ok(Noun {
            title: self.title,
            functions: self
                .functions
                .into_iter()
                .map(read)
                .collect::<Result<_>>()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypesFile {
    #[serde(rename = "type")]
    types: Vec<TypeEntry>,
}

#[derive(Deserialize)]
struct TypeEntry {
    name: String,
    since: String,
    #[serde(default)]
    doc: String,
    #[serde(flatten)]
    what: WhatEntry,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum WhatEntry {
    Alias {
        of: String,
    },
    Opaque,
    Enum {
        tagged: bool,
        values: Vec<String>,
    },
    /// The enum of `abi/status.toml`.
    Statuses,
    Union {
        fields: Vec<String>,
    },
    Struct {
        tagged: bool,
        fields: Vec<String>,
    },
    /// The struct of `abi/limits.toml`.
    Limits,
    Callback {
        declaration: String,
    },
    Constant {
        value: String,
    },
    Macro {
        parameters: String,
        body: String,
    },
}

impl TypeEntry {
    fn read(self, statuses: &Statuses, limits: &Limits) -> Result<Type> {
        let TypeEntry {
            name,
            since,
            doc,
            what,
        } = self;
        let what = what.read(statuses, limits).with_context(|| name.clone())?;
        if let What::Callback { declaration } = &what {
            ensure!(
                declaration.name == name,
                "{name} declares {}",
                declaration.name
            );
        }
        Ok(Type {
            name,
            since,
            doc,
            what,
        })
    }
}

impl WhatEntry {
    fn read(self, statuses: &Statuses, limits: &Limits) -> Result<What> {
        Ok(match self {
            WhatEntry::Alias { of } => What::Alias { of },
            WhatEntry::Opaque => What::Opaque,
            WhatEntry::Enum { tagged, values } => {
                let numbered = values.into_iter().zip(0..);
                let values = numbered.map(|(name, number)| Value { name, number });
                What::Enum {
                    is_tagged: tagged,
                    values: values.collect(),
                }
            }
            WhatEntry::Statuses => {
                let values = statuses.all.iter().map(|status| Value {
                    name: format!("EXTISM_STATUS_{}", status.screaming_name()),
                    number: status.code,
                });
                What::Enum {
                    is_tagged: true,
                    values: values.collect(),
                }
            }
            WhatEntry::Union { fields } => {
                let fields = fields.iter().map(|text| parameter(text));
                What::Union {
                    fields: fields.collect::<Result<_>>()?,
                }
            }
            WhatEntry::Struct { tagged, fields } => {
                let field = |text: &String| {
                    Ok(Field {
                        declared: parameter(text)?,
                        doc: String::new(),
                    })
                };
                let fields = fields.iter().map(field).collect::<Result<_>>()?;
                What::Struct {
                    is_tagged: tagged,
                    fields,
                }
            }
            WhatEntry::Limits => What::Struct {
                is_tagged: true,
                fields: limits.fields(),
            },
            WhatEntry::Callback { declaration } => What::Callback {
                declaration: Declaration::parse(&declaration)?,
            },
            WhatEntry::Constant { value } => What::Constant { value },
            WhatEntry::Macro { parameters, body } => What::Macro { parameters, body },
        })
    }
}

fn parameter(text: &str) -> Result<Parameter> {
    Ok(Declaration::parse(text)?.into_parameter())
}
