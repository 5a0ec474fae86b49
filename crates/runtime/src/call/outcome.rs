//! From what the engine reports to what the caller is told.
//!
//! Invariant: the codes and texts of the published library's table are kept (docs/errors.md), and
//! every outcome that is not a success has a status.

use wasmtime::{GcHeapOutOfMemory, ThrownException, Trap, UnknownImportError};
use wasmtime_wasi::I32Exit;
use wiggle::GuestError;

use super::backtrace::from_chain;
use super::token::{Stop, Token};
use crate::Status;
use crate::error::Error;
use crate::limits::Meter;

/// The code of a call that failed before or outside of the guest's own return.
pub const CODE_FAILED: i32 = -1;

/// The code of a call that ended in a trap, a timeout or a cancel.
pub const CODE_TRAP: i32 = 134;

/// What became of a call.
///
/// `code` is what the C function answers: 0 for success, the guest's own code, or one of [`CODE_FAILED`] and
/// [`CODE_TRAP`]. A guest can set an error message and still return 0, and return a code without a message.
#[derive(Clone, Debug)]
#[must_use]
pub struct Outcome {
    /// 0, the guest's return or exit code, or the runtime's own.
    pub code: i32,
    /// Why, where a reason is known.
    pub error: Option<Error>,
}

impl Outcome {
    /// The error of the call, with a code the guest gave no reason for turned into one.
    pub fn into_error(self) -> Option<Error> {
        match (self.error, self.code) {
            (Some(error), _) => Some(error),
            (None, 0) => None,
            (None, code) => {
                let message = format!("Returned non-zero exit code: {code}");
                Some(Error::new(Status::GuestError, message).with_guest_code(code))
            }
        }
    }

    /// The stable status.
    pub fn status(&self) -> Status {
        match (&self.error, self.code) {
            (Some(error), _) => error.status(),
            (None, 0) => Status::Ok,
            (None, _) => Status::GuestError,
        }
    }

    pub(crate) fn failed(error: Error) -> Outcome {
        Outcome {
            code: CODE_FAILED,
            error: Some(error),
        }
    }
}

/// The outcome of Wasm that did not return. Reasons outside of Wasm come first: a call that had to
/// stop, a refused memory, an exit, an error of a host function; what is left is a trap.
#[cold]
pub(crate) fn of_engine_error(error: wasmtime::Error, token: &Token, meter: &mut Meter) -> Outcome {
    if let Some(code) = error.downcast_ref::<I32Exit>().map(|exit| exit.0) {
        let error = (code != 0).then(|| from_chain(Status::GuestExit, error).with_guest_code(code));
        return Outcome { code, error };
    }
    let trap = error.downcast_ref::<Trap>().copied();
    let ours = error.downcast_ref::<Error>().cloned();
    let memory_refused = meter.0.take_memory_refusal();
    if let Some(stop) = stop_reason(token, ours.as_ref()) {
        return Outcome {
            code: CODE_TRAP,
            error: Some(stopped(stop)),
        };
    }
    match (trap, ours) {
        (Some(Trap::OutOfFuel), _) => {
            Outcome::failed(Error::new(Status::Fuel, "plugin ran out of fuel"))
        }
        // An allocator that is told there is no more memory usually aborts: say why, not how.
        (Some(_), _) if memory_refused => Outcome::failed(Error::new(Status::Memory, "oom")),
        (Some(trap), _) => Outcome {
            code: CODE_TRAP,
            error: Some(from_chain(status_of(trap), error)),
        },
        (None, Some(ours)) => Outcome::failed(from_chain(ours.status(), error)),
        // The guest threw it, and nobody caught it.
        (None, None) if error.is::<ThrownException>() => Outcome {
            code: CODE_TRAP,
            error: Some(from_chain(Status::TrapOther, error)),
        },
        // A pointer given to WASI; the published library has no trap's code for it either.
        (None, None) if error.is::<GuestError>() => {
            Outcome::failed(from_chain(Status::TrapMemory, error))
        }
        // Of the heap that the engine keeps the guest's own objects in: no trap for it either.
        (None, None) if memory_refused || error.is::<GcHeapOutOfMemory<()>>() => Outcome::failed(
            Error::with_cause(Status::Memory, "oom", from_chain(Status::Memory, error)),
        ),
        (None, None) => Outcome::failed(from_chain(Status::HostFunction, error)),
    }
}

