//! Where a plug-in is while no call has it.
//!
//! Must not know: who calls. Invariants: one call at a time has the plug-in; what is closed while a call
//! has it is let go when the call gives it back; no plug-in is let go with anything locked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use extism_runtime::{CancelHandle, Error, Lease, Plugin, Status};
use uuid::Uuid;

use crate::lender::Place;

/// Those whose calls have plug-ins.
pub trait Holder: 'static {
    /// A call.
    type Call: Clone;

    /// Lets go of a plug-in, where that may take its time.
    fn discard(entry: Entry);
}

/// A plug-in, whoever's it is.
pub enum Entry {
    /// Made for this place.
    Own(Box<Plugin>),
    /// Borrowed from a pool.
    Lent(Box<Loan>),
}

/// A plug-in of a pool.
pub struct Loan {
    /// NB: first, since it has to be back before another one gets the place.
    lease: Lease<Plugin, Error>,
    _place: Place,
}

impl Entry {
    /// One that was made for this place.
    pub fn own(plugin: Plugin) -> Entry {
        Entry::Own(Box::new(plugin))
    }

    /// One that was borrowed by somebody who has this place.
    pub(crate) fn placed(lease: Lease<Plugin, Error>, place: Place) -> Entry {
        Entry::Lent(Box::new(Loan {
            lease,
            _place: place,
        }))
    }

    /// The plug-in.
    pub fn plugin(&mut self) -> &mut Plugin {
        match self {
            Entry::Own(plugin) => plugin,
            Entry::Lent(loan) => &mut loan.lease,
        }
    }

    /// Nobody else is to have it.
    fn condemn(&mut self) {
        if let Entry::Lent(loan) = self {
            loan.lease.condemn();
        }
    }
}

/// The place of a plug-in.
pub struct Cell<H: Holder> {
    id: Uuid,
    cancel: CancelHandle,
    slot: Mutex<Slot<H::Call>>,
}

struct Slot<C> {
    entry: Option<Entry>,
    /// The call that has it, if it was said.
    call: Option<C>,
    closed: Option<Status>,
}

impl<H: Holder> Cell<H> {
    /// A place with a plug-in in it.
    pub fn new(mut entry: Entry) -> Arc<Cell<H>> {
        Arc::new(Cell {
            id: entry.plugin().id(),
            cancel: entry.plugin().cancel_handle(),
            slot: Mutex::new(Slot {
                entry: Some(entry),
                call: None,
                closed: None,
            }),
        })
    }

    /// The identity of the plug-in, also while a call has it.
    ///
    /// # Errors
    /// [`Status::Closed`].
    pub fn id(&self) -> Result<Uuid, Error> {
        match self.lock().closed {
            Some(_) => Err(closed()),
            None => Ok(self.id),
        }
    }

    /// Takes the plug-in, for a call that is about to be made.
    ///
    /// # Errors
    /// [`Status::Busy`] while another call has it, [`Status::Closed`], [`Status::Poisoned`] after a panic.
    pub fn take(self: &Arc<Self>) -> Result<Taken<H>, Error> {
        let mut slot = self.lock();
        match (slot.closed, slot.entry.take()) {
            (None, Some(entry)) => Ok(Taken {
                cell: Arc::clone(self),
                entry: Some(entry),
            }),
            (None, None) => {
                let text = "the plug-in is in use: a call of it is running";
                Err(Error::new(Status::Busy, text))
            }
            (Some(Status::Poisoned), _) => {
                let text = "an earlier panic left the plug-in in an unknown state";
                Err(Error::new(Status::Poisoned, text))
            }
            (Some(_), _) => Err(closed()),
        }
    }

    /// Says which call has it, until it gives it back.
    pub fn set_call(&self, call: H::Call) {
        let mut slot = self.lock();
        // The call may be over by now.
        if slot.entry.is_none() {
            slot.call = Some(call);
        }
    }

    /// The call that has it.
    pub fn call(&self) -> Option<H::Call> {
        self.lock().call.clone()
    }

    /// Stops the plug-in, whatever runs it.
    pub fn cancel_handle(&self) -> &CancelHandle {
        &self.cancel
    }

    /// Whether a call has it.
    pub fn is_active(&self) -> bool {
        let slot = self.lock();
        slot.entry.is_none() && slot.closed.is_none()
    }

