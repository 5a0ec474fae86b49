//! Plug-ins compiled once for any number of instances.
//!
//! Must not know: instances. Invariant: closing one, or losing it, leaves the plug-ins made from it
//! as they are.

use std::cell::RefCell;
use std::rc::Rc;

use extism_runtime::{CompiledPlugin, Plugin as Instance};
use napi_derive::napi;

use crate::call;
use crate::cell::{Cell, Entry};
use crate::error::{Failure, Thrown};
use crate::options::{self, OptionsGiven};
use crate::plugin::Plugin;
use crate::realm::{Near, Realm, Value};
use crate::source::Given;

/// A compiled plug-in of JavaScript.
#[napi]
pub struct Compiled {
    near: Rc<Near>,
    compiled: RefCell<Option<CompiledPlugin>>,
}

#[napi]
impl Realm {
    /// Compiles a plug-in here and now.
    #[napi]
    pub fn compile_sync(
        &self,
        bytes: &[u8],
        modules: Vec<&[u8]>,
        overrides: Option<String>,
        options: OptionsGiven,
    ) -> Result<Compiled, Thrown> {
        let given = Given::new(bytes, &modules, overrides);
        let (options, functions) = options::read(options)?;
        let compiled = given.compile(options, &functions).map_err(Failure::from)?;
        Ok(Compiled::new(&self.near, compiled))
    }
}

impl Compiled {
    pub(crate) fn new(near: &Rc<Near>, compiled: CompiledPlugin) -> Compiled {
        Compiled {
            near: Rc::clone(near),
            compiled: RefCell::new(Some(compiled)),
        }
    }

    pub(crate) fn near(&self) -> &Rc<Near> {
        &self.near
    }

    pub(crate) fn get(&self) -> Result<CompiledPlugin, Failure> {
        let compiled = self.compiled.borrow().clone();
        compiled.ok_or_else(|| Failure::closed("compiled plug-in"))
    }
}

#[napi]
impl Compiled {
    /// Makes an instance.
    #[napi]
    pub fn instantiate(&self, call: u32) -> Result<(), Thrown> {
        let compiled = self.get()?;
        let work = move |_: &_| {
            let plugin = Instance::new(&compiled)?;
            Ok(Value::Plugin(Cell::new(Entry::own(plugin))))
        };
        call::start(self.near.far()?, call, None, work)?;
        Ok(())
    }

    /// Makes an instance here and now.
    #[napi]
    pub fn instantiate_sync(&self) -> Result<Plugin, Thrown> {
        let compiled = self.get()?;
        let made = self.near.enter(|| Instance::new(&compiled));
        let plugin = made.map_err(Failure::from)?;
        Ok(Plugin::new(&self.near, Cell::new(Entry::own(plugin))))
    }

    /// Whether instances could be asked for a function of this name.
    #[napi]
    pub fn has_function(&self, name: String) -> Result<bool, Thrown> {
        Ok(self.get()?.has_function(&name))
    }

    /// Lets go of it.
    #[napi]
    pub fn close(&self) {
        drop(self.compiled.take());
    }
}
