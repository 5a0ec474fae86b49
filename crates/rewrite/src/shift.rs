//! Memory indices after an import has been put before the defined memories.
//!
//! Knows indices only. Invariant: indices below the kernel memory's stay, those at or above it move
//! up by one, and nothing else about an instruction, an export or a segment changes.

#[cfg(feature = "reencode")]
use std::convert::Infallible;

#[cfg(feature = "reencode")]
use wasm_encoder::reencode::{Error, Reencode};

#[cfg(feature = "reencode")]
use crate::{Declined, DeclinedKind};

/// The renumbering of memories.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    kernel: Option<u32>,
    /// Whether an index has changed since this was last cleared.
    pub(crate) moved: bool,
}

impl Shift {
    /// No memory moves.
    pub(crate) fn none() -> Self {
        Shift {
            kernel: None,
            moved: false,
        }
    }

    /// The memories from this index on make room for the kernel memory.
    pub(crate) fn from(kernel: u32) -> Self {
        Shift {
            kernel: Some(kernel),
            moved: false,
        }
    }

    /// The new index of a memory of the old module.
    pub(crate) fn index(&self, memory: u32) -> u32 {
        match self.kernel {
            // The old module has fewer than 100 memories, so this cannot overflow.
            Some(kernel) if memory >= kernel => memory.saturating_add(1),
            _ => memory,
        }
    }

    /// Whether any memory moves.
    pub(crate) fn moves(&self) -> bool {
        self.kernel.is_some()
    }
}

#[cfg(feature = "reencode")]
impl Reencode for Shift {
    type Error = Infallible;

    fn memory_index(&mut self, memory: u32) -> Result<u32, Error> {
        let index = self.index(memory);
        self.moved |= index != memory;
        Ok(index)
    }
}

#[cfg(feature = "reencode")]
impl From<Error> for Declined {
    fn from(error: Error) -> Self {
        match error {
            Error::ParseError(error) => error.into(),
            other => Declined::new(DeclinedKind::Unsupported, other.to_string()),
        }
    }
}
