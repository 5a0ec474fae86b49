//! Borrowers that wait for a plug-in of a pool of one without a thread.
//!
//! Must not know: how places are given. Invariant: whoever asks is told once, unless he lets go of his
//! ticket; in the end the place is free, and whoever asks then is told at once.

use std::time::Duration;

use crate::binding::lender::{Lender, Place, Ticket};
use crate::explore::explore;
use crate::plugin::{Error, Status, pool_of_one};
use crate::sync::{Arc, Condvar, Mutex, thread};

/// What one borrower was told, and whether somebody waits for it.
#[derive(Clone)]
struct Told(Arc<(Mutex<Counts>, Condvar)>);

/// How often he was told that he has a place, and how often that he is late.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Counts {
    had: usize,
    late: usize,
}

const HAD: Counts = Counts { had: 1, late: 0 };

impl Told {
    fn nothing() -> Told {
        Told(Arc::new((Mutex::new(Counts::default()), Condvar::new())))
    }

    fn note(&self, answer: Result<Place, Error>) {
        let had = match answer {
            Ok(place) => {
                let entry = place.borrow(|| Ok::<(), Error>(()));
                entry.expect("a place is a plug-in").call();
                true
            }
            Err(error) => {
                assert_eq!(error.0, Status::WaitTimeout);
                false
            }
        };
        let (counts, told) = &*self.0;
        let mut counts = counts.lock().unwrap();
        counts.had += usize::from(had);
        counts.late += usize::from(!had);
        drop(counts);
        told.notify_one();
    }

    fn counts(&self) -> Counts {
        *self.0.0.lock().unwrap()
    }

    /// What he was told, once he was.
    fn wait(&self) -> Counts {
        let (counts, told) = &*self.0;
        let mut counts = counts.lock().unwrap();
        while *counts == Counts::default() {
            counts = told.wait(counts).unwrap();
        }
        *counts
    }
}

fn ask(lender: &Lender, timeout: Duration) -> (Ticket, Told) {
    let told = Told::nothing();
    let noted = told.clone();
    let asked = lender
        .clone()
        .ask(timeout, move |answer| noted.note(answer));
    (asked.expect("there is an alarm"), told)
}

/// Nobody has the place and nobody waits.
fn check_free(lender: &Lender) {
    let (_ticket, told) = ask(lender, Duration::MAX);
    assert_eq!(told.counts(), HAD, "the place was lost");
    let stats = lender.stats();
    assert_eq!((stats.alive, stats.idle, stats.waiting), (1, 1, 0));
}

#[test]
fn everybody_is_told_once() {
    explore(|| {
        let lender = Lender::new(pool_of_one(true, 0));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let lender = lender.clone();
                thread::spawn(move || ask(&lender, Duration::MAX))
            })
            .collect();
        let mut asked = vec![ask(&lender, Duration::MAX)];
        asked.extend(others.into_iter().map(|other| other.join().unwrap()));
        for (_, told) in &asked {
            assert_eq!(told.wait(), HAD);
        }
        check_free(&lender);
    });
}

#[test]
fn who_lets_go_of_a_ticket_takes_the_place_of_nobody() {
    explore(|| {
        let lender = Lender::new(pool_of_one(true, 0));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let lender = lender.clone();
                thread::spawn(move || {
                    let (ticket, told) = ask(&lender, Duration::MAX);
                    drop(ticket);
                    told
                })
            })
            .collect();
        let (_ticket, told) = ask(&lender, Duration::MAX);
        for other in others {
            let counts = other.join().unwrap().counts();
            assert!(counts.had <= 1 && counts.late == 0, "{counts:?}");
        }
        assert_eq!(told.wait(), HAD);
        check_free(&lender);
    });
}

#[test]
fn who_is_late_is_told_so_or_has_the_place() {
    explore(|| {
        let lender = Lender::new(pool_of_one(true, 0));
        let other = {
            let lender = lender.clone();
            thread::spawn(move || ask(&lender, Duration::ZERO))
        };
        let (_ticket, told) = ask(&lender, Duration::MAX);
        let (_ticket, hurried) = other.join().unwrap();
        assert_eq!(told.wait(), HAD);
        let counts = hurried.wait();
        assert_eq!(counts.had + counts.late, 1, "{counts:?}");
        check_free(&lender);
    });
}

#[test]
fn a_place_goes_on_though_nobody_holds_the_pool() {
    explore(|| {
        let lender = Lender::new(pool_of_one(true, 0));
        let kept = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&kept);
        let first = lender.clone().ask(Duration::MAX, move |place| {
            *keep.lock().unwrap() = Some(place.unwrap());
        });
        let place = kept.lock().unwrap().take().expect("it was free");
        let (_second, told) = ask(&lender, Duration::MAX);
        let back = thread::spawn(move || drop(place));
        drop((first, lender));
        back.join().unwrap();
        assert_eq!(told.counts(), HAD);
    });
}