    /// Nobody gets the plug-in any more. Doing so twice is allowed.
    pub fn close(&self) {
        let mut slot = self.lock();
        slot.closed.get_or_insert(Status::Closed);
        let entry = slot.entry.take();
        drop(slot);
        entry.map(H::discard).unwrap_or_default();
    }

    fn lock(&self) -> MutexGuard<'_, Slot<H::Call>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: Holder> Drop for Cell<H> {
    fn drop(&mut self) {
        self.close();
    }
}

/// A plug-in that a call has; dropping this gives it back.
pub struct Taken<H: Holder> {
    cell: Arc<Cell<H>>,
    /// Present until it is given back.
    entry: Option<Entry>,
}

impl<H: Holder> Taken<H> {
    /// Where it was.
    pub fn cell(&self) -> &Arc<Cell<H>> {
        &self.cell
    }

    /// The plug-in.
    pub fn entry(&mut self) -> &mut Entry {
        let entry = self.entry.as_mut();
        entry.expect("it is there until this is dropped")
    }
}

impl<H: Holder> Drop for Taken<H> {
    fn drop(&mut self) {
        let mut slot = self.cell.lock();
        let call = slot.call.take();
        let mut entry = self.entry.take();
        if std::thread::panicking() {
            slot.closed = Some(Status::Poisoned);
            entry.as_mut().map(Entry::condemn).unwrap_or_default();
        }
        let unwanted = match slot.closed {
            Some(_) => entry,
            None => {
                slot.entry = entry;
                None
            }
        };
        drop(slot);
        unwanted.map(H::discard).unwrap_or_default();
        drop(call);
    }
}

fn closed() -> Error {
    Error::new(Status::Closed, "the plug-in is closed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use extism_runtime::{CompiledPlugin, Options};
    use std::sync::mpsc::{Sender, channel};

    /// Counts what it is given to let go.
    struct Test;

    static DISCARDED: Mutex<Option<Sender<()>>> = Mutex::new(None);

    impl Holder for Test {
        type Call = u32;

        fn discard(entry: Entry) {
            drop(entry);
            let sender = DISCARDED.lock().unwrap();
            sender.as_ref().unwrap().send(()).unwrap();
        }
    }

    fn cell() -> Arc<Cell<Test>> {
        let source = r#"(module (func (export "f") (result i32) i32.const 0))"#;
        let compiled = CompiledPlugin::new(source, Options::default()).unwrap();
        Cell::new(Entry::own(Plugin::new(&compiled).unwrap()))
    }

    fn refused(cell: &Arc<Cell<Test>>) -> Status {
        cell.take().err().map_or(Status::Ok, |error| error.status())
    }

    #[test]
    fn one_call_at_a_time_has_it_and_what_is_closed_is_let_go_once() {
        let (sender, discarded) = channel();
        *DISCARDED.lock().unwrap() = Some(sender);

        let cell = self::cell();
        let mut taken = cell.take().unwrap();
        assert_eq!(refused(&cell), Status::Busy);
        assert!(cell.is_active());
        cell.set_call(7);
        assert_eq!(cell.call(), Some(7));
        let outcome = taken.entry().plugin().call("f", b"");
        assert_eq!(outcome.status(), Status::Ok);
        drop(taken);
        assert!(!cell.is_active());
        cell.set_call(8);
        assert_eq!(cell.call(), None, "a call that is over does not have it");
        let id = cell.id().unwrap();

        let taken = cell.take().unwrap();
        assert_eq!(cell.id().unwrap(), id, "also while a call has it");
        cell.close();
        cell.close();
        assert_eq!(refused(&cell), Status::Closed);
        assert_eq!(cell.id().unwrap_err().status(), Status::Closed);
        assert!(discarded.try_recv().is_err(), "a call has it");
        drop(taken);
        drop(cell);
        assert_eq!(discarded.try_iter().count(), 1);

        let cell = self::cell();
        let taken = cell.take().unwrap();
        let panicked = std::thread::spawn(move || {
            let _taken = taken;
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        assert_eq!(refused(&cell), Status::Poisoned);
        assert_eq!(discarded.try_iter().count(), 1);
    }
}
