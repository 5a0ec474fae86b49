//! What a page has to know of a module to link it: imports, exports, memories, tables.
//!
//! Must not know: what answers an import. Keeps: whatever the bytes, this ends and does not panic; a
//! module that cannot be read has no imports and no exports, and the page's engine says why.

use std::fmt;

use extism_rewrite::module::{
    Imported, Sections, exports, functions, imports, memories, section, tables, types,
};
use extism_rewrite::{FuncType, ValType};

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
    pub(crate) fn write(&self, json: &mut Json) {
        json.open('{');
        json.key("params").texts(&self.params);
        json.key("results").texts(&self.results);
        json.close('}');
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(type (func")?;
        for (word, types) in [("param", &self.params), ("result", &self.results)] {
            if !types.is_empty() {
                write!(f, " ({word}")?;
                types.iter().try_for_each(|ty| write!(f, " {ty}"))?;
                f.write_str(")")?;
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
    types: Vec<Option<FuncType>>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
}

impl Reading {
    fn all(&mut self, wasm: &[u8]) -> wasmparser::Result<()> {
        for found in Sections::new(wasm) {
            let (id, range) = found?;
            let data = wasm.get(range).unwrap_or_default();
            match id {
                section::TYPE => self.types = types(data)?,
                section::IMPORT => self.imports(data)?,
                section::FUNCTION => self.functions.extend(functions(data)?),
                section::TABLE => {
                    let elements = tables(data)?.into_iter().map(|table| table.elements);
                    self.outline.tables.extend(elements);
                }
                section::MEMORY => {
                    let pages = memories(data)?.into_iter().map(|memory| memory.minimum);
                    self.outline.memories.extend(pages);
                }
                section::EXPORT => {
                    for export in exports(data)? {
                        let function = self.functions.get(export.index as usize).copied();
                        let function = function.filter(|_| export.is_function());
                        self.outline.exports.push(ExportLine {
                            name: export.name.to_owned(),
                            function: function.map(|ty| self.signature(ty)),
                        });
                    }
                }
                section::CODE => break,
                _ => {}
            }
        }
        Ok(())
    }

    fn imports(&mut self, data: &[u8]) -> wasmparser::Result<()> {
        imports(data, &mut |import| {
            let function = match import.kind {
                Imported::Function(ty) => {
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
            Ok(())
        })
    }

    fn signature(&self, ty: u32) -> Signature {
        let found = self.types.get(ty as usize).and_then(Option::as_ref);
        let words = |types: &[ValType]| types.iter().map(ToString::to_string).collect();
        found.map_or_else(Signature::default, |ty| Signature {
            params: words(&ty.params),
            results: words(&ty.results),
        })
    }
}
