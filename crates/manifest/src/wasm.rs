//! One module of a plug-in: where its bytes come from, its name and its hash.
//!
//! Must not know how to open a file or a URL. Invariant: a module has exactly one source.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize, Serializer};

use crate::HttpRequest;

/// What is known about a module besides where it comes from.
///
/// ```
/// let meta = extism_manifest::WasmMetadata { name: Some("main".into()), hash: None };
/// assert_eq!(meta, extism_manifest::WasmMetadata { name: Some("main".into()), ..Default::default() });
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "json_schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WasmMetadata {
    /// The name other modules import it by. The module named `main` is the one that is called.
    pub name: Option<String>,

    /// The SHA-256 of the module's bytes in lower-case hexadecimal. Other bytes are refused.
    pub hash: Option<String>,
}

/// A Wasm module: its source, its name and its hash.
///
/// ```
/// use extism_manifest::Wasm;
///
/// let wasm = Wasm::url("https://example.com/lib.wasm").with_name("lib");
/// assert_eq!(wasm.meta().name.as_deref(), Some("lib"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Wasm {
    /// A file of the host.
    File {
        /// Where the file is; a relative path starts at the current directory of the process.
        path: PathBuf,
        /// Name and hash.
        #[serde(flatten)]
        meta: WasmMetadata,
    },

    /// The bytes themselves, printed as padded standard base64.
    Data {
        /// The module: binary, or the text format.
        #[serde(serialize_with = "base64_text")]
        data: Vec<u8>,
        /// Name and hash.
        #[serde(flatten)]
        meta: WasmMetadata,
    },

    /// A module to download.
    Url {
        /// What to request.
        #[serde(flatten)]
        req: HttpRequest,
        /// Name and hash.
        #[serde(flatten)]
        meta: WasmMetadata,
    },
}

impl Wasm {
    /// The module in a file.
    pub fn file(path: impl AsRef<Path>) -> Self {
        path.as_ref().to_path_buf().into()
    }

    /// The module with these bytes.
    pub fn data(data: impl Into<Vec<u8>>) -> Self {
        data.into().into()
    }

    /// The module that a GET of `url` answers.
    pub fn url(url: impl Into<String>) -> Self {
        HttpRequest::new(url).into()
    }

    /// The module that an HTTP request answers.
    pub fn http(req: impl Into<HttpRequest>) -> Self {
        req.into().into()
    }

    /// Name and hash.
    pub fn meta(&self) -> &WasmMetadata {
        match self {
            Wasm::File { meta, .. } | Wasm::Data { meta, .. } | Wasm::Url { meta, .. } => meta,
        }
    }

    /// Name and hash, to change them.
    pub fn meta_mut(&mut self) -> &mut WasmMetadata {
        match self {
            Wasm::File { meta, .. } | Wasm::Data { meta, .. } | Wasm::Url { meta, .. } => meta,
        }
    }

    /// Sets the name.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.meta_mut().name = Some(name.into());
        self
    }

    /// Sets the hash: the SHA-256 of the bytes in lower-case hexadecimal.
    pub fn with_hash(mut self, hash: impl Into<String>) -> Self {
        self.meta_mut().hash = Some(hash.into());
        self
    }
}

impl From<HttpRequest> for Wasm {
    fn from(req: HttpRequest) -> Self {
        let meta = WasmMetadata::default();
        Wasm::Url { req, meta }
    }
}

impl From<PathBuf> for Wasm {
    fn from(path: PathBuf) -> Self {
        let meta = WasmMetadata::default();
        Wasm::File { path, meta }
    }
}

impl From<Vec<u8>> for Wasm {
    fn from(data: Vec<u8>) -> Self {
        let meta = WasmMetadata::default();
        Wasm::Data { data, meta }
    }
}

fn base64_text<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(data))
}
