//! A bounded number of plug-ins that many threads share, each by one at a time.
//!
//! Invariant: never more than `instances_max` exist; a plug-in is moved out to its borrower and
//! moved back in, so that no two can have it; making one and checking one happen outside of the
//! lock. `models` tries every order of its steps.

use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Something a pool can lend.
pub trait Pooled {
    /// Makes the object fit for its next borrower; false if it has to be replaced.
    fn recycle(&mut self) -> bool;
}

/// How a pool behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// How many objects may exist at the same time; at least 1.
    pub instances_max: usize,
}

impl Default for PoolOptions {
    /// As many as the machine can run at the same time.
    fn default() -> PoolOptions {
        PoolOptions {
            instances_max: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// What a pool is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// How many may exist.
    pub instances_max: usize,
    /// How many exist or are being made.
    pub alive: usize,
    /// How many wait to be borrowed.
    pub idle: usize,
    /// How many borrowers wait.
    pub waiting: usize,
    /// How many were made since the pool was.
    pub made: u64,
    /// How many were replaced because they were not fit for another borrower.
    pub replaced: u64,
}

/// A bounded number of objects, lent one borrower at a time. Cheap to clone; clones share everything.
///
/// ```
/// use std::time::Duration;
/// use extism_runtime::{CompiledPlugin, Options, Plugin, Pool, PoolOptions};
///
/// let wat = r#"(module (func (export "run") (result i32) i32.const 0))"#;
/// let compiled = CompiledPlugin::new(wat, Options::default())?;
/// let pool = Pool::new(PoolOptions { instances_max: 2 }, move || Plugin::new(&compiled));
/// let mut plugin = pool.get(Duration::from_secs(1))?.expect("one of two is free");
/// assert_eq!(plugin.call("run", b"").code, 0);
/// # Ok::<(), extism_runtime::Error>(())
/// ```
pub struct Pool<T: Pooled, E>(Arc<Shared<T, E>>);

impl<T: Pooled, E> Clone for Pool<T, E> {
    fn clone(&self) -> Self {
        Pool(Arc::clone(&self.0))
    }
}

struct Shared<T, E> {
    make: Box<dyn Fn() -> Result<T, E> + Send + Sync>,
    inner: Mutex<Inner<T>>,
    returned: Condvar,
}

struct Inner<T> {
    idle: Vec<T>,
    stats: PoolStats,
}

impl<T, E> Shared<T, E> {
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of an object that is being made or given back; another may be made in it once this is dropped,
/// also by a panic.
struct Place<'a, T, E> {
    shared: &'a Shared<T, E>,
    /// 1 if the object was not fit for another borrower.
    replaced: u64,
}

impl<T, E> Drop for Place<'_, T, E> {
    fn drop(&mut self) {
        let mut inner = self.shared.lock();
        inner.stats.alive -= 1;
        inner.stats.replaced += self.replaced;
        drop(inner);
        self.shared.returned.notify_one();
    }
}

impl<T: Pooled, E> Pool<T, E> {
    /// An empty pool; `make` makes an object when one is wanted and none is idle.
    pub fn new(
        options: PoolOptions,
        make: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Pool<T, E> {
        Pool(Arc::new(Shared {
            make: Box::new(make),
            inner: Mutex::new(Inner {
                idle: Vec::new(),
                stats: PoolStats {
                    instances_max: options.instances_max.max(1),
                    ..PoolStats::default()
                },
            }),
            returned: Condvar::new(),
        }))
    }

    /// Borrows an object, waiting up to `timeout` for one to come back; `None` if none does.
    ///
    /// # Errors
    /// What making a new one answers.
    pub fn get(&self, timeout: Duration) -> Result<Option<Lease<T, E>>, E> {
        let deadline = Instant::now().checked_add(timeout);
        let shared = &self.0;
        let mut inner = shared.lock();
        loop {
            if let Some(object) = inner.idle.pop() {
                return Ok(Some(self.lend(object)));
            }
            if inner.stats.alive < inner.stats.instances_max {
                inner.stats.alive += 1;
                inner.stats.made += 1;
                drop(inner);
                return self.make().map(Some);
            }
            inner.stats.waiting += 1;
            let (next, timed_out) = wait(&shared.returned, inner, deadline);
            inner = next;
            inner.stats.waiting -= 1;
            if timed_out && inner.idle.is_empty() && inner.stats.alive == inner.stats.instances_max
            {
                return Ok(None);
            }
        }
    }

    /// What the pool is doing now.
    pub fn stats(&self) -> PoolStats {
        let inner = self.0.lock();
        PoolStats {
            idle: inner.idle.len(),
            ..inner.stats
        }
    }

    fn make(&self) -> Result<Lease<T, E>, E> {
        let place = Place {
            shared: &self.0,
            replaced: 0,
        };
        let object = (self.0.make)()?;
        std::mem::forget(place);
        Ok(self.lend(object))
    }

    fn lend(&self, object: T) -> Lease<T, E> {
        Lease {
            object: Some(object),
            condemned: false,
            pool: self.clone(),
        }
    }
}

fn wait<'a, T>(
    returned: &Condvar,
    inner: MutexGuard<'a, Inner<T>>,
    deadline: Option<Instant>,
) -> (MutexGuard<'a, Inner<T>>, bool) {
    let Some(deadline) = deadline else {
        let inner = returned.wait(inner);
        return (inner.unwrap_or_else(PoisonError::into_inner), false);
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let (inner, result) = returned
        .wait_timeout(inner, left)
        .unwrap_or_else(PoisonError::into_inner);
    (inner, result.timed_out())
}

/// A borrowed object; dropping it gives it back.
pub struct Lease<T: Pooled, E> {
    /// Present until it is given back.
    object: Option<T>,
    condemned: bool,
    pool: Pool<T, E>,
}

impl<T: Pooled, E> Lease<T, E> {
    /// Nobody else is to have the object: it is replaced. For a borrower that cannot say what it left behind.
    pub fn condemn(&mut self) {
        self.condemned = true;
    }
}

impl<T: Pooled, E> Drop for Lease<T, E> {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else {
            return;
        };
        let place = Place {
            shared: &self.pool.0,
            replaced: 1,
        };
        // Dropped before its place is given back.
        let mut object = object;
        // A borrower that panicked may have left anything behind.
        if self.condemned || std::thread::panicking() || !object.recycle() {
            return;
        }
        std::mem::forget(place);
        self.pool.0.lock().idle.push(object);
        self.pool.0.returned.notify_one();
    }
}

impl<T: Pooled, E> Deref for Lease<T, E> {
    type Target = T;

    fn deref(&self) -> &T {
        self.object.as_ref().expect("present until dropped")
    }
}

impl<T: Pooled, E> DerefMut for Lease<T, E> {
    fn deref_mut(&mut self) -> &mut T {
        self.object.as_mut().expect("present until dropped")
    }
}
