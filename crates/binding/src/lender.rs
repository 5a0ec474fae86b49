//! Lending the plug-ins of a pool to borrowers that wait without a thread.
//!
//! A borrower asks for a place. There are as many as the pool may have plug-ins, and a place comes back
//! after its plug-in, so that whoever has one finds a plug-in, or makes one, and waits for nobody.
//!
//! Must not know: threads, who borrows. Invariants: places are given in the order in which they were asked
//! for; who asks is told once, unless he drops his ticket before; nobody is told anything with anything
//! locked.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use extism_runtime::{Error, Plugin, Pool, PoolStats, Status};

use crate::alarm;
use crate::borrow::late;
use crate::cell::Entry;

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
        if let Some(alarm) = alarm
            && let Err(error) = alarm::set(alarm, &self.0, ticket.number)
            && self.0.withdraw(ticket.number).is_some()
        {
            let text = format!("no thread to look at the clock: {error}");
            return Err(Error::new(Status::Internal, text));
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
    static GIVEN_BACK: RefCell<Option<Vec<Arc<Shared>>>> = const { RefCell::new(None) };
}

/// Somebody is being told on this thread.
struct Telling;

impl Telling {
    fn tell(self, first: Arc<Shared>) {
        let mut next = Some(first);
        while let Some(place) = next {
            give_to_next(&place);
            drop(place);
            next = GIVEN_BACK.with_borrow_mut(|places| places.as_mut()?.pop());
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        GIVEN_BACK.set(None);
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

#[cfg(test)]
mod tests {
    use super::*;
    use extism_runtime::{CompiledPlugin, Options, PoolOptions};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, channel};

    const LONG: Duration = Duration::from_secs(60);
    const FOR_EVER: Duration = Duration::MAX;

    fn lender(instances_max: usize) -> Lender {
        let source = r#"(module (func (export "f") (result i32) i32.const 0))"#;
        let compiled = CompiledPlugin::new(source, Options::default()).unwrap();
        let options = PoolOptions { instances_max };
        Lender::new(Pool::new(options, move || Plugin::new(&compiled)))
    }

    type Told = Receiver<Result<Place, Error>>;

    fn ask(lender: &Lender, timeout: Duration) -> (Ticket, Told) {
        let (sender, told) = channel();
        let tell = move |place| sender.send(place).unwrap_or_default();
        (lender.clone().ask(timeout, tell).unwrap(), told)
    }

    fn borrow(told: &Told) -> Entry {
        let place = told.recv_timeout(LONG).unwrap().unwrap();
        place.borrow(|| Ok::<(), Error>(())).unwrap()
    }

    fn counts(lender: &Lender) -> (usize, usize, usize) {
        let stats = lender.stats();
        (stats.alive, stats.idle, stats.waiting)
    }

    #[test]
    fn places_are_given_in_the_order_in_which_they_were_asked_for() {
        let lender = lender(2);
        let (_first, told) = ask(&lender, Duration::ZERO);
        let first = borrow(&told);
        let (_second, told) = ask(&lender, Duration::ZERO);
        let second = borrow(&told);
        let waiting: Vec<_> = (0..2_000).map(|_| ask(&lender, FOR_EVER)).collect();
        assert_eq!(counts(&lender), (2, 0, 2_000));
        drop(first);
        let mut entry = borrow(&waiting[0].1);
        assert_eq!(counts(&lender), (2, 0, 1_999), "nobody overtakes");
        for (_, told) in &waiting[1..] {
            assert!(told.try_recv().is_err(), "one place, one borrower");
            drop(entry);
            entry = borrow(told);
        }
        drop((entry, second));
        assert_eq!(counts(&lender), (2, 2, 0));
    }

    #[test]
    fn whoever_is_late_is_told_so_and_takes_nothing() {
        let lender = lender(1);
        let (_ticket, told) = ask(&lender, FOR_EVER);
        let entry = borrow(&told);
        let began = Instant::now();
        let (_long, long) = ask(&lender, LONG);
        let soon = [30, 10, 0, 20].map(|ms| (ms, ask(&lender, Duration::from_millis(ms))));
        for (ms, (_, told)) in soon {
            let error = told.recv_timeout(LONG).unwrap().err().unwrap();
            assert_eq!(error.status(), Status::WaitTimeout);
            assert!(began.elapsed() >= Duration::from_millis(ms));
        }
        assert_eq!(lender.stats().waiting, 1);
        drop(entry);
        drop(borrow(&long));
        assert_eq!(counts(&lender), (1, 1, 0));
    }

    #[test]
    fn whoever_is_gone_takes_nothing() {
        let lender = lender(1);
        let (_ticket, told) = ask(&lender, FOR_EVER);
        let entry = borrow(&told);
        let (gone, never) = ask(&lender, LONG);
        let (_checked, checked) = ask(&lender, LONG);
        let (_last, last) = ask(&lender, LONG);
        drop(gone);
        assert!(never.recv().is_err(), "it was dropped");
        assert_eq!(lender.stats().waiting, 2);
        drop(entry);
        let is_there = AtomicBool::new(true);
        let check = || match is_there.swap(false, Ordering::SeqCst) {
            true => Ok(()),
            false => Err(Error::new(Status::Cancelled, "gone")),
        };
        let place = checked.recv_timeout(LONG).unwrap().unwrap();
        let refused = place.borrow(check).err().unwrap();
        assert_eq!(refused.status(), Status::Cancelled);
        drop(borrow(&last));
        assert_eq!(counts(&lender), (1, 1, 0));
    }

    #[test]
    fn a_plug_in_that_cannot_be_made_leaves_its_place_to_the_next() {
        let make = || Err(Error::new(Status::Internal, "on purpose"));
        let lender = Lender::new(Pool::new(PoolOptions { instances_max: 1 }, make));
        let asked: Vec<_> = (0..3).map(|_| ask(&lender, LONG)).collect();
        for (_, told) in asked {
            let place = told.recv_timeout(LONG).unwrap().unwrap();
            let error = place.borrow(|| Ok::<(), Error>(())).err().unwrap();
            assert_eq!(error.status(), Status::Internal);
        }
        assert_eq!(counts(&lender), (0, 0, 0));
    }

    #[test]
    fn many_who_let_go_at_once_are_told_one_after_the_other() {
        let lender = lender(1);
        let (_first, told) = ask(&lender, FOR_EVER);
        let entry = borrow(&told);
        let count = Arc::new(AtomicUsize::new(0));
        let tickets: Vec<_> = (0..100_000)
            .map(|_| {
                let count = Arc::clone(&count);
                let tell = move |place| {
                    count.fetch_add(1, Ordering::SeqCst);
                    drop(place);
                };
                lender.clone().ask(FOR_EVER, tell).unwrap()
            })
            .collect();
        drop(entry);
        assert_eq!(count.load(Ordering::SeqCst), tickets.len());
        assert_eq!(counts(&lender), (1, 1, 0));
    }

    #[test]
    fn a_pool_that_nobody_holds_serves_those_who_wait() {
        let lender = lender(1);
        let (_first, told) = ask(&lender, FOR_EVER);
        let entry = borrow(&told);
        let (_second, second) = ask(&lender, FOR_EVER);
        drop(lender);
        drop(entry);
        drop(borrow(&second));
        assert!(second.recv().is_err());
    }
}
