//! From what the host hands over to the bytes of modules: a manifest or a module, files, downloads, hashes.
//!
//! Invariant: sizes are bounded before anything is kept, and a module's hash is checked before
//! anything parses it.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use extism_http::{Client, HostPolicy, Request, Rules};
use extism_manifest::{HttpRequest, Manifest, ParseOptions, Wasm, WasmMetadata};
use extism_policy::display_url;
use extism_policy::url::Url;
use extism_semantics::{check_hash, check_size, is_binary};

use crate::error::Error;
use crate::{Limits, Status};

pub(crate) use extism_semantics::{MAIN, is_module};

/// What a plug-in can be made from: a manifest as a value, or bytes that are a Wasm module, WAT
/// text, or a manifest in JSON or TOML.
#[derive(Clone, Debug)]
pub enum Source<'a> {
    /// Bytes whose kind is found out by looking at them.
    Bytes(Cow<'a, [u8]>),
    /// A manifest.
    Manifest(Cow<'a, Manifest>),
}

impl From<Manifest> for Source<'_> {
    fn from(manifest: Manifest) -> Self {
        Source::Manifest(Cow::Owned(manifest))
    }
}

impl<'a> From<&'a Manifest> for Source<'a> {
    fn from(manifest: &'a Manifest) -> Self {
        Source::Manifest(Cow::Borrowed(manifest))
    }
}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Source::Bytes(Cow::Borrowed(bytes))
    }
}

impl<'a> From<&'a str> for Source<'a> {
    fn from(text: &'a str) -> Self {
        Source::Bytes(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<Vec<u8>> for Source<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Source::Bytes(Cow::Owned(bytes))
    }
}

/// Reads memory of this process for manifests that give a module by pointer: `(address, length)`.
pub type ReadPointer<'a> = &'a dyn Fn(u64, u64) -> Result<Vec<u8>, String>;

/// Told during a download: bytes so far, and of how many if that is known.
pub type Progress<'a> = &'a dyn Fn(u64, Option<u64>);

/// What loading may use beside the source itself.
#[derive(Clone, Copy, Default)]
pub(crate) struct LoadContext<'a> {
    pub(crate) read_pointer: Option<ReadPointer<'a>>,
    pub(crate) progress: Option<Progress<'a>>,
}

/// A manifest and its modules, each a binary module.
pub(crate) struct Loaded {
    pub(crate) manifest: Manifest,
    /// In the manifest's order.
    modules: Vec<NamedModule>,
}

struct NamedModule {
    name: String,
    /// Missing where the manifest itself has the bytes.
    fetched: Option<Vec<u8>>,
}

impl Loaded {
    /// The name and the bytes of each module.
    pub(crate) fn modules(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        let both = self.modules.iter().zip(&self.manifest.wasm);
        both.map(|(module, wasm)| {
            let bytes = match (&module.fetched, wasm) {
                (Some(bytes), _) => bytes.as_slice(),
                (None, Wasm::Data { data, .. }) => data.as_slice(),
                (None, _) => &[],
            };
            (module.name.as_str(), bytes)
        })
    }
}

/// Fetches everything a source names.
pub(crate) fn load(
    source: Source<'_>,
    limits: &Limits,
    context: LoadContext<'_>,
) -> Result<Loaded, Error> {
    let manifest = match source {
        Source::Manifest(manifest) => manifest.into_owned(),
        Source::Bytes(bytes) if is_module(&bytes) => {
            let meta = WasmMetadata::default();
            Manifest::new([Wasm::Data {
                data: bytes.into_owned(),
                meta,
            }])
        }
        Source::Bytes(bytes) => parse(&bytes, limits, context)?,
    };
    extism_semantics::check_count(&manifest, limits)?;
    let modules = named(&manifest, |wasm| fetch(wasm, limits, context))?;
    Ok(Loaded { manifest, modules })
}

fn parse(bytes: &[u8], limits: &Limits, context: LoadContext<'_>) -> Result<Manifest, Error> {
    let options = ParseOptions {
        read_pointer: context.read_pointer,
        ..extism_semantics::parse_options(limits)
    };
    Manifest::parse(bytes, &options).map_err(|error| Error::new(error.status(), error.to_string()))
}

