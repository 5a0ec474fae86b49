//! A caller, a watchdog and somebody who cancels, with one token.
//!
//! Must not know: how the token does it. Invariant: at the end of each model nothing waits any more.

use std::time::Duration;

use super::token::{Seen, Stop, Token};
use crate::engine::Engine;
use crate::explore::explore;
use crate::sync::{Arc, thread};

/// Makes a call that does nothing; answers whether it would have been stopped.
fn short_call(token: &Token) -> Option<Stop> {
    assert!(token.begin());
    let stop = token.stop();
    token.end();
    stop
}

/// Makes a call that loops until it has to stop.
fn endless_call(token: &Token, engine: &Engine) -> Stop {
    assert!(token.begin());
    let seen = engine.epoch();
    let stop = loop {
        // The generated code looks at the epoch alone; the token is looked at when that is another.
        if let Some(stop) = token.stop() {
            break stop;
        }
        while engine.epoch() == seen && token.stop().is_none() {
            thread::yield_now();
        }
    };
    token.end();
    stop
}

#[test]
fn a_cancel_hits_one_call_or_none() {
    explore(|| {
        let token = Token::new(Engine::new(), None);
        let canceller = {
            let token = Arc::clone(&token);
            thread::spawn(move || token.cancel())
        };
        let first = short_call(&token);
        let second = short_call(&token);
        assert!(
            first.is_none() || second.is_none(),
            "one cancel has hit two calls"
        );
        canceller.join().unwrap();
        assert_eq!(
            short_call(&token),
            None,
            "a cancel that is over hits nothing"
        );
    });
}

#[test]
fn a_cancel_of_a_running_call_ends_it() {
    explore(|| {
        let engine = Engine::new();
        let token = Token::new(engine.clone(), None);
        assert!(token.begin());
        let canceller = {
            let token = Arc::clone(&token);
            thread::spawn(move || token.cancel())
        };
        while token.stop().is_none() {
            thread::yield_now();
        }
        assert_eq!(token.stop(), Some(Stop::Cancelled));
        canceller.join().unwrap();
        assert!(engine.epoch() > 0, "the generated code was not told");
        assert!(token.is_stopped());
        token.end();
        assert_eq!(short_call(&token), None);
    });
}

/// Two cancel; one of them may be late, with a call that is over.
#[test]
fn a_late_cancel_does_not_undo_a_newer_one() {
    explore(|| {
        let token = Token::new(Engine::new(), None);
        let late = {
            let token = Arc::clone(&token);
            thread::spawn(move || token.cancel())
        };
        short_call(&token);
        assert!(token.begin());
        let canceller = {
            let token = Arc::clone(&token);
            thread::spawn(move || token.cancel())
        };
        assert!(canceller.join().unwrap(), "a call runs");
        late.join().unwrap();
        assert_eq!(token.stop(), Some(Stop::Cancelled));
        assert!(token.is_stopped());
        token.end();
    });
}

#[test]
fn a_call_without_time_is_stopped_by_the_watchdog() {
    explore(|| {
        let engine = Engine::new();
        let token = Token::new(engine.clone(), Some(Duration::ZERO));
        let watchdog = {
            let token = Arc::clone(&token);
            thread::spawn(move || {
                while token.look() != Seen::Overdue {
                    thread::yield_now();
                }
            })
        };
        assert_eq!(endless_call(&token, &engine), Stop::Timeout);
        watchdog.join().unwrap();
    });
}

#[test]
fn a_look_at_one_call_does_not_stop_the_next() {
    explore(|| {
        let token = Token::new(Engine::new(), Some(Duration::from_secs(1)));
        let watchdog = {
            let token = Arc::clone(&token);
            thread::spawn(move || {
                assert_ne!(token.look(), Seen::Overdue);
                assert_ne!(token.look(), Seen::Overdue);
            })
        };
        assert_eq!(short_call(&token), None);
        assert_eq!(short_call(&token), None);
        watchdog.join().unwrap();
        assert!(!token.is_stopped());
    });
}

#[test]
fn whoever_waits_outside_is_woken_by_a_cancel() {
    explore(|| {
        let token = Token::new(Engine::new(), None);
        assert!(token.begin());
        let canceller = {
            let token = Arc::clone(&token);
            thread::spawn(move || token.cancel())
        };
        // Waits without an end if the cancel comes between the look and the wait and wakes nobody.
        while token.park(None).is_none() {}
        canceller.join().unwrap();
        token.end();
    });
}
