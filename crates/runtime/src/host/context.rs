//! What a host function may touch of the plug-in that called it.
//!
//! It borrows the running call and cannot outlive it. Invariant: bytes of kernel memory are handed
//! out only for blocks that exist, through checked slices.

use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::time::{Duration, Instant};

use extism_kernel::Range;
use extism_manifest::Manifest;
use uuid::Uuid;
use wasmtime::Caller;

use crate::Status;
use crate::call::token::Stop;
use crate::error::Error;
use crate::kernel::memory;
use crate::state::{HostContext, State};

/// The plug-in that is calling a host function.
///
/// A memory handle is the address of a block in kernel memory, where input, output and everything
/// exchanged with host functions lives. Blocks last until the next call.
pub struct CurrentPlugin<'a> {
    caller: Caller<'a, State>,
}

impl<'a> CurrentPlugin<'a> {
    #[inline]
    pub(crate) fn new(caller: Caller<'a, State>) -> CurrentPlugin<'a> {
        CurrentPlugin { caller }
    }

    /// The plug-in's identity, as it appears in its log messages.
    pub fn id(&self) -> Uuid {
        self.caller.data().id
    }

    /// Allocates a block of `bytes` bytes with unspecified contents and answers its handle; 0 for
    /// an empty block.
    ///
    /// # Errors
    /// [`Status::Memory`] or [`Status::Blocks`] when the plug-in's limits do not allow the block.
    pub fn alloc(&mut self, bytes: u64) -> Result<u64, Error> {
        if bytes == 0 {
            return Ok(0);
        }
        let kernel = self.kernel_memory()?;
        memory::alloc(&mut self.caller, kernel, bytes).map_err(memory::refused)
    }

    /// Copies `data` into a new block and answers its handle; 0 if `data` is empty.
    ///
    /// # Errors
    /// As [`CurrentPlugin::alloc`].
    pub fn store(&mut self, data: &[u8]) -> Result<u64, Error> {
        let kernel = self.kernel_memory()?;
        memory::store(&mut self.caller, kernel, data).map_err(memory::refused)
    }

    /// Frees a block. A handle that names none is ignored.
    pub fn free(&mut self, handle: u64) {
        let before = self.caller.data().kernel.input();
        self.caller.data_mut().kernel.free(handle);
        if self.caller.data().kernel.input() != before
            && let Ok(kernel) = self.kernel_memory()
        {
            memory::input_changed(&mut self.caller, kernel);
        }
    }

    /// The length of a block in bytes; 0 if the handle names none.
    pub fn length(&self, handle: u64) -> u64 {
        self.caller.data().kernel.length(handle)
    }

    /// The bytes of a block. The handle 0 is the empty block.
    ///
    /// # Errors
    /// [`Status::BadKernelHandle`] when the handle names no block.
    pub fn bytes(&mut self, handle: u64) -> Result<&[u8], Error> {
        let range = self.block(handle)?;
        self.range(range.offset, range.length)
    }

    /// The bytes of a block, to write to.
    ///
    /// # Errors
    /// [`Status::BadKernelHandle`] when the handle names no block.
    pub fn bytes_mut(&mut self, handle: u64) -> Result<&mut [u8], Error> {
        let range = self.block(handle)?;
        self.range_mut(range.offset, range.length)
    }

    /// Any range of kernel memory, checked against its size.
    ///
    /// # Errors
    /// [`Status::BadKernelHandle`] when part of the range is outside of kernel memory.
    pub fn range(&mut self, offset: u64, length: u64) -> Result<&[u8], Error> {
        Ok(self.range_mut(offset, length)?)
    }

    /// As [`CurrentPlugin::range`], to write to.
    ///
    /// # Errors
    /// As [`CurrentPlugin::range`].
    pub fn range_mut(&mut self, offset: u64, length: u64) -> Result<&mut [u8], Error> {
        if length == 0 {
            return Ok(&mut []);
        }
        let kernel = self.kernel_memory()?;
        let data = kernel.data_mut(&mut self.caller);
        memory::bytes_mut(data, Range { offset, length }).ok_or_else(|| bad_handle(offset))
    }

    /// Where kernel memory begins. Adding a handle gives the address of its block. Invalid after
    /// the next allocation.
    pub fn memory_base(&mut self) -> *mut u8 {
        match self.kernel_memory() {
            Ok(kernel) => kernel.data_ptr(&self.caller),
            Err(_) => std::ptr::null_mut(),
        }
    }

    /// The value the host gave along with this call.
    pub fn host_context(&mut self) -> Option<&mut (dyn Any + Send + Sync)> {
        match &mut self.caller.data_mut().host_context {
            HostContext::Value(value) => Some(value.as_mut()),
            HostContext::None | HostContext::Pointer(_) => None,
        }
    }

    /// The pointer the host gave along with this call; NULL if it gave none.
    pub fn host_context_pointer(&self) -> *mut c_void {
        match &self.caller.data().host_context {
            HostContext::Pointer(pointer) => pointer.0,
            HostContext::None | HostContext::Value(_) => std::ptr::null_mut(),
        }
    }

    /// The plug-in's variables.
    pub fn vars(&self) -> &BTreeMap<String, Vec<u8>> {
        self.caller.data().vars.map()
    }

    /// The plug-in's variables, to change. The host is not bound by the plug-in's limit, but what
    /// it stores counts.
    pub fn vars_mut(&mut self) -> &mut BTreeMap<String, Vec<u8>> {
        self.caller.data_mut().vars_mut()
    }

    /// The manifest the plug-in was loaded from.
    pub fn manifest(&self) -> &Manifest {
        &self.caller.data().compiled.manifest
    }

    /// How long the call may still take; `None` without a time limit.
    pub fn time_remaining(&self) -> Option<Duration> {
        let deadline = self.caller.data().token.deadline()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the call was cancelled or its time is up. A host function that takes long should
    /// look now and then, and return; what it returns no longer matters.
    pub fn must_stop(&self) -> bool {
        self.stop().is_some()
    }

    pub(super) fn stop(&self) -> Option<Stop> {
        self.caller.data().token.stop()
    }

    /// Whether it is known that the call has to stop.
    #[inline]
    pub(super) fn is_stopped(&self) -> bool {
        self.caller.data().token.is_stopped()
    }

    /// The error message the plug-in has set during this call.
    pub fn error(&mut self) -> Option<&[u8]> {
        let range = self.caller.data().kernel.error_range()?;
        self.range(range.offset, range.length).ok()
    }

    /// Sets the plug-in's error message, as if it had done so itself, and answers the handle of the text.
    ///
    /// # Errors
    /// As [`CurrentPlugin::alloc`].
    pub fn set_error(&mut self, message: &str) -> Result<u64, Error> {
        let handle = self.store(message.as_bytes())?;
        self.kernel_memory()?;
        let state = self.caller.data_mut();
        state.kernel.set_error(handle, state.memory_bytes);
        Ok(handle)
    }

    /// Clears the plug-in's error message.
    pub fn clear_error(&mut self) {
        self.caller.data_mut().kernel.set_error(0, 0);
    }

    fn kernel_memory(&mut self) -> Result<wasmtime::Memory, Error> {
        memory::of_caller(&mut self.caller)
            .map_err(|error| Error::from_chain(Status::Internal, error))
    }

    fn block(&self, handle: u64) -> Result<Range, Error> {
        let kernel = &self.caller.data().kernel;
        if handle != 0 && !kernel.contains(handle) {
            return Err(bad_handle(handle));
        }
        Ok(Range {
            offset: handle,
            length: kernel.length(handle),
        })
    }
}

fn bad_handle(handle: u64) -> Error {
    Error::new(
        Status::BadKernelHandle,
        format!("no block of kernel memory at {handle}"),
    )
}
