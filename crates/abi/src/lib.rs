//! The names and numbers that every part of Extism shares.
//!
//! Must not know: anything else. No dependencies, no allocation; generated from `abi/*.toml` where a
//! table exists, so that Rust, C and the documents cannot disagree.
#![no_std]
#![forbid(unsafe_code)]

pub mod import;
pub mod layout;
mod quoted;
mod status;

pub use quoted::Quoted;
pub use status::Status;

/// The custom section of a module that carries machine code compiled ahead of time.
pub const ARTEFACT_SECTION: &str = "extism:artefact";

impl Status {
    /// The number that crosses the C boundary.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The status with this number, if there is one.
    pub fn from_code(code: u32) -> Option<Status> {
        let at = Status::ALL
            .binary_search_by_key(&code, |status| status.code())
            .ok()?;
        Status::ALL.get(at).copied()
    }
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
