//! What plug-ins import and are answered here, without a detour through the page: the functions of
//! `extism:host/env` but for those on the bytes of kernel memory, which are instructions (`access`), and
//! `http_request`, which only the page can make.
//!
//! Must not know: which era a plug-in is of; the page links both names. Keeps: a fault ends the call by
//! [`page::fail`] with nothing borrowed.

use extism_semantics::{Fault, Guest, Level};

use crate::exports::{leave_fault, with_plugin};
use crate::json::Json;
use crate::plugin::Plugin;
use crate::{exchange, page};

/// Runs a builtin; delivers what it logs, and ends the call if it fails.
fn builtin<R>(run: impl FnOnce(&mut Plugin) -> Result<R, Fault>) -> R {
    let (done, message) = with_plugin(|plugin| (run(plugin), plugin.message.take()));
    if let Some((level, text)) = message {
        exchange::leave(text);
        page::log(level as i32);
    }
    match done {
        Ok(value) => value,
        Err(fault) => {
            leave_fault(&fault);
            drop(fault);
            page::fail()
        }
    }
}

#[unsafe(export_name = "env.alloc")]
extern "C" fn alloc(bytes: u64) -> u64 {
    with_plugin(|plugin| plugin.alloc(bytes).unwrap_or(0))
}

#[unsafe(export_name = "env.free")]
extern "C" fn free(handle: u64) {
    with_plugin(|plugin| plugin.free(handle));
}

#[unsafe(export_name = "env.length")]
extern "C" fn length(handle: u64) -> u64 {
    with_plugin(|plugin| plugin.kernel.length(handle))
}

#[unsafe(export_name = "env.length_unsafe")]
extern "C" fn length_unsafe(handle: u64) -> u64 {
    length(handle)
}

#[unsafe(export_name = "env.input_length")]
extern "C" fn input_length() -> u64 {
    with_plugin(|plugin| plugin.kernel.input().length)
}

#[unsafe(export_name = "env.input_offset")]
extern "C" fn input_offset() -> u64 {
    with_plugin(|plugin| plugin.kernel.input().offset)
}

#[unsafe(export_name = "env.input_set")]
extern "C" fn input_set(handle: u64, length: u64) {
    with_plugin(|plugin| {
        plugin.kernel.set_input(handle, length, plugin.memory_bytes);
        plugin.publish_input();
    });
}

#[unsafe(export_name = "env.output_set")]
extern "C" fn output_set(handle: u64, length: u64) {
    with_plugin(|plugin| {
        plugin
            .kernel
            .set_output(handle, length, plugin.memory_bytes)
    });
}

#[unsafe(export_name = "env.output_offset")]
extern "C" fn output_offset() -> u64 {
    with_plugin(|plugin| plugin.kernel.output().offset)
}

#[unsafe(export_name = "env.output_length")]
extern "C" fn output_length() -> u64 {
    with_plugin(|plugin| plugin.kernel.output().length)
}

#[unsafe(export_name = "env.error_set")]
extern "C" fn error_set(handle: u64) {
    with_plugin(|plugin| plugin.kernel.set_error(handle, plugin.memory_bytes));
}

#[unsafe(export_name = "env.error_get")]
extern "C" fn error_get() -> u64 {
    with_plugin(|plugin| plugin.kernel.error())
}

#[unsafe(export_name = "env.reset")]
extern "C" fn reset() {
    with_plugin(|plugin| {
        page::wipe();
        plugin.kernel.reset();
        plugin.publish_input();
    });
}

#[unsafe(export_name = "env.memory_bytes")]
extern "C" fn memory_bytes() -> u64 {
    with_plugin(|plugin| plugin.kernel.capacity(plugin.memory_bytes))
}

#[unsafe(export_name = "env.config_get")]
extern "C" fn config_get(key: u64) -> u64 {
    builtin(|plugin| plugin.config_get(key))
}

#[unsafe(export_name = "env.var_get")]
extern "C" fn var_get(name: u64) -> u64 {
    builtin(|plugin| plugin.var_get(name))
}

#[unsafe(export_name = "env.var_set")]
extern "C" fn var_set(name: u64, value: u64) {
    let text = with_plugin(|plugin| {
        let range = plugin.block(name, "var key").ok();
        range.map(|range| plugin.bytes(range))
    });
    builtin(|plugin| plugin.var_set(name, value));
    exchange::leave(text.unwrap_or_default());
    page::variable();
}

#[unsafe(export_name = "env.http_status_code")]
extern "C" fn http_status_code() -> i32 {
    with_plugin(|plugin| i32::from(plugin.http.status))
}

#[unsafe(export_name = "env.http_headers")]
extern "C" fn http_headers() -> u64 {
    builtin(|plugin| {
        let Some(headers) = &plugin.http.headers else {
            return Ok(0);
        };
        let mut json = Json::object();
        for (name, value) in headers {
            json.key(name).text(value);
        }
        plugin.store(&json.end('}'))
    })
}

#[unsafe(export_name = "env.log_trace")]
extern "C" fn log_trace(message: u64) {
    builtin(|plugin| Guest::log(plugin, Level::Trace, message));
}

#[unsafe(export_name = "env.log_debug")]
extern "C" fn log_debug(message: u64) {
    builtin(|plugin| Guest::log(plugin, Level::Debug, message));
}

#[unsafe(export_name = "env.log_info")]
extern "C" fn log_info(message: u64) {
    builtin(|plugin| Guest::log(plugin, Level::Info, message));
}

#[unsafe(export_name = "env.log_warn")]
extern "C" fn log_warn(message: u64) {
    builtin(|plugin| Guest::log(plugin, Level::Warn, message));
}

#[unsafe(export_name = "env.log_error")]
extern "C" fn log_error(message: u64) {
    builtin(|plugin| Guest::log(plugin, Level::Error, message));
}

#[unsafe(export_name = "env.get_log_level")]
extern "C" fn get_log_level() -> i32 {
    with_plugin(|plugin| extism_semantics::Facilities::log_level(plugin))
}
