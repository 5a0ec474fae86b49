//! What JavaScript does with plug-ins.
//!
//! Must not know: how calls are answered. Invariants: input is read before anything runs that could
//! change it; the plug-in is back in its place before JavaScript is answered, so what comes next
//! finds it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use extism_runtime::{Options, Plugin as Instance, Source};
use napi::Env;
use napi::bindgen_prelude::{ArrayBuffer, BigInt, Buffer, Either};
use napi_derive::napi;

use crate::call;
use crate::cell::{self, Cell, Entry};
use crate::error::{Failure, Thrown, refused};
use crate::realm::{Near, Realm, Value};

/// How many names are kept under numbers.
const NAMES_MAX: usize = 4_096;

thread_local! {
    static NAMES: RefCell<Vec<Rc<[u8]>>> = const { RefCell::new(Vec::new()) };
}

#[napi]
impl Realm {
    /// A number for the name of a function; none once there are too many.
    #[napi]
    pub fn name(&self, name: String) -> Option<u32> {
        NAMES.with_borrow_mut(|names| {
            if names.len() >= NAMES_MAX {
                return None;
            }
            names.push(name.into_bytes().into());
            u32::try_from(names.len() - 1).ok()
        })
    }
}

/// A value of the configuration; missing to remove it.
#[napi(object)]
pub struct ConfigGiven {
    pub key: String,
    pub value: Option<String>,
}

/// A plug-in of JavaScript.
#[napi]
pub struct Plugin {
    near: Rc<Near>,
    cell: Arc<Cell>,
}

impl Plugin {
    pub(crate) fn new(near: &Rc<Near>, cell: Arc<Cell>) -> Plugin {
        Plugin {
            near: Rc::clone(near),
            cell,
        }
    }
}

#[napi]
impl Plugin {
    /// Its identity.
    #[napi]
    pub fn id(&self) -> Result<String, Thrown> {
        Ok(self.cell.id().map_err(Failure::from)?.to_string())
    }

