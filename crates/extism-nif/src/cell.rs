//! Where a plug-in is while no call of a process has it.
//!
//! Must not know: who calls. Invariant: no plug-in is dropped on a scheduler.

use extism_binding::Holder;
use rustler::ResourceArc;

use crate::call::Call;
use crate::janitor;

pub(crate) use extism_binding::Entry;

pub(crate) type Cell = extism_binding::Cell<Process>;
pub(crate) type Taken = extism_binding::Taken<Process>;

/// The processes, whose calls have plug-ins.
pub(crate) enum Process {}

impl Holder for Process {
    type Call = ResourceArc<Call>;

    fn discard(entry: Entry) {
        janitor::discard(entry);
    }
}
