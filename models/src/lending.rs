//! Borrowers of a pool that has fewer objects than there are borrowers.
//!
//! Must not know: how the pool waits. Invariant: a borrower that waits for ever is found, since then no
//! thread of the model can go on.

use std::time::Duration;

use crate::explore::explore;
use crate::plugin::{Error, Plugin, pool_of_one};
use crate::pool::Pool;
use crate::sync::thread;

/// Waits as long as it takes; answers whether there was an object.
fn borrow(pool: &Pool<Plugin, Error>) -> bool {
    let Ok(lease) = pool.get(Duration::MAX) else {
        return false;
    };
    lease.expect("whoever waits for ever gets one").call();
    true
}

/// So many threads borrow once; answers how many got an object.
fn borrowers(pool: &Pool<Plugin, Error>, count: usize) -> usize {
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