const LIMIT_EXCEEDED: &str = "resource limit exceeded";
const IMPORT_TYPE: &str = "incompatible import type";

/// The status of what the engine could not link: there is nothing of that name, or it is something else.
pub(crate) fn import_status(error: &wasmtime::Error) -> Status {
    match error.is::<UnknownImportError>() {
        true => Status::ImportUnknown,
        false => Status::ImportType,
    }
}

/// The error of an instance that could not be made.
#[cold]
pub(crate) fn of_failed_start(error: wasmtime::Error, token: &Token, meter: &mut Meter) -> Error {
    let stopping = stop_reason(token, error.downcast_ref::<Error>()).is_some();
    if !stopping && error.downcast_ref::<Trap>().is_none() {
        if meter.0.take_memory_refusal() {
            return Error::new(Status::Memory, "oom");
        }
        if meter.0.take_table_refusal() {
            return from_chain(Status::Table, error);
        }
        if error.downcast_ref::<Error>().is_none() {
            // The engine has no type for these two; its messages begin alike.
            if error.root_cause().to_string().starts_with(LIMIT_EXCEEDED) {
                return from_chain(Status::Instances, error);
            }
            if error.to_string().starts_with(IMPORT_TYPE) || error.is::<UnknownImportError>() {
                return from_chain(import_status(&error), error);
            }
        }
    }
    if let Some(Trap::OutOfFuel) = error.downcast_ref::<Trap>() {
        return from_chain(Status::Fuel, error);
    }
    let outcome = of_engine_error(error, token, meter);
    outcome.error.unwrap_or_else(ended_at_start)
}

/// The error of a plug-in that exited with the code 0 before it could be called.
pub(crate) fn ended_at_start() -> Error {
    let text = "the plug-in ended itself while it was started";
    Error::new(Status::GuestExit, text).with_guest_code(0)
}

/// Whether the call ended because it had to stop. A host function or WASI call that noticed says so
/// in its error.
fn stop_reason(token: &Token, ours: Option<&Error>) -> Option<Stop> {
    match ours.map(Error::status) {
        Some(Status::Timeout) => Some(Stop::Timeout),
        Some(Status::Cancelled) => Some(Stop::Cancelled),
        _ => token.stop(),
    }
}

/// The error of a call that would not be stopped when its time is over, and so was not made.
#[cold]
pub(crate) fn unwatched() -> Error {
    let text = "no thread can be started that watches over the time limit";
    Error::new(Status::OutOfMemory, text)
}

/// The error of a call that had to stop.
pub(crate) fn stopped(stop: Stop) -> Error {
    match stop {
        Stop::Timeout => Error::new(Status::Timeout, "timeout"),
        // Suites of published SDKs look for `timeout` in the text of a cancelled call, too.
        Stop::Cancelled => Error::new(Status::Cancelled, "timeout: the call was cancelled"),
    }
}

pub(crate) fn status_of(trap: Trap) -> Status {
    match trap {
        Trap::UnreachableCodeReached => Status::TrapUnreachable,
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => Status::TrapMemory,
        Trap::TableOutOfBounds | Trap::ArrayOutOfBounds => Status::TrapTable,
        Trap::IntegerDivisionByZero | Trap::IntegerOverflow | Trap::BadConversionToInteger => {
            Status::TrapArithmetic
        }
        Trap::IndirectCallToNull | Trap::BadSignature => Status::TrapIndirectCall,
        Trap::StackOverflow => Status::TrapStack,
        Trap::OutOfFuel => Status::Fuel,
        Trap::Interrupt => Status::Timeout,
        _ => Status::TrapOther,
    }
}
