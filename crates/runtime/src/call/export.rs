//! The functions a plug-in exports, found once and then called without looking them up.

use std::collections::HashMap;

use wasmtime::{Extern, Func, Instance, Store, TypedFunc};

use crate::Status;
use crate::error::Error;
use crate::state::State;

/// An export that can be called.
#[derive(Clone)]
pub(crate) enum Export {
    /// `() -> i32`: returns a code.
    Code(TypedFunc<(), i32>),
    /// `() -> ()`.
    Unit(TypedFunc<(), ()>),
    /// One result that is no code, `() -> i64` for example.
    Other(Func),
}

/// What a command module is entered by.
pub(crate) const START: &str = "_start";

/// The exports of one instance that were called before.
#[derive(Default)]
pub(crate) struct Exports {
    known: Vec<(Box<str>, Export)>,
    by_name: HashMap<Box<str>, usize>,
    last: usize,
}

impl Exports {
    /// The export of this name, if it can be called. Only names that are new have to be looked at
    /// more closely than for being the last one.
    #[inline]
    pub(crate) fn find(
        &mut self,
        store: &mut Store<State>,
        instance: &Instance,
        name: &[u8],
    ) -> Result<&Export, Error> {
        match self.known.get(self.last) {
            Some((known, _)) if known.as_bytes() == name => {}
            _ => self.last = self.search(store, instance, name)?,
        }
        // Both ways lead to an index below the length.
        Ok(&self.known[self.last].1)
    }

    fn search(
        &mut self,
        store: &mut Store<State>,
        instance: &Instance,
        name: &[u8],
    ) -> Result<usize, Error> {
        let name = std::str::from_utf8(name)
            .map_err(|error| Error::new(Status::InvalidUtf8, error.to_string()))?;
        if let Some(index) = self.by_name.get(name) {
            return Ok(*index);
        }
        let export = resolve(store, instance, name)?;
        let index = self.known.len();
        self.known.push((name.into(), export));
        self.by_name.insert(name.into(), index);
        Ok(index)
    }
}

fn resolve(store: &mut Store<State>, instance: &Instance, name: &str) -> Result<Export, Error> {
    let Some(Extern::Func(function)) = instance.get_export(&mut *store, name) else {
        let text = format!("Function not found: {name}");
        return Err(Error::new(Status::FunctionNotFound, text));
    };
    let ty = function.ty(&*store);
    let (params, results) = (ty.params().len(), ty.results().len());
    if results > 1 {
        let text = format!("Function {name} has {results} results, expected 0 or 1");
        return Err(Error::new(Status::FunctionType, text));
    }
    if params > 0 {
        let text = format!("expected {params} arguments, got 0");
        return Err(Error::new(Status::FunctionType, text));
    }
    if let Ok(function) = function.typed(&*store) {
        return Ok(Export::Code(function));
    }
    if let Ok(function) = function.typed(&*store) {
        return Ok(Export::Unit(function));
    }
    Ok(Export::Other(function))
}
