//! Log messages: of one plug-in, to the JavaScript that calls it; of everything, to a file.
//!
//! Must not know: what receives them. Invariant: messages of a call come to JavaScript before its
//! answer.

use std::sync::Arc;

use extism_runtime::{Level, LogSink};
use napi_derive::napi;

use crate::call;
use crate::realm::{self, Event};

/// A sink for messages from this level up.
pub(crate) fn sink(level: u32) -> LogSink {
    let level = Level::from_number(level.into());
    LogSink {
        level: level.unwrap_or(Level::Error),
        receive: Arc::new(|record| {
            let plugin = record.plugin.to_string();
            if let Some(near) = realm::caller() {
                near.log(record.level, record.message, plugin);
            } else if let Some(call) = call::current() {
                call.far.post(Event::Log {
                    call: call.number,
                    level: record.level,
                    message: record.message.to_owned(),
                    plugin,
                });
            }
        }),
    }
}

/// Sends the log of the library to a file, or to `stderr` or `stdout`; false if that is not
/// possible, or was done before.
#[napi]
fn set_log_file(path: String, filter: String) -> bool {
    extism_binding::set_file(&path, extism_binding::filter(&filter))
}
