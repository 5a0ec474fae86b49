//! What the kernel needs of the memory the blocks live in.
//!
//! Must not know: what kind of memory it is. The kernel trusts [`Memory::bytes`] alone, never the promise of
//! [`Memory::grow_to`], so a wrong implementation can lose room but never place a block outside the memory.

/// A memory that holds the blocks: a size in bytes that can grow.
pub trait Memory {
    /// The size of the memory now, in bytes, the reserved cells below
    /// [`FIRST_HANDLE`](crate::FIRST_HANDLE) included.
    fn bytes(&self) -> u64;

    /// Grows the memory so that it has at least this many bytes. Answers false, with nothing
    /// changed, if that is refused. It may grow by more than was asked.
    fn grow_to(&mut self, bytes: u64) -> bool;
}
