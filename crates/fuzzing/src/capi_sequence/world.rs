//! The live objects of a sequence, and what is known of them.
//!
//! Must not know: operations. Invariant: what is in a table is alive, and freed once; at the end nothing is.

use std::ffi::c_void;
use std::sync::atomic::Ordering;

use arbitrary::{Result, Unstructured};
use extism_runtime::Status;

use super::host::{self, Token};
use super::known::Model;
use super::library::{self, NULL, Numbers, Object};
use super::place::Place;

/// How many objects of a kind there are at most.
const OBJECTS_MAX: usize = 4;

pub(super) struct Function {
    pub(super) object: Object,
    /// Whether a plug-in took it.
    pub(super) taken: bool,
}

pub(super) struct Compiled {
    pub(super) object: Object,
    pub(super) hosted: bool,
}

pub(super) struct Pool {
    pub(super) object: Object,
    pub(super) hosted: bool,
    pub(super) instances_max: u64,
    /// No other pool of the sequence has it.
    pub(super) number: usize,
    pub(super) made: bool,
}

pub(super) struct Instance {
    pub(super) place: Place,
    pub(super) model: Model,
    /// The pool it is borrowed from.
    pub(super) pool: Option<usize>,
}

impl Instance {
    /// Another plug-in has its number.
    pub(super) fn replace(&mut self, hosted: bool) {
        (self.model.hosted, self.model.used) = (hosted, false);
        self.model.renew();
        self.pool = None;
    }
}

#[derive(Default)]
pub(super) struct World {
    pub(super) functions: Vec<Function>,
    pub(super) compiled: Vec<Compiled>,
    pub(super) instances: Vec<Instance>,
    pub(super) contexts: Vec<Object>,
    pub(super) pools: Vec<Pool>,
    pub(super) pools_made: usize,
    pub(super) handles: Vec<Object>,
    pub(super) buffers: Vec<Object>,
    pub(super) errors: Vec<Object>,
    /// Numbers of plug-ins that were freed, in contexts that live.
    pub(super) gone: Vec<(Object, i32)>,
    tokens: Vec<(Box<Token>, Owner)>,
}

/// Who releases user data.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Owner {
    Library,
    Caller,
}

/// Whether a table has room.
pub(super) fn has_room<T>(table: &[T]) -> bool {
    table.len() < OBJECTS_MAX
}

/// A place in a table; `None` if it is empty.
pub(super) fn choose<T>(u: &mut Unstructured<'_>, table: &[T]) -> Result<Option<usize>> {
    match table.len() {
        0 => Ok(None),
        count => u.int_in_range(0..=count - 1).map(Some),
    }
}

impl World {
    /// User data that is the caller's as yet; its pointer is valid until the end.
    pub(super) fn token(&mut self) -> *mut c_void {
        let token = Box::<Token>::default();
        let pointer: *const Token = &raw const *token;
        self.tokens.push((token, Owner::Caller));
        pointer.cast_mut().cast()
    }

    /// The library has taken the user data that was made last.
    pub(super) fn token_is_taken(&mut self) {
        let last = self.tokens.last_mut().expect("one was made");
        last.1 = Owner::Library;
    }

    /// A function that can be handed over, or a new one.
    pub(super) fn function(&mut self) -> usize {
        if let Some(at) = self.functions.iter().position(|function| !function.taken) {
            return at;
        }
        let data = self.token();
        let types = [library::I64];
        let object = library::extism_function_new(
            c"host".as_ptr(),
            types.as_ptr(),
            1,
            types.as_ptr(),
            1,
            Some(host::host),
            data,
            Some(host::release),
        );
        assert!(!object.is_null(), "a function can be made");
        self.token_is_taken();
        self.functions.push(Function {
            object,
            taken: false,
        });
        self.functions.len() - 1
    }

    pub(super) fn add(&mut self, place: Place, hosted: bool, pool: Option<usize>) {
        let model = Model {
            hosted,
            used: pool.is_some(),
            ..Model::default()
        };
        self.instances.push(Instance { place, model, pool });
    }

