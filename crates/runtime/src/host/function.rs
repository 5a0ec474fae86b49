//! A function the host adds for its plug-ins to import.
//!
//! Arguments and results travel as 64-bit slots on the stack, without dynamically typed values.
//! Invariant: neither an error nor a panic of a host function passes through Wasm frames as
//! anything but the call's error, and the function (with whatever it captured) is dropped exactly
//! once, when its last owner is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wasmtime::{Engine, FuncType, Linker, ValRaw};

use super::context::CurrentPlugin;
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

/// How many slots are passed without an allocation.
const SLOTS_INLINE: usize = 16;

type Callback =
    dyn Fn(&mut CurrentPlugin<'_>, &[Slot], &mut [Slot]) -> anyhow::Result<()> + Send + Sync;

/// A function plug-ins may import; cheap to clone, may serve any number of plug-ins.
///
/// ```
/// use extism_runtime::{HostFunction, ValueType};
///
/// let add = HostFunction::new(
///     "add",
///     [ValueType::I64, ValueType::I64],
///     [ValueType::I64],
///     |_plugin, arguments, results| {
///         results[0] = arguments[0].wrapping_add(arguments[1]);
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
        callback: impl Fn(&mut CurrentPlugin<'_>, &[Slot], &mut [Slot]) -> anyhow::Result<()>
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
        // SAFETY: the engine passes as many slots as the larger of parameters and results,
        // initialised for the parameters; `Definition::enter` reads only parameters, by their type,
        // and writes every result, by its type.
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
    /// One call from Wasm: slots in, slots out.
    #[inline]
    fn enter(&self, plugin: &mut CurrentPlugin<'_>, raw: &mut [ValRaw]) -> wasmtime::Result<()> {
        let (params, results) = (self.params.len(), self.results.len());
        if params + results <= SLOTS_INLINE {
            let mut slots = [0; SLOTS_INLINE];
            self.run(plugin, raw, &mut slots)
        } else {
            let mut slots = vec![0; params + results];
            self.run(plugin, raw, &mut slots)
        }
    }

    #[inline]
    fn run(
        &self,
        plugin: &mut CurrentPlugin<'_>,
        raw: &mut [ValRaw],
        slots: &mut [Slot],
    ) -> wasmtime::Result<()> {
        let (arguments, results) = slots.split_at_mut(self.params.len());
        let results = &mut results[..self.results.len()];
        for ((slot, raw), ty) in arguments.iter_mut().zip(raw.iter()).zip(&self.params) {
            *slot = raw.get_u64() & ty.mask();
        }
        // A panicking host function leaves behind what it captured; that is its own affair, as in
        // any other thread.
        let called = catch_unwind(AssertUnwindSafe(|| {
            (self.callback)(plugin, arguments, results)
        }));
        match called {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.failed(plugin, error)),
            Err(payload) => return Err(self.panicked(payload.as_ref())),
        }
        for ((slot, raw), ty) in results.iter().zip(raw.iter_mut()).zip(&self.results) {
            *raw = ValRaw::u64(*slot & ty.mask());
        }
        Ok(())
    }

    #[cold]
    fn failed(&self, plugin: &CurrentPlugin<'_>, error: anyhow::Error) -> wasmtime::Error {
        // A call that had to stop while the host function waited is a timeout or a cancel, not the
        // function's failure.
        if plugin.must_stop() || error.is::<Error>() {
            return wasmtime::Error::from_anyhow(error);
        }
        Error::from_chain(Status::HostFunction, error).into()
    }

    #[cold]
    fn panicked(&self, payload: &(dyn std::any::Any + Send)) -> wasmtime::Error {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        let message = format!("host function {} panicked: {text}", self.name);
        Error::new(Status::HostPanic, message).into()
    }
}

fn engine_type(ty: &ValueType) -> wasmtime::ValType {
    match ty {
        ValueType::I32 => wasmtime::ValType::I32,
        ValueType::I64 => wasmtime::ValType::I64,
        ValueType::F32 => wasmtime::ValType::F32,
        ValueType::F64 => wasmtime::ValType::F64,
    }
}
