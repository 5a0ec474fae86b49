//! Reads one module: a name and bytes in, a [`ModuleInspection`] out.
//!
//! Must not know: the other modules of the plug-in, the host. Invariant: nothing is reported of a
//! module that is not valid, and its lists take no more memory than [`LISTED_BYTES_MAX`] allows.

use extism_abi::{ARTEFACT_SECTION, Status};
use extism_semantics::{Fault, hex};
use sha2::{Digest, Sha256};
use wasmparser::types::{CoreTypeId, EntityType, TypesRef};
use wasmparser::{
    CustomSectionReader, KnownCustom, Parser, Payload, ProducersSectionReader, Validator,
    WasmFeatures,
};

use super::features::Features;
use super::language::{self, Evidence};
use super::module::{
    CustomSection, ExportInspection, ImportInspection, Kind, MemoryInspection, ModuleInspection,
    TableInspection,
};
use super::provider::Provider;
use super::signature::{self, Signature};

/// Looks into one binary module. Who provides its imports is not known here, nor what the rewriting
/// pass makes of it.
pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<ModuleInspection, Fault> {
    if Parser::is_component(bytes) {
        let text = format!("module {name} is a component, not a core module");
        return Err(Fault::new(Status::ModuleUnsupported, text));
    }
    let invalid = |error: wasmparser::Error| Fault::new(Status::ModuleInvalid, error.to_string());
    let types = Validator::new_with_features(WasmFeatures::all())
        .validate_all(bytes)
        .map_err(invalid)?;
    let mut reading = Reading::new(name, bytes);
    reading.entities(types.as_ref());
    for payload in Parser::new(0).parse_all(bytes) {
        reading
            .payload(payload.map_err(invalid)?)
            .map_err(invalid)?;
    }
    Ok(reading.finish())
}

/// Names and types listed of one module, in bytes. A few bytes of a module can make an export or a
/// section, or name a type of a thousand parameters, so without a bound lists could be many times
/// larger than the module.
const LISTED_BYTES_MAX: usize = 16 << 20;

/// What an entry of a list takes beside its texts, in bytes.
const ENTRY_BYTES: usize = 64;

/// A module being read.
struct Reading<'a> {
    module: ModuleInspection,
    features: Features,
    evidence: Evidence<'a>,
    /// What lists may still take.
    listed_bytes_left: usize,
}

impl<'a> Reading<'a> {
    fn new(name: &str, bytes: &[u8]) -> Self {
        Reading {
            module: ModuleInspection {
                name: name.to_owned(),
                bytes: bytes.len() as u64,
                sha256: hex(&Sha256::digest(bytes)),
                rewriting: "off".to_owned(),
                ..ModuleInspection::default()
            },
            features: Features::default(),
            evidence: Evidence::default(),
            listed_bytes_left: LISTED_BYTES_MAX,
        }
    }

    /// Whether a list has room for an entry of this size. After the first that has none there is
    /// none for any.
    fn has_room(&mut self, texts_bytes: usize) -> bool {
        let left = self
            .listed_bytes_left
            .checked_sub(texts_bytes.saturating_add(ENTRY_BYTES));
        self.listed_bytes_left = left.unwrap_or(0);
        self.module.truncated |= left.is_none();
        left.is_some()
    }

    /// Everything the validator found out about what the module imports, exports and defines.
    fn entities(&mut self, types: TypesRef<'_>) {
        self.features.entities(types);
        let (mut memories, mut tables) = (0, 0);
        for (module, name, ty) in types.core_imports().into_iter().flatten() {
            match ty {
                EntityType::Memory(_) => memories += 1,
                EntityType::Table(_) => tables += 1,
                _ => {}
            }
            self.import(module, name, ty, types);
        }
        for (name, ty) in types.core_exports().into_iter().flatten() {
            self.export(name, ty, types);
        }
        self.module.memories = (0..types.memory_count())
            .map(|index| MemoryInspection::of(&types.memory_at(index), index < memories))
            .collect();
        self.module.tables = (0..types.table_count())
            .map(|index| TableInspection::of(&types.table_at(index), index < tables))
            .collect();
        self.module.globals = u64::from(types.global_count());
    }

