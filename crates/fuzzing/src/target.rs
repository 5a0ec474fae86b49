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

/// Runs the target of this name once: for the programs of libFuzzer.
///
/// # Panics
///
/// If there is no such target, or something is wrong.
pub fn execute(name: &str, input: &[u8]) {
    let target = find(name).unwrap_or_else(|| panic!("there is no target {name}"));
    (target.run)(input);
}

/// All of them.
pub const TARGETS: &[Target] = &[
    crate::manifest_parse::TARGET,
    crate::manifest_roundtrip::TARGET,
    #[cfg(feature = "engine")]
    crate::sniff_load::TARGET,
    #[cfg(feature = "engine")]
    crate::plugin_load::TARGET,
    crate::kernel_alloc_model::TARGET,
    #[cfg(feature = "engine")]
    crate::abi_sequence::TARGET,
    crate::rewrite_validate::TARGET,
    #[cfg(feature = "engine")]
    crate::rewrite_diff::TARGET,
    #[cfg(feature = "engine")]
    crate::host_calls::TARGET,
    #[cfg(feature = "engine")]
    crate::capi_sequence::TARGET,
    crate::url_policy::TARGET,
    crate::redirect_chain::TARGET,
    crate::path_policy::TARGET,
    crate::http_response::TARGET,
    crate::driver_protocol::TARGET,
    crate::request_head::TARGET,
    crate::convert_values::TARGET,
];
