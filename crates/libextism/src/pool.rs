//! A bounded number of plug-ins that threads borrow.
//!
//! What is borrowed is an ordinary plug-in; freeing it gives it back.

use std::time::Duration;

use extism_binding::borrow;
use extism_runtime::{Error, Plugin, Pool, PoolOptions, PoolStats, Status};

use crate::compiled::{self, ExtismCompiledPlugin};
use crate::entry::Entry;
use crate::error::{self, ExtismError, status_of};
use crate::ffi::{self, Kind, Object};
use crate::plugin::{Cell, ExtismPlugin};
use crate::sized::{self, Grows};
use crate::status::ExtismStatus;

/// A pool.
pub type ExtismPool = Object<Pool<Plugin, Error>>;

impl Kind for Pool<Plugin, Error> {
    const TAG: u64 = u64::from_be_bytes(*b"ext-pool");
}

/// What a host chooses for a pool; `size` first. All zeros are the defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ExtismPoolOptions {
    size: u64,
    instances_max: u64,
}

// SAFETY: nothing but u64, the first of them the size.
unsafe impl Grows for ExtismPoolOptions {}

/// What a pool is doing; `size` first.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ExtismPoolStats {
    size: u64,
    instances_max: u64,
    alive: u64,
    idle: u64,
    waiting: u64,
    made: u64,
    replaced: u64,
}

// SAFETY: nothing but u64, the first of them the size.
unsafe impl Grows for ExtismPoolStats {}

impl From<PoolStats> for ExtismPoolStats {
    fn from(stats: PoolStats) -> ExtismPoolStats {
        ExtismPoolStats {
            size: 0,
            instances_max: stats.instances_max as u64,
            alive: stats.alive as u64,
            idle: stats.idle as u64,
            waiting: stats.waiting as u64,
            made: stats.made,
            replaced: stats.replaced,
        }
    }
}

/// An empty pool of instances of a compiled plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_pool_new(
    compiled: *const ExtismCompiledPlugin,
    options: *const ExtismPoolOptions,
    out: *mut *mut ExtismPool,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    // SAFETY: `error` is NULL or writable.
    boundary!(extism_pool_new, unsafe { error::panicked(error) }, {
        // SAFETY: the arguments are the caller's.
        unsafe {
            error::make(out, error, || {
                let compiled = compiled::held(compiled)?;
                let defaults = ExtismPoolOptions {
                    size: 0,
                    instances_max: 0,
                };
                let given = sized::read(options, defaults)?;
                let mut options = PoolOptions::default();
                if given.instances_max > 0 {
                    options.instances_max =
                        usize::try_from(given.instances_max).unwrap_or(usize::MAX);
                }
                Ok(Pool::new(options, move || Plugin::new(&compiled)))
            })
        }
    })
}

/// Borrows a plug-in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_pool_get(
    pool: *const ExtismPool,
    timeout_ms: u64,
    out: *mut *mut ExtismPlugin,
    error: *mut *mut ExtismError,
) -> ExtismStatus {
    // SAFETY: `error` is NULL or writable.
    boundary!(extism_pool_get, unsafe { error::panicked(error) }, {
        // SAFETY: the arguments are the caller's.
        unsafe {
            error::make(out, error, || {
                // A copy, for the pool may be freed while this thread waits.
                let pool = Object::get(pool)
                    .cloned()
                    .ok_or_else(|| ffi::null("pool"))?;
                let lease = borrow(&pool, Duration::from_millis(timeout_ms))?;
                Ok(Cell::new(Entry::lent(lease)))
            })
        }
    })
}

/// What the pool is doing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_pool_stats(
    pool: *const ExtismPool,
    stats: *mut ExtismPoolStats,
) -> ExtismStatus {
    boundary!(extism_pool_stats, Status::Panic.code(), {
        // SAFETY: the caller passes NULL or a live pool.
        let Some(pool) = (unsafe { Object::get(pool) }) else {
            return Status::NullArgument.code();
        };
        let value = ExtismPoolStats::from(pool.stats());
        // SAFETY: the caller passes NULL or a struct of the size it states.
        status_of(&unsafe { sized::fill(stats, &value) }).code()
    })
}

/// Frees a pool; borrowed plug-ins live on until they are freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_pool_free(pool: *mut ExtismPool) {
    boundary!(extism_pool_free, (), {
        // SAFETY: the caller passes NULL or a pool it does not use any more.
        drop(unsafe { Object::take(pool) });
    })
}
