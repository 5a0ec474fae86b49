//! A bounded number of plug-ins that many threads share.
//!
//! Must not know: how lending works; that is the runtime's pool. Invariant: a plug-in that trapped
//! is never lent again as it is, and no borrower sees what the last one left in kernel memory.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Error;
use extism_convert::{FromBytesOwned, ToBytes};
use extism_runtime::{self as runtime, PoolOptions, PoolStats};
use uuid::Uuid;

use crate::Plugin;

/// How many answers of [`Pool::function_exists`] are remembered.
const ANSWERS_MAX: usize = 1_024;

/// How a [`Pool`] is to be made.
#[derive(Clone, Debug)]
pub struct PoolBuilder {
    /// How many plug-ins may exist at the same time; at least 1. By default as many as the machine
    /// can run at once.
    pub max_instances: usize,
}

impl PoolBuilder {
    /// The defaults.
    pub fn new() -> PoolBuilder {
        PoolBuilder::default()
    }

    /// How many plug-ins may exist at the same time.
    #[must_use]
    pub fn with_max_instances(mut self, n: usize) -> PoolBuilder {
        self.max_instances = n;
        self
    }

    /// An empty pool; `source` makes a plug-in when one is wanted and none is idle.
    pub fn build<F: Fn() -> Result<Plugin, Error> + Send + Sync + 'static>(
        self,
        source: F,
    ) -> Pool {
        Pool::new_from_builder(source, self)
    }
}

impl Default for PoolBuilder {
    fn default() -> PoolBuilder {
        PoolBuilder {
            max_instances: PoolOptions::default().instances_max,
        }
    }
}

/// A bounded number of plug-ins, lent one borrower at a time. Cheap to clone; clones share everything.
///
/// A plug-in that comes back keeps its memory and the variables it has set; input, output and blocks are
/// wiped. One that trapped, was stopped or exited, or whose configuration, variables or log sink its borrower
/// changed, is made anew by its next call, and one whose borrower panicked is replaced.
///
/// ```
/// use std::time::Duration;
/// use extism::{Plugin, PluginBuilder, PoolBuilder};
///
/// let compiled = PluginBuilder::new(r#"(module (func (export "run")))"#).compile()?;
/// let pool = PoolBuilder::new().with_max_instances(2).build(move || Plugin::new_from_compiled(&compiled));
/// let mut plugin = pool.get(Duration::from_secs(1))?.expect("one of two is free");
/// plugin.call::<_, ()>("run", ())?;
/// assert_eq!(pool.count(), 1);
/// # Ok::<(), extism::Error>(())
/// ```
#[derive(Clone)]
pub struct Pool {
    pool: runtime::Pool<Plugin, Error>,
    /// What [`Pool::function_exists`] answered.
    answers: Arc<Mutex<BTreeMap<String, bool>>>,
}

impl Pool {
    /// An empty pool with the defaults; `source` makes a plug-in when one is wanted and none is idle.
    pub fn new<F: Fn() -> Result<Plugin, Error> + Send + Sync + 'static>(source: F) -> Pool {
        Pool::new_from_builder(source, PoolBuilder::default())
    }

    /// As [`PoolBuilder::build`].
    pub fn new_from_builder<F: Fn() -> Result<Plugin, Error> + Send + Sync + 'static>(
        source: F,
        builder: PoolBuilder,
    ) -> Pool {
        let options = PoolOptions {
            instances_max: builder.max_instances,
        };
        Pool {
            pool: runtime::Pool::new(options, source),
            answers: Arc::default(),
        }
    }

    /// How many plug-ins exist, idle or lent.
    pub fn count(&self) -> usize {
        self.stats().alive
    }

    /// What the pool is doing now.
    pub fn stats(&self) -> PoolStats {
        self.pool.stats()
    }

    /// Borrows a plug-in, waiting up to `timeout` for one to come back; `None` if none does.
    ///
    /// # Errors
    /// What making a new one answers.
    pub fn get(&self, timeout: Duration) -> Result<Option<PoolPlugin>, Error> {
        Ok(self.pool.get(timeout)?.map(PoolPlugin))
    }

    /// Borrows a plug-in for the time `f` runs; `None` if none was free in time.
    ///
    /// # Errors
    /// As [`Pool::get`], and what `f` answers.
    pub fn with_plugin<T>(
        &self,
        timeout: Duration,
        f: impl FnOnce(&mut Plugin) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let plugin = self.get(timeout)?;
        plugin.map(|mut plugin| f(&mut plugin)).transpose()
    }

    /// Whether its plug-ins export a function of this name that can be called; false, too, if none
    /// was free in time. The answer is remembered.
    ///
    /// # Errors
    /// As [`Pool::get`].
    pub fn function_exists(&self, name: &str, timeout: Duration) -> Result<bool, Error> {
        let answers = || self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exists) = answers().get(name) {
            return Ok(*exists);
        }
        let Some(plugin) = self.get(timeout)? else {
            return Ok(false);
        };
        let exists = plugin.function_exists(name);
        let mut answers = answers();
        if answers.len() < ANSWERS_MAX {
            answers.insert(name.to_owned(), exists);
        }
        Ok(exists)
    }
}

/// A borrowed plug-in; dropping it gives it back.
///
/// ```
/// use std::time::Duration;
/// use extism::{Plugin, Pool};
///
/// let pool = Pool::new(|| Plugin::new(r#"(module (func (export "run")))"#, [], false));
/// let mut plugin = pool.get(Duration::from_secs(1))?.expect("nobody else borrows");
/// let id = plugin.id();
/// plugin.call::<_, ()>("run", ())?;
/// drop(plugin);
/// assert_eq!(pool.get(Duration::ZERO)?.expect("it is back").id(), id);
/// # Ok::<(), extism::Error>(())
/// ```
pub struct PoolPlugin(runtime::Lease<Plugin, Error>);

impl PoolPlugin {
    /// As [`Plugin::call`], with an output that does not borrow.
    ///
    /// # Errors
    /// As [`Plugin::call`].
    pub fn call<'a, Input: ToBytes<'a>, Output: FromBytesOwned>(
        &mut self,
        name: impl AsRef<str>,
        input: Input,
    ) -> Result<Output, Error> {
        self.0.call(name, input)
    }

    /// The plug-in's identity.
    pub fn id(&self) -> Uuid {
        self.0.id
    }
}

impl Deref for PoolPlugin {
    type Target = Plugin;

    fn deref(&self) -> &Plugin {
        &self.0
    }
}

impl DerefMut for PoolPlugin {
    fn deref_mut(&mut self) -> &mut Plugin {
        &mut self.0
    }
}

impl fmt::Debug for PoolPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolPlugin")
            .field("plugin", &self.id())
            .finish()
    }
}
