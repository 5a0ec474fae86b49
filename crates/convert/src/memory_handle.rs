//! Where a block of kernel memory is.
//!
//! Must not know: the memory itself. Invariant: a handle is a pair of numbers and owns nothing.

/// The offset and the length of a block in the memory that a host and its plug-in share.
///
/// ```
/// use extism_convert::MemoryHandle;
///
/// let none = MemoryHandle::null();
/// assert_eq!((none.offset(), none.len()), (0, 0));
/// assert!(none.is_empty());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Eq, Ord)]
pub struct MemoryHandle {
    /// Offset of the block in bytes. Not 0, except for the null handle.
    pub offset: u64,

    /// Length of the block in bytes.
    pub length: u64,
}

impl MemoryHandle {
    /// A handle for the block of `length` bytes at `offset`.
    ///
    /// ```
    /// # use extism_convert::MemoryHandle;
    /// // SAFETY: nothing is done with the handle.
    /// let handle = unsafe { MemoryHandle::new(64, 3) };
    /// assert_eq!(handle, MemoryHandle { offset: 64, length: 3 });
    /// ```
    ///
    /// # Safety
    ///
    /// There must be such a block. Nothing here depends on it, but whoever is given the handle may.
    #[allow(
        unsafe_code,
        reason = "the signature is that of the published interface"
    )]
    pub unsafe fn new(offset: u64, length: u64) -> MemoryHandle {
        MemoryHandle { offset, length }
    }

    /// The handle of no block.
    pub fn null() -> MemoryHandle {
        MemoryHandle {
            offset: 0,
            length: 0,
        }
    }

    /// Offset of the block in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Length of the block in bytes; `usize::MAX` for one that this machine could not address.
    pub fn len(&self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }

    /// Whether the block has no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}
