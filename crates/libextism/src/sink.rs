//! Where the log messages of one plug-in go: a C function of its host's.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use extism_runtime::{Error, Level, LogSink, Record, Status};

use crate::entry::Entry;
use crate::error::status_of;
use crate::ffi;
use crate::gate::Wait;
use crate::plugin::{ExtismPlugin, visit};
use crate::status::ExtismStatus;
use crate::userdata::{Release, UserData};

/// Receives one message.
pub type ExtismLogSinkFunctionType = extern "C" fn(
    user_data: *mut c_void,
    plugin_id: *const u8,
    level: u32,
    message: *const c_char,
    length: u64,
);

/// A sink that is being handed over.
pub(crate) struct Sink {
    level: Level,
    target: Arc<Target>,
}

struct Target {
    receive: ExtismLogSinkFunctionType,
    user_data: UserData,
}

impl Sink {
    pub(crate) fn new(
        level: Level,
        receive: ExtismLogSinkFunctionType,
        user_data: *mut c_void,
        release: Release,
    ) -> Sink {
        let user_data = UserData::new(user_data, release);
        let target = Arc::new(Target { receive, user_data });
        Sink { level, target }
    }

    pub(crate) fn to_runtime(&self) -> LogSink {
        let target = Arc::clone(&self.target);
        LogSink {
            level: self.level,
            receive: Arc::new(move |record| target.deliver(record)),
        }
    }

    /// Gives the user data back to its caller.
    pub(crate) fn disown(self) {
        if let Some(target) = Arc::into_inner(self.target) {
            target.user_data.disown();
        }
    }
}

impl Target {
    fn deliver(&self, record: &Record<'_>) {
        let message = ffi::c_string(record.message);
        (self.receive)(
            self.user_data.pointer(),
            record.plugin.as_bytes().as_ptr(),
            record.level as u32,
            message.as_ptr(),
            message.as_bytes().len() as u64,
        );
    }
}

/// The level with this number.
pub(crate) fn level(number: u64) -> Result<Level, Error> {
    Level::from_number(number).ok_or_else(|| {
        let text = format!("{number} is no log level");
        Error::new(Status::InvalidArgument, text)
    })
}

/// Sets where a plug-in's log messages go; NULL: nowhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn extism_plugin_set_log_sink(
    plugin: *mut ExtismPlugin,
    log_level: u32,
    log_sink: Option<ExtismLogSinkFunctionType>,
    user_data: *mut c_void,
    free_user_data: Release,
) -> ExtismStatus {
    boundary!(extism_plugin_set_log_sink, Status::Panic.code(), {
        let set = |level: Level| {
            let sink = log_sink.map(|receive| Sink::new(level, receive, user_data, free_user_data));
            let set = |entry: &mut Entry| {
                let sink = sink.as_ref().map(Sink::to_runtime);
                entry.plugin().set_log_sink(sink);
            };
            // SAFETY: the caller passes NULL or a live plug-in.
            let result = unsafe { visit(plugin, Wait::Yes, set) };
            if result.is_err() {
                sink.into_iter().for_each(Sink::disown);
            }
            result
        };
        status_of(&level(u64::from(log_level)).and_then(set)).code()
    })
}
