//! What a page has to know of a module to link it: imports, exports, memories, tables.
//!
//! Must not know: what answers an import. Keeps: whatever the bytes, this ends and does not panic; a
//! module that cannot be read has no imports and no exports, and the page's engine says why.

use std::fmt;

use wasmparser::{CompositeInnerType, ExternalKind, FuncType, Parser, Payload, TypeRef, ValType};

use crate::fields::Fields;
use crate::json::Json;

/// What was found in a module.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) imports: Vec<ImportLine>,
    pub(crate) exports: Vec<ExportLine>,
    /// Pages of each memory it defines.
    pub(crate) memories: Vec<u64>,
    /// Elements of each table it defines.
    pub(crate) tables: Vec<u64>,
}

#[derive(Debug)]
pub(crate) struct ImportLine {
    pub(crate) module: String,
    pub(crate) name: String,
    /// The type, if it is a function.
    pub(crate) function: Option<Signature>,
}

#[derive(Debug)]
pub(crate) struct ExportLine {
    pub(crate) name: String,
    pub(crate) function: Option<Signature>,
}

/// The type of a function, in the letters of the text format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) params: Vec<String>,
    pub(crate) results: Vec<String>,
}

impl Signature {
    pub(crate) fn json(&self, json: Json) -> Json {
        let types = |types: &[String], json: Json| json.list(types, |json, ty| json.text(ty));
        json.object(|json| {
            json.field("params", |json| types(&self.params, json))
                .field("results", |json| types(&self.results, json))
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(type (func")?;
        for (word, types) in [("param", &self.params), ("result", &self.results)] {
            if !types.is_empty() {
                write!(f, " ({word} {})", types.join(" "))?;
            }
        }
        f.write_str("))")
    }
}

impl Outline {
    /// Reads a module.
    pub(crate) fn read(wasm: &[u8]) -> Outline {
        let mut reading = Reading::default();
        // What cannot be read, the page's engine refuses.
        let _ = reading.all(wasm);
        reading.outline
    }

    /// A module as the page's engine describes it: imports, then exports. Engines do not say of what type a
    /// function is; what can be called is taken to be a plug-in function.
    pub(crate) fn described(mut fields: Fields) -> Outline {
        let function = |kind: &str| (kind == "function").then(Signature::default);
        Outline {
            imports: fields.list(|fields| ImportLine {
                module: fields.text(),
                name: fields.text(),
                function: function(&fields.text()),
            }),
            exports: fields.list(|fields| ExportLine {
                name: fields.text(),
                function: function(&fields.text()),
            }),
            ..Outline::default()
        }
    }

    pub(crate) fn exports(&self, name: &str) -> bool {
        self.exports.iter().any(|export| export.name == name)
    }

    pub(crate) fn exports_function(&self, name: &str) -> bool {
        self.exports
            .iter()
            .any(|export| export.name == name && export.function.is_some())
    }
}

#[derive(Default)]
struct Reading {
    outline: Outline,
    types: Vec<Option<Signature>>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
}

impl Reading {
    fn all(&mut self, wasm: &[u8]) -> wasmparser::Result<()> {
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        for ty in group?.types() {
                            self.types.push(match &ty.composite_type.inner {
                                CompositeInnerType::Func(ty) => Some(signature(ty)),
                                _ => None,
                            });
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let function = match import.ty {
                            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                                self.functions.push(ty);
                                Some(self.signature(ty))
                            }
                            _ => None,
                        };
                        self.outline.imports.push(ImportLine {
                            module: import.module.to_owned(),
                            name: import.name.to_owned(),
                            function,
                        });
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        self.functions.push(ty?);
                    }
                }
                Payload::TableSection(section) => {
                    let tables = wasm.get(section.range()).unwrap_or_default();
                    let tables = extism_rewrite::tables(tables)?;
                    let elements = tables.iter().map(|table| table.elements);
                    self.outline.tables.extend(elements);
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        self.outline.memories.push(memory?.initial);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        let function = (export.kind == ExternalKind::Func)
                            .then(|| self.functions.get(export.index as usize).copied())
                            .flatten()
                            .map(|ty| self.signature(ty));
                        self.outline.exports.push(ExportLine {
                            name: export.name.to_owned(),
                            function,
                        });
                    }
                }
                Payload::CodeSectionStart { .. } => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    fn signature(&self, ty: u32) -> Signature {
        let found = self.types.get(ty as usize).cloned().flatten();
        found.unwrap_or_default()
    }
}

fn signature(ty: &FuncType) -> Signature {
    let words = |types: &[ValType]| types.iter().map(ToString::to_string).collect();
    Signature {
        params: words(ty.params()),
        results: words(ty.results()),
    }
}
