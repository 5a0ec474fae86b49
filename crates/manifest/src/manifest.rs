//! The manifest itself, built by hand or by the parser, and its printed form.
//!
//! Must not know how it is carried out. Invariant: what is printed reads back as an equal manifest
//! (paths that are not UTF-8 excepted: JSON cannot hold them).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::{MemoryOptions, Wasm};

/// Which modules a plug-in is made of, what it may reach and how much it may use.
///
/// ```
/// use std::time::Duration;
/// use extism_manifest::{Manifest, Wasm};
///
/// let manifest = Manifest::new([Wasm::file("plugin.wasm")])
///     .with_config_key("language", "en")
///     .with_timeout(Duration::from_secs(2));
/// assert_eq!(manifest.timeout_ms, Some(2000));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(
    feature = "json_schema",
    derive(schemars::JsonSchema),
    schemars(
        deny_unknown_fields,
        description = "Which modules a plug-in is made of, what it may reach and how much it may use."
    )
)]
pub struct Manifest {
    /// The modules. The one named `main`, or else the last, is the one whose functions are called.
    #[cfg_attr(feature = "json_schema", schemars(default))]
    pub wasm: Vec<Wasm>,

    /// Bounds on memory.
    #[cfg_attr(feature = "json_schema", schemars(default))]
    pub memory: MemoryOptions,

    /// What the plug-in reads through `config_get`, by key.
    #[cfg_attr(feature = "json_schema", schemars(default))]
    pub config: BTreeMap<String, String>,

    /// The hosts the plug-in may send HTTP requests to. Absent, null or empty: none.
    #[cfg_attr(feature = "json_schema", schemars(default))]
    pub allowed_hosts: Option<Vec<String>>,

    /// The folders the plug-in may use, when WASI is on: from the path on the host to the path it sees.
    ///
    /// A host path that begins with `ro:` is read-only. Absent, null or empty: none.
    #[cfg_attr(feature = "json_schema", schemars(default))]
    pub allowed_paths: Option<BTreeMap<String, PathBuf>>,

    /// How long a call may take, in milliseconds. Absent or null: no limit.
    #[cfg_attr(feature = "json_schema", schemars(default, extend("maximum" = u64::MAX)))]
    pub timeout_ms: Option<u64>,
}

impl Manifest {
    /// A manifest of these modules, which may reach nothing.
    pub fn new(wasm: impl IntoIterator<Item = impl Into<Wasm>>) -> Manifest {
        Manifest {
            wasm: wasm.into_iter().map(Into::into).collect(),
            ..Manifest::default()
        }
    }

    /// Adds a module.
    pub fn with_wasm(mut self, wasm: impl Into<Wasm>) -> Self {
        self.wasm.push(wasm.into());
        self
    }

    /// Replaces each of memory, config, hosts, paths and timeout that `other` says; modules stay.
    ///
    /// ```
    /// use extism_manifest::{Manifest, Wasm};
    ///
    /// let mut manifest = Manifest::new([Wasm::file("plugin.wasm")]).with_allowed_host("a.example");
    /// manifest.override_with(Manifest::default().with_allowed_host("b.example"));
    /// assert_eq!(manifest.allowed_hosts.unwrap(), ["b.example"]);
    /// ```
    pub fn override_with(&mut self, other: Manifest) {
        if other.memory != MemoryOptions::default() {
            self.memory = other.memory;
        }
        if !other.config.is_empty() {
            self.config = other.config;
        }
        self.allowed_hosts = other.allowed_hosts.or(self.allowed_hosts.take());
        self.allowed_paths = other.allowed_paths.or(self.allowed_paths.take());
        self.timeout_ms = other.timeout_ms.or(self.timeout_ms);
    }

    /// Allows no HTTP at all, whatever was allowed before.
    pub fn disallow_all_hosts(mut self) -> Self {
        self.allowed_hosts = Some(Vec::new());
        self
    }

    /// Replaces all bounds on memory.
    pub fn with_memory_options(mut self, memory: MemoryOptions) -> Self {
        self.memory = memory;
        self
    }

    /// Sets [`MemoryOptions::max_pages`], in pages of 64 KiB.
    pub fn with_memory_max(mut self, max: u32) -> Self {
        self.memory.max_pages = Some(max);
        self
    }

    /// Adds a pattern to [`allowed_hosts`](Self::allowed_hosts).
    pub fn with_allowed_host(mut self, host: impl Into<String>) -> Self {
        self.allowed_hosts.get_or_insert_default().push(host.into());
        self
    }

    /// Replaces [`allowed_hosts`](Self::allowed_hosts).
    pub fn with_allowed_hosts(mut self, hosts: impl Iterator<Item = String>) -> Self {
        self.allowed_hosts = Some(hosts.collect());
        self
    }

    /// Adds a folder to [`allowed_paths`](Self::allowed_paths): `src` on the host, `dest` in the plug-in.
    pub fn with_allowed_path(mut self, src: String, dest: impl AsRef<Path>) -> Self {
        let paths = self.allowed_paths.get_or_insert_default();
        paths.insert(src, dest.as_ref().to_path_buf());
        self
    }

    /// Replaces [`allowed_paths`](Self::allowed_paths).
    pub fn with_allowed_paths(mut self, paths: impl Iterator<Item = (String, PathBuf)>) -> Self {
        self.allowed_paths = Some(paths.collect());
        self
    }

    /// Adds entries to [`config`](Self::config), in place of earlier ones of the same keys.
    pub fn with_config(
        mut self,
        c: impl Iterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        self.config
            .extend(c.map(|(key, value)| (key.into(), value.into())));
        self
    }

    /// Adds one entry to [`config`](Self::config), in place of an earlier one of the same key.
    pub fn with_config_key(mut self, k: impl Into<String>, v: impl Into<String>) -> Self {
        self.config.insert(k.into(), v.into());
        self
    }

    /// Sets [`timeout_ms`](Self::timeout_ms), rounded down to whole milliseconds.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout_ms = Some(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// The manifest as JSON.
    ///
    /// JSON cannot hold a path that is not UTF-8: what is wrong in one becomes U+FFFD, so that the loader
    /// says which file it cannot find.
    ///
    /// ```
    /// let json = extism_manifest::Manifest::default().with_memory_max(4).to_json();
    /// assert!(json.starts_with(br#"{"wasm":[],"memory":{"max_pages":4,"#));
    /// ```
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_else(|_| {
            serde_json::to_vec(&self.with_text_paths())
                .expect("only a path that is not text cannot be printed")
        })
    }

    fn with_text_paths(&self) -> Manifest {
        let mut copy = self.clone();
        for wasm in &mut copy.wasm {
            if let Wasm::File { path, .. } = wasm {
                make_text(path);
            }
        }
        copy.allowed_paths
            .iter_mut()
            .flat_map(BTreeMap::values_mut)
            .for_each(make_text);
        copy
    }
}

impl From<Manifest> for Cow<'_, [u8]> {
    fn from(manifest: Manifest) -> Self {
        Cow::Owned(manifest.to_json())
    }
}

impl From<&Manifest> for Cow<'_, [u8]> {
    fn from(manifest: &Manifest) -> Self {
        Cow::Owned(manifest.to_json())
    }
}

fn make_text(path: &mut PathBuf) {
    *path = path.to_string_lossy().into_owned().into();
}
