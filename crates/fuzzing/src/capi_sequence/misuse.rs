//! Operations that no correct program would do: NULL and objects of another kind where an object must be,
//! lengths no object can have, texts that are none, numbers of plug-ins that are gone.
//!
//! Must not know: what the other operations did. Invariant: each is answered by the failure the header
//! documents, and changes nothing.

use std::ptr;

use arbitrary::{Result, Unstructured};
use extism_runtime::Status;

use super::host;
use super::known::PLAIN;
use super::library::*;
use super::place::Place;
use super::world::{Kind, World, choose};

const NULL_ARGUMENT: u32 = Status::NullArgument.code();

/// Passes an object to functions of all other kinds.
pub(super) fn kinds(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let (object, kind) = world.any(u)?;
    if kind != Kind::Function {
        extism_function_set_namespace(object, c"other".as_ptr());
        extism_function_free(object);
    }
    if kind != Kind::Error {
        assert_eq!(extism_error_status(object), NULL_ARGUMENT);
        assert_eq!(extism_error_guest_code(object), 0);
        assert!(extism_error_message(object).is_null());
        assert!(extism_error_report(object).is_null());
        extism_error_free(object);
    }
    if kind != Kind::Buffer {
        assert!(extism_buffer_data(object).is_null());
        assert_eq!(extism_buffer_length(object), 0);
        extism_buffer_free(object);
    }
    if kind != Kind::Compiled {
        no_compiled(world, object);
    }
    if kind != Kind::Pool {
        let mut out = NULL;
        let status = extism_pool_get(object, 0, &mut out, ptr::null_mut());
        assert_eq!((status, out), (NULL_ARGUMENT, NULL));
        let mut stats: Numbers = [56; 40];
        assert_eq!(extism_pool_stats(object, &mut stats), NULL_ARGUMENT);
        extism_pool_free(object);
    }
    if kind != Kind::Context {
        no_context(object);
    }
    if kind != Kind::Plugin {
        no_plugin(world, object);
    }
    // Addresses are no numbers of handles, nor of plug-ins that call a host function.
    assert!(!extism_plugin_cancel(object));
    assert!(extism_cancel_handle_clone(object).is_null());
    extism_cancel_handle_free(object);
    assert_eq!(extism_current_plugin_memory_alloc(object, 1), 0);
    Ok(())
}

fn no_compiled(world: &mut World, object: Object) {
    let (mut out, mut error) = (NULL, NULL);
    let status = extism_plugin_create(object, &mut out, &mut error);
    world.settle(status, error, Status::NullArgument);
    let status = extism_pool_new(object, ptr::null(), &mut out, ptr::null_mut());
    assert_eq!((status, out), (NULL_ARGUMENT, NULL));
    let mut text = NULL;
    assert!(extism_plugin_new_from_compiled(object, &mut text).is_null());
    assert!(!text.is_null());
    extism_plugin_new_error_free(text);
    extism_compiled_plugin_free(object);
}

fn no_context(object: Object) {
    let (text, size) = (PLAIN.as_ptr(), PLAIN.len() as u64);
    let made = extism_context_plugin_new(object, text, size, ptr::null_mut(), 0, false);
    assert_eq!(made, -1);
    let place = Place::Context(object, 0);
    assert_eq!(place.call(c"echo", b"", NULL), -1);
    assert_eq!(place.status(), NULL_ARGUMENT);
    assert_eq!(place.error(), None);
    assert!(!place.has(c"echo") && !place.configure(b"{}"));
    assert!(place.cancel_handle().is_null());
    assert!(extism_context_plugin_output_data(object, 0).is_null());
    place.free();
    extism_context_reset(object);
    extism_context_free(object);
}

fn no_plugin(world: &mut World, object: Object) {
    let place = Place::Plugin(object);
    assert_eq!(place.call(c"echo", b"", NULL), -1);
    assert_eq!(place.status(), NULL_ARGUMENT);
    assert_eq!(place.error(), None);
    assert_eq!(extism_plugin_guest_code(object), 0);
    assert_eq!(extism_plugin_output_length(object), 0);
    assert!(extism_plugin_output_data(object).is_null() && extism_plugin_id(object).is_null());
    assert!(!place.has(c"echo") && !place.configure(b"{}"));
    assert!(!extism_plugin_reset(object));
    assert!(place.cancel_handle().is_null());
    let mut error = NULL;
    let status = extism_plugin_renew(object, &mut error);
    world.settle(status, error, Status::NullArgument);
    let mut number = 1;
    assert!(!extism_plugin_fuel_consumed(object, &mut number));
    assert_eq!(number, 0);
    let mut buffer = NULL;
    let status = extism_plugin_var_get(object, b"k".as_ptr(), 1, &mut buffer);
    assert_eq!((status, buffer), (NULL_ARGUMENT, NULL));
    let status = extism_plugin_var_remove(object, b"k".as_ptr(), 1);
    assert_eq!(status, NULL_ARGUMENT);
    let (data, release) = (world.token(), Some(host::release as extern "C" fn(_)));
    let status = extism_plugin_set_log_sink(object, 2, Some(host::sink), data, release);
    assert_eq!(status, NULL_ARGUMENT);
    extism_plugin_allow_http_response_headers(object);
    place.free();
}