    /// Calls a function here and now. Small outputs are put where JavaScript looks for them, and
    /// their length is the answer.
    #[napi]
    pub fn call_sync<'env>(
        &self,
        env: &'env Env,
        name: Either<u32, String>,
        input: &[u8],
    ) -> Result<Either<u32, ArrayBuffer<'env>>, Thrown> {
        let mut taken = cell::take(&self.cell)?;
        let plugin = taken.entry().plugin();
        // What runs before the input is read could change it.
        let copied = (!plugin.is_initialized()).then(|| input.to_vec());
        let input = copied.as_deref().unwrap_or(input);
        self.near.enter(|| call(plugin, &name, input))?;
        let output = plugin.output();
        match u32::try_from(output.len()) {
            Ok(length) if self.near.window.put(output) => Ok(Either::A(length)),
            _ => Ok(Either::B(
                ArrayBuffer::copy_from(env, output).map_err(refused)?,
            )),
        }
    }

    /// Calls a function on another thread.
    #[napi]
    pub fn call(&self, number: u32, name: String, input: &[u8]) -> Result<(), Thrown> {
        let far = self.near.far()?;
        let mut taken = cell::take(&self.cell)?;
        let next = taken.entry().plugin().next_call();
        let input = input.to_vec();
        let work = move |_: &_| {
            let plugin = taken.entry().plugin();
            call(plugin, &Either::B(name), &input)?;
            let output = match plugin.output() {
                [] => Value::Nothing,
                output => Value::Bytes(output.to_vec()),
            };
            drop(taken);
            Ok(output)
        };
        let call = call::start(far, number, Some(next), work)?;
        self.cell.set_call(call);
        Ok(())
    }

    /// Stops the call that runs, if one does.
    #[napi]
    pub fn cancel(&self) {
        cell::cancel(&self.cell);
    }

    /// Whether a call runs.
    #[napi]
    pub fn is_active(&self) -> bool {
        self.cell.is_active()
    }

    /// Describes it, as JSON.
    #[napi]
    pub fn inspect(&self, call: u32) -> Result<(), Thrown> {
        let compiled = cell::take(&self.cell)?.entry().plugin().compiled();
        let work = move |_: &_| {
            let options = Options {
                limits: compiled.limits().clone(),
                ..Options::default()
            };
            let source = Source::Manifest(Cow::Borrowed(compiled.manifest()));
            Ok(Value::Text(
                extism_runtime::inspect(source, &options)?.to_json(),
            ))
        };
        call::start(self.near.far()?, call, None, work)?;
        Ok(())
    }

    /// Whether a function of this name can be called.
    #[napi]
    pub fn has_function(&self, name: String) -> Result<bool, Thrown> {
        self.with(|entry| entry.plugin().has_function(&name))
    }

    /// Changes the configuration.
    #[napi]
    pub fn configure(&self, changes: Vec<ConfigGiven>) -> Result<(), Thrown> {
        let changes = changes.into_iter().map(|change| (change.key, change.value));
        self.with(|entry| entry.plugin().configure(changes))
    }

    /// The value of a variable.
    #[napi]
    pub fn variable(&self, name: String) -> Result<Option<Buffer>, Thrown> {
        self.with(|entry| {
            let value = entry.plugin().vars().get(&name);
            value.map(|value| value.clone().into())
        })
    }

    /// Sets a variable, or removes it.
    #[napi]
    pub fn set_variable(&self, name: String, value: Option<&[u8]>) -> Result<(), Thrown> {
        self.with(|entry| {
            let vars = entry.plugin().vars_mut();
            match value {
                Some(value) => vars.insert(name, value.to_vec()),
                None => vars.remove(&name),
            };
        })
    }

    /// Overwrites what the last call left.
    #[napi]
    pub fn reset(&self) -> Result<(), Thrown> {
        self.with(|entry| entry.plugin().reset())
    }

    /// Makes the plug-in as new, on another thread.
    #[napi]
    pub fn renew(&self, number: u32) -> Result<(), Thrown> {
        let far = self.near.far()?;
        let mut taken = cell::take(&self.cell)?;
        let next = taken.entry().plugin().next_call();
        let work = move |_: &_| {
            taken.entry().plugin().renew()?;
            drop(taken);
            Ok(Value::Nothing)
        };
        let call = call::start(far, number, Some(next), work)?;
        self.cell.set_call(call);
        Ok(())
    }

    /// The fuel the last call used.
    #[napi]
    pub fn fuel_consumed(&self) -> Result<Option<BigInt>, Thrown> {
        self.with(|entry| entry.plugin().fuel_consumed().map(BigInt::from))
    }

    /// Lets it see the headers of HTTP responses.
    #[napi]
    pub fn allow_headers(&self) -> Result<(), Thrown> {
        self.with(|entry| entry.plugin().allow_http_response_headers())
    }

    /// Lets go of the plug-in; a call that has it is cancelled.
    #[napi]
    pub fn close(&self) {
        self.cell.close();
        cell::cancel(&self.cell);
    }

    /// Does something with the plug-in, which no call can have meanwhile.
    fn with<R>(&self, work: impl FnOnce(&mut Entry) -> R) -> Result<R, Thrown> {
        let mut taken = cell::take(&self.cell)?;
        let entry = taken.entry();
        Ok(self.near.enter(|| work(entry)))
    }
}

fn call(plugin: &mut Instance, name: &Either<u32, String>, input: &[u8]) -> Result<(), Failure> {
    let outcome = match name {
        Either::B(name) => plugin.call(name, input),
        Either::A(number) => {
            let name = NAMES.with_borrow(|names| {
                let at = usize::try_from(*number).ok();
                at.and_then(|at| names.get(at)).cloned()
            });
            plugin.call(name.as_deref().unwrap_or_default(), input)
        }
    };
    outcome
        .into_error()
        .map_or(Ok(()), |error| Err(error.into()))
}
