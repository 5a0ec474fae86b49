//! What a host function keeps between its calls.
//!
//! Must not know: functions. Invariant: the data are dropped once, when the last function, plug-in
//! or handle that shares them is.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use anyhow::Error;

/// Data that host functions share, with each other and with the host.
///
/// ```
/// use extism::UserData;
///
/// let counter = UserData::new(0);
/// let shared = counter.clone();
/// *shared.get()?.lock().unwrap() += 1;
/// assert_eq!(*counter.get()?.lock().unwrap(), 1);
/// # Ok::<(), extism::Error>(())
/// ```
#[derive(Debug)]
pub enum UserData<T> {
    /// A C host's pointer. There are none in Rust: the C library keeps its own.
    C(Arc<CPtr>),
    /// A Rust value.
    Rust(Arc<Mutex<T>>),
}

/// A C host's pointer; no value of this type exists.
#[derive(Debug)]
pub struct CPtr(Infallible);

impl<T> UserData<T> {
    /// Shares `value`.
    pub fn new(value: T) -> UserData<T> {
        UserData::Rust(Arc::new(Mutex::new(value)))
    }

    /// The value, to lock.
    ///
    /// # Errors
    /// None: the result is part of the published interface.
    pub fn get(&self) -> Result<Arc<Mutex<T>>, Error> {
        match self {
            UserData::C(pointer) => match pointer.0 {},
            UserData::Rust(value) => Ok(Arc::clone(value)),
        }
    }
}

impl<T: Default> Default for UserData<T> {
    fn default() -> UserData<T> {
        UserData::new(T::default())
    }
}

impl<T> Clone for UserData<T> {
    fn clone(&self) -> UserData<T> {
        match self {
            UserData::C(pointer) => UserData::C(Arc::clone(pointer)),
            UserData::Rust(value) => UserData::Rust(Arc::clone(value)),
        }
    }
}
