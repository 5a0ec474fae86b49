//! A function the host adds for its plug-ins to import.
//!
//! Arguments and results travel in the slots the engine itself passes, without copies of them and
//! without dynamically typed values.
//! Invariant: neither an error nor a panic of a host function passes through Wasm frames as
//! anything but the call's error, and the function (with whatever it captured) is dropped exactly
//! once, when its last owner is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wasmtime::{Engine, FuncType, Linker, ValRaw};

use super::context::CurrentPlugin;
use crate::call::outcome;
use crate::call::token::Stop;
use crate::error::Error;
use crate::state::State;
use crate::stats::Live;
use crate::{Status, USER_MODULE};

/// The type of a parameter or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer; memory handles are of this type.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
}

impl ValueType {
    /// The bits of a slot that a value of this type has. The engine keeps values in 64 bits as we do,
    /// so this is all there is to a conversion; it takes no branch.
    #[inline]
    fn mask(self) -> u64 {
        u64::MAX >> self.unused_bits()
    }

    #[inline]
    fn unused_bits(self) -> u32 {
        u32::from(matches!(self, ValueType::I32 | ValueType::F32)) * 32
    }
}

/// One argument or result: the bits of the value, zero-extended to 64.
pub type Slot = u64;

/// How many parameters and how many results a host function may have.
pub const SLOTS_MAX: usize = 1_000;

/// The values of one call. The arguments come in from the first slot on, and the results go out
/// from the first slot on: read every argument before the first result is written.
pub struct Slots<'a>(&'a mut [ValRaw]);

impl Slots<'_> {
    /// The argument at this place; 0 where there is none. `ty` is its type as declared.
    #[inline]
    pub fn get(&self, at: usize, ty: ValueType) -> Slot {
        self.0.get(at).map_or(0, |raw| raw.get_u64() & ty.mask())
    }

    /// Gives the result at this place. `ty` is its type as declared; bits it does not have are cut
    /// off. A result that is not given is the argument at its place, or 0.
    #[inline]
    pub fn set(&mut self, at: usize, ty: ValueType, slot: Slot) {
        if let Some(raw) = self.0.get_mut(at) {
            *raw = ValRaw::u64(slot & ty.mask());
        }
    }
}

type Callback = dyn Fn(&mut CurrentPlugin<'_>, &mut Slots<'_>) -> anyhow::Result<()> + Send + Sync;

/// A function plug-ins may import; cheap to clone, may serve any number of plug-ins.
///
/// ```
/// use extism_runtime::{HostFunction, ValueType};
///
/// let add = HostFunction::new(
///     "add",
///     [ValueType::I64, ValueType::I64],
///     [ValueType::I64],
///     |_plugin, slots| {
///         let [a, b] = [0, 1].map(|at| slots.get(at, ValueType::I64));
///         slots.set(0, ValueType::I64, a.wrapping_add(b));
///         Ok(())
///     },
/// );
/// assert_eq!(add.namespace(), "extism:host/user");
/// ```
#[derive(Clone)]
pub struct HostFunction {
    namespace: Arc<str>,
    definition: Arc<Definition>,
}

struct Definition {
    name: String,
    params: Vec<ValueType>,
    results: Vec<ValueType>,
    callback: Box<Callback>,
    _live: Live,
}

impl HostFunction {
    /// A function named `name` in the namespace `extism:host/user`.
    ///
    /// It runs on the thread that called the plug-in. An error it returns becomes the call's error;
    /// so does a panic.
    pub fn new(
        name: impl Into<String>,
        params: impl Into<Vec<ValueType>>,
        results: impl Into<Vec<ValueType>>,
        callback: impl Fn(&mut CurrentPlugin<'_>, &mut Slots<'_>) -> anyhow::Result<()>
        + Send
        + Sync
        + 'static,
    ) -> HostFunction {
        let name = name.into();
        let own_name = name.clone();
        HostFunction::unguarded(name, params, results, move |plugin, slots| {
            // A panicking host function leaves behind what it captured; that is its own affair, as
            // in any other thread.
            let called = catch_unwind(AssertUnwindSafe(|| callback(plugin, slots)));
            called.unwrap_or_else(|payload| Err(panicked(&own_name, payload.as_ref())))
        })
    }