/// Names every module and fetches those the manifest does not have as they are.
fn named(
    manifest: &Manifest,
    mut fetch: impl FnMut(&Wasm) -> Result<Option<Vec<u8>>, Error>,
) -> Result<Vec<NamedModule>, Error> {
    let names = extism_semantics::names(manifest)?;
    let both = names.into_iter().zip(&manifest.wasm);
    both.map(|(name, wasm)| {
        let fetched = fetch(wasm)?;
        Ok(NamedModule { name, fetched })
    })
    .collect()
}

/// The bytes of one module, as a binary module, unless the manifest has them as such.
fn fetch(wasm: &Wasm, limits: &Limits, context: LoadContext<'_>) -> Result<Option<Vec<u8>>, Error> {
    let bytes: Cow<'_, [u8]> = match wasm {
        Wasm::File { path, .. } => read(path, limits)?.into(),
        Wasm::Data { data, .. } => {
            check_size(data.len() as u64, limits, "module")?;
            data.into()
        }
        Wasm::Url { req, .. } => download(req, limits, context)?.into(),
    };
    check_hash(wasm.meta(), &bytes)?;
    if is_binary(&bytes) {
        return Ok(match bytes {
            Cow::Borrowed(_) => None,
            Cow::Owned(bytes) => Some(bytes),
        });
    }
    // Text may be a few times smaller than the module it stands for, so the module is held to the limit, too.
    let binary = wat::parse_bytes(&bytes)
        .map_err(|error| no_module(wasm, Error::from_chain(Status::ModuleInvalid, error)))?
        .into_owned();
    check_size(binary.len() as u64, limits, "module")?;
    Ok(Some(binary))
}

/// Says what was taken for text, unless the host has it in its hands: it may be a page that asks who you are.
fn no_module(wasm: &Wasm, cause: Error) -> Error {
    let place = match wasm {
        Wasm::Data { .. } => return cause,
        Wasm::File { path, .. } => path.display().to_string(),
        Wasm::Url { req, .. } => display(&req.url).into_owned(),
    };
    let text = format!("{place} is no module, neither binary nor text");
    Error::with_cause(cause.status(), text, cause)
}

fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    let failed = |error: std::io::Error| {
        let status = match error.kind() {
            std::io::ErrorKind::NotFound => Status::NotFound,
            _ => Status::Io,
        };
        let text = format!(
            "Unable to load Wasm file \"{}\": {}",
            path.display(),
            error.kind()
        );
        Error::new(status, text)
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let max = limits.module_bytes_max;
    file.take(max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    check_size(bytes.len() as u64, limits, &path.display().to_string())?;
    Ok(bytes)
}

fn download(
    request: &HttpRequest,
    limits: &Limits,
    context: LoadContext<'_>,
) -> Result<Vec<u8>, Error> {
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    // The manifest is the host's own word: where modules come from is not for the plug-in's
    // allow-list to decide.
    let policy = HostPolicy::unrestricted();
    let rules = Rules {
        response_bytes_max: limits.module_bytes_max,
        header_bytes_max: limits.http_header_bytes_max,
        redirects_max: limits.http_redirects_max,
        deadline: Instant::now().checked_add(limits.download_time_max),
        progress: context.progress,
        ..Rules::new(&policy)
    };
    let request = Request {
        method: request.method.as_deref().unwrap_or_default(),
        url: &request.url,
        headers: &headers,
        body: None,
    };
    let response = Client::new().send(request, &rules).map_err(|error| {
        let status = match error.status() {
            Status::HttpSize => Status::TooLarge,
            _ => Status::DownloadFailed,
        };
        let text = format!("cannot download {}", display(request.url));
        Error::with_cause(status, text, error)
    })?;
    // What comes with a redirect that is not followed is no module, either.
    if !(200..300).contains(&response.status) {
        let url = display(request.url);
        let text = format!("cannot download {url}: HTTP {}", response.status);
        return Err(Error::new(Status::DownloadFailed, text));
    }
    Ok(response.body)
}

/// A URL as messages show it: without user name and password, also where it is none.
fn display(url: &str) -> Cow<'_, str> {
    match Url::parse(url) {
        Ok(url) => display_url(&url).into(),
        Err(_) if url.contains('@') => "an invalid URL".into(),
        Err(_) => url.into(),
    }
}
