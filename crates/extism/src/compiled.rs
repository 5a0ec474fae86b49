//! A plug-in compiled once, from which any number of instances are made.
//!
//! Must not know: engines and modules. Invariant: it cannot change; instances made from it are alike.

use anyhow::Error;
use extism_manifest::Manifest;
use extism_runtime::{self as runtime, Limits, Loader};

use crate::PluginBuilder;

/// A plug-in compiled once, from which any number of instances are made, on any thread. Cheap to clone.
///
/// ```
/// use extism::{Plugin, PluginBuilder};
///
/// let compiled = PluginBuilder::new(r#"(module (func (export "run")))"#).compile()?;
/// let mut one = Plugin::new_from_compiled(&compiled)?;
/// let mut other = Plugin::new_from_compiled(&compiled)?;
/// one.call::<_, ()>("run", ())?;
/// other.call::<_, ()>("run", ())?;
/// # Ok::<(), extism::Error>(())
/// ```
#[derive(Clone)]
pub struct CompiledPlugin(pub(crate) runtime::CompiledPlugin);

impl CompiledPlugin {
    /// As [`PluginBuilder::compile`].
    ///
    /// # Errors
    /// As [`PluginBuilder::compile`].
    pub fn new(builder: PluginBuilder<'_>) -> Result<CompiledPlugin, Error> {
        let (source, options) = builder.into_parts()?;
        Ok(CompiledPlugin(Loader::default().load(source, options)?))
    }

    /// The manifest it was loaded from.
    pub fn manifest(&self) -> &Manifest {
        self.0.manifest()
    }

    /// The host's ceiling.
    pub fn limits(&self) -> &Limits {
        self.0.limits()
    }

    /// Whether the plug-in may use WASI.
    pub fn has_wasi(&self) -> bool {
        self.0.has_wasi()
    }

    /// Whether the plug-in exports a function of this name that can be called.
    pub fn function_exists(&self, function: impl AsRef<str>) -> bool {
        self.0.has_function(function.as_ref())
    }
}

impl std::fmt::Debug for CompiledPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let modules = self.manifest().wasm.len();
        f.debug_struct("CompiledPlugin")
            .field("modules", &modules)
            .finish_non_exhaustive()
    }
}
