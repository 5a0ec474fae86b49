//! Stops a running call from another thread.

use std::sync::Arc;

use super::token::Token;
use super::watchdog;

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
        if self.0.cancel() {
            watchdog::insist(&self.0);
        }
    }
}

/// Cancels one call of a plug-in, which may not have begun yet: the next one after
/// [`Plugin::next_call`](crate::Plugin::next_call) was asked for this.
///
/// It may outlive the call and the plug-in, and never hits another call.
#[derive(Clone)]
pub struct NextCall {
    token: Arc<Token>,
    generation: u64,
}

impl NextCall {
    pub(crate) fn of(token: &Arc<Token>) -> NextCall {
        NextCall {
            generation: token.next_generation(),
            token: Arc::clone(token),
        }
    }

    /// Asks the call to stop, as [`CancelHandle::cancel`] does. One that begins later stops at its
    /// first look.
    pub fn cancel(&self) {
        if self.token.cancel_generation(self.generation) {
            watchdog::insist(&self.token);
        }
    }
}
