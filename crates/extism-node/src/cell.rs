//! Where a plug-in is while no call has it.
//!
//! Must not know: who calls. Invariants: one call at a time has the plug-in; what is closed while a
//! call has it is dropped when the call gives it back; what borrowed plug-ins have to do when they
//! go back is not done on a JavaScript thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use extism_runtime::{CancelHandle, Error, Lease, Plugin, Pooled, Status};

use crate::call::Call;
use crate::error::Failure;
use crate::worker;

/// A plug-in of a pool.
pub(crate) struct Member {
    pub(crate) plugin: Plugin,
    /// Whether a borrower changed what the next one would notice.
    is_changed: bool,
}

impl Member {
    pub(crate) fn new(plugin: Plugin) -> Member {
        Member {
            plugin,
            is_changed: false,
        }
    }
}

impl Pooled for Member {
    fn recycle(&mut self) -> bool {
        if std::mem::take(&mut self.is_changed) {
            return self.plugin.renew().is_ok();
        }
        self.plugin.recycle()
    }
}

/// A plug-in, whoever's it is.
pub(crate) enum Entry {
    Own(Box<Plugin>),
    Lent(Box<Lease<Member, Error>>),
}

impl Entry {
    pub(crate) fn plugin(&mut self) -> &mut Plugin {
        match self {
            Entry::Own(plugin) => plugin,
            Entry::Lent(lease) => &mut lease.plugin,
        }
    }

    /// The plug-in, to change what a call does not.
    pub(crate) fn plugin_to_change(&mut self) -> &mut Plugin {
        if let Entry::Lent(lease) = self {
            lease.is_changed = true;
        }
        self.plugin()
    }

    /// Frees it. One that was borrowed is made fit for the next borrower, which may take its time.
    fn discard(self) {
        match self {
            Entry::Own(plugin) => drop(plugin),
            // Without a thread it is dropped here and now.
            Entry::Lent(lease) => _ = worker::run(Box::new(move || drop(lease))),
        }
    }
}

pub(crate) struct Cell {
    id: String,
    cancel: CancelHandle,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    entry: Option<Entry>,
    /// The call that has it, if it is on another thread.
    call: Option<Arc<Call>>,
    closed: Option<Status>,
}

impl Cell {
    pub(crate) fn new(mut entry: Entry) -> Arc<Cell> {
        Arc::new(Cell {
            id: entry.plugin().id().to_string(),
            cancel: entry.plugin().cancel_handle(),
            slot: Mutex::new(Slot {
                entry: Some(entry),
                ..Slot::default()
            }),
        })
    }

    /// The identity of the plug-in, also while a call has it.
    pub(crate) fn id(&self) -> Result<&str, Failure> {
        match self.lock().closed {
            Some(_) => Err(Failure::closed("plug-in")),
            None => Ok(&self.id),
        }
    }

    /// Takes the plug-in, for a call that is about to be made.
    pub(crate) fn take(self: &Arc<Self>) -> Result<Taken, Failure> {
        let mut slot = self.lock();
        match (slot.closed, slot.entry.take()) {
            (None, Some(entry)) => Ok(Taken {
                cell: Arc::clone(self),
                entry: Some(entry),
            }),
            (None, None) => Err(Failure::new(
                Status::Busy,
                "the plug-in is in use: a call of it is running",
            )),
            (Some(Status::Poisoned), _) => Err(Failure::new(
                Status::Poisoned,
                "an earlier panic left the plug-in in an unknown state",
            )),
            (Some(_), _) => Err(Failure::closed("plug-in")),
        }
    }

    /// Says which call has it, until it gives it back.
    pub(crate) fn set_call(&self, call: Arc<Call>) {
        let mut slot = self.lock();
        // The call may be over by now.
        if slot.entry.is_none() {
            slot.call = Some(call);
        }
    }

    /// Whether a call has it.
    pub(crate) fn is_active(&self) -> bool {
        let slot = self.lock();
        slot.entry.is_none() && slot.closed.is_none()
    }

    /// Stops the call that has the plug-in.
    pub(crate) fn cancel(&self) {
        let call = self.lock().call.clone();
        match call {
            Some(call) => call.stop(),
            None => self.cancel.cancel(),
        }
    }

    /// Nobody gets the plug-in any more.
    pub(crate) fn close(&self) {
        let mut slot = self.lock();
        slot.closed.get_or_insert(Status::Closed);
        let entry = slot.entry.take();
        drop(slot);
        entry.map(Entry::discard).unwrap_or_default();
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        self.close();
    }
}

/// A plug-in that a call has; dropping this gives it back.
pub(crate) struct Taken {
    cell: Arc<Cell>,
    /// Present until it is given back.
    entry: Option<Entry>,
}

impl Taken {
    pub(crate) fn entry(&mut self) -> Result<&mut Entry, Failure> {
        let entry = self.entry.as_mut();
        entry.ok_or_else(|| Failure::closed("plug-in"))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut slot = self.cell.lock();
        let call = slot.call.take();
        if std::thread::panicking() {
            slot.closed = Some(Status::Poisoned);
        }
        let entry = self.entry.take();
        if slot.closed.is_none() {
            slot.entry = entry;
            return;
        }
        drop(slot);
        entry.map(Entry::discard).unwrap_or_default();
        drop(call);
    }
}
