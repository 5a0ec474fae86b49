//! The threads that WASI's operations of the system wait on.
//!
//! Must not know: what the operations are. Invariant: a plug-in whose calls leave operations behind, which
//! nobody can end, waits on threads of its own from the first one on: beside those it waits on at that
//! moment it takes none of the process's, and no more than [`OWN_MAX`] of its own.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

use crate::Status;
use crate::error::Error;
use crate::fork;
use crate::wasi::signals;

/// How many processes, each forked by the one before, can use WASI.
const GENERATIONS_MAX: usize = 16;

/// How many threads a plug-in has for itself, and how many operations beside them it can leave behind.
const OWN_MAX: usize = 8;

/// What a WASI call may wait for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// Nothing: whoever waits can go away.
    Nothing,
    /// The system. A thread does, and goes on when nobody wants to know any more.
    System,
}

/// The threads of a compiled plug-in: those of the process, until it has left an operation behind. In the
/// child of a fork it begins anew.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    own: [OnceLock<Own>; GENERATIONS_MAX],
}

impl Threads {
    /// Where a call that waits for this is driven; `None` if so much of what the plug-in began has not ended
    /// that there is no room for more.
    pub(super) fn lane(&self, waits: Waits) -> Result<Option<Lane<'_>>, Error> {
        let handle = match self.own() {
            Some(own) if waits == Waits::System => {
                if own.behind.load(Ordering::Relaxed) >= OWN_MAX {
                    return Ok(None);
                }
                own.runtime().map(Runtime::handle)
            }
            _ => None,
        };
        let handle = match handle {
            Some(handle) => handle,
            None => runtime()?.handle(),
        };
        Ok(Some(Lane {
            threads: self,
            handle,
            waits,
        }))
    }

    fn own(&self) -> Option<&Own> {
        self.own.get(fork::generation())?.get()
    }

    #[cold]
    fn leave_behind(&self) {
        match (self.own(), self.own.get(fork::generation())) {
            (Some(own), _) => own.leave_behind(),
            // Without the memory for it, the process's threads have to do.
            (None, Some(place)) => _ = Own::start().map(|own| place.set(own)),
            (None, None) => {}
        }
    }
}

/// The threads one call is driven with.
pub(super) struct Lane<'a> {
    threads: &'a Threads,
    handle: &'a Handle,
    waits: Waits,
}

impl Lane<'_> {
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// The plug-in's call ends, and what it waits for does not.
    pub(super) fn leave_behind(&self) {
        if self.waits == Waits::System {
            self.threads.leave_behind();
        }
    }
}

/// Threads that only operations of one plug-in wait on.
#[derive(Debug)]
struct Own {
    /// Always there, until it is dropped.
    runtime: Option<Runtime>,
    generation: usize,
    /// How many operations were left behind since a thread was last free. Each is followed in the queue by
    /// one that takes it off again.
    behind: Arc<AtomicUsize>,
}

impl Own {
    fn start() -> Option<Own> {
        // No thread is started before there is something to do, and none for timers.
        let mut builder = Builder::new_current_thread();
        builder
            .max_blocking_threads(OWN_MAX)
            .on_thread_start(signals::block)
            .thread_name("extism-files");
        Some(Own {
            runtime: Some(builder.build().ok()?),
            generation: fork::generation(),
            behind: Arc::default(),
        })
    }

    fn runtime(&self) -> Option<&Runtime> {
        self.runtime.as_ref()
    }

    fn leave_behind(&self) {
        if let Some(runtime) = self.runtime() {
            self.behind.fetch_add(1, Ordering::Relaxed);
            let behind = Arc::clone(&self.behind);
            runtime.spawn_blocking(move || behind.fetch_sub(1, Ordering::Relaxed));
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        match self.generation == fork::generation() {
            // What does not end is not waited for.
            true => runtime.shutdown_background(),
            // Its threads, and whoever held its locks, are in another process.
            false => std::mem::forget(runtime),
        }
    }
}

/// The runtime that WASI's blocking operations live on; started by the first WASI call that may
/// wait, and anew in the child of a fork, to which its threads do not come along.
fn runtime() -> Result<&'static Runtime, Error> {
    static PLACES: [Place; GENERATIONS_MAX] = [const { Place::new() }; GENERATIONS_MAX];
    let place = PLACES.get(fork::generation());
    let runtime = place.and_then(|place| place.runtime.get().or_else(|| place.start()));
    runtime.ok_or_else(|| Error::new(Status::OutOfMemory, "cannot start threads for WASI"))
}

/// Where the runtime of one generation of processes is.
struct Place {
    runtime: OnceLock<Runtime>,
    starting: Mutex<()>,
}

impl Place {
    const fn new() -> Place {
        Place {
            runtime: OnceLock::new(),
            starting: Mutex::new(()),
        }
    }

    /// `None` if it cannot be started now; the next call tries again.
    #[cold]
    fn start(&self) -> Option<&Runtime> {
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.runtime.get().is_none() {
            let build = || {
                Builder::new_multi_thread()
                    .worker_threads(1)
                    .on_thread_start(signals::block)
                    .thread_name("extism-wasi")
                    .enable_all()
                    .build()
            };
            // Where there are no threads left it panics.
            let built = catch_unwind(build).ok()?.ok()?;
            self.runtime.get_or_init(|| built);
        }
        self.runtime.get()
    }
}
