//! How deep plug-ins call each other through host functions on this thread.
//!
//! Each level may use a whole Wasm stack on top of the caller's, so without a bound two plug-ins
//! could overflow the thread's own stack, which would end the process.

use std::cell::Cell;

use crate::Status;
use crate::error::Error;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// One level; dropping it goes back up.
pub(crate) struct Level(());

/// Goes one level deeper, unless that is deeper than `depth_max`.
#[inline]
pub(crate) fn enter(depth_max: u32) -> Result<Level, Error> {
    DEPTH.with(|depth| {
        if depth.get() >= depth_max {
            return Err(too_deep(depth_max));
        }
        depth.set(depth.get() + 1);
        Ok(Level(()))
    })
}

#[cold]
fn too_deep(depth_max: u32) -> Error {
    Error::new(
        Status::CallDepth,
        format!("plug-ins call each other more than {depth_max} levels deep"),
    )
}

impl Drop for Level {
    #[inline]
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}
