//! Which ranges of kernel memory are the input, the output and the error of the running call.
//!
//! Must not know: which blocks exist. A plug-in may name any range as its input or output, also the
//! inside of a block or several blocks at once, so a slot is checked against the size of the memory
//! and nothing else.
//!
//! Invariant: a range that was accepted lay inside the memory, and a memory never shrinks during a call.

use extism_abi::layout::FIRST_HANDLE;

/// A range of bytes in kernel memory. The default is the empty range at 0, which stands for "nothing".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Address of the first byte: the handle.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

impl Range {
    /// The range, if it begins at or after the first handle and before the end of the memory, and
    /// ends inside it.
    fn inside(offset: u64, length: u64, memory_bytes: u64) -> Option<Range> {
        let end = offset.checked_add(length)?;
        (FIRST_HANDLE <= offset && offset < memory_bytes && end <= memory_bytes)
            .then_some(Range { offset, length })
    }
}

/// Input, output and error of the running call. Whatever is out of range is ignored, as plug-ins expect.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slots {
    pub(crate) input: Range,
    pub(crate) output: Range,
    /// Handle of the block that holds the error text; 0 when there is no error.
    pub(crate) error: u64,
}

impl Slots {
    pub(crate) fn set_input(&mut self, offset: u64, length: u64, memory_bytes: u64) {
        self.input = Range::inside(offset, length, memory_bytes).unwrap_or(self.input);
    }

    pub(crate) fn set_output(&mut self, offset: u64, length: u64, memory_bytes: u64) {
        self.output = Range::inside(offset, length, memory_bytes).unwrap_or(self.output);
    }

    /// 0 clears the error.
    pub(crate) fn set_error(&mut self, handle: u64, memory_bytes: u64) {
        if handle == 0 || Range::inside(handle, 0, memory_bytes).is_some() {
            self.error = handle;
        }
    }
}
