//! What the macros call. Not part of the interface.
//!
//! Must not know: the user's functions beyond their types. Invariant: an exported function answers with a
//! return code, and with an error text whenever the code says failure or the plug-in panicked.

use crate::{
    Error, FnResult, FromBytes, Memory, SharedFnResult, ToBytes, ToMemory, WithReturnCode, extism,
};
use std::fmt::Debug;

pub use crate::log::write as log;

/// Runs the body of an exported function that takes no input.
pub fn run<T: ToMemory>(body: impl FnOnce() -> FnResult<T>) -> i32 {
    guard(|| finish(body()))
}

/// Runs the body of an exported function on the input.
pub fn run_with_input<I, T>(body: impl FnOnce(I) -> FnResult<T>) -> i32
where
    I: for<'a> FromBytes<'a>,
    T: ToMemory,
{
    guard(|| match crate::input() {
        Ok(input) => finish(body(input)),
        Err(error) => fail(&error, -1),
    })
}

fn finish<T: ToMemory>(result: FnResult<T>) -> i32 {
    let value = match result {
        Ok(value) => value,
        Err(WithReturnCode(error, code)) => return fail(&error, code),
    };
    match value.to_memory() {
        Ok(memory) => {
            memory.set_output();
            value.status()
        }
        Err(error) => fail(&error, -1),
    }
}

/// Sets the error text and gives the code back. Without memory for the text the code alone has to do.
pub fn fail(error: &dyn Debug, code: i32) -> i32 {
    set_error(&format!("{error:?}"));
    code
}

fn set_error(text: &str) {
    if let Ok(memory) = Memory::from_bytes(text) {
        // SAFETY: the import checks the handle.
        unsafe { extism::error_set(memory.offset()) }
    }
}

/// Runs the body of a shared function and gives the handle of its result.
pub fn share<'a, T: ToBytes<'a>>(body: impl FnOnce() -> SharedFnResult<T>) -> u64 {
    report_panics();
    match body().and_then(|value| Memory::new(&value)) {
        Ok(memory) => memory.offset(),
        Err(error) => panic!("{error}"),
    }
}

/// Runs the body of a shared function that has no result.
pub fn share_nothing(body: impl FnOnce() -> SharedFnResult<()>) {
    report_panics();
    if let Err(error) = body() {
        panic!("{error}");
    }
}

/// Reads what a host function gave, and frees the block.
pub fn take_result<T: for<'a> FromBytes<'a>>(handle: u64) -> Result<T, Error> {
    let memory = Memory::from(handle);
    let value = memory.to();
    memory.free();
    value
}

/// A panic ends a plug-in by a trap, which carries no text: make the panic message the error text first.
#[cfg(target_family = "wasm")]
fn guard(body: impl FnOnce() -> i32) -> i32 {
    report_panics();
    body()
}

#[cfg(target_family = "wasm")]
type Hook = Box<dyn Fn(&std::panic::PanicHookInfo<'_>) + Send + Sync>;

#[cfg(target_family = "wasm")]
fn report_panics() {
    // In a static, not in the hook: a plug-in's first allocation makes its memory grow, which costs
    // its host more than all else a short call does.
    static PREVIOUS: std::sync::OnceLock<Hook> = std::sync::OnceLock::new();
    PREVIOUS.get_or_init(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(|panic| {
            set_error(&panic.to_string());
            if let Some(previous) = PREVIOUS.get() {
                previous(panic);
            }
        }));
        previous
    });
}

/// In a test a panic must not leave an `extern "C"` function, that would end all tests: it becomes an error.
#[cfg(not(target_family = "wasm"))]
fn guard(body: impl FnOnce() -> i32) -> i32 {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        set_error(&format!("panicked: {}", text.unwrap_or("no message")));
        -1
    })
}

/// A test has its own way of reporting panics.
#[cfg(not(target_family = "wasm"))]
fn report_panics() {}

/// Takes the value out of a `Result` in an exported function written by hand, or ends it with the error
/// text and the return code −1.
#[macro_export]
macro_rules! unwrap {
    ($result:expr) => {
        match $result {
            ::core::result::Result::Ok(value) => value,
            ::core::result::Result::Err(error) => {
                return $crate::__private::fail(&error, -1);
            }
        }
    };
}
