//! Errors of the Rust surface: `anyhow` errors with the runtime's own inside, so that nobody has to
//! match on text.
//!
//! Must not know: what the texts mean. Invariant: an error of a call holds a [`CallError`], and its
//! root cause is what actually happened: the guest's own message if it set one, else the reason the
//! call ended.

use anyhow::Error;
use extism_runtime::Status;

/// The runtime's error: a stable [`Status`], the guest's code, the message and its causes.
///
/// ```
/// use extism::{CallError, ErrorExt, Plugin, Status};
///
/// let mut plugin = Plugin::new(r#"(module (func (export "stop") unreachable))"#, [], false)?;
/// let error = plugin.call::<_, ()>("stop", ()).unwrap_err();
/// assert_eq!(error.status(), Some(Status::TrapUnreachable));
/// let error: &CallError = error.downcast_ref().expect("calls fail with a `CallError`");
/// assert_eq!(error.root_cause(), "wasm trap: wasm `unreachable` instruction executed");
/// # Ok::<(), extism::Error>(())
/// ```
pub type CallError = extism_runtime::Error;

/// What can be asked of an [`Error`](crate::Error) that came out of this crate.
pub trait ErrorExt {
    /// The stable status; `None` if the error is none of the runtime's (a failed conversion of
    /// input or output).
    fn status(&self) -> Option<Status>;

    /// The code the guest returned or exited with, where it did.
    fn guest_code(&self) -> Option<i32>;

    /// The first cause of this type, however deep: [`wasmtime::Trap`], or what a host function failed with.
    fn find<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E>;
}

impl ErrorExt for Error {
    fn status(&self) -> Option<Status> {
        call_error(self).map(CallError::status)
    }

    fn guest_code(&self) -> Option<i32> {
        call_error(self).and_then(CallError::guest_code)
    }

    fn find<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E> {
        let found = self.downcast_ref::<E>();
        found.or_else(|| {
            self.chain()
                .find_map(|link| match link.downcast_ref::<CallError>() {
                    Some(error) => error.find(),
                    None => link.downcast_ref::<E>(),
                })
        })
    }
}

fn call_error(error: &Error) -> Option<&CallError> {
    let outermost = error.downcast_ref::<CallError>();
    outermost.or_else(|| error.chain().find_map(|link| link.downcast_ref()))
}

/// The error of a call. A guest that set a message and then trapped is quoted at the root, where
/// programs look for the reason; where and why it trapped stands above.
#[cold]
pub(crate) fn of_call(error: CallError) -> Error {
    let Some(cause) = std::error::Error::source(&error) else {
        return error.into();
    };
    if error.status() != Status::GuestError {
        return error.into();
    }
    let above: Vec<String> = std::iter::successors(Some(cause), |cause| cause.source())
        .map(ToString::to_string)
        .collect();
    let told = CallError::new(Status::GuestError, error.message());
    let told = above.into_iter().rev().fold(told, |below, message| {
        CallError::with_cause(Status::GuestError, message, below)
    });
    let code = cause
        .downcast_ref::<CallError>()
        .and_then(CallError::guest_code);
    match error.guest_code().or(code) {
        Some(code) => told.with_guest_code(code).into(),
        None => told.into(),
    }
}
