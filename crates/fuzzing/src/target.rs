//! The targets by name.
//!
//! Must not know: what a target does. Invariant: a name is never reused, since corpora and the ledger
//! are kept by it.

/// Something to fuzz.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of the target, of its corpus and of its libFuzzer program.
    pub name: &'static str,
    /// What it looks at, in a few words.
    pub about: &'static str,
    /// Inputs longer than this are not made.
    pub bytes_max: usize,
    /// What inputs are made of: put into them now and then.
    pub words: &'static [&'static str],
    /// How often the smoke run of CI executes it.
    pub smoke: u64,
    /// Panics if something is wrong.
    pub run: fn(&[u8]),
}

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// All of them.
pub const TARGETS: &[Target] = &[
    crate::manifest_parse::TARGET,
    crate::manifest_roundtrip::TARGET,
    crate::kernel_alloc_model::TARGET,
    crate::rewrite_validate::TARGET,
    crate::url_policy::TARGET,
    crate::redirect_chain::TARGET,
    crate::path_policy::TARGET,
    crate::http_response::TARGET,
    crate::driver_protocol::TARGET,
    crate::request_head::TARGET,
    crate::convert_values::TARGET,
];
