//! Where a plug-in is: behind a pointer, or in a context under a number. What can be done with both is
//! done alike.
//!
//! Must not know: what is expected. Invariant: none.

use std::ffi::{CStr, c_void};

use super::library::{self, NULL, Object};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Plugin(Object),
    Context(Object, i32),
}

// SAFETY: every function of the header may be called from any thread, and who sends a place waits for the
// thread before anything is freed.
unsafe impl Send for Place {}

impl Place {
    pub(super) fn call(self, name: &CStr, input: &[u8], context: *mut c_void) -> i32 {
        let (data, length) = (input.as_ptr(), input.len() as u64);
        match self {
            Place::Plugin(plugin) if context.is_null() => {
                library::extism_plugin_call(plugin, name.as_ptr(), data, length)
            }
            Place::Plugin(plugin) => library::extism_plugin_call_with_host_context(
                plugin,
                name.as_ptr(),
                data,
                length,
                context,
            ),
            Place::Context(arena, number) => library::extism_context_plugin_call(
                arena,
                number,
                name.as_ptr(),
                data,
                length,
                context,
            ),
        }
    }

    pub(super) fn status(self) -> u32 {
        match self {
            Place::Plugin(plugin) => library::extism_plugin_status(plugin),
            Place::Context(context, number) => library::extism_context_status(context, number),
        }
    }

    pub(super) fn error(self) -> Option<Vec<u8>> {
        library::text_at(match self {
            Place::Plugin(plugin) => {
                let text = library::extism_plugin_error(plugin);
                assert_eq!(text, library::extism_error(plugin));
                text
            }
            Place::Context(context, number) => library::extism_context_error(context, number),
        })
    }

    pub(super) fn output(self) -> Vec<u8> {
        match self {
            Place::Plugin(plugin) => {
                let length = library::extism_plugin_output_length(plugin);
                library::bytes_at(library::extism_plugin_output_data(plugin), length)
            }
            Place::Context(context, number) => {
                let length = library::extism_context_plugin_output_length(context, number);
                let data = library::extism_context_plugin_output_data(context, number);
                library::bytes_at(data, length)
            }
        }
    }

    pub(super) fn configure(self, json: &[u8]) -> bool {
        let (data, length) = (json.as_ptr(), json.len() as u64);
        match self {
            Place::Plugin(plugin) => library::extism_plugin_config(plugin, data, length),
            Place::Context(context, number) => {
                library::extism_context_plugin_config(context, number, data, length)
            }
        }
    }

    pub(super) fn has(self, name: &CStr) -> bool {
        match self {
            Place::Plugin(plugin) => library::extism_plugin_function_exists(plugin, name.as_ptr()),
            Place::Context(context, number) => {
                library::extism_context_plugin_function_exists(context, number, name.as_ptr())
            }
        }
    }

    /// The handle that is the plug-in's own.
    pub(super) fn cancel_handle(self) -> Object {
        match self {
            Place::Plugin(plugin) => library::extism_plugin_cancel_handle(plugin),
            Place::Context(context, number) => {
                library::extism_context_plugin_cancel_handle(context, number)
            }
        }
    }

    pub(super) fn free(self) {
        match self {
            Place::Plugin(plugin) => library::extism_plugin_free(plugin),
            Place::Context(context, number) => {
                library::extism_context_plugin_free(context, number);
            }
        }
    }

    /// The context it is in; NULL if it is in none.
    pub(super) fn context(self) -> Object {
        match self {
            Place::Plugin(_) => NULL,
            Place::Context(context, _) => context,
        }
    }
}
