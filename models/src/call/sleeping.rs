//! Calls that begin while the watchdog falls asleep, sleeps or wakes.
//!
//! Must not know: how they agree. Invariant: a call that nobody looks at is found, since it never ends.

use std::time::Duration;

use super::token::{Stop, Token};
use super::watchdog;
use crate::engine::Engine;
use crate::explore::explore;
use crate::sync::thread;

/// Makes a call that loops until it has to stop.
fn endless_call(token: &Token) {
    assert!(token.begin());
    watchdog::rely();
    let stop = loop {
        if let Some(stop) = token.stop() {
            break stop;
        }
        thread::yield_now();
    };
    assert_eq!(stop, Stop::Timeout);
    watchdog::rely_no_more();
    token.end();
}

#[test]
fn no_call_is_overlooked_by_a_watchdog_that_falls_asleep() {
    explore(|| {
        let tokens = [0, 1].map(|_| Token::new(Engine::new(), Some(Duration::ZERO)));
        let dog = thread::spawn(watchdog::run);
        let callers = tokens.map(|token| {
            thread::spawn(move || {
                for _ in 0..3 {
                    endless_call(&token);
                }
            })
        });
        for caller in callers {
            caller.join().unwrap();
        }
        watchdog::end();
        dog.join().unwrap();
    });
}

/// Calls with much time beside one with little: the watchdog looks as often as the hurried one relies on.
#[test]
fn a_call_in_a_hurry_is_looked_at_as_often_as_it_asks_for() {
    explore(|| {
        let patient = Token::new(Engine::new(), Some(Duration::from_secs(3600)));
        let hurried = Token::new(Engine::new(), Some(Duration::ZERO));
        let dog = thread::spawn(watchdog::run);
        let callers = [
            thread::spawn(move || {
                for _ in 0..4 {
                    assert!(patient.begin());
                    thread::yield_now();
                    patient.end();
                }
            }),
            thread::spawn(move || {
                for _ in 0..3 {
                    endless_call(&hurried);
                }
            }),
        ];
        for caller in callers {
            caller.join().unwrap();
        }
        watchdog::end();
        dog.join().unwrap();
    });
}
