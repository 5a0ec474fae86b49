//! Pools: a bounded number of plug-ins that borrowers share.
//!
//! Must not know: borrowers. Invariants: what is borrowed is an ordinary plug-in and goes back when
//! that is closed or lost; a JavaScript thread that ends while it waits takes nothing; who waits holds no
//! thread.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use extism_binding::{Lender, Place};
use extism_runtime::{Plugin as Instance, Pool as Shared, PoolOptions, Status};
use napi_derive::napi;

use crate::call::{self, Call};
use crate::cell::Cell;
use crate::compiled::Compiled;
use crate::error::{Failure, Thrown};
use crate::realm::{Near, Value};

/// A pool of JavaScript.
#[napi]
pub struct Pool {
    near: Rc<Near>,
    lender: RefCell<Option<Lender>>,
}

#[napi]
impl Compiled {
    /// Makes a pool; 0 leaves its size to the library.
    #[napi]
    pub fn pool(&self, instances_max: f64) -> Result<Pool, Thrown> {
        let compiled = self.get()?;
        let mut options = PoolOptions::default();
        if instances_max >= 1.0 {
            options.instances_max = instances_max as usize;
        }
        let pool = Shared::new(options, move || Instance::new(&compiled));
        Ok(Pool {
            near: Rc::clone(self.near()),
            lender: RefCell::new(Some(Lender::new(pool))),
        })
    }
}

#[napi]
impl Pool {
    /// Borrows a plug-in; waits for so many milliseconds.
    #[napi]
    pub fn get(&self, call: u32, timeout_ms: f64) -> Result<(), Thrown> {
        let lender = self.lender()?;
        // Infinity is for ever.
        let timeout = Duration::try_from_secs_f64(timeout_ms / 1_000.0).unwrap_or(Duration::MAX);
        let work = |call: &Call, place: Place| {
            let is_there = || match call.is_stopped() {
                true => {
                    let text = "the JavaScript thread has ended";
                    Err(Failure::new(Status::Cancelled, text))
                }
                false => Ok(()),
            };
            Ok(Value::Plugin(Cell::new(place.borrow(is_there)?)))
        };
        let far = self.near.far()?;
        Ok(call::start_borrowing(far, call, (lender, timeout), work)?)
    }

    /// What it is doing: how many may exist, exist, wait, are waited for by, were made, were replaced.
    #[napi]
    pub fn stats(&self) -> Result<Vec<f64>, Thrown> {
        let stats = self.lender()?.stats();
        let now = [stats.instances_max, stats.alive, stats.idle, stats.waiting];
        let ever = [stats.made, stats.replaced];
        let now = now.into_iter().map(|count| count as f64);
        Ok(now
            .chain(ever.into_iter().map(|count| count as f64))
            .collect())
    }

    /// Lets go of it; what is borrowed lives on.
    #[napi]
    pub fn close(&self) {
        drop(self.lender.take());
    }

    fn lender(&self) -> Result<Lender, Failure> {
        let lender = self.lender.borrow().clone();
        lender.ok_or_else(|| Failure::closed("pool"))
    }
}
