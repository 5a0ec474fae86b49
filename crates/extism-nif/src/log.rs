//! Log messages: of one plug-in, to the process that calls it; of everything, to a file.
//!
//! Must not know: what a target is. Invariant: messages of a call come to its process before its answer.

use std::fs::OpenOptions;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use extism_runtime::{Level, LogSink};
use rustler::Encoder;
use rustler::types::atom::Atom;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{MakeWriter, SubscriberBuilder};

use crate::call;
use crate::term::{Kept, Text};

rustler::atoms! { log }

/// A sink for messages from the level of this name up; `None` if there is none.
pub(crate) fn sink(level: &str, target: Kept) -> Option<LogSink> {
    let levels = [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
    ];
    let level = levels.into_iter().find(|known| known.name() == level)?;
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
