//! An arena of plug-ins: it owns those put into it, and freeing it frees them all.
//!
//! Invariant: a handle is given out once; after its plug-in was freed it answers with an error,
//! never with another plug-in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::Status;
use crate::error::Error;
use crate::plugin::Plugin;

/// An arena of plug-ins, or of what a surface makes of them. Handles are numbers from 0 up; threads
/// may share it.
///
/// ```
/// use extism_runtime::{Context, Options, Plugin, Status};
///
/// let wat = r#"(module (func (export "run") (result i32) i32.const 0))"#;
/// let context = Context::new();
/// let plugin = context.insert(Plugin::load(wat, Options::default())?)?;
/// assert_eq!(context.with(plugin, |plugin| plugin.call("run", b"").code)?, 0);
/// context.remove(plugin)?;
/// let gone = context.with(plugin, |plugin| plugin.id()).unwrap_err();
/// assert_eq!(gone.status(), Status::BadHandle);
/// # Ok::<(), extism_runtime::Error>(())
/// ```
pub struct Context<T = Plugin, H = ()> {
    inner: Mutex<Inner<T, H>>,
}

struct Inner<T, H> {
    next: i32,
    plugins: BTreeMap<i32, Place<T, H>>,
}

/// A plug-in, and what can be had of it while it is in use.
struct Place<T, H> {
    plugin: Arc<Mutex<T>>,
    beside: H,
}

impl<T, H> Default for Context<T, H> {
    fn default() -> Self {
        Context {
            inner: Mutex::new(Inner {
                next: 0,
                plugins: BTreeMap::new(),
            }),
        }
    }
}

impl<T> Context<T> {
    /// An empty arena.
    pub fn new() -> Context<T> {
        Context::default()
    }

    /// Takes a plug-in over and answers its handle.
    ///
    /// # Errors
    /// [`Status::BadHandle`] after 2³¹ plug-ins: handles are not given out twice.
    pub fn insert(&self, plugin: T) -> Result<i32, Error> {
        self.insert_with(plugin, ())
    }

    /// Puts another plug-in in the place of one; the handle stays, the old one is freed when
    /// nothing uses it any more.
    ///
    /// # Errors
    /// [`Status::BadHandle`] if there is no such plug-in.
    pub fn replace(&self, handle: i32, plugin: T) -> Result<(), Error> {
        self.replace_with(handle, plugin, ())
    }
}

impl<T, H> Context<T, H> {
    /// Like [`insert`](Context::insert); `beside` comes and goes with the plug-in, and can be had while that
    /// is in use.
    ///
    /// # Errors
    /// [`Status::BadHandle`] after 2³¹ plug-ins: handles are not given out twice.
    pub fn insert_with(&self, plugin: T, beside: H) -> Result<i32, Error> {
        let mut inner = self.lock();
        let handle = inner.next;
        inner.next = handle
            .checked_add(1)
            .ok_or_else(|| Error::new(Status::BadHandle, "All plugin descriptors are in use"))?;
        inner.plugins.insert(handle, Place::new(plugin, beside));
        Ok(handle)
    }

    /// Like [`replace`](Context::replace), with what is beside the plug-in.
    ///
    /// # Errors
    /// [`Status::BadHandle`] if there is no such plug-in.
    pub fn replace_with(&self, handle: i32, plugin: T, beside: H) -> Result<(), Error> {
        let mut inner = self.lock();
        let place = inner
            .plugins
            .get_mut(&handle)
            .ok_or_else(|| missing(handle))?;
        let old = std::mem::replace(place, Place::new(plugin, beside));
        drop(inner);
        drop(old);
        Ok(())
    }

    /// Lets `use_it` have the plug-in. Other plug-ins of the arena can be used meanwhile, this one cannot.
    ///
    /// # Errors
    /// [`Status::BadHandle`] if there is no such plug-in, [`Status::Busy`] if it is in use.
    pub fn with<R>(&self, handle: i32, use_it: impl FnOnce(&mut T) -> R) -> Result<R, Error> {
        let plugin = |place: &Place<T, H>| Arc::clone(&place.plugin);
        let plugin = self.lock().plugins.get(&handle).map(plugin);
        let plugin = plugin.ok_or_else(|| missing(handle))?;
        let mut plugin = match plugin.try_lock() {
            Ok(plugin) => plugin,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let text = format!("Plugin is in use: {handle}");
                return Err(Error::new(Status::Busy, text));
            }
        };
        Ok(use_it(&mut plugin))
    }

    /// Lets `look` see what is beside a plug-in, with the arena locked.
    ///
    /// # Errors
    /// [`Status::BadHandle`] if there is no such plug-in.
    pub fn beside<R>(&self, handle: i32, look: impl FnOnce(&H) -> R) -> Result<R, Error> {
        let seen = |place: &Place<T, H>| look(&place.beside);
        let seen = self.lock().plugins.get(&handle).map(seen);
        seen.ok_or_else(|| missing(handle))
    }

    /// Frees a plug-in; one that is in use, as soon as it is not.
    ///
    /// # Errors
    /// [`Status::BadHandle`] if there is no such plug-in.
    pub fn remove(&self, handle: i32) -> Result<(), Error> {
        // The plug-in is dropped outside of the lock: a host function's release may use the arena.
        let removed = self.lock().plugins.remove(&handle);
        removed.map(drop).ok_or_else(|| missing(handle))
    }

    /// Frees all plug-ins. Their handles stay used up.
    pub fn reset(&self) {
        let removed = std::mem::take(&mut self.lock().plugins);
        drop(removed);
    }

    /// How many plug-ins it owns.
    pub fn len(&self) -> usize {
        self.lock().plugins.len()
    }

    /// Whether it owns none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T, H>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, H> Place<T, H> {
    fn new(plugin: T, beside: H) -> Place<T, H> {
        Place {
            plugin: Arc::new(Mutex::new(plugin)),
            beside,
        }
    }
}

fn missing(handle: i32) -> Error {
    Error::new(
        Status::BadHandle,
        format!("Plugin does not exist: {handle}"),
    )
}
