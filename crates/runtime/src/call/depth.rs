//! How deep plug-ins call, or make, each other through host functions on this thread.
//!
//! Each level may use a whole Wasm stack on top of the caller's, so without a bound two plug-ins
//! could overflow the thread's own stack, which would end the process. Invariant: below the first
//! level none is entered for which the thread has no stack left.

use std::cell::Cell;

use super::stack;
use crate::Status;
use crate::error::Error;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// One level; dropping it goes back up.
pub(crate) struct Level(());

/// What the host needs of a stack around a plug-in.
const HOST_STACK_BYTES: usize = 128 << 10;

/// Goes one level deeper, unless that is deeper than `depth_max`, or the thread has no stack for a
/// plug-in that may use `stack_bytes`.
#[inline]
pub(crate) fn enter(depth_max: u32, stack_bytes: usize) -> Result<Level, Error> {
    DEPTH.with(|depth| {
        let deep = depth.get();
        if deep >= depth_max {
            return Err(too_deep(depth_max));
        }
        if deep > 0 {
            room_for(stack_bytes)?;
        }
        depth.set(deep + 1);
        Ok(Level(()))
    })
}

/// The first level is the host's choice of a thread; what plug-ins do to the rest of it is not.
#[cold]
fn room_for(stack_bytes: usize) -> Result<(), Error> {
    let needed = stack_bytes.saturating_add(HOST_STACK_BYTES);
    match stack::left() {
        Some(left) if left < needed => {
            let text =
                format!("{left} bytes of this thread's stack are left, a call needs {needed}");
            Err(Error::new(Status::CallDepth, text))
        }
        _ => Ok(()),
    }
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
