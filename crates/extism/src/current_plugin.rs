//! What a host function may do with the plug-in that called it.
//!
//! Must not know: how kernel memory works. Invariant: every range is checked by the runtime;
//! nothing here outlives the host function's call.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Error;
use extism_convert::{FromBytes, MemoryHandle, ToBytes};
use extism_manifest::Manifest;
use extism_runtime::{self as runtime, Status};
use uuid::Uuid;

use crate::{CallError, Val};

/// The plug-in that is calling a host function.
///
/// A [`MemoryHandle`] names a block of kernel memory, where input, output and everything exchanged
/// with host functions lives. Blocks last until the plug-in's next call.
///
/// ```
/// use extism::{CurrentPlugin, Error, UserData, Val};
///
/// // Takes a block with a text and gives one with the text in upper case.
/// fn upper(
///     plugin: &mut CurrentPlugin,
///     inputs: &[Val],
///     outputs: &mut [Val],
///     _user_data: UserData<()>,
/// ) -> Result<(), Error> {
///     let text: String = plugin.memory_get_val(&inputs[0])?;
///     plugin.memory_set_val(&mut outputs[0], text.to_uppercase())
/// }
/// ```
pub struct CurrentPlugin<'a> {
    plugin: &'a mut (dyn Access + 'a),
}