/// Passes lengths and texts that are none to a plug-in.
pub(super) fn lengths(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = choose(u, &world.instances)? else {
        return Ok(());
    };
    let Place::Plugin(plugin) = world.instances[at].place else {
        return Ok(());
    };
    let huge = *u.choose(&[u64::MAX, 1 << 63, u64::MAX / 2 + 1])?;
    let (some, none) = (b"x".as_ptr(), ptr::null());
    let echo = c"echo".as_ptr();
    let failed = |code: i32, status: Status| {
        assert_eq!(code, -1);
        assert_eq!(extism_plugin_status(plugin), status.code());
    };
    let null = Status::NullArgument;
    failed(
        extism_plugin_call(plugin, echo, some, huge),
        Status::InvalidArgument,
    );
    failed(extism_plugin_call(plugin, echo, none, 1), null);
    failed(extism_plugin_call(plugin, ptr::null(), some, 1), null);
    let configured =
        [(some, huge), (none, 1)].map(|(json, size)| extism_plugin_config(plugin, json, size));
    assert_eq!(configured, [false; 2]);
    let status =
        |name, length, value, bytes| extism_plugin_var_set(plugin, name, length, value, bytes);
    assert_eq!(status(some, huge, some, 1), Status::InvalidArgument.code());
    assert_eq!(status(some, 1, some, huge), Status::InvalidArgument.code());
    assert_eq!(status(none, 1, some, 1), NULL_ARGUMENT);
    assert_eq!(
        status(b"\xff".as_ptr(), 1, some, 1),
        Status::InvalidUtf8.code()
    );
    let got = extism_plugin_var_get(plugin, some, 1, ptr::null_mut());
    assert_eq!(got, NULL_ARGUMENT);
    let mut error = NULL;
    let compiled = extism_compile(ptr::null(), some, huge, ptr::null_mut(), &mut error);
    world.settle(compiled, error, Status::NullArgument);
    let mut out = NULL;
    let mut error = NULL;
    let compiled = extism_compile(ptr::null(), some, huge, &mut out, &mut error);
    world.settle(compiled, error, Status::InvalidArgument);
    Ok(())
}

/// Uses plug-ins of contexts after they were freed, and numbers that never were any.
pub(super) fn numbers(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let gone = choose(u, &world.gone)?.map(|at| world.gone[at]);
    let never = choose(u, &world.contexts)?.map(|at| world.contexts[at]);
    let never = never.map(|context| (context, i32::MAX));
    for (context, number) in gone.into_iter().chain(never) {
        let place = Place::Context(context, number);
        assert_eq!(place.call(c"echo", b"", NULL), -1);
        assert_eq!(place.status(), Status::BadHandle.code());
        assert!(place.error().is_some());
        assert!(!place.has(c"echo") && !place.configure(b"{}"));
        assert!(place.cancel_handle().is_null());
        assert_eq!(extism_context_plugin_output_length(context, number), 0);
        let mut buffer = NULL;
        let copied = extism_context_plugin_output(context, number, &mut buffer);
        assert_eq!((copied, buffer), (Status::BadHandle.code(), NULL));
        place.free();
        assert_eq!(extism_context_status(context, -1), Status::BadHandle.code());
    }
    Ok(())
}

/// Asks the library about itself.
pub(super) fn library(_: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let number = u.int_in_range(0..=1_000)?;
    let name = text_at(extism_status_name(number)).unwrap_or_default();
    let known = Status::ALL.iter().any(|status| status.code() == number);
    assert_eq!(name != b"UNKNOWN", known, "{number}");
    assert!(text_at(extism_status_description(number)).is_some_and(|text| !text.is_empty()));
    assert!(text_at(extism_version()).is_some_and(|text| text.starts_with(b"1.")));
    assert!(extism_abi_version() >= 1);
    let size = *u.choose(&[0, 1, 7, 8, 12, 16, 320, 4_104, u64::MAX])?;
    let valid = (8..=4_096).contains(&size) && size.is_multiple_of(8);
    let expected = if valid {
        Status::Ok
    } else {
        Status::InvalidArgument
    };
    for fill in [extism_limits_default, extism_limits_untrusted, extism_stats] {
        let mut numbers: Numbers = [77; 40];
        numbers[0] = size;
        assert_eq!(fill(&mut numbers), expected.code(), "{size}");
        assert_eq!(numbers[0], size, "the size is the caller's");
        let untouched = (size / 8).min(40) as usize;
        let beyond = if valid { untouched } else { 1 };
        assert!(numbers[beyond..].iter().all(|number| *number == 77));
        assert_eq!(fill(ptr::null_mut()), NULL_ARGUMENT);
    }
    // Nothing is logged here, and there is no such folder.
    assert!(!extism_log_file(
        c"/nowhere/at/all".as_ptr(),
        c"off".as_ptr()
    ));
    assert!(!extism_log_custom(c"\xff".as_ptr()));
    extism_log_drain(Some(host::line));
    extism_log_drain(None);
    Ok(())
}
