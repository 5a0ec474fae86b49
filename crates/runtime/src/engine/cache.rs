//! Modules compiled in this process, found again by what they were compiled from.
//!
//! Loading the same bytes again costs a comparison. Invariant: a module is found only by all of its
//! bytes, the engine, the way kernel memory was put in and whether machine code in it is trusted, so a hit is
//! always the module that would have been made now; there is no hash that two modules could share.
//!
//! A module can be found for as long as somebody uses it; the last ones used are kept beyond that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use wasmtime::Engine;

use crate::error::Error;
use crate::module::compile::{CompiledModule, Rewrite};
use crate::weak;

/// How many modules are kept after their last user has gone.
const KEPT_MAX: usize = 64;

/// How many bytes of source the kept modules may have together.
const KEPT_BYTES_MAX: usize = 256 << 20;

/// A module, and what it was compiled from.
pub(crate) struct Known {
    wasm: Box<[u8]>,
    engine: Engine,
    rewrite: Rewrite,
    artefacts: bool,
    /// Missing until it is compiled. Who wants the same module meanwhile waits for the lock.
    compiled: Mutex<Option<CompiledModule>>,
}

impl Known {
    fn is_for(&self, engine: &Engine, rewrite: Rewrite, artefacts: bool, wasm: &[u8]) -> bool {
        let same_way = self.rewrite == rewrite && self.artefacts == artefacts;
        same_way && Engine::same(&self.engine, engine) && *self.wasm == *wasm
    }
}

struct Modules {
    /// Every module in use or kept; some that are no more.
    known: Vec<Weak<Known>>,
    /// Least recently used first.
    kept: Vec<Arc<Known>>,
}

static MODULES: Mutex<Modules> = Mutex::new(Modules {
    known: Vec::new(),
    kept: Vec::new(),
});

/// The module, compiled now if it is not known. Of several threads that want the same one, one compiles it.
pub(crate) fn find_or_compile(
    engine: &Engine,
    rewrite: Rewrite,
    artefacts: bool,
    wasm: &[u8],
    compile: impl FnOnce() -> Result<CompiledModule, Error>,
) -> Result<CompiledModule, Error> {
    let known = lock(&MODULES).entry(engine, rewrite, artefacts, wasm);
    let mut module = {
        let mut compiled = lock(&known.compiled);
        match &*compiled {
            Some(module) => module.clone(),
            None => compiled.insert(compile()?).clone(),
        }
    };
    keep(&known);
    module.known = Some(known);
    Ok(module)
}

/// Keeps a module, at the expense of those unused for longest.
fn keep(known: &Arc<Known>) {
    let mut modules = lock(&MODULES);
    let kept = &mut modules.kept;
    match kept.iter().rposition(|other| Arc::ptr_eq(other, known)) {
        Some(at) => kept[at..].rotate_left(1),
        None => kept.push(Arc::clone(known)),
    }
    let mut bytes: usize = kept.iter().map(|known| known.wasm.len()).sum();
    let mut excess = 0;
    for oldest in kept.iter() {
        if kept.len() - excess <= KEPT_MAX && bytes <= KEPT_BYTES_MAX {
            break;
        }
        bytes -= oldest.wasm.len();
        excess += 1;
    }
    // Dropping code can take a while; not under the lock.
    let dropped: Vec<Arc<Known>> = kept.drain(..excess).collect();
    drop(modules);
    drop(dropped);
}

impl Modules {
    /// The entry of these bytes; a new one if there is none.
    fn entry(
        &mut self,
        engine: &Engine,
        rewrite: Rewrite,
        artefacts: bool,
        wasm: &[u8],
    ) -> Arc<Known> {
        let mut living = self.known.iter().filter_map(Weak::upgrade);
        let found = living.find(|known| known.is_for(engine, rewrite, artefacts, wasm));
        found.unwrap_or_else(|| {
            let known = Arc::new(Known {
                wasm: wasm.into(),
                engine: engine.clone(),
                rewrite,
                artefacts,
                compiled: Mutex::new(None),
            });
            weak::push(&mut self.known, &known);
            known
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::compile::{Reuse, compile};

    #[test]
    fn machine_code_that_was_trusted_is_not_for_those_who_trust_none() {
        let engine = Engine::default();
        let wasm = wat::parse_str("(module (func (export \"of this test alone\")))").unwrap();
        let nothing = Reuse {
            cache: false,
            artefacts: false,
        };
        let mut compiled = 0;
        for artefacts in [true, false, true, false] {
            let found = find_or_compile(&engine, Rewrite::Off, artefacts, &wasm, || {
                compiled += 1;
                compile(&engine, &wasm, Rewrite::Off, nothing)
            });
            assert!(found.is_ok());
        }
        assert_eq!(compiled, 2);
    }
}