impl<'a> CurrentPlugin<'a> {
    #[inline]
    pub(crate) fn new(plugin: &'a mut runtime::CurrentPlugin<'_>) -> CurrentPlugin<'a> {
        CurrentPlugin { plugin }
    }

    /// The plug-in's identity.
    pub fn id(&self) -> Uuid {
        self.plugin.id()
    }

    /// The handle of the block at `offs`; `None` if there is none. 0 is the empty block.
    pub fn memory_handle(&mut self, offs: u64) -> Option<MemoryHandle> {
        let length = self.plugin.length(offs);
        (offs == 0 || length > 0).then_some(MemoryHandle {
            offset: offs,
            length,
        })
    }

    /// The handle a host function was given as an argument; `None` if it names no block.
    pub fn memory_from_val(&mut self, offs: &Val) -> Option<MemoryHandle> {
        let handle = self.memory_handle(offs.i64()? as u64)?;
        (!handle.is_empty()).then_some(handle)
    }

    /// A handle as the result of a host function.
    pub fn memory_to_val(&mut self, handle: MemoryHandle) -> Val {
        Val::I64(handle.offset as i64)
    }

    /// The bytes of a block.
    ///
    /// # Errors
    /// [`Status::BadKernelHandle`] when part of it is outside of kernel memory.
    pub fn memory_bytes(&mut self, handle: MemoryHandle) -> Result<&[u8], Error> {
        Ok(self.plugin.range(handle.offset, handle.length)?)
    }

    /// The bytes of a block, to write to.
    ///
    /// # Errors
    /// As [`CurrentPlugin::memory_bytes`].
    pub fn memory_bytes_mut(&mut self, handle: MemoryHandle) -> Result<&mut [u8], Error> {
        Ok(self.plugin.range_mut(handle.offset, handle.length)?)
    }

    /// The text in a block.
    ///
    /// # Errors
    /// As [`CurrentPlugin::memory_bytes`], and when it is not UTF-8.
    pub fn memory_str(&mut self, handle: MemoryHandle) -> Result<&str, Error> {
        Ok(std::str::from_utf8(self.memory_bytes(handle)?)?)
    }

    /// The text in a block, to change.
    ///
    /// # Errors
    /// As [`CurrentPlugin::memory_str`].
    pub fn memory_str_mut(&mut self, handle: MemoryHandle) -> Result<&mut str, Error> {
        Ok(std::str::from_utf8_mut(self.memory_bytes_mut(handle)?)?)
    }

    /// Encodes a value into a new block.
    ///
    /// # Errors
    /// What the encoding answers, and as [`CurrentPlugin::memory_alloc`].
    pub fn memory_new<'b, T: ToBytes<'b>>(&mut self, t: T) -> Result<MemoryHandle, Error> {
        let bytes = t.to_bytes()?;
        let bytes = bytes.as_ref();
        let handle = self.memory_alloc(bytes.len() as u64)?;
        self.memory_bytes_mut(handle)?.copy_from_slice(bytes);
        Ok(handle)
    }

    /// Decodes the value in a block.
    ///
    /// # Errors
    /// As [`CurrentPlugin::memory_bytes`], and what the decoding answers.
    pub fn memory_get<'b, T: FromBytes<'b>>(
        &'b mut self,
        handle: MemoryHandle,
    ) -> Result<T, Error> {
        T::from_bytes(self.memory_bytes(handle)?)
    }

    /// Decodes the value in the block that an argument of the host function names.
    ///
    /// # Errors
    /// [`Status::BadKernelHandle`] when it names none, and what the decoding answers.
    pub fn memory_get_val<'b, T: FromBytes<'b>>(&'b mut self, offs: &Val) -> Result<T, Error> {
        let offset = offs.i64().unwrap_or(0) as u64;
        match self.memory_handle(offset) {
            Some(handle) => self.memory_get(handle),
            None => {
                let text = format!("{} invalid memory offset: {offs:?}", self.id());
                Err(CallError::new(Status::BadKernelHandle, text).into())
            }
        }
    }

    /// Encodes a value into a new block and makes it a result of the host function.
    ///
    /// # Errors
    /// As [`CurrentPlugin::memory_new`].
    pub fn memory_set_val<'b, T: ToBytes<'b>>(
        &mut self,
        offs: &mut Val,
        data: T,
    ) -> Result<(), Error> {
        let handle = self.memory_new(data)?;
        *offs = self.memory_to_val(handle);
        Ok(())
    }

    /// A new block of `n` bytes with unspecified contents; the null handle for none.
    ///
    /// # Errors
    /// [`Status::Memory`] or [`Status::Blocks`] when the plug-in's limits do not allow the block.
    pub fn memory_alloc(&mut self, n: u64) -> Result<MemoryHandle, Error> {
        let allocated = self.plugin.alloc(n).map_err(|error| {
            CallError::with_cause(error.status(), "failed to allocate extism memory", error)
        });
        let offset = allocated?;
        Ok(MemoryHandle { offset, length: n })
    }

    /// Frees a block. A handle that names none is ignored.
    ///
    /// # Errors
    /// None: the result is part of the published interface.
    pub fn memory_free(&mut self, handle: MemoryHandle) -> Result<(), Error> {
        self.plugin.free(handle.offset);
        Ok(())
    }

    /// The length of the block at `offs` in bytes; 0 if there is none.
    ///
    /// # Errors
    /// None: the result is part of the published interface.
    pub fn memory_length(&mut self, offs: u64) -> Result<u64, Error> {
        Ok(self.plugin.length(offs))
    }

    /// As [`CurrentPlugin::memory_length`], and as safe.
    ///
    /// # Errors
    /// None: the result is part of the published interface.
    pub fn memory_length_unsafe(&mut self, offs: u64) -> Result<u64, Error> {
        self.memory_length(offs)
    }

    /// The value the host gave along with this call.
    ///
    /// # Errors
    /// [`Status::InvalidArgument`] when it gave none, or one of another type.
    pub fn host_context<T: 'static>(&mut self) -> Result<&mut T, Error> {
        let Some(context) = self.plugin.host_context() else {
            let text = "the call was made without a host context";
            return Err(CallError::new(Status::InvalidArgument, text).into());
        };
        context.downcast_mut().ok_or_else(|| {
            let text = format!("the host context is not a {}", std::any::type_name::<T>());
            CallError::new(Status::InvalidArgument, text).into()
        })
    }

    /// The plug-in's variables.
    pub fn vars(&self) -> &BTreeMap<String, Vec<u8>> {
        self.plugin.vars()
    }

    /// The plug-in's variables, to change. The host is not bound by the plug-in's limit, but what
    /// it stores counts.
    pub fn vars_mut(&mut self) -> &mut BTreeMap<String, Vec<u8>> {
        self.plugin.vars_mut()
    }

    /// The manifest the plug-in was loaded from.
    pub fn manifest(&self) -> &Manifest {
        self.plugin.manifest()
    }

    /// How long the call may still take; `None` without a time limit.
    pub fn time_remaining(&self) -> Option<Duration> {
        self.plugin.time_remaining()
    }

    /// Whether the call was cancelled or its time is up. A host function that takes long should
    /// look now and then, and return; what it returns no longer matters.
    pub fn must_stop(&self) -> bool {
        self.plugin.must_stop()
    }

    /// Clears the plug-in's error message.
    pub fn clear_error(&mut self) {
        self.plugin.clear_error();
    }

    /// The error message the plug-in has set during this call.
    pub fn get_error(&mut self) -> Option<&str> {
        std::str::from_utf8(self.plugin.error()?).ok()
    }

    /// Sets the plug-in's error message, as if it had done so itself, and answers where the text
    /// is: its offset and its length in bytes.
    ///
    /// # Errors
    /// As [`CurrentPlugin::memory_alloc`].
    pub fn set_error(&mut self, s: impl AsRef<str>) -> Result<(u64, u64), Error> {
        let message = s.as_ref();
        Ok((self.plugin.set_error(message)?, message.len() as u64))
    }
}

