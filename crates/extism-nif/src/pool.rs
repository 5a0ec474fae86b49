//! Pools: a bounded number of plug-ins that processes borrow.
//!
//! Must not know: processes. Invariants: what is borrowed is an ordinary plug-in of a context of its own, and
//! goes back when that is freed or lost; a process that dies while it waits takes nothing; who waits holds no
//! thread.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use extism_binding::{Lender, Place};
use extism_runtime::{Plugin, Pool, PoolOptions};
use rustler::{Env, Resource, ResourceArc};

use crate::arena::Context;
use crate::call::{self, Leaving, Started, answer, ok};
use crate::compiled::Compiled;
use crate::error::Failure;
use crate::janitor;
use crate::term::Kept;

pub(crate) struct Members(Mutex<Option<Lender>>);

#[rustler::resource_impl]
impl Resource for Members {}

impl Members {
    fn get(&self) -> Result<Lender, Failure> {
        let pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pool.clone().ok_or_else(|| Failure::closed("pool"))
    }

    fn close(&self) {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = pool.take();
        drop(pool);
        taken.map(janitor::discard).unwrap_or_default();
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.close();
    }
}

/// An empty pool; with 0 instances, of as many as the runtime thinks right.
#[rustler::nif]
fn pool_new(
    compiled: ResourceArc<Compiled>,
    instances_max: usize,
) -> Result<ResourceArc<Members>, Failure> {
    let compiled = compiled.get()?;
    let options = match instances_max {
        0 => PoolOptions::default(),
        instances_max => PoolOptions { instances_max },
    };
    let pool = Pool::new(options, move || Plugin::new(&compiled));
    Ok(ResourceArc::new(Members(Mutex::new(Some(Lender::new(
        pool,
    ))))))
}

/// Borrows a plug-in into a context.
#[rustler::nif]
fn pool_get(
    env: Env<'_>,
    tag: Kept,
    pool: ResourceArc<Members>,
    context: ResourceArc<Context>,
    timeout_ms: u64,
) -> Started {
    let timeout = Duration::from_millis(timeout_ms);
    let work = move |call: &ResourceArc<call::Call>, place: Place| {
        let entry = place.borrow(|| call::check(call))?;
        answer(context.insert(entry)?)
    };
    call::start_borrowing(env, tag, (pool.get()?, timeout), work)
}

/// `{InstancesMax, Alive, Idle, Waiting, Made, Replaced}`.
#[rustler::nif]
fn pool_stats(
    pool: ResourceArc<Members>,
) -> Result<(usize, usize, usize, usize, u64, u64), Failure> {
    let stats = pool.get()?.stats();
    let now = (stats.instances_max, stats.alive, stats.idle, stats.waiting);
    Ok((now.0, now.1, now.2, now.3, stats.made, stats.replaced))
}

/// Closes a pool; what is borrowed lives on. Doing so twice is allowed.
#[rustler::nif]
fn pool_free(env: Env<'_>, tag: Kept, pool: ResourceArc<Members>) -> Started {
    let work = move |_: &_| {
        pool.close();
        answer(ok())
    };
    call::start(env, tag, Leaving::Waits, call::at_once(work))
}
