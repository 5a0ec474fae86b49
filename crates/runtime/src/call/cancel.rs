//! Stops a running call from another thread.

use std::sync::Arc;

use super::token::Token;

/// Cancels the running call of one plug-in, from any thread.
///
/// It may outlive the plug-in; cancelling when no call runs does nothing, and never hits a later call.
#[derive(Clone)]
pub struct CancelHandle(pub(crate) Arc<Token>);

impl CancelHandle {
    /// Asks the running call to stop. It ends with [`Status::Cancelled`](crate::Status::Cancelled):
    /// Wasm at its next loop or call, WASI and HTTP while they wait. A host function runs to its
    /// end.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}
