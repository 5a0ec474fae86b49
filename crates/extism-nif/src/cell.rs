//! Where a plug-in is while no call has it.
//!
//! Must not know: who calls. Invariants: one call at a time has the plug-in; what is closed while a
//! call has it is dropped when the call gives it back; no plug-in is dropped on a scheduler.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use extism_runtime::{Error, Lease, Plugin, Pooled, Status};
use rustler::ResourceArc;

use crate::call::Call;
use crate::error::Failure;
use crate::janitor;

/// A plug-in of a pool.
pub(crate) struct Member {
    pub(crate) plugin: Plugin,
    /// Whether a borrower changed what the next one would notice.
    pub(crate) is_changed: bool,
}

impl Pooled for Member {
    fn recycle(&mut self) -> bool {
        match std::mem::take(&mut self.is_changed) {
            true => self.plugin.renew().is_ok(),
            false => self.plugin.recycle(),
        }
    }
}

/// A plug-in, whoever's it is.
pub(crate) enum Entry {
    Own(Box<Plugin>),
    Lent(Lease<Member, Error>),
}

impl Entry {
    pub(crate) fn own(plugin: Plugin) -> Entry {
        Entry::Own(Box::new(plugin))
    }

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
}

pub(crate) struct Cell {
    id: [u8; 16],
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    entry: Option<Entry>,
    /// The call that has it.
    call: Option<ResourceArc<Call>>,
    closed: Option<Status>,
}

impl Cell {
    pub(crate) fn new(mut entry: Entry) -> Arc<Cell> {
        Arc::new(Cell {
            id: *entry.plugin().id().as_bytes(),
            slot: Mutex::new(Slot {
                entry: Some(entry),
                ..Slot::default()
            }),
        })
    }

    /// The identity of the plug-in.
    pub(crate) fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Takes the plug-in, for a call that is about to be made.
    pub(crate) fn take(self: &Arc<Self>) -> Result<Taken, Failure> {
        let mut slot = self.lock();
        match (slot.closed, slot.entry.take()) {
            (Some(Status::Poisoned), _) => {
                let text = "an earlier panic left the plug-in in an unknown state";
                Err(Failure::new(Status::Poisoned, text))
            }
            (Some(_), _) => Err(Failure::closed("plug-in")),
            (None, None) => {
                let text = "Plugin is in use: a call of it is running";
                Err(Failure::new(Status::Busy, text))
            }
            (None, Some(entry)) => Ok(Taken {
                cell: Arc::clone(self),
                entry: Some(entry),
            }),
        }
    }

    /// Says which call has it. Said by whoever took it, before the call begins.
    pub(crate) fn set_call(&self, call: &ResourceArc<Call>) {
        self.lock().call = Some(call.clone());
    }

    /// Stops the call that has the plug-in.
    pub(crate) fn cancel(&self) {
        let call = self.lock().call.clone();
        if let Some(call) = call {
            call.stop(Status::Cancelled);
        }
    }

    /// Nobody gets the plug-in any more.
    pub(crate) fn close(&self) {
        let mut slot = self.lock();
        slot.closed.get_or_insert(Status::Closed);
        let entry = slot.entry.take();
        drop(slot);
        entry.map(janitor::discard).unwrap_or_default();
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
    pub(crate) fn cell(&self) -> &Arc<Cell> {
        &self.cell
    }

    pub(crate) fn entry(&mut self) -> Result<&mut Entry, Failure> {
        self.entry
            .as_mut()
            .ok_or_else(|| Failure::closed("plug-in"))
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
        let unwanted = match slot.closed {
            Some(_) => entry,
            None => {
                slot.entry = entry;
                None
            }
        };
        drop(slot);
        unwanted.map(janitor::discard).unwrap_or_default();
        drop(call);
    }
}
