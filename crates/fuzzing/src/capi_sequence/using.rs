//! Operations on plug-ins that live: calls, variables, configuration, cancelling.
//!
//! Must not know: how objects are made. Invariant: what an operation answers is compared with the model
//! of the plug-in.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::ptr;
use std::thread;

use arbitrary::{Result, Unstructured};
use extism_runtime::Status;

use super::host::{self, Deed, MARK, Visit};
use super::known::{End, KEY, NAMES};
use super::library::{self, NULL, Object};
use super::place::Place;
use super::world::{World, choose};

/// Bytes that a plug-in is given: few, or many, or none.
fn input(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length = *u.choose(&[0, 1, 3, 8, 64, 70_000])?;
    let first: u8 = u.arbitrary()?;
    Ok((0..length)
        .map(|at: u32| first.wrapping_add(at as u8))
        .collect())
}

/// The code, the status, what was said and what came out.
#[track_caller]
fn check(place: Place, code: i32, expected: &End, name: &CStr) {
    assert_eq!(code, expected.code, "{name:?}: {:?}", place.error());
    assert_eq!(place.status(), expected.status.code(), "{name:?}");
    if let Some(output) = &expected.output {
        assert!(place.output() == *output, "the output of {name:?}");
    }
    match expected.status {
        Status::Ok => assert_eq!(place.error(), None, "{name:?}"),
        Status::GuestError if code == 1 => assert_eq!(place.error(), Some(b"n".to_vec())),
        Status::GuestError => assert_eq!(place.error(), None, "{name:?}"),
        _ => assert!(place.error().is_some_and(|text| !text.is_empty())),
    }
    if let Place::Plugin(plugin) = place {
        let own = if code > 0 && code < 134 { code } else { 0 };
        assert_eq!(library::extism_plugin_guest_code(plugin), own, "{name:?}");
    }
}

/// Calls a function, in one of two ways.
pub(super) fn call(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = choose(u, &world.instances)? else {
        return Ok(());
    };
    let (name, input) = (*u.choose(&NAMES)?, input(u)?);
    let instance = &mut world.instances[at];
    let place = instance.place;
    let expected = instance.model.call(name, &input);
    match place {
        Place::Plugin(plugin) if u.arbitrary()? => {
            let (mut code, mut error) = (-9, NULL);
            let bytes = name.to_bytes();
            let status = library::extism_plugin_try_call(
                plugin,
                bytes.as_ptr(),
                bytes.len() as u64,
                input.as_ptr(),
                input.len() as u64,
                NULL,
                &mut code,
                &mut error,
            );
            assert_eq!(
                library::extism_error_guest_code(error) > 0,
                code > 0 && code < 134
            );
            world.settle(status, error, expected.status);
            check(place, code, &expected, name);
        }
        _ => check(place, place.call(name, &input, NULL), &expected, name),
    }
    Ok(())
}

const DEEDS: [Deed; 7] = [
    Deed::Echo,
    Deed::Copy,
    Deed::Fail,
    Deed::AnswerAnotherType,
    Deed::Reenter,
    Deed::Free,
    Deed::CallAnother,
];

/// Calls the function that calls the host, which does one of its deeds.
pub(super) fn visit(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let hosted = |world: &World, from| {
        let mut all = world.instances.iter().enumerate().skip(from);
        all.find(|(_, instance)| instance.model.hosted)
            .map(|(at, _)| at)
    };
    let Some(at) = hosted(world, 0) else {
        return Ok(());
    };
    let place = world.instances[at].place;
    let other = choose(u, &world.instances)?.filter(|other| *other != at);
    let visit = Visit {
        place,
        deed: *u.choose(&DEEDS)?,
        input: input(u)?,
        another: other.map(|other| world.instances[other].place),
        current: Cell::new(NULL),
        complaints: RefCell::default(),
    };
    let pointer = (&raw const visit).cast_mut().cast();
    let code = place.call(c"host", &visit.input, pointer);
    assert_eq!(*visit.complaints.borrow(), [""; 0], "{:?}", visit.deed);
    assert!(!visit.current.get().is_null(), "it was not called");
    let with = |output: Vec<u8>| End::new(0, Status::Ok, Some(output));
    match visit.deed {
        Deed::Free => {
            assert_eq!(code, 0);
            world.forget(at);
        }
        Deed::Copy => {
            let mut output = visit.input.clone();
            output.push(MARK);
            check(place, code, &with(output), c"host");
        }
        Deed::Fail | Deed::AnswerAnotherType => {
            assert_ne!(code, 0, "{:?}", visit.deed);
            assert_eq!(place.status(), Status::HostFunction.code());
            let text = place.error().unwrap_or_default();
            let told = text.windows(14).any(|part| part == b"the host fails");
            assert_eq!(told, visit.deed == Deed::Fail, "{}", text.escape_ascii());
        }
        _ => check(place, code, &with(visit.input.clone()), c"host"),
    }
    stale(visit.current.get());
    Ok(())
}

