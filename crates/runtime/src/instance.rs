//! An instance of a plug-in, in a store of its own.
//!
//! Must not know: calls. Invariant: an instance that could not be made leaves nothing behind but its state,
//! which is given back.

use std::sync::Arc;

use wasmtime::{Engine, Instance, PoolConcurrencyLimitError, Store, UpdateDeadline};

use crate::call::token::Stop;
use crate::call::{outcome, start};
use crate::error::Error;
use crate::module::link::Linked;
use crate::state::State;

/// An instance could not be made; what the plug-in keeps is given back.
pub(crate) struct Failed {
    pub(crate) error: Error,
    pub(crate) state: State,
}

/// Makes an instance of the plug-in that `state` belongs to.
pub(crate) fn instantiate(state: State) -> Result<(Store<State>, Instance), Box<Failed>> {
    if let Err(error) = state.wasi.open() {
        return Err(Box::new(Failed { error, state }));
    }
    let compiled = Arc::clone(&state.compiled);
    let mut made = instantiate_on(&compiled.linked, state);
    if let Err(refused) = &made
        && refused.error.is::<PoolConcurrencyLimitError>()
        && compiled.options.engine.is_none()
    {
        let linked = match compiled.linked_without_slots() {
            Ok(linked) => linked,
            Err(error) => {
                return made.map_err(|refused| {
                    let state = refused.state;
                    Box::new(Failed { error, state })
                });
            }
        };
        made = made.or_else(|refused| {
            refused.state.token.runs_on(linked.engine());
            instantiate_on(linked, refused.state.unmade())
        });
    }
    made.map_err(|refused| {
        let RefusedByEngine { error, mut state } = *refused;
        let error = outcome::of_failed_start(error, &state.token, &mut state.meter);
        // Its memory was that of a store which is gone.
        let state = state.unmade();
        Box::new(Failed { error, state })
    })
}

/// The engine's reason why there is no instance.
struct RefusedByEngine {
    error: wasmtime::Error,
    state: State,
}

fn instantiate_on(
    linked: &Linked,
    state: State,
) -> Result<(Store<State>, Instance), Box<RefusedByEngine>> {
    let options = &state.compiled.options;
    let fuel = options.fuel_for_start.or(options.fuel);
    let mut store = store_of(linked.engine(), state);
    let made = match fuel {
        Some(fuel) => store.set_fuel(fuel),
        None => Ok(()),
    };
    // The store waits for the engine's next raise: that of a cancel which came before is over, and nobody
    // repeats it. One that came too early for a time limit is repeated.
    let cancelled = store.data().token.stop() == Some(Stop::Cancelled);
    let made = made.and_then(|()| match cancelled {
        true => Err(outcome::stopped(Stop::Cancelled).into()),
        false => Ok(()),
    });
    match made.and_then(|()| start::instantiate(&mut store, linked)) {
        Ok(instance) => {
            store.data_mut().meter.0.running();
            Ok((store, instance))
        }
        Err(error) => {
            let state = store.into_data();
            Err(Box::new(RefusedByEngine { error, state }))
        }
    }
}

/// A store that asks the plug-in's meter for memory and looks at its token when it is interrupted.
pub(crate) fn store_of(engine: &Engine, state: State) -> Store<State> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|cx| match cx.data().token.stop() {
        // Another plug-in on the same engine was meant.
        None => Ok(UpdateDeadline::Continue(1)),
        Some(stop) => Err(outcome::stopped(stop).into()),
    });
    store
}
