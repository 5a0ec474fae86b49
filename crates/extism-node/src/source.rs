//! What a plug-in is made from: bytes, modules that a manifest among them names by place, and what
//! the options say instead of the manifest.
//!
//! Must not know: how JavaScript holds bytes. Invariant: a manifest can name no other memory.

use std::borrow::Cow;

use extism_runtime::manifest::{Manifest, ParseOptions, Wasm};
use extism_runtime::{
    CompiledPlugin, Error, FunctionImport, Limits, Loader, Options, Source, is_module,
};
use napi_derive::napi;

use crate::call;
use crate::error::{Failure, Thrown};
use crate::function::Functions;
use crate::options::{self, OptionsGiven};
use crate::realm::{Realm, Value};

/// A source as JavaScript gives it, copied.
pub(crate) struct Given {
    bytes: Vec<u8>,
    modules: Vec<Vec<u8>>,
    overrides: Option<String>,
}

impl Given {
    pub(crate) fn new(bytes: &[u8], modules: &[&[u8]], overrides: Option<String>) -> Given {
        Given {
            bytes: bytes.to_vec(),
            modules: modules.iter().map(|module| module.to_vec()).collect(),
            overrides,
        }
    }

    pub(crate) fn compile(
        &self,
        options: Options,
        functions: &Functions,
    ) -> Result<CompiledPlugin, Error> {
        let source = self.read(&options.limits)?;
        let resolve = |import: &FunctionImport<'_>| functions.find(import);
        let loader = Loader {
            resolve: Some(&resolve),
            ..Loader::default()
        };
        loader.load(source, options)
    }

    fn read(&self, limits: &Limits) -> Result<Source<'_>, Error> {
        if self.modules.is_empty() && self.overrides.is_none() {
            return Ok(Source::Bytes(Cow::Borrowed(&self.bytes)));
        }
        let mut manifest = match is_module(&self.bytes) {
            true => Manifest::new([Wasm::data(self.bytes.as_slice())]),
            false => self.parse(&self.bytes, limits)?,
        };
        if let Some(overrides) = &self.overrides {
            manifest.override_with(self.parse(overrides.as_bytes(), limits)?);
        }
        Ok(Source::Manifest(Cow::Owned(manifest)))
    }

    fn parse(&self, text: &[u8], limits: &Limits) -> Result<Manifest, Error> {
        let module = |place: u64, _length: u64| {
            let at = place.checked_sub(1).and_then(|at| usize::try_from(at).ok());
            let bytes = at.and_then(|at| self.modules.get(at));
            bytes.cloned().ok_or_else(|| "no such module".to_owned())
        };
        let options = ParseOptions {
            manifest_bytes_max: usize::try_from(limits.manifest_bytes_max).unwrap_or(usize::MAX),
            modules_max: limits.modules_max,
            read_pointer: Some(&module),
            ..ParseOptions::default()
        };
        let parsed = Manifest::parse(text, &options);
        parsed.map_err(|error| Error::new(error.status(), error.to_string()))
    }
}

impl Realm {
    /// Does something with a source on another thread.
    fn with_source(
        &self,
        call: u32,
        given: Given,
        options: OptionsGiven,
        work: fn(Source<'_>, &Options) -> Result<Value, Error>,
    ) -> Result<(), Thrown> {
        let (options, _) = options::read(options)?;
        let work = move |_: &_| Ok(work(given.read(&options.limits)?, &options)?);
        call::start(self.near.far()?, call, None, work)?;
        Ok(())
    }
}

#[napi]
impl Realm {
    /// Describes a plug-in, as JSON.
    #[napi]
    pub fn inspect(
        &self,
        call: u32,
        bytes: &[u8],
        modules: Vec<&[u8]>,
        overrides: Option<String>,
        options: OptionsGiven,
    ) -> Result<(), Thrown> {
        let given = Given::new(bytes, &modules, overrides);
        self.with_source(call, given, options, |source, options| {
            let inspection = extism_runtime::inspect(source, options)?;
            Ok(Value::Text(inspection.to_json()))
        })
    }

    /// Compiles a plug-in ahead of time.
    #[napi]
    pub fn precompile(
        &self,
        call: u32,
        bytes: &[u8],
        modules: Vec<&[u8]>,
        overrides: Option<String>,
        options: OptionsGiven,
    ) -> Result<(), Thrown> {
        let given = Given::new(bytes, &modules, overrides);
        self.with_source(call, given, options, |source, options| {
            extism_runtime::precompile(source, options).map(Value::Bytes)
        })
    }

    /// Compiles a plug-in.
    #[napi]
    pub fn compile(
        &self,
        call: u32,
        bytes: &[u8],
        modules: Vec<&[u8]>,
        overrides: Option<String>,
        options: OptionsGiven,
    ) -> Result<(), Thrown> {
        let given = Given::new(bytes, &modules, overrides);
        let (options, functions) = options::read(options)?;
        let work = move |_: &_| {
            let compiled = given.compile(options, &functions).map_err(Failure::from)?;
            Ok(Value::Compiled(compiled))
        };
        call::start(self.near.far()?, call, None, work)?;
        Ok(())
    }
}
