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
pub struct Context<T = Plugin> {
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    next: i32,
    plugins: BTreeMap<i32, Arc<Mutex<T>>>,
}

impl<T> Default for Context<T> {
    fn default() -> Self {
        Context::new()
    }
}

impl<T> Context<T> {
    /// An empty arena.
    pub fn new() -> Context<T> {
        Context {
            inner: Mutex::new(Inner {
                next: 0,
                plugins: BTreeMap::new(),
            }),
        }
    }

    /// Takes a plug-in over and answers its handle.
    ///
    /// # Errors
    /// [`Status::BadHandle`] after 2³¹ plug-ins: handles are not given out twice.
    pub fn insert(&self, plugin: T) -> Result<i32, Error> {
        let mut inner = self.lock();
        let handle = inner.next;
        inner.next = handle
            .checked_add(1)
            .ok_or_else(|| Error::new(Status::BadHandle, "All plugin descriptors are in use"))?;
        inner.plugins.insert(handle, Arc::new(Mutex::new(plugin)));
        Ok(handle)
    }

    /// Puts another plug-in in the place of one; the handle stays, the old one is freed when
    /// nothing uses it any more.
    ///
    /// # Errors
    /// [`Status::BadHandle`] if there is no such plug-in.
    pub fn replace(&self, handle: i32, plugin: T) -> Result<(), Error> {
        let mut inner = self.lock();
        let place = inner
            .plugins
            .get_mut(&handle)
            .ok_or_else(|| missing(handle))?;
        let old = std::mem::replace(place, Arc::new(Mutex::new(plugin)));
        drop(inner);
        drop(old);
        Ok(())
    }

    /// Lets `use_it` have the plug-in. Other plug-ins of the arena can be used meanwhile, this one cannot.
    ///
    /// # Errors
    /// [`Status::BadHandle`] if there is no such plug-in, [`Status::Busy`] if it is in use.
    pub fn with<R>(&self, handle: i32, use_it: impl FnOnce(&mut T) -> R) -> Result<R, Error> {
        let plugin = self.lock().plugins.get(&handle).cloned();
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

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(handle: i32) -> Error {
    Error::new(
        Status::BadHandle,
        format!("Plugin does not exist: {handle}"),
    )
}
