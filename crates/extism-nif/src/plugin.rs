//! What processes do with plug-ins: each is named by its context and its number there.
//!
//! Must not know: how calls are answered. Invariant: the plug-in is back in its place before the
//! caller is answered, so what comes next finds it.

use std::sync::Arc;

use extism_runtime::{CompiledPlugin, Outcome, Plugin, Status};
use rustler::types::atom::{Atom, nil, undefined};
use rustler::{Encoder, Env, OwnedBinary, ResourceArc, Term};

use crate::arena::Context;
use crate::call::{self, Answer, Call, Ending, Leaving, Started, answer, ok};
use crate::cell::{Cell, Entry, Taken};
use crate::compiled::Compiled;
use crate::error::Failure;
use crate::options::Given;
use crate::source::Wasm;
use crate::term::{Bytes, Kept, List, Text, owned};
use crate::worker;

/// Compiles a plug-in and makes an instance of it in a context.
#[rustler::nif]
fn plugin_new(
    env: Env<'_>,
    tag: Kept,
    context: ResourceArc<Context>,
    wasm: Wasm,
    options: Given,
) -> Started {
    let options = options.0?;
    context.check()?;
    let work = move |call: &ResourceArc<Call>| {
        let plugin = Plugin::new(&wasm.compile(options)?)?;
        keep(call, &context, plugin)
    };
    call::start(env, tag, Leaving::Goes, call::at_once(work))
}

/// Makes an instance of a compiled plug-in in a context.
#[rustler::nif]
fn plugin_from_compiled(
    env: Env<'_>,
    tag: Kept,
    context: ResourceArc<Context>,
    compiled: ResourceArc<Compiled>,
) -> Started {
    let compiled: CompiledPlugin = compiled.get()?;
    context.check()?;
    let work = move |call: &ResourceArc<Call>| keep(call, &context, Plugin::new(&compiled)?);
    call::start(env, tag, Leaving::Goes, call::at_once(work))
}

fn keep(call: &Call, context: &Context, plugin: Plugin) -> Result<Answer, Failure> {
    // Nobody would know its number.
    call::check(call)?;
    answer(context.insert(Entry::own(plugin))?)
}

/// Puts another plug-in, with these changes of its configuration, in the place of one.
#[rustler::nif]
fn plugin_update(
    env: Env<'_>,
    tag: Kept,
    context: ResourceArc<Context>,
    number: i32,
    wasm: Wasm,
    options: Given,
    changes: Configuration,
) -> Started {
    let options = options.0?;
    context.find(number)?;
    let work = move |call: &ResourceArc<Call>| {
        let mut plugin = Plugin::new(&wasm.compile(options)?)?;
        configure(&mut plugin, changes);
        call::check(call)?;
        context.replace(number, Entry::own(plugin))?;
        answer(ok())
    };
    call::start(env, tag, Leaving::Goes, call::at_once(work))
}

/// Frees a plug-in. Doing so twice is allowed.
#[rustler::nif]
fn plugin_free(env: Env<'_>, tag: Kept, context: ResourceArc<Context>, number: i32) -> Started {
    let work = move |_: &_| {
        context.remove(number);
        answer(ok())
    };
    call::start(env, tag, Leaving::Waits, call::at_once(work))
}

/// Calls a function.
#[rustler::nif]
fn plugin_call(
    env: Env<'_>,
    tag: Kept,
    context: ResourceArc<Context>,
    number: i32,
    name: Bytes,
    input: Bytes,
) -> Started {
    let mut taken = context.at(number, Cell::take)??;
    let cell = Arc::clone(taken.cell());
    let work = move |call: &ResourceArc<Call>| -> Ending {
        let outcome = enter(call, &mut taken, &name, &input);
        let call = call.clone();
        Box::new(move || {
            call.leave();
            let done = outcome.and_then(|outcome| match outcome.into_error() {
                Some(error) => Err(error.into()),
                None => Ok(binary(owned(taken.entry().plugin().output()))),
            });
            drop((taken, input, name));
            done
        })
    };
    call::start_with(env, tag, &cell, Box::new(work))
}

fn enter(call: &Call, taken: &mut Taken, name: &Bytes, input: &Bytes) -> Result<Outcome, Failure> {
    let plugin = taken.entry().plugin();
    call.enter(plugin.cancel_handle())?;
    let name = name.to_vec();
    Ok(input.read(|input| worker::in_plugin(|| plugin.call(name, input))))
}

/// Whether a function of this name can be called.
#[rustler::nif]
fn plugin_has_function(
    env: Env<'_>,
    tag: Kept,
    context: ResourceArc<Context>,
    number: i32,
    name: Bytes,
) -> Started {
    with(env, tag, &context, number, move |_, entry| {
        let name = name.to_vec();
        let name = std::str::from_utf8(&name);
        answer(name.is_ok_and(|name| entry.plugin().has_function(name)))
    })
}

/// Changes the configuration: `[{Key, Value | undefined}]`.
#[rustler::nif]
fn plugin_configure(
    env: Env<'_>,
    tag: Kept,
    context: ResourceArc<Context>,
    number: i32,
    changes: Configuration,
) -> Started {
    with(env, tag, &context, number, move |_, entry| {
        configure(entry.plugin(), changes);
        answer(ok())
    })
}

