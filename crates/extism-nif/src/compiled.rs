//! Plug-ins compiled once for any number of instances.
//!
//! Must not know: instances. Invariant: closing one, or losing it, leaves the plug-ins made from it as
//! they are.

use std::sync::{Mutex, PoisonError};

use extism_runtime::CompiledPlugin;
use rustler::types::atom::Atom;
use rustler::{Env, Resource, ResourceArc};

use crate::call::{self, Leaving, Started, answer, ok};
use crate::error::Failure;
use crate::janitor;
use crate::options::Given;
use crate::source::Wasm;
use crate::term::Kept;

pub(crate) struct Compiled(Mutex<Option<CompiledPlugin>>);

#[rustler::resource_impl]
impl Resource for Compiled {}

impl Compiled {
    pub(crate) fn get(&self) -> Result<CompiledPlugin, Failure> {
        let compiled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        compiled
            .clone()
            .ok_or_else(|| Failure::closed("compiled plug-in"))
    }

    fn close(&self) {
        let mut compiled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = compiled.take();
        drop(compiled);
        taken.map(janitor::discard).unwrap_or_default();
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        self.close();
    }
}

/// Compiles a plug-in.
#[rustler::nif]
fn compile(env: Env<'_>, tag: Kept, wasm: Wasm, options: Given) -> Started {
    let options = options.0?;
    let work = move |_: &_| {
        let compiled = wasm.compile(options)?;
        answer(ResourceArc::new(Compiled(Mutex::new(Some(compiled)))))
    };
    call::start(env, tag, Leaving::Goes, call::at_once(work))
}

/// Closes one. Doing so twice is allowed.
#[rustler::nif]
fn compiled_free(env: Env<'_>, tag: Kept, compiled: ResourceArc<Compiled>) -> Started {
    let work = move |_: &_| {
        compiled.close();
        answer(ok())
    };
    call::start(env, tag, Leaving::Waits, call::at_once(work))
}

/// Whether an instance could be asked for a function of this name.
#[rustler::nif]
fn compiled_has_function(compiled: ResourceArc<Compiled>, name: String) -> Result<Atom, Failure> {
    Ok(match compiled.get()?.has_function(&name) {
        true => rustler::types::atom::true_(),
        false => rustler::types::atom::false_(),
    })
}
