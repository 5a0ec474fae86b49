//! Blocks of kernel memory, the only thing that crosses between plug-in and host.
//!
//! Must not know: what the bytes mean, beyond the conversions. Invariant: a [`Memory`] is a block with all
//! its bytes or the null block; one that could not be allocated is an [`Error`].

use crate::{Error, FromBytes, LogLevel, MemoryHandle, ToBytes, extism};
use std::marker::PhantomData;

/// A block of kernel memory. It is not freed when dropped: outputs outlive the function that made them, and
/// the host frees all blocks when the next call begins. See [`ManagedMemory`] for one that is.
///
/// ```
/// use extism_pdk::Memory;
///
/// let memory = Memory::from_bytes("hello")?;
/// assert_eq!(memory.len(), 5);
/// assert_eq!(memory.to::<String>()?, "hello");
/// memory.free();
/// # Ok::<(), extism_pdk::Error>(())
/// ```
pub struct Memory(pub MemoryHandle);

/// A block of kernel memory that is freed when dropped.
pub struct ManagedMemory(pub Memory);

/// Operations on handles, for those who keep handles themselves.
pub mod internal {
    use super::{Memory, MemoryHandle, extism};
    use crate::bulk;

    /// Allocates a block of `length` bytes. The offset is 0 if there is no memory for it.
    pub fn memory_alloc(length: u64) -> MemoryHandle {
        // SAFETY: the import takes any number.
        let offset = unsafe { extism::alloc(length) };
        MemoryHandle { offset, length }
    }

    /// Frees a block.
    pub fn memory_free(handle: MemoryHandle) {
        // SAFETY: the import ignores what is no block.
        unsafe { extism::free(handle.offset) }
    }

    /// A copy of the bytes of a block.
    pub fn memory_bytes(handle: MemoryHandle) -> Vec<u8> {
        bulk::load_vec(handle.offset, handle.len())
    }

    /// Length of the block at an offset in bytes, 0 if there is none.
    pub fn memory_length(offset: u64) -> u64 {
        // SAFETY: the import takes any number.
        unsafe { extism::length(offset) }
    }

    /// Length of the block at an offset in bytes; for what is no block, any number.
    pub fn memory_length_unsafe(offset: u64) -> u64 {
        // SAFETY: the import takes any number.
        unsafe { extism::length_unsafe(offset) }
    }

    /// Copies a block into a buffer, as much as both hold.
    pub fn load(handle: MemoryHandle, mut buffer: impl AsMut<[u8]>) {
        let buffer = buffer.as_mut();
        let length = handle.len().min(buffer.len());
        bulk::load(handle.offset, &mut buffer[..length]);
    }

    /// Copies a buffer into a block, as much as both hold.
    pub fn store(handle: MemoryHandle, buffer: impl AsRef<[u8]>) {
        let buffer = buffer.as_ref();
        let length = handle.len().min(buffer.len());
        bulk::store(handle.offset, &buffer[..length]);
    }

    /// The block at an offset, if there is one.
    pub fn find(offset: u64) -> Option<MemoryHandle> {
        match memory_length(offset) {
            0 => None,
            length => Some(MemoryHandle { offset, length }),
        }
    }

    /// The block that holds the input.
    pub(crate) fn input() -> Memory {
        // SAFETY: the imports take nothing and give numbers.
        let (offset, length) = unsafe { (extism::input_offset(), extism::input_length()) };
        Memory(MemoryHandle { offset, length })
    }
}

impl Memory {
    /// A new block with the bytes of a value.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded, or there is no memory left.
    pub fn new<'a, T: ToBytes<'a>>(value: &T) -> Result<Self, Error> {
        value.with_bytes(|bytes| Memory::from_bytes(bytes))?
    }

    /// A new block with these bytes; the null block for no bytes.
    ///
    /// # Errors
    ///
    /// There is no memory left.
    pub fn from_bytes(bytes: impl AsRef<[u8]>) -> Result<Self, Error> {
        let bytes = bytes.as_ref();
        let handle = internal::memory_alloc(bytes.len() as u64);
        if handle.offset == 0 && !bytes.is_empty() {
            return Err(Error::msg(format!(
                "the host has no memory left for a block of {} bytes",
                bytes.len()
            )));
        }
        internal::store(handle, bytes);
        Ok(Memory(handle))
    }

    /// The block at an offset, if there is one.
    pub fn find(offset: u64) -> Option<Memory> {
        internal::find(offset).map(Memory)
    }

