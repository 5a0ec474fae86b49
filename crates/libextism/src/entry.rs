//! A plug-in together with what its last call left behind: what a plug-in pointer and a context's
//! handle stand for.
//!
//! Must not know: pointers, locks. Invariant: text and output that were handed out stay where they
//! are until the next operation on this plug-in.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_void};
use std::ptr;

use extism_runtime::{CODE_FAILED, Error, Lease, Outcome, Plugin, Status};

use crate::ffi;
use crate::gate::Refused;
use crate::plugin::error_of;

pub(crate) struct Entry {
    held: Held,
    last: Last,
    /// Whether a panic may have left things in disorder.
    poisoned: bool,
}

/// Where the plug-in comes from and returns to.
enum Held {
    Owned(Plugin),
    Lent(Lease<Plugin, Error>),
}

/// What the last operation left behind.
#[derive(Default)]
struct Last {
    code: i32,
    error: Option<Error>,
    /// The text of `error`, once somebody asked for it.
    text: Option<CString>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.poisoned
            && let Held::Lent(lease) = &mut self.held
        {
            lease.condemn();
        }
    }
}

impl Entry {
    pub(crate) fn owned(plugin: Plugin) -> Entry {
        Entry {
            held: Held::Owned(plugin),
            last: Last::default(),
            poisoned: false,
        }
    }

    pub(crate) fn lent(lease: Lease<Plugin, Error>) -> Entry {
        Entry {
            held: Held::Lent(lease),
            last: Last::default(),
            poisoned: false,
        }
    }

    #[inline]
    pub(crate) fn plugin(&mut self) -> &mut Plugin {
        match &mut self.held {
            Held::Owned(plugin) => plugin,
            Held::Lent(lease) => lease,
        }
    }

    /// A panic may have left things in disorder: a pool lends the plug-in to nobody else.
    pub(crate) fn poison(&mut self) {
        self.poisoned = true;
    }

    /// Lets `with` have the entry, unless that panicked before.
    pub(crate) fn guarded<R>(&mut self, with: impl FnOnce(&mut Entry) -> R) -> Result<R, Error> {
        if self.poisoned {
            return Err(error_of(Refused::Poisoned));
        }
        self.poisoned = true;
        ffi::fire();
        let answer = with(self);
        self.poisoned = false;
        Ok(answer)
    }

    /// Calls a function; answers the code. `context` is what its host functions find.
    #[inline]
    pub(crate) fn call(&mut self, name: &[u8], input: &[u8], context: *mut c_void) -> i32 {
        // The call begins by giving back what the last one left.
        let output = self.output();
        let copy = |bytes: &[u8]| overlap(bytes, output).then(|| bytes.to_vec());
        let (name_copy, input_copy) = (copy(name), copy(input));
        let name = name_copy.as_deref().unwrap_or(name);
        let input = input_copy.as_deref().unwrap_or(input);
        let plugin = self.plugin();
        let outcome = if context.is_null() {
            plugin.call(name, input)
        } else {
            plugin.call_with_pointer(name, input, context)
        };
        self.last.set(outcome)
    }

    /// The last operation failed before the plug-in had a say.
    #[cold]
    pub(crate) fn fail(&mut self, error: Error) -> i32 {
        self.last.set(Outcome {
            code: CODE_FAILED,
            error: Some(error),
        })
    }

    /// Forgets the error of the last operation.
    pub(crate) fn clear_error(&mut self) {
        self.last = Last::default();
    }

    /// Merges a JSON object of strings into the configuration; `null` removes a key.
    pub(crate) fn configure(&mut self, json: &[u8]) -> Result<(), Error> {
        let changes: BTreeMap<String, Option<String>> =
            serde_json::from_slice(json).map_err(|error| {
                Error::with_cause(
                    Status::ManifestSyntax,
                    "the configuration is not valid",
                    error,
                )
            })?;
        self.plugin().configure(changes);
        self.clear_error();
        Ok(())
    }

    /// Whether the plug-in exports a function that can be called.
    pub(crate) fn has_function(&mut self, name: &str) -> bool {
        let has = self.plugin().has_function(name);
        // Last, for the name may be its text.
        self.clear_error();
        has
    }

    /// Wipes what the last call left in the plug-in.
    pub(crate) fn reset(&mut self) {
        self.clear_error();
        self.plugin().reset();
    }

    pub(crate) fn status(&self) -> Status {
        match (&self.last.error, self.last.code) {
            (Some(error), _) => error.status(),
            (None, 0) => Status::Ok,
            (None, _) => Status::GuestError,
        }
    }

    /// The code the plug-in itself returned or exited with; 0 if it did neither.
    pub(crate) fn guest_code(&self) -> i32 {
        match &self.last.error {
            Some(error) => error.guest_code().unwrap_or(0),
            None => self.last.code,
        }
    }

    /// The last operation as an error, if it was none of success.
    pub(crate) fn error(&self) -> Option<Error> {
        let outcome = Outcome {
            code: self.last.code,
            error: self.last.error.clone(),
        };
        outcome.into_error()
    }

    /// What `extism_plugin_error` answers; NULL if nothing is to be said.
    pub(crate) fn error_text(&mut self) -> *const c_char {
        let Some(error) = &self.last.error else {
            return ptr::null();
        };
        let text = self
            .last
            .text
            .get_or_insert_with(|| ffi::c_string(&published_text(error)));
        text.as_ptr()
    }

    pub(crate) fn output(&mut self) -> &[u8] {
        self.plugin().output()
    }
}

impl Last {
    #[inline]
    fn set(&mut self, outcome: Outcome) -> i32 {
        self.code = outcome.code;
        self.error = outcome.error;
        self.text = None;
        self.code
    }
}

/// Whether two ranges share a byte.
#[inline]
fn overlap(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (a.as_ptr_range(), b.as_ptr_range());
    a.start < b.end && b.start < a.end
}

/// The text of an error as the published functions give it: what the guest said, or the outermost
/// message. Causes follow.
pub(crate) fn published_text(error: &Error) -> String {
    match error.status() {
        Status::GuestError => error.message().to_owned(),
        Status::Cancelled => "timeout".to_owned(),
        _ => error.report(),
    }
}
