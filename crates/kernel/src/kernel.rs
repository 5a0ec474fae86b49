//! The kernel of one plug-in: its blocks and its slots, from the beginning of a call to the next one.
//!
//! Must not know: who calls. Host functions, the call path and the plug-in itself all come in here,
//! so every number is treated as one the plug-in chose.
//!
//! Invariant: what does not make sense changes nothing and answers 0; only the host hears why.

use extism_abi::layout::FIRST_HANDLE;

use crate::slots::Slots;
use crate::table::Table;
use crate::{Limits, Memory, Range, Refused};

/// The blocks of one plug-in, and the input, output and error of its running call.
///
/// ```
/// use extism_kernel::{FIRST_HANDLE, Kernel, Limits, Memory, Range};
///
/// struct Bytes(Vec<u8>);
///
/// impl Memory for Bytes {
///     fn bytes(&self) -> u64 {
///         self.0.len() as u64
///     }
///     fn grow_to(&mut self, bytes: u64) -> bool {
///         let allowed = bytes <= 1 << 20;
///         if allowed {
///             self.0.resize(bytes as usize, 0);
///         }
///         allowed
///     }
/// }
///
/// let mut memory = Bytes(Vec::new());
/// let mut kernel = Kernel::new(Limits { blocks_max: 100, bytes_max: 1 << 20 });
///
/// let input = kernel.begin(5, &mut memory)?;
/// assert_eq!(input, FIRST_HANDLE);
/// let block = kernel.alloc(100, &mut memory);
/// assert_eq!(kernel.length(block), 100);
/// assert_eq!(kernel.length(block + 1), 0);
///
/// kernel.set_output(block, 40, memory.bytes());
/// assert_eq!(kernel.output(), Range { offset: block, length: 40 });
/// # Ok::<(), extism_kernel::Refused>(())
/// ```
#[derive(Clone, Debug)]
pub struct Kernel {
    limits: Limits,
    table: Table,
    slots: Slots,
}

impl Kernel {
    /// A kernel without blocks.
    pub fn new(limits: Limits) -> Kernel {
        Kernel {
            limits,
            table: Table::new(),
            slots: Slots::default(),
        }
    }

    /// Starts a call: forgets all blocks, the input, the output and the error of the last one, then
    /// allocates the block for the input and makes it the input. Answers the handle, which is 0 for
    /// an empty input.
    ///
    /// # Errors
    /// Why the input found no room; the kernel is then as after [`reset`](Kernel::reset).
    #[inline]
    pub fn begin(
        &mut self,
        input_bytes: u64,
        memory: &mut (impl Memory + ?Sized),
    ) -> Result<u64, Refused> {
        self.reset();
        let offset = self.try_alloc(input_bytes, memory)?;
        self.slots.input = Range {
            offset,
            length: input_bytes,
        };
        Ok(offset)
    }

    /// Forgets all blocks, the input, the output and the error. The bytes stay as they are;
    /// `high_water` says, if it is asked before, how far blocks have reached.
    #[inline]
    pub fn reset(&mut self) {
        self.table.clear();
        self.slots = Slots::default();
    }

    /// Allocates a block of `bytes` bytes for the plug-in and answers its handle, or 0 if `bytes`
    /// is 0 or the block is refused. What the block contains is unspecified.
    #[inline]
    pub fn alloc(&mut self, bytes: u64, memory: &mut (impl Memory + ?Sized)) -> u64 {
        self.try_alloc(bytes, memory).unwrap_or(0)
    }

    /// Allocates a block for the host, like [`alloc`](Kernel::alloc).
    ///
    /// # Errors
    /// Why the block is refused. A block of 0 bytes is not: its handle is 0.
    #[inline]
    pub fn try_alloc(
        &mut self,
        bytes: u64,
        memory: &mut (impl Memory + ?Sized),
    ) -> Result<u64, Refused> {
        if bytes == 0 {
            return Ok(0);
        }
        self.table.allocate(bytes, &self.limits, memory)
    }

    /// Frees the block that begins at `handle`; does nothing if no live block does. Freeing the
    /// block the input begins at makes the input empty.
    #[inline]
    pub fn free(&mut self, handle: u64) {
        if self.table.release(handle) && handle == self.slots.input.offset {
            self.slots.input.length = 0;
        }
    }

    /// The length of the block that begins at `handle`, in bytes as they were asked for; 0 if no
    /// live block does.
    #[inline]
    pub fn length(&self, handle: u64) -> u64 {
        self.table.length(handle).unwrap_or(0)
    }

    /// Whether a live block begins at `handle`.
    pub fn contains(&self, handle: u64) -> bool {
        self.table.length(handle).is_some()
    }

    /// The input of the call; its length is 0 if there is none.
    #[inline]
    pub fn input(&self) -> Range {
        self.slots.input
    }

    /// The output of the call; its length is 0 if there is none.
    #[inline]
    pub fn output(&self) -> Range {
        self.slots.output
    }

    /// Handle of the block with the error text; 0 if there is no error.
    #[inline]
    pub fn error(&self) -> u64 {
        self.slots.error
    }

    /// Where the error text is, if there is an error. A handle that is not the beginning of a live
    /// block stands for an error with an empty text.
    pub fn error_range(&self) -> Option<Range> {
        let offset = self.slots.error;
        (offset != 0).then(|| Range {
            offset,
            length: self.length(offset),
        })
    }

    /// Makes any range of the memory the input. Ignored if it does not begin and end inside the
    /// memory, behind the reserved cells; `memory_bytes` is the present size of the memory.
    pub fn set_input(&mut self, handle: u64, length: u64, memory_bytes: u64) {
        self.slots.set_input(handle, length, memory_bytes);
    }

    /// Makes any range of the memory the output: it need not be a block, the last call wins, and
    /// the output is what the range holds when the call ends. Ignored like
    /// [`set_input`](Kernel::set_input).
    #[inline]
    pub fn set_output(&mut self, handle: u64, length: u64, memory_bytes: u64) {
        self.slots.set_output(handle, length, memory_bytes);
    }

    /// Makes the block that begins at `handle` the text of the error; 0 clears the error. Ignored
    /// if `handle` is not inside the memory.
    pub fn set_error(&mut self, handle: u64, memory_bytes: u64) {
        self.slots.set_error(handle, memory_bytes);
    }

    /// What a plug-in is told when it asks for the size of the memory: the bytes behind the reserved cells.
    pub fn capacity(&self, memory_bytes: u64) -> u64 {
        memory_bytes.saturating_sub(FIRST_HANDLE)
    }

    /// The end of the highest block there was since the last [`begin`](Kernel::begin) or
    /// [`reset`](Kernel::reset); [`FIRST_HANDLE`] if there was none. A plug-in can store anywhere
    /// in the memory, so this bounds what blocks have held, not what stores have reached.
    pub fn high_water(&self) -> u64 {
        self.table.high_water()
    }

    /// How many blocks are live.
    pub fn blocks(&self) -> u32 {
        self.table.live()
    }

    /// How many bytes the live blocks have in total, as they were asked for.
    pub fn bytes_in_use(&self) -> u64 {
        self.table.bytes()
    }
}