    /// No block.
    pub fn null() -> Self {
        Memory(MemoryHandle::null())
    }

    /// The handle as a number.
    pub fn offset(&self) -> u64 {
        self.0.offset
    }

    /// Length of the block in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the block has no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy of the bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        internal::memory_bytes(self.0)
    }

    /// A copy of the bytes as text.
    ///
    /// # Errors
    ///
    /// The bytes are not UTF-8.
    #[allow(
        clippy::inherent_to_string,
        reason = "it can fail, and the name is that of the published interface"
    )]
    pub fn to_string(&self) -> Result<String, Error> {
        Ok(String::from_utf8(self.to_vec())?)
    }

    /// The value that the bytes stand for.
    ///
    /// # Errors
    ///
    /// The bytes are no value of this type.
    pub fn to<T: for<'a> FromBytes<'a>>(&self) -> Result<T, Error> {
        crate::decode(self.to_vec())
    }

    /// Makes the block the output of this call.
    pub fn set_output(self) {
        // SAFETY: the import checks the range.
        unsafe { extism::output_set(self.0.offset, self.0.length) }
    }

    /// Logs the block as text. The host frees it.
    pub fn log(&self, level: LogLevel) {
        // SAFETY: the imports check the handle.
        unsafe {
            match level {
                LogLevel::Trace => extism::log_trace(self.0.offset),
                LogLevel::Debug => extism::log_debug(self.0.offset),
                LogLevel::Info => extism::log_info(self.0.offset),
                LogLevel::Warn => extism::log_warn(self.0.offset),
                LogLevel::Error => extism::log_error(self.0.offset),
            }
        }
    }

    /// Frees the block.
    pub fn free(self) {
        internal::memory_free(self.0);
    }
}

impl From<Memory> for () {
    fn from(_: Memory) {}
}

impl From<()> for Memory {
    fn from((): ()) -> Memory {
        Memory::null()
    }
}

impl From<Memory> for i64 {
    fn from(memory: Memory) -> Self {
        memory.offset() as i64
    }
}

impl From<Memory> for u64 {
    fn from(memory: Memory) -> Self {
        memory.offset()
    }
}

/// The null block if there is none at the offset.
impl From<u64> for Memory {
    fn from(offset: u64) -> Memory {
        Memory::find(offset).unwrap_or_else(Memory::null)
    }
}

/// The null block if there is none at the offset.
impl From<i64> for Memory {
    fn from(offset: i64) -> Memory {
        Memory::from(offset as u64)
    }
}

/// The handle of a block that holds a `T`: what crosses for a parameter of a [`shared_fn`](crate::shared_fn).
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct MemoryPointer<T>(u64, PhantomData<T>);

impl<T> MemoryPointer<T> {
    /// The block at an offset.
    ///
    /// # Safety
    ///
    /// None for memory; [`get`](MemoryPointer::get) checks what is there.
    pub unsafe fn new(offset: u64) -> Self {
        MemoryPointer(offset, PhantomData)
    }
}

impl<T: for<'a> FromBytes<'a>> MemoryPointer<T> {
    /// The value in the block; that of no bytes for the handle 0, which is how an empty value crosses.
    ///
    /// # Errors
    ///
    /// There is no such block, or its bytes are no value of this type.
    pub fn get(&self) -> Result<T, Error> {
        match Memory::find(self.0) {
            Some(memory) => memory.to(),
            None if self.0 == 0 => Memory::null().to(),
            None => Err(Error::msg(format!("Invalid pointer offset {}", self.0))),
        }
    }
}

impl ManagedMemory {
    /// Frees this block when the result is dropped.
    pub fn new(memory: Memory) -> Self {
        ManagedMemory(memory)
    }

    /// The handle as a number.
    pub fn offset(&self) -> u64 {
        self.0.offset()
    }

    /// Length of the block in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the block has no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for ManagedMemory {
    fn drop(&mut self) {
        internal::memory_free(self.0.0);
    }
}

impl From<Memory> for ManagedMemory {
    fn from(memory: Memory) -> Self {
        ManagedMemory(memory)
    }
}

impl AsRef<Memory> for ManagedMemory {
    fn as_ref(&self) -> &Memory {
        &self.0
    }
}

impl AsMut<Memory> for ManagedMemory {
    fn as_mut(&mut self) -> &mut Memory {
        &mut self.0
    }
}
