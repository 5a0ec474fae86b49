//! The thread that drops what takes long to drop, for those who must not wait: the garbage collector
//! of a process finds a plug-in nobody holds any more on a scheduler.
//!
//! Must not know: what it drops. Invariant: things are dropped in the order they came in, each once.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use rustler::ResourceArc;

use crate::call::Call;
use crate::worker;

/// Anything that can be dropped elsewhere.
trait Burden: Send {}
impl<T: Send> Burden for T {}

enum Task {
    Drop(Box<dyn Burden>),
    Run(ResourceArc<Call>),
}

static JANITOR: Mutex<Option<Sender<Task>>> = Mutex::new(None);

/// Drops something where it is no harm.
pub(crate) fn discard(burden: impl Send + 'static) {
    if worker::is_ours() {
        drop(burden);
    } else {
        // If there is no thread, it is dropped here and now.
        _ = give(Task::Drop(Box::new(burden)));
    }
}

/// Runs a call when everything is dropped that was given before; false if there is no thread.
pub(crate) fn run(call: ResourceArc<Call>) -> bool {
    give(Task::Run(call)).is_ok()
}

fn give(task: Task) -> Result<(), Task> {
    let mut janitor = JANITOR.lock().unwrap_or_else(PoisonError::into_inner);
    let sender = match janitor.as_ref() {
        Some(sender) => sender,
        None => {
            let (sender, tasks) = channel::<Task>();
            let work = move || {
                for task in tasks {
                    match task {
                        Task::Drop(burden) => drop(burden),
                        Task::Run(call) => Call::run(call)(),
                    }
                }
            };
            if worker::spawn("extism-drop", work).is_err() {
                return Err(task);
            }
            janitor.insert(sender)
        }
    };
    sender.send(task).map_err(|refused| refused.0)
}
