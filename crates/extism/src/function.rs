//! A host function: Rust code that plug-ins may import.
//!
//! Must not know: plug-ins. Invariant: arguments and results have the declared types; up to
//! [`INLINE_MAX`] of them travel without an allocation.

use anyhow::Error;
use extism_runtime::{HostFunction, Slots, Status, ValueType};

use crate::typed::TypedFunction;
use crate::value::{from_slot, to_slot};
use crate::{CallError, CurrentPlugin, UserData, Val, ValType};

/// How many arguments and results together are passed on the stack.
const INLINE_MAX: usize = 16;

/// As [`INLINE_MAX`], for the functions most hosts have: fewer values to clear.
const INLINE_FEW: usize = 4;

/// A function plug-ins may import; cheap to clone, may serve any number of plug-ins.
///
/// ```
/// use extism::{Function, PluginBuilder, UserData, Val, ValType};
///
/// let add = Function::new(
///     "add",
///     [ValType::I64, ValType::I64],
///     [ValType::I64],
///     UserData::new(()),
///     |_plugin, arguments, results, _data| {
///         results[0] = Val::I64(arguments[0].unwrap_i64() + arguments[1].unwrap_i64());
///         Ok(())
///     },
/// );
/// let wat = r#"(module
///     (import "extism:host/user" "add" (func $add (param i64 i64) (result i64)))
///     (func (export "five") (result i32) (i32.wrap_i64 (call $add (i64.const 2) (i64.const 3)))))"#;
/// let mut plugin = PluginBuilder::new(wat).with_functions([add]).build()?;
/// assert_eq!(plugin.call_get_error_code::<_, ()>("five", ()).unwrap_err().1, 5);
/// # Ok::<(), extism::Error>(())
/// ```
#[derive(Clone)]
pub struct Function {
    name: String,
    namespace: Option<String>,
    params: Vec<ValType>,
    results: Vec<ValType>,
    /// `None` if a parameter or result is not a number.
    host: Option<HostFunction>,
}

