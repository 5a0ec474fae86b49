//! What JavaScript does with plug-ins.
//!
//! Must not know: how calls are answered. Invariants: input is read before anything runs that could
//! change it; the plug-in is back in its place before JavaScript is answered, so what comes next
//! finds it.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use extism_runtime::{Options, Plugin as Instance, Source};
use napi::Env;
use napi::bindgen_prelude::{ArrayBuffer, BigInt, Buffer, Either};
use napi_derive::napi;

use crate::call;
use crate::cell::{self, Cell, Entry};
use crate::error::{Failure, Thrown, refused};
use crate::number::{self, Number};
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
    seat: Rc<Seat>,
    number: OnceCell<Number>,
}

/// A plug-in, and the thread whose it is.
pub(crate) struct Seat {
    near: Rc<Near>,
    cell: Arc<Cell>,
}

impl Plugin {
    pub(crate) fn new(near: &Rc<Near>, cell: Arc<Cell>) -> Plugin {
        Plugin {
            seat: Rc::new(Seat {
                near: Rc::clone(near),
                cell,
            }),
            number: OnceCell::new(),
        }
    }
}

#[napi]
impl Plugin {
    /// Its identity.
    #[napi]
    pub fn id(&self) -> Result<String, Thrown> {
        Ok(self.seat.cell.id().map_err(Failure::from)?.to_string())
    }

    /// Its number, for [`call_short`], which is to be used only while JavaScript has the plug-in.
    #[napi]
    pub fn number(&self) -> u32 {
        self.number.get_or_init(|| Number::of(&self.seat)).get()
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
        self.seat.call(env, &name, input)
    }

    /// Calls a function on another thread.
    #[napi]
    pub fn call(&self, number: u32, name: String, input: &[u8]) -> Result<(), Thrown> {
        let far = self.seat.near.far()?;
        let mut taken = cell::take(&self.seat.cell)?;
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
        self.seat.cell.set_call(call);
        Ok(())
    }

    /// Stops the call that runs, if one does.
    #[napi]
    pub fn cancel(&self) {
        cell::cancel(&self.seat.cell);
    }

    /// Whether a call runs.
    #[napi]
    pub fn is_active(&self) -> bool {
        self.seat.cell.is_active()
    }

    /// Describes it, as JSON.
    #[napi]
    pub fn inspect(&self, call: u32) -> Result<(), Thrown> {
        let compiled = cell::take(&self.seat.cell)?.entry().plugin().compiled();
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
        call::start(self.seat.near.far()?, call, None, work)?;
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
        let far = self.seat.near.far()?;
        let mut taken = cell::take(&self.seat.cell)?;
        let next = taken.entry().plugin().next_call();
        let work = move |_: &_| {
            taken.entry().plugin().renew()?;
            drop(taken);
            Ok(Value::Nothing)
        };
        let call = call::start(far, number, Some(next), work)?;
        self.seat.cell.set_call(call);
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
        self.seat.cell.close();
        cell::cancel(&self.seat.cell);
    }

    /// Does something with the plug-in, which no call can have meanwhile.
    fn with<R>(&self, work: impl FnOnce(&mut Entry) -> R) -> Result<R, Thrown> {
        let mut taken = cell::take(&self.seat.cell)?;
        let entry = taken.entry();
        Ok(self.seat.near.enter(|| work(entry)))
    }
}

/// As [`Plugin::call_sync`], with the numbers of the plug-in and of the name, and an input that lies in the
/// memory for inputs. Numbers cross in a fraction of the time that objects take.
#[napi]
pub(crate) fn call_short(
    env: &Env,
    plugin: u32,
    name: u32,
    length: u32,
) -> Result<Either<u32, ArrayBuffer<'_>>, Thrown> {
    let seat = number::find(plugin).ok_or_else(|| Failure::closed("plug-in"))?;
    let input = seat.near.input.read(length);
    let input = input.ok_or_else(|| Failure::invalid("the input is not where it should be"))?;
    seat.call(env, &Either::A(name), &input)
}

impl Seat {
    fn call<'env>(
        &self,
        env: &'env Env,
        name: &Either<u32, String>,
        input: &[u8],
    ) -> Result<Either<u32, ArrayBuffer<'env>>, Thrown> {
        let mut taken = cell::take(&self.cell)?;
        let plugin = taken.entry().plugin();
        // What runs before the input is read could change it.
        let copied = (!plugin.is_initialized()).then(|| input.to_vec());
        let input = copied.as_deref().unwrap_or(input);
        self.near.enter(|| call(plugin, name, input))?;
        let output = plugin.output();
        match u32::try_from(output.len()) {
            Ok(length) if self.near.window.put(output) => Ok(Either::A(length)),
            _ => Ok(Either::B(
                ArrayBuffer::copy_from(env, output).map_err(refused)?,
            )),
        }
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
