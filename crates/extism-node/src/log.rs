//! Log messages: of one plug-in, to the JavaScript that calls it; of everything, to a file.
//!
//! Must not know: what receives them. Invariant: messages of a call come to JavaScript before its
//! answer.

use std::fs::OpenOptions;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use extism_runtime::{Level, LogSink};
use napi_derive::napi;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{MakeWriter, SubscriberBuilder};

use crate::call;
use crate::realm::{self, Event};

/// A sink for messages from this level up.
pub(crate) fn sink(level: u32) -> LogSink {
    let levels = [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
    ];
    let level = levels.into_iter().find(|known| *known as u32 == level);
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
    let directives = match tracing::Level::from_str(&filter) {
        Ok(_) => format!("extism={filter}"),
        Err(_) => filter,
    };
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::Level::ERROR.into())
        .parse_lossy(directives);
    match path.as_str() {
        "-" | "stderr" => install(filter, io::stderr),
        "stdout" => install(filter, io::stdout),
        path => match OpenOptions::new().create(true).append(true).open(path) {
            Ok(file) => install(filter, Arc::new(file)),
            Err(_) => false,
        },
    }
}

fn install<W>(filter: EnvFilter, writer: W) -> bool
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let subscriber = SubscriberBuilder::default()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer)
        .finish();
    tracing::subscriber::set_global_default(subscriber).is_ok()
}