/// The runtime's side of a running call, without its type: so one lifetime is enough for
/// [`CurrentPlugin`], and programs that do not write it down compile.
trait Access {
    fn id(&self) -> Uuid;
    fn alloc(&mut self, bytes: u64) -> Result<u64, CallError>;
    fn free(&mut self, handle: u64);
    fn length(&self, handle: u64) -> u64;
    fn range(&mut self, offset: u64, length: u64) -> Result<&[u8], CallError>;
    fn range_mut(&mut self, offset: u64, length: u64) -> Result<&mut [u8], CallError>;
    fn host_context(&mut self) -> Option<&mut (dyn Any + Send + Sync)>;
    fn vars(&self) -> &BTreeMap<String, Vec<u8>>;
    fn vars_mut(&mut self) -> &mut BTreeMap<String, Vec<u8>>;
    fn manifest(&self) -> &Manifest;
    fn time_remaining(&self) -> Option<Duration>;
    fn must_stop(&self) -> bool;
    fn error(&mut self) -> Option<&[u8]>;
    fn set_error(&mut self, message: &str) -> Result<u64, CallError>;
    fn clear_error(&mut self);
}

impl Access for runtime::CurrentPlugin<'_> {
    fn id(&self) -> Uuid {
        self.id()
    }

    fn alloc(&mut self, bytes: u64) -> Result<u64, CallError> {
        self.alloc(bytes)
    }

    fn free(&mut self, handle: u64) {
        self.free(handle);
    }

    fn length(&self, handle: u64) -> u64 {
        self.length(handle)
    }

    fn range(&mut self, offset: u64, length: u64) -> Result<&[u8], CallError> {
        self.range(offset, length)
    }

    fn range_mut(&mut self, offset: u64, length: u64) -> Result<&mut [u8], CallError> {
        self.range_mut(offset, length)
    }

    fn host_context(&mut self) -> Option<&mut (dyn Any + Send + Sync)> {
        self.host_context()
    }

    fn vars(&self) -> &BTreeMap<String, Vec<u8>> {
        self.vars()
    }

    fn vars_mut(&mut self) -> &mut BTreeMap<String, Vec<u8>> {
        self.vars_mut()
    }

    fn manifest(&self) -> &Manifest {
        self.manifest()
    }

    fn time_remaining(&self) -> Option<Duration> {
        self.time_remaining()
    }

    fn must_stop(&self) -> bool {
        self.must_stop()
    }

    fn error(&mut self) -> Option<&[u8]> {
        self.error()
    }

    fn set_error(&mut self, message: &str) -> Result<u64, CallError> {
        self.set_error(message)
    }

    fn clear_error(&mut self) {
        self.clear_error();
    }
}
