//! The builtins: config, variables, logging, HTTP. What they do is in [`extism_semantics::Guest`], for every
//! engine; here is how this one reaches kernel memory.
//!
//! Invariant: a call that a builtin ends carries the status and text of the rules.

pub(crate) mod http;

use extism_kernel::{Kernel, Range};
use extism_semantics::{Facilities, Fault, Guest, Level, Vars};
use wasmtime::{Caller, Linker};

use crate::error::Error;
use crate::kernel::imports::both;
use crate::kernel::memory;
use crate::state::State;

/// Defines every builtin in `linker`, under the names of both eras.
pub(crate) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    both(linker, "config_get", |cx: Cx<'_>, key: u64| {
        ended(Calling(cx).config_get(key))
    })?;
    both(linker, "var_get", |cx: Cx<'_>, name: u64| {
        ended(Calling(cx).var_get(name))
    })?;
    both(linker, "var_set", |cx: Cx<'_>, name: u64, value: u64| {
        ended(Calling(cx).var_set(name, value))
    })?;
    for level in Level::ALL {
        let name = format!("log_{}", level.name());
        both(linker, &name, move |cx: Cx<'_>, message: u64| {
            ended(Calling(cx).log(level, message))
        })?;
    }
    both(linker, "get_log_level", |cx: Cx<'_>| cx.data().log_level())?;
    http::define(linker)
}

type Cx<'a> = Caller<'a, State>;

/// The plug-in that is calling.
struct Calling<'a>(Cx<'a>);

/// Why its call ends: by the rules, or by the engine.
struct Ended(wasmtime::Error);

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Ended {
        Ended(Error::from(fault).into())
    }
}

impl From<wasmtime::Error> for Ended {
    fn from(error: wasmtime::Error) -> Ended {
        Ended(error)
    }
}

fn ended<T>(result: Result<T, Ended>) -> wasmtime::Result<T> {
    result.map_err(|Ended(error)| error)
}

impl Guest for Calling<'_> {
    type Facilities = State;
    type Error = Ended;

    fn facilities(&self) -> &State {
        self.0.data()
    }

    fn facilities_mut(&mut self) -> &mut State {
        self.0.data_mut()
    }

    fn free(&mut self, handle: u64) -> Result<(), Ended> {
        let cx = &mut self.0;
        let input = cx.data().kernel.input();
        cx.data_mut().kernel.free(handle);
        if cx.data().kernel.input() != input {
            let kernel = memory::of_caller(cx)?;
            memory::input_changed(cx, kernel);
        }
        Ok(())
    }

    fn read<R>(
        &mut self,
        range: Range,
        read: impl FnOnce(&mut State, &[u8]) -> R,
    ) -> Result<R, Ended> {
        let kernel = memory::of_caller(&mut self.0)?;
        let (data, state) = kernel.data_and_store_mut(&mut self.0);
        let bytes = match range.length {
            0 => &[],
            _ => memory::bytes(data, range).unwrap_or_default(),
        };
        Ok(read(state, bytes))
    }

    /// They are copied once.
    fn give_found(&mut self, find: impl Fn(&State) -> Option<&[u8]>) -> Result<u64, Ended> {
        let cx = &mut self.0;
        let Some(length) = find(cx.data()).map(|bytes| bytes.len() as u64) else {
            return Ok(0);
        };
        if length == 0 {
            return Ok(0);
        }
        let kernel = memory::of_caller(cx)?;
        let allocated = memory::alloc(&mut *cx, kernel, length).map_err(memory::refused);
        let offset = allocated.map_err(wasmtime::Error::from)?;
        let (data, state) = kernel.data_and_store_mut(cx);
        let block = memory::bytes_mut(data, Range { offset, length });
        if let (Some(block), Some(bytes)) = (block, find(state)) {
            block.copy_from_slice(bytes);
        }
        Ok(offset)
    }
}

impl Facilities for State {
    fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    fn config(&self, key: &str) -> Option<&[u8]> {
        self.config.get(key).map(String::as_bytes)
    }

    fn config_key_bytes(&self) -> usize {
        self.config.keys().map(String::len).max().unwrap_or(0)
    }

    fn vars(&self) -> &Vars {
        &self.vars
    }

    fn vars_mut(&mut self) -> &mut Vars {
        &mut self.vars
    }

    fn log_level(&self) -> i32 {
        self.logger.level()
    }

    fn log(&mut self, level: Level, message: &[u8]) {
        self.logger.log(self.id, level, message);
    }
}
