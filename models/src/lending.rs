//! Borrowers of a pool that has fewer objects than there are borrowers.
//!
//! Must not know: how the pool waits. Invariant: a borrower that waits for ever is found, since then no
//! thread of the model can go on.

use std::time::Duration;

use crate::explore::explore;
use crate::pool::{Pool, PoolOptions, Pooled};
use crate::sync::{Arc, AtomicUsize, Ordering, thread};

/// An object that counts how many borrowers have it, and how many objects there are.
struct Object {
    borrowers: AtomicUsize,
    alive: Arc<AtomicUsize>,
    /// Whether it is fit for another borrower.
    fit: bool,
}

impl Pooled for Object {
    fn recycle(&mut self) -> bool {
        self.fit
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A pool of one, whose objects are fit for another borrower or not; the first `failures` cannot be made.
fn pool_of_one(fit: bool, failures: usize) -> Pool<Object, ()> {
    let alive = Arc::new(AtomicUsize::new(0));
    let attempts = AtomicUsize::new(0);
    Pool::new(PoolOptions { instances_max: 1 }, move || {
        if attempts.fetch_add(1, Ordering::AcqRel) < failures {
            return Err(());
        }
        assert_eq!(
            alive.fetch_add(1, Ordering::AcqRel),
            0,
            "two objects at once"
        );
        Ok(Object {
            borrowers: AtomicUsize::new(0),
            alive: Arc::clone(&alive),
            fit,
        })
    })
}

/// Waits as long as it takes; answers whether there was an object.
fn borrow(pool: &Pool<Object, ()>) -> bool {
    let Ok(lease) = pool.get(Duration::MAX) else {
        return false;
    };
    let object = lease.expect("whoever waits for ever gets one");
    assert_eq!(
        object.borrowers.fetch_add(1, Ordering::AcqRel),
        0,
        "lent twice"
    );
    object.borrowers.fetch_sub(1, Ordering::AcqRel);
    true
}

/// So many threads borrow once; answers how many got an object.
fn borrowers(pool: &Pool<Object, ()>, count: usize) -> usize {
    let threads: Vec<_> = (1..count)
        .map(|_| {
            let pool = pool.clone();
            thread::spawn(move || borrow(&pool))
        })
        .collect();
    let mine = usize::from(borrow(pool));
    let others = threads
        .into_iter()
        .map(|thread| usize::from(thread.join().unwrap()));
    mine + others.sum::<usize>()
}

#[test]
fn one_object_goes_from_hand_to_hand() {
    explore(|| {
        let pool = pool_of_one(true, 0);
        assert_eq!(borrowers(&pool, 3), 3);
        let stats = pool.stats();
        assert_eq!(
            (stats.alive, stats.idle, stats.waiting, stats.made),
            (1, 1, 0, 1)
        );
    });
}

#[test]
fn what_is_not_fit_is_replaced_for_those_who_wait() {
    explore(|| {
        let pool = pool_of_one(false, 0);
        assert_eq!(borrowers(&pool, 3), 3);
        let stats = pool.stats();
        assert_eq!((stats.alive, stats.waiting, stats.replaced), (0, 0, 3));
    });
}

#[test]
fn a_place_that_could_not_be_filled_is_free_again() {
    explore(|| {
        let pool = pool_of_one(true, 1);
        assert_eq!(borrowers(&pool, 3), 2);
        assert_eq!(pool.stats().alive, 1);
    });
}
