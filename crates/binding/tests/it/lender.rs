//! Lending the plug-ins of a pool to borrowers that wait without a thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use extism_binding::{Entry, Lender, Place, Ticket};
use extism_runtime::{CompiledPlugin, Error, Options, Plugin, Pool, PoolOptions, Status};

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
