//! Log messages: of one plug-in, to the process that calls it; of everything, to a file.
//!
//! Must not know: what a target is. Invariant: messages of a call come to its process before its answer.

use std::sync::Arc;

use extism_runtime::{Level, LogSink};
use rustler::Encoder;
use rustler::types::atom::Atom;

use crate::call;
use crate::term::{Kept, Text};

rustler::atoms! { log }

/// A sink for messages from the level of this name up; `None` if there is none.
pub(crate) fn sink(level: &str, target: Kept) -> Option<LogSink> {
    let level = Level::from_name(level)?;
    Some(LogSink {
        level,
        receive: Arc::new(move |record| {
            let Some(call) = call::current() else {
                return;
            };
            call.send(|env| {
                let level = Atom::from_str(env, record.level.name()).ok();
                let id = Text(record.plugin.as_bytes());
                let message = Text(record.message.as_bytes());
                (log(), target.copy_to(env), id, level, message).encode(env)
            });
        }),
    })
}

/// Sends the log of the library to a file, or to `stderr` or `stdout`; false if that is not
/// possible, or was done before.
#[rustler::nif(schedule = "DirtyIo")]
fn set_log_file(path: String, filter: String) -> bool {
    extism_binding::set_file(&path, extism_binding::filter(&filter))
}