    /// As [`HostFunction::new`], for a callback that does not panic. Should it, then
    /// [`Plugin::call`](crate::Plugin::call) does.
    pub fn unguarded(
        name: impl Into<String>,
        params: impl Into<Vec<ValueType>>,
        results: impl Into<Vec<ValueType>>,
        callback: impl Fn(&mut CurrentPlugin<'_>, &mut Slots<'_>) -> anyhow::Result<()>
        + Send
        + Sync
        + 'static,
    ) -> HostFunction {
        HostFunction {
            namespace: USER_MODULE.into(),
            definition: Arc::new(Definition {
                name: name.into(),
                params: params.into(),
                results: results.into(),
                callback: Box::new(callback),
                _live: Live::function(),
            }),
        }
    }

    /// The same function in another namespace (the module name plug-ins import it from).
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl AsRef<str>) -> HostFunction {
        self.namespace = namespace.as_ref().into();
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// The module name plug-ins import it from.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Parameter types.
    pub fn params(&self) -> &[ValueType] {
        &self.definition.params
    }

    /// Result types.
    pub fn results(&self) -> &[ValueType] {
        &self.definition.results
    }

    /// Makes the function importable from `linker` under its namespace and name.
    pub(crate) fn define(&self, linker: &mut Linker<State>) -> Result<(), Error> {
        if self.params().len() > SLOTS_MAX || self.results().len() > SLOTS_MAX {
            return Err(Error::new(
                Status::InvalidArgument,
                format!(
                    "host function {} has more than {SLOTS_MAX} parameters or results",
                    self.name()
                ),
            ));
        }
        let ty = self.func_type(linker.engine());
        let definition = Arc::clone(&self.definition);
        // SAFETY: the engine passes as many slots as the larger of parameters and results. What is
        // read from and written to them are numbers, of which every bit pattern is one.
        let defined = unsafe {
            linker.func_new_unchecked(&self.namespace, self.name(), ty, move |caller, raw| {
                let mut plugin = CurrentPlugin::new(caller);
                // SAFETY: `MaybeUninit<ValRaw>` is initialised for the parameters, and every bit
                // pattern is a `ValRaw`.
                let raw = &mut *(std::ptr::from_mut(raw) as *mut [ValRaw]);
                definition.enter(&mut plugin, raw)
            })
        };
        match defined {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::from_chain(Status::Internal, error)),
        }
    }

    fn func_type(&self, engine: &Engine) -> FuncType {
        FuncType::new(
            engine,
            self.params().iter().map(engine_type),
            self.results().iter().map(engine_type),
        )
    }
}

impl Definition {
    /// One call from Wasm.
    #[inline]
    fn enter(&self, plugin: &mut CurrentPlugin<'_>, raw: &mut [ValRaw]) -> wasmtime::Result<()> {
        // These slots the engine has not written, and what they hold must not get to the plug-in.
        for result in raw.iter_mut().skip(self.params.len()) {
            *result = ValRaw::u64(0);
        }
        let mut slots = Slots(raw);
        match (self.callback)(plugin, &mut slots) {
            Ok(()) if plugin.is_stopped() => Err(stopped(plugin)),
            Ok(()) => Ok(()),
            Err(error) => Err(failed(plugin, error)),
        }
    }
}

/// What the plug-in would do with the results does not matter any more.
#[cold]
fn stopped(plugin: &CurrentPlugin<'_>) -> wasmtime::Error {
    // A second cancel, late for the call before, may have taken the place of this one's reason.
    let stop = plugin.stop().unwrap_or(Stop::Cancelled);
    outcome::stopped(stop).into()
}

#[cold]
fn failed(plugin: &CurrentPlugin<'_>, error: anyhow::Error) -> wasmtime::Error {
    // A call that had to stop while the host function waited is a timeout or a cancel, not the
    // function's failure. One of another plug-in that the function called is not this call's.
    let anothers = |error: &Error| matches!(error.status(), Status::Timeout | Status::Cancelled);
    match error.downcast_ref::<Error>() {
        _ if plugin.must_stop() => wasmtime::Error::from_anyhow(error),
        Some(ours) if !anothers(ours) => wasmtime::Error::from_anyhow(error),
        _ => Error::from_chain(Status::HostFunction, error).into(),
    }
}

#[cold]
fn panicked(name: &str, payload: &(dyn std::any::Any + Send)) -> anyhow::Error {
    let message = format!("host function {name} panicked: {}", panic_text(payload));
    Error::new(Status::HostPanic, message).into()
}

/// What a panic said.
pub(crate) fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

fn engine_type(ty: &ValueType) -> wasmtime::ValType {
    match ty {
        ValueType::I32 => wasmtime::ValType::I32,
        ValueType::I64 => wasmtime::ValType::I64,
        ValueType::F32 => wasmtime::ValType::F32,
        ValueType::F64 => wasmtime::ValType::F64,
    }
}
