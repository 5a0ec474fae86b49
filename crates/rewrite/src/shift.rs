//! Memory indices after an import has been put before the defined memories.
//!
//! Knows indices only. Invariant: indices below the kernel memory's stay, those at or above it move
//! up by one, and nothing else about an instruction, an export or a segment changes.

/// The renumbering of memories.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    kernel: Option<u32>,
}

impl Shift {
    /// No memory moves.
    pub(crate) fn none() -> Self {
        Shift { kernel: None }
    }

    /// The memories from this index on make room for the kernel memory.
    pub(crate) fn from(kernel: u32) -> Self {
        Shift {
            kernel: Some(kernel),
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