impl Function {
    /// A function named `name` in the namespace `extism:host/user`.
    ///
    /// It runs on the thread that called the plug-in. An error it returns ends the call and becomes
    /// its error; so does a panic.
    pub fn new<T: Send + 'static, F>(
        name: impl Into<String>,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
        user_data: UserData<T>,
        f: F,
    ) -> Function
    where
        F: Fn(&mut CurrentPlugin<'_>, &[Val], &mut [Val], UserData<T>) -> Result<(), Error>
            + Send
            + Sync
            + 'static,
    {
        let params = params.into_iter().collect();
        let results = results.into_iter().collect();
        Function::of(name.into(), params, results, |name, types| {
            let (params, results) = (types.params.clone(), types.results.clone());
            HostFunction::new(name, params, results, move |plugin, slots| {
                let call = |arguments: &[Val], results: &mut [Val]| {
                    let plugin = &mut CurrentPlugin::new(plugin);
                    f(plugin, arguments, results, user_data.clone())
                };
                types.convert(slots, call)
            })
        })
    }

    /// A function whose parameters and result are those of the closure: numbers, without a [`Val`]
    /// between. This is the fastest kind. What the closure needs it captures.
    ///
    /// ```
    /// use extism::{CurrentPlugin, Function, PluginBuilder};
    ///
    /// let scale = 3;
    /// let scaled = Function::typed("scaled", move |_: &mut CurrentPlugin, n: i64| Ok(n * scale));
    /// let wat = r#"(module
    ///     (import "extism:host/user" "scaled" (func $scaled (param i64) (result i64)))
    ///     (func (export "six") (result i32) (i32.wrap_i64 (call $scaled (i64.const 2)))))"#;
    /// let mut plugin = PluginBuilder::new(wat).with_functions([scaled]).build()?;
    /// assert_eq!(plugin.call_get_error_code::<_, ()>("six", ()).unwrap_err().1, 6);
    /// # Ok::<(), extism::Error>(())
    /// ```
    ///
    /// It runs on the thread that called the plug-in. An error it returns ends the call and becomes
    /// its error; so does a panic.
    pub fn typed<Arguments, F>(name: impl Into<String>, f: F) -> Function
    where
        F: TypedFunction<Arguments>,
    {
        let (params, results) = (F::PARAMS.to_vec(), F::RESULTS.to_vec());
        Function::of(name.into(), params, results, |name, types| {
            let Types { params, results } = types;
            HostFunction::new(name, params, results, move |plugin, slots| {
                f.run(&mut CurrentPlugin::new(plugin), slots)
            })
        })
    }

    /// A function of these types; `host` makes what the runtime calls, if all of them are numbers.
    fn of(
        name: String,
        params: Vec<ValType>,
        results: Vec<ValType>,
        host: impl FnOnce(&str, Types) -> HostFunction,
    ) -> Function {
        let types = numbers(&params).zip(numbers(&results));
        let host = types.map(|(params, results)| host(&name, Types { params, results }));
        Function {
            name,
            namespace: None,
            params,
            results,
            host,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The module name plug-ins import it from; `None` is `extism:host/user`.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Changes the module name plug-ins import it from.
    pub fn set_namespace(&mut self, namespace: impl Into<String>) {
        self.namespace = Some(namespace.into());
    }

    /// The same function in another namespace.
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl Into<String>) -> Function {
        self.set_namespace(namespace);
        self
    }

    /// Parameter types.
    pub fn params(&self) -> &[ValType] {
        &self.params
    }

    /// Result types.
    pub fn results(&self) -> &[ValType] {
        &self.results
    }

    /// What the runtime calls.
    pub(crate) fn to_host(&self) -> Result<HostFunction, CallError> {
        let Some(host) = &self.host else {
            let text = format!(
                "host function {} has a parameter or result that is not i32, i64, f32 or f64",
                self.name
            );
            return Err(CallError::new(Status::InvalidArgument, text));
        };
        Ok(match &self.namespace {
            Some(namespace) => host.clone().with_namespace(namespace),
            None => host.clone(),
        })
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let namespace = self
            .namespace
            .as_deref()
            .unwrap_or(crate::EXTISM_USER_MODULE);
        write!(
            f,
            "Function({namespace}::{} {:?} -> {:?})",
            self.name, self.params, self.results
        )
    }
}

fn numbers(types: &[ValType]) -> Option<Vec<ValueType>> {
    types.iter().map(|ty| ty.number()).collect()
}

/// The types a function was declared with.
struct Types {
    params: Vec<ValueType>,
    results: Vec<ValueType>,
}

impl Types {
    /// Calls `call` with values in place of slots.
    #[inline]
    fn convert(
        &self,
        slots: &mut Slots<'_>,
        call: impl FnOnce(&[Val], &mut [Val]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let count = self.params.len() + self.results.len();
        if count <= INLINE_FEW {
            self.convert_in(&mut [Val::I64(0); INLINE_FEW], slots, call)
        } else if count <= INLINE_MAX {
            self.convert_in(&mut [Val::I64(0); INLINE_MAX], slots, call)
        } else {
            self.convert_in(&mut vec![Val::I64(0); count], slots, call)
        }
    }

    /// As [`Types::convert`], with room for all values in `values`.
    #[inline]
    fn convert_in(
        &self,
        values: &mut [Val],
        slots: &mut Slots<'_>,
        call: impl FnOnce(&[Val], &mut [Val]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (argument_values, rest) = values.split_at_mut(self.params.len());
        let result_values = &mut rest[..self.results.len()];
        for (at, (value, ty)) in argument_values.iter_mut().zip(&self.params).enumerate() {
            *value = from_slot(slots.get(at, *ty), *ty);
        }
        for (value, ty) in result_values.iter_mut().zip(&self.results) {
            *value = from_slot(0, *ty);
        }
        call(argument_values, result_values)?;
        for (at, (value, ty)) in result_values.iter().zip(&self.results).enumerate() {
            slots.set(at, *ty, to_slot(value, *ty)?);
        }
        Ok(())
    }
}
