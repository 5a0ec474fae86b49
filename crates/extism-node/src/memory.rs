//! What JavaScript may do with the plug-in that calls a host function, by the number of the loan.
//!
//! Must not know: which function it is, and on which thread the plug-in runs. Invariant: after the
//! host function has ended everything is refused.

use extism_runtime::{CurrentPlugin, Status};
use napi::bindgen_prelude::{BigInt, Buffer};
use napi_derive::napi;

use crate::error::{Failure, Thrown};
use crate::realm::Realm;

#[napi]
impl Realm {
    /// The identity of the plug-in.
    #[napi]
    pub fn memory_plugin(&self, loan: u32) -> Result<String, Thrown> {
        self.with(loan, |plugin| Ok(plugin.id().to_string()))
    }

    /// A new block.
    #[napi]
    pub fn memory_alloc(&self, loan: u32, bytes: f64) -> Result<u64, Thrown> {
        self.with(loan, |plugin| Ok(plugin.alloc(bytes as u64)?))
    }

    /// Frees a block.
    #[napi]
    pub fn memory_free(&self, loan: u32, handle: BigInt) -> Result<(), Thrown> {
        self.with(loan, |plugin| {
            plugin.free(handle.get_u64().1);
            Ok(())
        })
    }

    /// The length of a block.
    #[napi]
    pub fn memory_length(&self, loan: u32, handle: BigInt) -> Result<f64, Thrown> {
        self.with(loan, |plugin| Ok(plugin.length(handle.get_u64().1) as f64))
    }

    /// The bytes of a block.
    #[napi]
    pub fn memory_read(&self, loan: u32, handle: BigInt) -> Result<Buffer, Thrown> {
        self.with(loan, |plugin| {
            Ok(plugin.bytes(handle.get_u64().1)?.to_vec().into())
        })
    }

    /// Writes at the beginning of a block.
    #[napi]
    pub fn memory_write(&self, loan: u32, handle: BigInt, bytes: &[u8]) -> Result<(), Thrown> {
        self.with(loan, |plugin| {
            let block = plugin.bytes_mut(handle.get_u64().1)?;
            let Some(place) = block.get_mut(..bytes.len()) else {
                let text = format!("{} bytes do not fit into the block", bytes.len());
                return Err(Failure::invalid(text));
            };
            place.copy_from_slice(bytes);
            Ok(())
        })
    }

    /// A new block with these bytes.
    #[napi]
    pub fn memory_store(&self, loan: u32, bytes: &[u8]) -> Result<u64, Thrown> {
        self.with(loan, |plugin| Ok(plugin.store(bytes)?))
    }

    /// The value of a variable.
    #[napi]
    pub fn memory_variable(&self, loan: u32, name: String) -> Result<Option<Buffer>, Thrown> {
        self.with(loan, |plugin| {
            Ok(plugin.vars().get(&name).map(|value| value.clone().into()))
        })
    }

    /// Sets a variable, or removes it.
    #[napi]
    pub fn memory_set_variable(
        &self,
        loan: u32,
        name: String,
        value: Option<&[u8]>,
    ) -> Result<(), Thrown> {
        self.with(loan, |plugin| {
            match value {
                Some(value) => plugin.vars_mut().insert(name, value.to_vec()),
                None => plugin.vars_mut().remove(&name),
            };
            Ok(())
        })
    }

    /// Sets the plug-in's error message, or clears it.
    #[napi]
    pub fn memory_set_error(&self, loan: u32, message: Option<String>) -> Result<(), Thrown> {
        self.with(loan, |plugin| {
            match message {
                Some(message) => _ = plugin.set_error(&message)?,
                None => plugin.clear_error(),
            }
            Ok(())
        })
    }

    /// Whether the call has to stop.
    #[napi]
    pub fn memory_must_stop(&self, loan: u32) -> bool {
        // Once the host function is over, nobody waits for it.
        self.with(loan, |plugin| Ok(plugin.must_stop()))
            .unwrap_or(true)
    }

    /// Milliseconds until the call's time is up.
    #[napi]
    pub fn memory_time_remaining(&self, loan: u32) -> Result<Option<f64>, Thrown> {
        self.with(loan, |plugin| {
            let left = plugin.time_remaining();
            Ok(left.map(|left| left.as_millis() as f64))
        })
    }

    fn with<R>(
        &self,
        loan: u32,
        work: impl FnOnce(&mut CurrentPlugin<'_>) -> Result<R, Failure>,
    ) -> Result<R, Thrown> {
        let over = || Failure::new(Status::Closed, "the host function is over");
        let loan = self.near.loan(loan).ok_or_else(over)?;
        Ok(loan.borrow(work).ok_or_else(over)??)
    }
}