    fn import(&mut self, module: &str, name: &str, ty: EntityType, types: TypesRef<'_>) {
        let names_bytes = module.len() + name.len();
        let Some(described) = self.describe(names_bytes, ty, types) else {
            return;
        };
        self.module.imports.push(ImportInspection {
            module: module.to_owned(),
            name: name.to_owned(),
            kind: described.kind,
            ty: described.text,
            provider: Provider::Unknown,
            signature: described.signature.filter(|_| described.kind == "function"),
        });
    }

    fn export(&mut self, name: &str, ty: EntityType, types: TypesRef<'_>) {
        let Some(described) = self.describe(name.len(), ty, types) else {
            return;
        };
        self.module.exports.push(ExportInspection {
            name: name.to_owned(),
            kind: described.kind,
            ty: described.text,
        });
    }

    /// The kind and the type of an import or export, if the list has room for it.
    fn describe(
        &mut self,
        names_bytes: usize,
        ty: EntityType,
        types: TypesRef<'_>,
    ) -> Option<Described> {
        if self.module.truncated || !self.has_room(names_bytes) {
            return None;
        }
        let of_function = |reading: &mut Self, kind, id: CoreTypeId| {
            let signature = Signature::of(types, id);
            reading.has_room(signature.cost_bytes()).then(|| Described {
                kind,
                text: signature.to_string(),
                signature: Some(signature),
            })
        };
        let (kind, text) = match ty {
            EntityType::Func(id) | EntityType::FuncExact(id) => {
                return of_function(self, "function", id);
            }
            EntityType::Tag(id) => return of_function(self, "tag", id),
            EntityType::Memory(ty) => ("memory", MemoryInspection::of(&ty, false).to_string()),
            EntityType::Table(ty) => ("table", TableInspection::of(&ty, false).to_string()),
            EntityType::Global(ty) => ("global", signature::global(&ty)),
        };
        Some(Described {
            kind,
            text,
            signature: None,
        })
    }

    fn payload(&mut self, payload: Payload<'a>) -> wasmparser::Result<()> {
        self.features.payload(&payload)?;
        match payload {
            Payload::FunctionSection(section) => {
                self.module.functions = u64::from(section.count());
            }
            Payload::StartSection { .. } => self.module.start = true,
            Payload::CodeSectionStart { range, .. } => self.module.code_bytes = range.len() as u64,
            Payload::DataSection(section) => {
                for data in section {
                    let data = data?.data;
                    self.module.data_bytes += data.len() as u64;
                    self.evidence.add(data);
                }
            }
            Payload::CustomSection(section) => self.custom(&section),
            _ => {}
        }
        Ok(())
    }

    /// Custom sections may hold anything: what cannot be read is passed over.
    fn custom(&mut self, section: &CustomSectionReader<'a>) {
        let name = section.name();
        self.module.artefact |= name == ARTEFACT_SECTION;
        match section.as_known() {
            KnownCustom::Name(_) => self.evidence.add(section.data()),
            KnownCustom::Producers(producers) => self.producers(producers),
            _ => {}
        }
        if self.has_room(name.len()) {
            self.module.custom_sections.push(CustomSection {
                name: name.to_owned(),
                bytes: section.data().len() as u64,
            });
        }
    }

    fn producers(&mut self, section: ProducersSectionReader<'a>) {
        for field in section.into_iter().map_while(Result::ok) {
            for value in field.values.into_iter().map_while(Result::ok) {
                if !self.has_room(value.name.len() + value.version.len()) {
                    return;
                }
                let text = match value.version {
                    "" => value.name.to_owned(),
                    version => format!("{} {version}", value.name),
                };
                let values = self
                    .module
                    .producers
                    .entry(field.name.to_owned())
                    .or_default();
                values.push(text);
            }
        }
    }

    fn finish(self) -> ModuleInspection {
        let mut module = self.module;
        module.kind = kind(&module);
        module.features = self.features.into_names();
        let guess = language::guess(&self.evidence, &module);
        module.language = guess.language;
        module.pdk = guess.pdk;
        module
    }
}

struct Described {
    kind: &'static str,
    text: String,
    signature: Option<Signature>,
}

fn kind(module: &ModuleInspection) -> Kind {
    let (command, reactor) = (
        module.exports_function("_start"),
        module.exports_function("_initialize"),
    );
    match (command, reactor) {
        (true, true) => Kind::CommandAndReactor,
        _ if module.exports_function("hs_init") => Kind::Haskell,
        (true, false) => Kind::Command,
        (false, true) => Kind::Reactor,
        (false, false) => Kind::Library,
    }
}
