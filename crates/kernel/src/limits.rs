//! The bounds on what one call may hold in kernel memory, and the reason when a block is refused.
//!
//! Must not know: where the numbers come from. The size of the memory itself is not bounded here
//! but by whoever implements [`Memory::grow_to`](crate::Memory::grow_to).

use extism_abi::Status;

/// What the live blocks of one call may add up to.
///
/// ```
/// let limits = extism_kernel::Limits { blocks_max: 100_000, bytes_max: 64 << 20 };
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many blocks may be live at once, the input included.
    pub blocks_max: u32,
    /// How many bytes the live blocks may have in total, as they were asked for: rounding is not counted.
    pub bytes_max: u64,
}

/// Why a block was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
// As wide as a handle, so that a result of either travels in registers.
#[repr(u64)]
pub enum Refused {
    /// [`Limits::blocks_max`] blocks are live.
    Blocks,
    /// The live blocks and this one would have more than [`Limits::bytes_max`] bytes.
    Bytes,
    /// The memory cannot grow as far as the block needs, or the block does not fit in a 32-bit memory at all.
    Memory,
}

impl Refused {
    /// The status a call that ends for this reason has.
    pub const fn status(self) -> Status {
        match self {
            Refused::Blocks => Status::Blocks,
            Refused::Bytes | Refused::Memory => Status::Memory,
        }
    }
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Refused::Blocks => "too many blocks of kernel memory are live",
            Refused::Bytes => "the live blocks of kernel memory have too many bytes",
            Refused::Memory => "kernel memory cannot grow any further",
        })
    }
}

impl core::error::Error for Refused {}
