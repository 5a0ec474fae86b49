//! Ctrl-C: the first one cancels the running calls, a second one, or one while no call runs, ends the
//! program.
//!
//! Must not know: commands. Invariant: an interrupted program exits with 130, by whichever way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use extism_runtime::CancelHandle;

/// 128 and the number of the signal, as shells do.
pub(crate) const EXIT_CODE: u8 = 130;

/// How often a cancel is repeated: between two calls of a loop there is nothing to cancel.
const PERIOD: Duration = Duration::from_millis(10);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static RUNNING: Mutex<Vec<CancelHandle>> = Mutex::new(Vec::new());

/// Handles Ctrl-C from now on.
pub(crate) fn install() {
    // Fails only where the system gives no signal or thread; then Ctrl-C ends the program, as it does
    // without this.
    let _ = handle();
}

#[cfg(unix)]
fn handle() -> std::io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT])?;
    let handling = std::thread::Builder::new().name("interrupt".to_owned());
    handling.spawn(move || signals.forever().for_each(|_| interrupt()))?;
    Ok(())
}

#[cfg(windows)]
fn handle() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(interrupt)
}

/// Lets Ctrl-C cancel the calls of one more plug-in.
pub(crate) fn watch(handle: CancelHandle) {
    running().push(handle);
}

/// Whether the user wants the program to end.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

fn interrupt() {
    let again = INTERRUPTED.swap(true, Ordering::Relaxed);
    let handles = running().clone();
    if again || handles.is_empty() {
        std::process::exit(i32::from(EXIT_CODE));
    }
    std::thread::spawn(move || {
        loop {
            handles.iter().for_each(CancelHandle::cancel);
            std::thread::sleep(PERIOD);
        }
    });
}

fn running() -> std::sync::MutexGuard<'static, Vec<CancelHandle>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