type Configuration = List<(String, Change<String>)>;

fn configure(plugin: &mut Plugin, changes: Configuration) {
    let changes = changes.0.into_iter();
    plugin.configure(changes.map(|(key, change)| (key, change.0)));
}

/// The variables, as a list of pairs.
#[rustler::nif]
fn plugin_vars(env: Env<'_>, tag: Kept, context: ResourceArc<Context>, number: i32) -> Started {
    with(env, tag, &context, number, move |_, entry| {
        let vars = entry.plugin().vars().iter();
        let vars: Vec<(String, OwnedBinary)> = vars
            .map(|(name, value)| (name.clone(), owned(value)))
            .collect();
        Ok(Box::new(move |env| {
            let pairs = vars.into_iter();
            let pairs = pairs.map(|(name, value)| (name, value.release(env).to_term(env)));
            pairs.collect::<Vec<_>>().encode(env)
        }))
    })
}

/// The value of a variable, or `undefined`.
#[rustler::nif]
fn plugin_var_get(
    env: Env<'_>,
    tag: Kept,
    context: ResourceArc<Context>,
    number: i32,
    name: String,
) -> Started {
    with(env, tag, &context, number, move |_, entry| {
        match entry.plugin().vars().get(&name) {
            Some(value) => Ok(binary(owned(value))),
            None => answer(undefined()),
        }
    })
}

/// Changes variables: `[{Name, Value | undefined}]`.
#[rustler::nif]
fn plugin_change_vars(
    env: Env<'_>,
    tag: Kept,
    context: ResourceArc<Context>,
    number: i32,
    changes: List<(String, Change<Bytes>)>,
) -> Started {
    with(env, tag, &context, number, move |_, entry| {
        let vars = entry.plugin().vars_mut();
        for (name, change) in changes.0 {
            match change.0 {
                Some(value) => vars.insert(name, value.to_vec()),
                None => vars.remove(&name),
            };
        }
        answer(ok())
    })
}

/// Overwrites what the last call left.
#[rustler::nif]
fn plugin_reset(env: Env<'_>, tag: Kept, context: ResourceArc<Context>, number: i32) -> Started {
    with(env, tag, &context, number, move |_, entry| {
        entry.plugin().reset();
        answer(ok())
    })
}

/// Makes a plug-in as new.
#[rustler::nif]
fn plugin_renew(env: Env<'_>, tag: Kept, context: ResourceArc<Context>, number: i32) -> Started {
    with(env, tag, &context, number, move |_, entry| {
        entry.plugin().renew()?;
        answer(ok())
    })
}

/// Lets it see the headers of HTTP responses.
#[rustler::nif]
fn plugin_allow_headers(
    env: Env<'_>,
    tag: Kept,
    context: ResourceArc<Context>,
    number: i32,
) -> Started {
    with(env, tag, &context, number, move |_, entry| {
        entry.plugin().allow_http_response_headers();
        answer(ok())
    })
}

/// The fuel the last call used, or `undefined`.
#[rustler::nif]
fn plugin_fuel(env: Env<'_>, tag: Kept, context: ResourceArc<Context>, number: i32) -> Started {
    with(env, tag, &context, number, move |_, entry| {
        match entry.plugin().fuel_consumed() {
            Some(fuel) => answer(fuel),
            None => answer(undefined()),
        }
    })
}

/// The identity of a plug-in: 16 bytes.
#[rustler::nif]
fn plugin_id<'a>(
    env: Env<'a>,
    context: ResourceArc<Context>,
    number: i32,
) -> Result<Term<'a>, Failure> {
    let id = context.at(number, |cell| cell.id())??;
    Ok(Text(id.as_bytes()).encode(env))
}

/// Stops the call that runs, if one does.
#[rustler::nif]
fn plugin_cancel(context: ResourceArc<Context>, number: i32) -> Result<Atom, Failure> {
    if let Some(call) = context.find(number)?.call() {
        call.stop(Status::Cancelled);
    }
    Ok(ok())
}

/// Does something with a plug-in, which no other call can have meanwhile.
fn with(
    env: Env<'_>,
    tag: Kept,
    context: &Context,
    number: i32,
    work: impl FnOnce(&Call, &mut Entry) -> Result<Answer, Failure> + Send + 'static,
) -> Started {
    let mut taken = context.at(number, Cell::take)??;
    let cell = Arc::clone(taken.cell());
    let work = move |call: &ResourceArc<Call>| {
        let done = work(call, taken.entry());
        drop(taken);
        done
    };
    call::start_with(env, tag, &cell, call::at_once(work))
}

fn binary(bytes: OwnedBinary) -> Answer {
    Box::new(move |env| bytes.release(env).to_term(env))
}

/// A new value; none for `undefined` and `nil`.
struct Change<T>(Option<T>);

impl<'a, T: rustler::Decoder<'a>> rustler::Decoder<'a> for Change<T> {
    fn decode(term: Term<'a>) -> rustler::NifResult<Change<T>> {
        match term.decode::<Atom>() {
            Ok(atom) if atom == undefined() || atom == nil() => Ok(Change(None)),
            _ => term.decode().map(|value| Change(Some(value))),
        }
    }
}
