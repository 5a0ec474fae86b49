//! Functions of Erlang and Elixir that plug-ins import: the process that called the plug-in is asked.
//!
//! Must not know: what a target is; it is a term that goes back to where it came from. Invariant: a
//! function's term is kept as long as any plug-in can call it, and released once.

use std::sync::Arc;

use extism_runtime::{CurrentPlugin, Error, HostFunction, Slots, Status, USER_MODULE};
use rustler::{Encoder, NifResult, ResourceArc, Term};

use crate::call::{self, Call};
use crate::request::{Handle, Request};
use crate::term::{Kept, List, Text, owned};
use crate::value::{Argument, Outcome, Type};

rustler::atoms! { host }

/// Reads `{Name, Namespace | undefined, Params, Results, Target}`.
pub(crate) fn read(term: Term<'_>) -> NifResult<HostFunction> {
    let (name, namespace, List(params), List(results), target) =
        term.decode::<(String, Term<'_>, List<Type>, List<Type>, Kept)>()?;
    let namespace: String = match namespace.is_atom() {
        true => USER_MODULE.to_owned(),
        false => namespace.decode()?,
    };
    let of_wasm = |types: &[Type]| -> Vec<_> { types.iter().map(|ty| ty.of_wasm()).collect() };
    let (wasm_params, wasm_results) = (of_wasm(&params), of_wasm(&results));
    let function = Function {
        params,
        results: results.into(),
        target,
    };
    let callback =
        move |plugin: &mut CurrentPlugin<'_>, slots: &mut Slots<'_>| function.enter(plugin, slots);
    let function = HostFunction::new(name, wasm_params, wasm_results, callback);
    Ok(function.with_namespace(namespace))
}

struct Function {
    params: Vec<Type>,
    results: Arc<[Type]>,
    target: Kept,
}

/// A request that its call knows of, until this is dropped.
struct Known<'a>(&'a Call, Arc<Request>);

impl Drop for Known<'_> {
    fn drop(&mut self) {
        self.0.set_request(None);
        self.1.end();
    }
}

impl Function {
    fn enter(&self, plugin: &mut CurrentPlugin<'_>, slots: &mut Slots<'_>) -> anyhow::Result<()> {
        let Some(call) = call::current() else {
            anyhow::bail!(Error::new(
                Status::HostFunction,
                "no process has called the plug-in"
            ));
        };
        let arguments = self.arguments(plugin, slots)?;
        let request = Request::new(call.clone(), Arc::clone(&self.results), plugin);
        call.set_request(Some(Arc::clone(&request)));
        let known = Known(&call, request);
        let id = *plugin.id().as_bytes();
        let is_sent = call.send(|env| {
            let handle = ResourceArc::new(Handle(Arc::clone(&known.1)));
            let arguments = arguments
                .into_iter()
                .map(|argument| argument.into_term(env));
            let arguments: Vec<Term<'_>> = arguments.collect();
            let target = self.target.copy_to(env);
            (host(), handle, target, Text(&id), arguments).encode(env)
        });
        if !is_sent {
            anyhow::bail!(Error::new(Status::Cancelled, "the calling process is dead"));
        }
        let outcomes = known.1.serve(plugin)?;
        for (at, outcome) in outcomes.into_iter().enumerate() {
            let slot = match outcome {
                Outcome::Number(slot) => slot,
                Outcome::Bytes(bytes) => bytes.read(|bytes| plugin.store(bytes))?,
            };
            let ty = self.results.get(at).map(|ty| ty.of_wasm());
            if let Some(ty) = ty {
                slots.set(at, ty, slot);
            }
        }
        Ok(())
    }

    fn arguments(
        &self,
        plugin: &mut CurrentPlugin<'_>,
        slots: &Slots<'_>,
    ) -> Result<Vec<Argument>, Error> {
        let params = self.params.iter().enumerate();
        let arguments = params.map(|(at, ty)| {
            let slot = slots.get(at, ty.of_wasm());
            Ok(match ty {
                Type::Number(ty) => Argument::Number(*ty, slot),
                Type::Bytes => Argument::Bytes(owned(plugin.bytes(slot)?)),
            })
        });
        arguments.collect()
    }
}
