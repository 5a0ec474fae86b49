//! Lending the plug-ins of a pool to borrowers that wait without a thread.
//!
//! A borrower asks for a place. There are as many as the pool may have plug-ins, and a place comes back
//! after its plug-in, so that whoever has one finds a plug-in, or makes one, and waits for nobody.
//!
//! Must not know: threads, who borrows. Invariants: places are given in the order in which they were asked
//! for; who asks is told once, unless he drops his ticket before; nobody is told anything with anything
//! locked. `models` tries every order of its steps.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use extism_runtime::{Error, Plugin, Pool, PoolStats, Status};

use crate::alarm;
use crate::borrow::late;
use crate::cell::Entry;
use crate::sync::{Mutex, MutexGuard, thread_local};

/// A pool, and those who wait for a plug-in of it. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Lender(Arc<Shared>);

pub(crate) struct Shared {
    pool: Pool<Plugin, Error>,
    places: usize,
    queue: Mutex<Queue>,
}

struct Queue {
    /// Nobody waits unless these are all places.
    given: usize,
    waiting: BTreeMap<u64, Waiter>,
    last: u64,
}

struct Waiter {
    tell: Box<dyn FnOnce(Result<Place, Error>) + Send>,
    timeout: Duration,
    alarm: Option<Instant>,
}

impl Lender {
    /// Lends the plug-ins of a pool that nobody else lends.
    pub fn new(pool: Pool<Plugin, Error>) -> Lender {
        let places = pool.stats().instances_max;
        Lender(Arc::new(Shared {
            pool,
            places,
            queue: Mutex::new(Queue {
                given: 0,
                waiting: BTreeMap::new(),
                last: 0,
            }),
        }))
    }

    /// Asks for a place. `tell` is given one, here and now if one is free, or on the thread that gives one
    /// back; or it is given [`Status::WaitTimeout`] if none comes within `timeout` of now. It must neither
    /// block nor panic.
    ///
    /// # Errors
    /// [`Status::Internal`] when there is no thread to look at the clock; `tell` is dropped.
    pub fn ask(
        self,
        timeout: Duration,
        tell: impl FnOnce(Result<Place, Error>) + Send + 'static,
    ) -> Result<Ticket, Error> {
        // Longer than a clock can say is for ever.
        let alarm = Instant::now().checked_add(timeout);
        let mut queue = self.0.lock();
        queue.last += 1;
        let ticket = Ticket {
            shared: Arc::downgrade(&self.0),
            number: queue.last,
        };
        if queue.given < self.0.places {
            queue.given += 1;
            drop(queue);
            tell(Ok(Place(self.0)));
            return Ok(ticket);
        }
        let waiter = Waiter {
            tell: Box::new(tell),
            timeout,
            alarm,
        };
        queue.waiting.insert(ticket.number, waiter);
        drop(queue);
        if let Some(alarm) = alarm {
            self.0.watch(alarm, ticket.number)?;
        }
        Ok(ticket)
    }

    /// What the pool and those who wait are doing.
    pub fn stats(&self) -> PoolStats {
        PoolStats {
            waiting: self.0.lock().waiting.len(),
            ..self.0.pool.stats()
        }
    }
}

impl Shared {
    /// The time of a borrower is up.
    pub(crate) fn expire(&self, number: u64) {
        if let Some(waiter) = self.withdraw(number) {
            (waiter.tell)(Err(late(waiter.timeout)));
        }
    }

    /// Has somebody who waits told when it is so late.
    fn watch(self: &Arc<Self>, alarm: Instant, number: u64) -> Result<(), Error> {
        let set = alarm::set(alarm, self, number);
        let is_waiting = self.lock().waiting.contains_key(&number);
        match set {
            // Whoever gave him the place had no alarm to cancel yet.
            Ok(()) if !is_waiting => alarm::cancel(alarm, self, number),
            Err(error) if self.withdraw(number).is_some() => {
                let text = format!("no thread to look at the clock: {error}");
                return Err(Error::new(Status::Internal, text));
            }
            _ => {}
        }
        Ok(())
    }

    fn withdraw(&self, number: u64) -> Option<Waiter> {
        self.lock().waiting.remove(&number)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A borrower's wish for a place; dropping this withdraws it, unless it was fulfilled.
pub struct Ticket {
    /// Who waits does not keep the pool: whose plug-ins he waits for do.
    shared: Weak<Shared>,
    number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        if let Some(waiter) = shared.withdraw(self.number) {
            cancel(&shared, self.number, &waiter);
        }
    }
}

fn cancel(shared: &Arc<Shared>, number: u64, waiter: &Waiter) {
    if let Some(alarm) = waiter.alarm {
        alarm::cancel(alarm, shared, number);
    }
}

/// The right to a plug-in of a pool; dropping this gives it to the next.
pub struct Place(Arc<Shared>);

impl Place {
    /// Borrows the plug-in, which may have to be made first, for somebody who may be gone, as `check` says.
    ///
    /// # Errors
    /// What `check` answers, and what making a plug-in does.
    pub fn borrow<E: From<Error>>(self, check: impl Fn() -> Result<(), E>) -> Result<Entry, E> {
        check()?;
        let lease = self.0.pool.get(Duration::ZERO)?;
        // Only if somebody borrows of the pool without a place.
        let lease = lease.ok_or_else(|| late(Duration::ZERO))?;
        check()?;
        Ok(Entry::placed(lease, self))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let place = Arc::clone(&self.0);
        // Whoever is told may let go of the place at once, and so may the next, and the next: they are told
        // one after the other, not one inside of the other.
        let later = GIVEN_BACK.try_with(|given_back| match &mut *given_back.borrow_mut() {
            Some(places) => {
                places.push(Arc::clone(&place));
                true
            }
            none => {
                *none = Some(Vec::new());
                false
            }
        });
        match later {
            Ok(true) => {}
            Ok(false) => Telling.tell(place),
            // The thread is ending.
            Err(_) => give_to_next(&place),
        }
    }
}

thread_local! {
    /// Places that were given back while somebody is told, on this thread, that he has one.
    static GIVEN_BACK: RefCell<Option<Vec<Arc<Shared>>>> = RefCell::default();
}

/// Somebody is being told on this thread.
struct Telling;

impl Telling {
    fn tell(self, first: Arc<Shared>) {
        let mut next = Some(first);
        while let Some(place) = next {
            give_to_next(&place);
            drop(place);
            next = GIVEN_BACK.with(|places| places.borrow_mut().as_mut()?.pop());
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        GIVEN_BACK.with(RefCell::take);
    }
}

/// A place is free.
fn give_to_next(place: &Arc<Shared>) {
    let mut queue = place.lock();
    let Some((number, waiter)) = queue.waiting.pop_first() else {
        queue.given -= 1;
        return;
    };
    drop(queue);
    cancel(place, number, &waiter);
    (waiter.tell)(Ok(Place(Arc::clone(place))));
}