/// The plug-in that called a host function is as NULL once that has returned.
fn stale(current: Object) {
    assert!(library::extism_current_plugin_host_context(current).is_null());
    assert!(library::extism_current_plugin_memory(current).is_null());
    assert_eq!(library::extism_current_plugin_memory_alloc(current, 8), 0);
    assert_eq!(library::extism_current_plugin_memory_length(current, 16), 0);
    let mut length = 1;
    let block = library::extism_current_plugin_memory_block(current, 16, &mut length);
    assert!(block.is_null() && length == 0);
    library::extism_current_plugin_memory_free(current, 16);
    assert!(!library::extism_current_plugin_must_stop(current));
    assert_eq!(library::extism_current_plugin_time_remaining_ms(current), 0);
    let (text, mut id, mut buffer) = (b"x".as_ptr(), [0; 16], NULL);
    for status in [
        library::extism_current_plugin_fail(current, text, 1),
        library::extism_current_plugin_set_error(current, text, 1),
        library::extism_current_plugin_id(current, id.as_mut_ptr()),
        library::extism_current_plugin_var_get(current, text, 1, &mut buffer),
        library::extism_current_plugin_var_set(current, text, 1, text, 1),
        library::extism_current_plugin_var_remove(current, text, 1),
    ] {
        assert_eq!(status, Status::NullArgument.code());
    }
    assert!(buffer.is_null());
}

/// Changes the configuration, or tries to.
pub(super) fn configure(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = choose(u, &world.instances)? else {
        return Ok(());
    };
    let instance = &mut world.instances[at];
    let place = instance.place;
    let (json, value): (&[u8], Option<&[u8]>) = *u.choose(&[
        (&b"{\"k\":\"value\"}"[..], Some(&b"value"[..])),
        (b"{\"k\":null}", Some(b"")),
        (b"{\"k\":\"\"}", Some(b"")),
        (b"{\"k\":1}", None),
        (b"{", None),
        (b"\xff", None),
        (b"", None),
    ])?;
    assert_eq!(place.configure(json), value.is_some());
    if let Some(value) = value {
        instance.model.config = value.to_vec();
        assert_eq!(place.status(), Status::Ok.code());
    } else {
        assert_eq!(place.status(), Status::ManifestSyntax.code());
        assert!(place.error().is_some());
    }
    Ok(())
}

/// Sets, reads or removes a variable.
pub(super) fn variable(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = choose(u, &world.instances)? else {
        return Ok(());
    };
    let value = input(u)?;
    let instance = &mut world.instances[at];
    let Place::Plugin(plugin) = instance.place else {
        return Ok(());
    };
    let (name, one) = (KEY.as_ptr(), KEY.len() as u64);
    let model = &mut instance.model;
    match u.int_in_range(0..=3)? {
        0 => {
            let (data, length) = (value.as_ptr(), value.len() as u64);
            let status = library::extism_plugin_var_set(plugin, name, one, data, length);
            assert_eq!(status, Status::Ok.code());
            model.var = value;
        }
        1 => {
            let status = library::extism_plugin_var_remove(plugin, name, one);
            assert_eq!(status, Status::Ok.code());
            model.var.clear();
        }
        _ => {
            let mut buffer = NULL;
            let status = library::extism_plugin_var_get(plugin, name, one, &mut buffer);
            assert_eq!(status, Status::Ok.code());
            let length = library::extism_buffer_length(buffer);
            let found = library::bytes_at(library::extism_buffer_data(buffer), length);
            library::extism_buffer_free(buffer);
            assert!(found == model.var || model.used, "the variable");
        }
    }
    Ok(())
}

