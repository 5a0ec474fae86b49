//! `log_*` and `get_log_level`.

use wasmtime::{Caller, Linker};

use super::{block, free};
use crate::kernel::imports::both;
use crate::kernel::memory;
use crate::log::Level;
use crate::state::State;

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    both(
        linker,
        "log_trace",
        |cx: Caller<'_, State>, message: u64| log(cx, Level::Trace, message),
    )?;
    both(
        linker,
        "log_debug",
        |cx: Caller<'_, State>, message: u64| log(cx, Level::Debug, message),
    )?;
    both(linker, "log_info", |cx: Caller<'_, State>, message: u64| {
        log(cx, Level::Info, message)
    })?;
    both(linker, "log_warn", |cx: Caller<'_, State>, message: u64| {
        log(cx, Level::Warn, message)
    })?;
    both(
        linker,
        "log_error",
        |cx: Caller<'_, State>, message: u64| log(cx, Level::Error, message),
    )?;
    both(linker, "get_log_level", |cx: Caller<'_, State>| {
        cx.data().logger.level()
    })
}

/// Delivers a message, unless nobody listens at this level; frees it either way.
fn log(mut cx: Caller<'_, State>, level: Level, message: u64) -> wasmtime::Result<()> {
    if cx.data().logger.enabled(level) {
        let range = block(&cx, message, "log message")?;
        let kernel = memory::of_caller(&mut cx)?;
        let (data, state) = kernel.data_and_store_mut(&mut cx);
        let text = match range.length {
            0 => &[],
            _ => memory::bytes(data, range).unwrap_or_default(),
        };
        state.logger.log(state.id, level, text);
    }
    free(&mut cx, message)
}
