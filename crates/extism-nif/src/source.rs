//! What a plug-in is made from: bytes, or a manifest whose inline modules are binaries of their own.
//!
//! Must not know: terms that are no binaries; `extism_manifest` turned them into JSON. Invariant: a
//! module given inline is not copied before it is read, and a manifest can name no other memory.

use std::borrow::Cow;

use extism_runtime::manifest::{Manifest, ParseOptions};
use extism_runtime::{CompiledPlugin, Error, Limits, Options, Source};
use rustler::{Decoder, Env, NifResult, Term};

use crate::call::{self, Leaving, Started, answer};
use crate::error::Failure;
use crate::options::Given;
use crate::term::{Bytes, Kept, List, owned};

pub(crate) struct Wasm {
    /// A module, or a manifest.
    bytes: Bytes,
    /// The modules a manifest gives inline, each by its place in this list, from 1 up.
    inline: Option<Vec<Bytes>>,
}

impl<'a> Decoder<'a> for Wasm {
    /// Reads a binary, or `{Json, Binaries}`.
    fn decode(term: Term<'a>) -> NifResult<Wasm> {
        if let Ok(bytes) = term.decode::<Bytes>() {
            return Ok(Wasm {
                bytes,
                inline: None,
            });
        }
        let (bytes, List(inline)) = term.decode::<(Bytes, List<Bytes>)>()?;
        let inline = Some(inline);
        Ok(Wasm { bytes, inline })
    }
}

impl Wasm {
    pub(crate) fn compile(&self, options: Options) -> Result<CompiledPlugin, Error> {
        let limits = options.limits.clone();
        self.read(&limits, |source| CompiledPlugin::new(source, options))
    }

    fn read<R>(
        &self,
        limits: &Limits,
        with: impl FnOnce(Source<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.bytes.read(|bytes| match &self.inline {
            None => with(Source::Bytes(Cow::Borrowed(bytes))),
            Some(inline) => {
                let manifest = parse(bytes, inline, limits)?;
                with(Source::Manifest(Cow::Owned(manifest)))
            }
        })
    }
}

fn parse(json: &[u8], inline: &[Bytes], limits: &Limits) -> Result<Manifest, Error> {
    let module = |place: u64, _length: u64| {
        let at = usize::try_from(place)
            .ok()
            .and_then(|place| place.checked_sub(1));
        let bytes = at.and_then(|at| inline.get(at));
        bytes
            .map(Bytes::to_vec)
            .ok_or_else(|| "no such module".to_owned())
    };
    let options = ParseOptions {
        manifest_bytes_max: usize::try_from(limits.manifest_bytes_max).unwrap_or(usize::MAX),
        modules_max: limits.modules_max,
        read_pointer: Some(&module),
        ..ParseOptions::default()
    };
    Manifest::parse(json, &options).map_err(|error| Error::new(error.status(), error.to_string()))
}

/// Describes a plug-in, as JSON.
#[rustler::nif]
fn inspect(env: Env<'_>, tag: Kept, wasm: Wasm, options: Given) -> Started {
    let options = options.0?;
    let work = move |_: &_| {
        let inspected = wasm.read(&options.limits, |source| {
            extism_runtime::inspect(source, &options)
        });
        answer(inspected?.to_json())
    };
    call::start(env, tag, Leaving::Goes, call::at_once(work))
}

/// Compiles a plug-in ahead of time.
#[rustler::nif]
fn precompile(env: Env<'_>, tag: Kept, wasm: Wasm, options: Given) -> Started {
    let options = options.0?;
    let work = move |_: &_| -> Result<call::Answer, Failure> {
        let artefact = wasm.read(&options.limits, |source| {
            extism_runtime::precompile(source, &options)
        });
        let artefact = owned(&artefact?);
        Ok(Box::new(move |env| artefact.release(env).to_term(env)))
    };
    call::start(env, tag, Leaving::Goes, call::at_once(work))
}