/// Makes a plug-in as new, wipes it, or asks what does not change it.
pub(super) fn other(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = choose(u, &world.instances)? else {
        return Ok(());
    };
    let instance = &mut world.instances[at];
    let place = instance.place;
    for (name, there) in [(c"echo", true), (c"nothing", false), (c"params", false)] {
        assert_eq!(place.has(name), there, "{name:?}");
    }
    assert_eq!(place.has(c"host"), instance.model.hosted);
    let Place::Plugin(plugin) = place else {
        return Ok(());
    };
    match u.int_in_range(0..=4)? {
        0 => {
            let mut error = NULL;
            let status = library::extism_plugin_renew(plugin, &mut error);
            instance.model.renew();
            instance.model.used = false;
            world.settle(status, error, Status::Ok);
        }
        1 => {
            assert!(library::extism_plugin_reset(plugin));
            assert!(place.output().is_empty());
        }
        2 => library::extism_plugin_allow_http_response_headers(plugin),
        3 => {
            let id = library::bytes_at(library::extism_plugin_id(plugin), 16);
            assert_eq!(id[6] >> 4, 4, "a random UUID");
        }
        _ => sink(world, u, plugin)?,
    }
    Ok(())
}

/// Sets a log sink, or takes it away, or is refused.
fn sink(world: &mut World, u: &mut Unstructured<'_>, plugin: Object) -> Result<()> {
    let level = u.int_in_range(1..=6)?;
    if u.ratio(1, 4)? {
        let set = library::extism_plugin_set_log_sink(plugin, 0, None, NULL, None);
        assert_eq!(set, Status::Ok.code());
        return Ok(());
    }
    let (data, release) = (world.token(), Some(host::release as extern "C" fn(_)));
    let set = library::extism_plugin_set_log_sink(plugin, level, Some(host::sink), data, release);
    let expected = match level {
        0..=4 => Status::Ok,
        _ => Status::InvalidArgument,
    };
    assert_eq!(set, expected.code());
    if expected == Status::Ok {
        world.token_is_taken();
    }
    Ok(())
}

/// Cancels what does not run, and clones and frees handles.
pub(super) fn cancel(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    if let Some(at) = choose(u, &world.handles)?
        && u.arbitrary()?
    {
        // Its plug-in may be gone.
        let _ = library::extism_plugin_cancel(world.handles[at]);
        let handle = world.handles.swap_remove(at);
        library::extism_cancel_handle_free(handle);
        assert!(!library::extism_plugin_cancel(handle), "it was freed");
        return Ok(());
    }
    let Some(at) = choose(u, &world.instances)? else {
        return Ok(());
    };
    let own = world.instances[at].place.cancel_handle();
    assert!(!own.is_null());
    library::extism_cancel_handle_free(own);
    assert!(library::extism_plugin_cancel(own), "it is the plug-in's");
    if super::world::has_room(&world.handles) {
        let clone = library::extism_cancel_handle_clone(own);
        assert!(!clone.is_null() && clone != own);
        world.handles.push(clone);
    }
    Ok(())
}

/// Cancels a call that another thread makes and that would never end; meanwhile the plug-in is in use.
pub(super) fn endless(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = choose(u, &world.instances)? else {
        return Ok(());
    };
    let place = world.instances[at].place;
    let handle = place.cancel_handle();
    let code = thread::scope(|scope| {
        let caller = scope.spawn(move || place.call(c"spin", b"", NULL));
        while !caller.is_finished() {
            probe(place);
            assert!(library::extism_plugin_cancel(handle));
            thread::yield_now();
        }
        caller.join().expect("it does not panic")
    });
    assert_eq!(code, 134);
    // The status of a plug-in may be that of the last try.
    if let Place::Context(..) = place {
        assert_eq!(place.status(), Status::Cancelled.code());
        assert_eq!(place.error(), Some(b"timeout".to_vec()));
    }
    Ok(())
}

/// Tries to call what another thread may be calling.
fn probe(place: Place) {
    // Whoever comes first has a plug-in of a context, and the other one would be told that it is busy.
    let Place::Plugin(plugin) = place else {
        return;
    };
    let (name, nothing) = (b"log", ptr::null());
    let status = library::extism_plugin_try_call(
        plugin,
        name.as_ptr(),
        3,
        nothing,
        0,
        NULL,
        ptr::null_mut(),
        ptr::null_mut(),
    );
    // A cancel may hit this call, if it has begun.
    let possible = [Status::Ok, Status::Busy].map(Status::code);
    assert!(possible.contains(&status), "{status}");
}