    /// A plug-in has the status, and an error is there if and only if that is none of success; it is kept
    /// or freed.
    #[track_caller]
    pub(super) fn settle(&mut self, status: u32, error: Object, expected: Status) {
        assert_eq!(status, expected.code(), "{expected:?} was expected");
        assert_eq!(error.is_null(), expected == Status::Ok, "the error");
        if error.is_null() {
            return;
        }
        assert_eq!(library::extism_error_status(error), status);
        let message = library::text_at(library::extism_error_message(error));
        let report = library::text_at(library::extism_error_report(error));
        let (message, report) = (message.expect("a message"), report.expect("a report"));
        assert!(report.starts_with(&message), "{report:?}");
        match has_room(&self.errors) {
            true => self.errors.push(error),
            false => library::extism_error_free(error),
        }
    }

    pub(super) fn free_context(&mut self, at: usize) {
        let context = self.contexts.swap_remove(at);
        library::extism_context_free(context);
        self.forget_context(context);
        self.gone.retain(|(other, _)| *other != context);
    }

    /// The plug-ins of a context are gone.
    pub(super) fn forget_context(&mut self, context: Object) {
        for instance in &self.instances {
            if let Place::Context(other, number) = instance.place
                && other == context
            {
                self.gone.push((context, number));
            }
        }
        self.instances
            .retain(|instance| instance.place.context() != context);
    }

    /// A plug-in was freed.
    pub(super) fn forget(&mut self, at: usize) {
        let instance = self.instances.swap_remove(at);
        if let Place::Context(context, number) = instance.place {
            self.gone.push((context, number));
        }
    }

    /// Frees everything, pools first or last, and looks at what is left.
    pub(super) fn end(mut self, pools_first: bool) {
        if pools_first {
            self.free_pools();
        }
        for instance in std::mem::take(&mut self.instances) {
            instance.place.free();
        }
        self.free_pools();
        let each = |objects: &[Object], free: fn(Object)| objects.iter().for_each(|one| free(*one));
        each(&self.contexts, library::extism_context_free);
        each(&self.handles, library::extism_cancel_handle_free);
        each(&self.buffers, library::extism_buffer_free);
        each(&self.errors, library::extism_error_free);
        for compiled in &self.compiled {
            library::extism_compiled_plugin_free(compiled.object);
        }
        for function in &self.functions {
            library::extism_function_free(function.object);
        }
        let mut stats: Numbers = [u64::MAX; 40];
        stats[0] = size_of::<Numbers>() as u64;
        let status = library::extism_stats(&mut stats);
        assert_eq!(status, Status::Ok.code());
        assert_eq!(
            stats[1..5],
            [0; 4],
            "plug-ins, compiled, functions, handles are left"
        );
        for (token, owner) in &self.tokens {
            let released = token.released.load(Ordering::Relaxed);
            assert_eq!(released, u32::from(*owner == Owner::Library), "releases");
            assert_eq!(token.wrong.load(Ordering::Relaxed), 0, "how it was used");
        }
    }

    fn free_pools(&mut self) {
        for pool in std::mem::take(&mut self.pools) {
            library::extism_pool_free(pool.object);
        }
    }

    /// An object of any kind, and which; NULL is of none.
    pub(super) fn any(&self, u: &mut Unstructured<'_>) -> Result<(Object, Kind)> {
        let mut all = vec![(NULL, Kind::Nothing)];
        all.extend(
            self.functions
                .iter()
                .map(|one| (one.object, Kind::Function)),
        );
        all.extend(self.compiled.iter().map(|one| (one.object, Kind::Compiled)));
        all.extend(self.contexts.iter().map(|one| (*one, Kind::Context)));
        all.extend(self.pools.iter().map(|one| (one.object, Kind::Pool)));
        all.extend(self.buffers.iter().map(|one| (*one, Kind::Buffer)));
        all.extend(self.errors.iter().map(|one| (*one, Kind::Error)));
        all.extend(self.instances.iter().filter_map(|one| match one.place {
            Place::Plugin(plugin) => Some((plugin, Kind::Plugin)),
            Place::Context(..) => None,
        }));
        Ok(*u.choose(&all)?)
    }
}

/// Kinds of objects that the library can tell apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Nothing,
    Function,
    Compiled,
    Plugin,
    Context,
    Pool,
    Buffer,
    Error,
}
