//! Contexts: arenas that own plug-ins under numbers.
//!
//! Must not know: what plug-ins do. Invariants: a number is given out once; when nobody holds a context any
//! more its plug-ins are freed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use extism_runtime::Status;
use rustler::{Env, Resource, ResourceArc};

use crate::call::{self, Leaving, Started, answer, ok};
use crate::cell::{Cell, Entry};
use crate::error::Failure;
use crate::term::Kept;

pub(crate) struct Context {
    inner: Mutex<Inner>,
    /// Whether it was made for one plug-in, and ends with it.
    is_private: bool,
}

struct Inner {
    next: i32,
    plugins: BTreeMap<i32, Arc<Cell>>,
    is_closed: bool,
}

#[rustler::resource_impl]
impl Resource for Context {}

impl Context {
    /// Gives a plug-in its number.
    pub(crate) fn insert(&self, entry: Entry) -> Result<i32, Failure> {
        let mut inner = self.open()?;
        let number = inner.next;
        inner.next = number
            .checked_add(1)
            .ok_or_else(|| Failure::new(Status::BadHandle, "All plugin descriptors are in use"))?;
        inner.plugins.insert(number, Cell::new(entry));
        Ok(number)
    }

    /// Puts a plug-in in the place of another one.
    pub(crate) fn replace(&self, number: i32, entry: Entry) -> Result<(), Failure> {
        let mut inner = self.open()?;
        let place = inner
            .plugins
            .get_mut(&number)
            .ok_or_else(|| missing(number))?;
        let old = std::mem::replace(place, Cell::new(entry));
        drop(inner);
        old.close();
        Ok(())
    }

    pub(crate) fn find(&self, number: i32) -> Result<Arc<Cell>, Failure> {
        self.at(number, Arc::clone)
    }

    /// What `ask` finds out about a plug-in, which no other one takes the place of meanwhile. It must not
    /// wait.
    pub(crate) fn at<T>(
        &self,
        number: i32,
        ask: impl FnOnce(&Arc<Cell>) -> T,
    ) -> Result<T, Failure> {
        let inner = self.open()?;
        let cell = inner.plugins.get(&number);
        cell.map(ask).ok_or_else(|| missing(number))
    }

    /// Whether it can be used.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.open().map(drop)
    }

    /// Frees one plug-in. Doing so twice is allowed.
    pub(crate) fn remove(&self, number: i32) {
        let mut inner = self.lock();
        let removed = inner.plugins.remove(&number);
        inner.is_closed |= self.is_private;
        drop(inner);
        removed.iter().for_each(|cell| cell.close());
    }

    /// Frees all plug-ins.
    fn clear(&self, close: bool) {
        let mut inner = self.lock();
        inner.is_closed |= close;
        let removed = std::mem::take(&mut inner.plugins);
        drop(inner);
        removed.values().for_each(|cell| cell.close());
    }

    fn open(&self) -> Result<MutexGuard<'_, Inner>, Failure> {
        let inner = self.lock();
        match inner.is_closed {
            true if self.is_private => Err(Failure::closed("plug-in")),
            true => Err(Failure::closed("context")),
            false => Ok(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(number: i32) -> Failure {
    Failure::new(
        Status::BadHandle,
        format!("Plugin does not exist: {number}"),
    )
}

/// An empty context.
#[rustler::nif]
fn context_new(is_private: bool) -> ResourceArc<Context> {
    ResourceArc::new(Context {
        inner: Mutex::new(Inner {
            next: 0,
            plugins: BTreeMap::new(),
            is_closed: false,
        }),
        is_private,
    })
}

/// Frees the plug-ins of a context, and closes it if asked to.
#[rustler::nif]
fn context_reset(env: Env<'_>, tag: Kept, context: ResourceArc<Context>, close: bool) -> Started {
    if !close {
        context.check()?;
    }
    let work = move |_: &_| {
        context.clear(close);
        answer(ok())
    };
    call::start(env, tag, Leaving::Waits, call::at_once(work))
}
