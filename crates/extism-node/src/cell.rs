//! Where a plug-in is while no call of JavaScript has it.
//!
//! Must not know: who calls.

use std::sync::Arc;

use extism_binding::Holder;

use crate::call::Call;
use crate::error::Failure;

pub(crate) use extism_binding::Entry;

pub(crate) type Cell = extism_binding::Cell<JavaScript>;
pub(crate) type Taken = extism_binding::Taken<JavaScript>;

/// JavaScript, whose calls have plug-ins. Calls here and now need no name.
pub(crate) enum JavaScript {}

impl Holder for JavaScript {
    type Call = Arc<Call>;

    fn discard(entry: Entry) {
        // Nothing of a plug-in runs when it goes back to its pool.
        drop(entry);
    }
}

/// Takes the plug-in, for a call that is about to be made.
pub(crate) fn take(cell: &Arc<Cell>) -> Result<Taken, Failure> {
    Ok(cell.take()?)
}

/// Stops the call that has the plug-in.
pub(crate) fn cancel(cell: &Cell) {
    match cell.call() {
        Some(call) => call.stop(),
        None => cell.cancel_handle().cancel(),
    }
}
