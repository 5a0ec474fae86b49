//! The memory section of a manifest: how much a plug-in may hold.
//!
//! Must not know how the limits are enforced. Invariant: absent and null mean "no choice made here", never
//! zero.

use serde::{Deserialize, Serialize};

/// What `max_var_bytes` is in a memory section that does not mention it: 1 MiB.
pub(crate) const VAR_BYTES_DEFAULT: u64 = 1024 * 1024;

/// Bounds on what a plug-in may hold in memory.
///
/// ```
/// use extism_manifest::MemoryOptions;
///
/// let memory = MemoryOptions::new().with_max_pages(64).with_max_var_bytes(0);
/// assert_eq!(memory.max_pages, Some(64));
/// assert_eq!(memory.max_http_response_bytes, None);
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(
    feature = "json_schema",
    derive(schemars::JsonSchema),
    schemars(
        description = "Bounds on what a plug-in may hold in memory.",
        transform = crate::schema::allow_max
    )
)]
#[serde(deny_unknown_fields)]
pub struct MemoryOptions {
    /// A bound on the linear memory of all the plug-in's memories together, in pages of 64 KiB.
    ///
    /// What its modules declare must fit in it, and what is added while it runs must fit in it too.
    ///
    /// `memory.grow` past it answers -1. Absent or null: no bound. `max` is its old name.
    #[serde(alias = "max")]
    #[cfg_attr(feature = "json_schema", schemars(extend("maximum" = u32::MAX)))]
    pub max_pages: Option<u32>,

    /// The largest body of an HTTP response, in bytes. Absent or null: 50 MiB.
    #[serde(default)]
    #[cfg_attr(feature = "json_schema", schemars(extend("maximum" = u64::MAX)))]
    pub max_http_response_bytes: Option<u64>,

    /// The largest size of all variables together, in bytes. Absent or null: 1 MiB. 0: no variables.
    #[serde(default = "var_bytes_default")]
    #[cfg_attr(feature = "json_schema", schemars(extend("maximum" = u64::MAX)))]
    pub max_var_bytes: Option<u64>,
}

impl MemoryOptions {
    /// Options that bound nothing beyond the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`max_pages`](Self::max_pages).
    pub fn with_max_pages(mut self, pages: u32) -> Self {
        self.max_pages = Some(pages);
        self
    }

    /// Sets [`max_http_response_bytes`](Self::max_http_response_bytes).
    pub fn with_max_http_response_bytes(mut self, bytes: u64) -> Self {
        self.max_http_response_bytes = Some(bytes);
        self
    }

    /// Sets [`max_var_bytes`](Self::max_var_bytes).
    pub fn with_max_var_bytes(mut self, bytes: u64) -> Self {
        self.max_var_bytes = Some(bytes);
        self
    }
}

fn var_bytes_default() -> Option<u64> {
    Some(VAR_BYTES_DEFAULT)
}
