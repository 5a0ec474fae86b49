//! What a plug-in can be made from.
//!
//! Must not know: formats; the runtime looks at the bytes. Invariant: nothing is copied before it is loaded.

use std::borrow::Cow;

use extism_manifest::Manifest;
use extism_runtime::Source;

/// What a plug-in can be made from: a manifest, or bytes that are a Wasm module, WAT text, or a
/// manifest in JSON or TOML. Whatever converts into it can be given to
/// [`Plugin::new`](crate::Plugin::new) and [`PluginBuilder::new`](crate::PluginBuilder::new).
///
/// ```
/// use extism::{Manifest, Plugin, Wasm};
///
/// let wat = r#"(module (func (export "run")))"#;
/// let manifest = Manifest::new([Wasm::data(wat)]);
/// assert!(Plugin::new(wat, [], false)?.function_exists("run"));
/// assert!(Plugin::new(&manifest, [], false)?.function_exists("run"));
/// # Ok::<(), extism::Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum WasmInput<'a> {
    /// Bytes whose kind is found out by looking at them.
    Data(Cow<'a, [u8]>),
    /// A manifest.
    Manifest(Manifest),
    /// A borrowed manifest.
    ManifestRef(&'a Manifest),
}

impl<'a> WasmInput<'a> {
    pub(crate) fn into_source(self) -> Source<'a> {
        match self {
            WasmInput::Data(bytes) => Source::Bytes(bytes),
            WasmInput::Manifest(manifest) => Source::Manifest(Cow::Owned(manifest)),
            WasmInput::ManifestRef(manifest) => Source::Manifest(Cow::Borrowed(manifest)),
        }
    }
}

impl From<Manifest> for WasmInput<'_> {
    fn from(manifest: Manifest) -> Self {
        WasmInput::Manifest(manifest)
    }
}

impl<'a> From<&'a Manifest> for WasmInput<'a> {
    fn from(manifest: &'a Manifest) -> Self {
        WasmInput::ManifestRef(manifest)
    }
}

impl<'a> From<&'a mut Manifest> for WasmInput<'a> {
    fn from(manifest: &'a mut Manifest) -> Self {
        WasmInput::ManifestRef(manifest)
    }
}

impl<'a> From<&'a [u8]> for WasmInput<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        WasmInput::Data(Cow::Borrowed(bytes))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for WasmInput<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        WasmInput::Data(Cow::Borrowed(bytes))
    }
}

impl<'a> From<&'a str> for WasmInput<'a> {
    fn from(text: &'a str) -> Self {
        WasmInput::Data(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<Vec<u8>> for WasmInput<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        WasmInput::Data(Cow::Owned(bytes))
    }
}

impl<'a> From<&'a Vec<u8>> for WasmInput<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        WasmInput::Data(Cow::Borrowed(bytes))
    }
}
