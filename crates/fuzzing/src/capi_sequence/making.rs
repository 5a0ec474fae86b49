//! Operations that make objects and free them.
//!
//! Must not know: calls. Invariant: each operation is valid but for one fault at most, so that its status
//! is known.

use std::ptr;

use arbitrary::{Result, Unstructured};
use extism_runtime::Status;

use super::host;
use super::known::{HOSTED, PLAIN};
use super::library::{self, NULL, Numbers, Object, Options};
use super::place::Place;
use super::world::{Compiled, Pool, World, choose, has_room};

/// Makes a function, frees one, or is refused.
pub(super) fn function(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    match u.int_in_range(0..=3)? {
        0 if has_room(&world.functions) => {
            world.function();
        }
        1 => {
            if let Some(at) = choose(u, &world.functions)? {
                library::extism_function_free(world.functions.swap_remove(at).object);
            }
        }
        2 => {
            if let Some(at) = choose(u, &world.functions)? {
                let name = c"extism:host/user";
                library::extism_function_set_namespace(world.functions[at].object, name.as_ptr());
            }
        }
        _ => {
            let data = world.token();
            let fault = u.int_in_range(0..=4)?;
            let names = [c"host".as_ptr(), ptr::null(), c"\xff".as_ptr()];
            let types = [library::I64, u.int_in_range(4..=u32::MAX)?];
            let refused = library::extism_function_new(
                names[if fault < 2 { fault + 1 } else { 0 }],
                types.as_ptr(),
                [1, 1, 2, 1_001, 1][fault],
                types.as_ptr(),
                1,
                (fault != 4).then_some(host::host),
                data,
                Some(host::release),
            );
            assert!(refused.is_null(), "fault {fault}");
        }
    }
    Ok(())
}

/// What is wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Nothing,
    /// The bytes are no plug-in.
    Text,
    /// The struct cannot have that size.
    Size,
    /// The struct has a field the library does not know.
    Newer,
    Flags,
    /// A function the plug-in imports is not given.
    NotGiven,
    /// A function was taken by another plug-in before.
    Taken,
    NullFunction,
}

const FAULTS: [Fault; 8] = [
    Fault::Nothing,
    Fault::Text,
    Fault::Size,
    Fault::Newer,
    Fault::Flags,
    Fault::NotGiven,
    Fault::Taken,
    Fault::NullFunction,
];

/// What a plug-in is made from, whatever function makes it.
struct Source {
    text: &'static str,
    hosted: bool,
    fault: Fault,
    list: Vec<Object>,
    /// Which of the functions is in the list.
    function: Option<usize>,
}

/// Texts that are no plug-in, and what is said of them.
const BROKEN: [(&str, Status); 4] = [
    ("{}", Status::NoModules),
    ("(module", Status::ModuleInvalid),
    ("\0asm\x01\0\0\0\x7f", Status::ModuleInvalid),
    ("{\"wasm\": 1}", Status::ManifestField),
];

impl Source {
    fn new(world: &mut World, u: &mut Unstructured<'_>, faults: &[Fault]) -> Result<Source> {
        let mut source = Source {
            text: &PLAIN,
            hosted: u.arbitrary()?,
            fault: Fault::Nothing,
            list: Vec::new(),
            function: None,
        };
        if u.ratio(1, 3)? {
            source.fault = *u.choose(faults)?;
        }
        let taken = world.functions.iter().position(|function| function.taken);
        match source.fault {
            Fault::Text => source.text = BROKEN[0].0,
            Fault::NullFunction => source.list.push(NULL),
            Fault::Taken => match taken {
                Some(at) => source.list.push(world.functions[at].object),
                None => source.fault = Fault::Nothing,
            },
            _ => {}
        }
        let spare = world.functions.iter().any(|function| !function.taken);
        source.hosted &= spare || has_room(&world.functions);
        if source.fault == Fault::NotGiven {
            (source.hosted, source.text) = (true, &HOSTED);
        } else if source.hosted {
            if source.fault != Fault::Text {
                source.text = &HOSTED;
            }
            let at = world.function();
            // In front of what is wrong with the list, so that it has to be given back.
            source.list.insert(0, world.functions[at].object);
            source.function = Some(at);
        }
        Ok(source)
    }

    fn status(&self) -> Status {
        match self.fault {
            Fault::Nothing => Status::Ok,
            Fault::Text => Status::NoModules,
            Fault::Size | Fault::Newer | Fault::Flags => Status::InvalidArgument,
            Fault::NotGiven => Status::ImportUnknown,
            Fault::Taken => Status::AlreadyUsed,
            Fault::NullFunction => Status::NullArgument,
        }
    }

    /// Passes it to one of the published functions, which take the functions unless their list is refused.
    fn publish<T>(
        mut self,
        world: &mut World,
        make: impl FnOnce((*const u8, u64), (*mut Object, u64)) -> T,
    ) -> (T, Status, bool) {
        let text = (self.text.as_ptr(), self.text.len() as u64);
        let list = (self.list.as_mut_ptr(), self.list.len() as u64);
        let made = make(text, list);
        let status = self.status();
        if let Some(at) = self.function
            && !matches!(status, Status::AlreadyUsed | Status::NullArgument)
        {
            world.functions[at].taken = true;
        }
        (made, status, self.hosted)
    }
}

/// The faults the published functions can have: they have no options.
const PUBLISHED: [Fault; 4] = [
    Fault::Text,
    Fault::NotGiven,
    Fault::Taken,
    Fault::NullFunction,
];

/// As good as without an end.
const FUEL: u64 = 1 << 40;

/// Compiles, by one of three functions, or frees what was compiled.
pub(super) fn compile(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    if !has_room(&world.compiled) || u.ratio(1, 5)? {
        if let Some(at) = choose(u, &world.compiled)? {
            library::extism_compiled_plugin_free(world.compiled.swap_remove(at).object);
        }
        return Ok(());
    }
    let way = u.int_in_range(0..=3)?;
    if way >= 2 {
        return compile_with_options(world, u);
    }
    let source = Source::new(world, u, &PUBLISHED)?;
    let mut text = NULL;
    let (object, status, hosted) = source.publish(world, |(wasm, size), (list, count)| {
        if way == 0 {
            library::extism_compiled_plugin_new(wasm, size, list, count, false, &mut text)
        } else {
            library::extism_compiled_plugin_new_with_fuel_limit(
                wasm, size, list, count, false, FUEL, &mut text,
            )
        }
    });
    told(object.is_null(), text, status);
    if !object.is_null() {
        world.compiled.push(Compiled { object, hosted });
    }
    Ok(())
}

/// A published function failed if and only if it should, and said why.
#[track_caller]
fn told(failed: bool, text: Object, expected: Status) {
    assert_eq!(failed, expected != Status::Ok, "{expected:?} was expected");
    assert_eq!(failed, !text.is_null(), "the text");
    assert_ne!(library::text_at(text.cast()), Some(Vec::new()), "the text");
    library::extism_plugin_new_error_free(text);
}

const SIZE: u64 = (size_of::<Options>() - 16) as u64;

fn compile_with_options(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let mut source = Source::new(world, u, &FAULTS)?;
    if source.fault == Fault::Text {
        source.text = u.choose(&BROKEN)?.0;
    }
    let mut limits: Numbers = [0; 40];
    limits[0] = size_of::<Numbers>() as u64;
    let filled = library::extism_limits_untrusted(&mut limits);
    assert_eq!(filled, Status::Ok.code());
    let with_sink = u.arbitrary()?;
    let options = Options {
        size: match source.fault {
            Fault::Size => *u.choose(&[0, 4, 7, 12, 4_104, u64::MAX])?,
            Fault::Newer => SIZE + 16,
            _ => SIZE + 8 * u.int_in_range(0..=2)?,
        },
        flags: match source.fault {
            Fault::Flags => 1 << u.int_in_range(7..=63)?,
            // WASI, headers, no rewriting, pointers in manifests.
            _ => *u.choose(&[0, 1, 4, 32, 64, 101])?,
        },
        functions: source.list.as_mut_ptr(),
        n_functions: source.list.len() as u64,
        limits: if u.arbitrary()? {
            &raw const limits
        } else {
            ptr::null()
        },
        fuel: if u.arbitrary()? { FUEL } else { 0 },
        fuel_for_start: 0,
        cache_config: ptr::null(),
        wasi_args: ptr::null(),
        n_wasi_args: 0,
        wasi_env: ptr::null(),
        n_wasi_env: 0,
        log_level: 2,
        log_sink: if with_sink { Some(host::sink) } else { None },
        log_user_data: if with_sink { world.token() } else { NULL },
        free_log_user_data: Some(host::release),
        more: [0, u64::from(source.fault == Fault::Newer)],
    };
    let (wasm, size) = (source.text.as_ptr(), source.text.len() as u64);
    let (mut object, mut error) = (NULL, NULL);
    let status = library::extism_compile(&options, wasm, size, &mut object, &mut error);
    let broken = BROKEN.iter().find(|(text, _)| *text == source.text);
    let expected = broken.map_or(source.status(), |(_, status)| *status);
    world.settle(status, error, expected);
    assert_eq!(object.is_null(), status != 0);
    if status != 0 {
        return Ok(());
    }
    if with_sink {
        world.token_is_taken();
    }
    if let Some(at) = source.function {
        world.functions[at].taken = true;
    }
    let hosted = source.hosted;
    world.compiled.push(Compiled { object, hosted });
    Ok(())
}

/// Makes a plug-in from bytes, or frees one.
pub(super) fn plugin(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    if !has_room(&world.instances) || u.ratio(1, 4)? {
        if let Some(at) = choose(u, &world.instances)? {
            world.instances[at].place.free();
            world.forget(at);
        }
        return Ok(());
    }
    let with_fuel = u.arbitrary()?;
    let source = Source::new(world, u, &PUBLISHED)?;
    let mut text = NULL;
    let (plugin, status, hosted) = source.publish(world, |(wasm, size), (list, count)| {
        if with_fuel {
            library::extism_plugin_new_with_fuel_limit(
                wasm, size, list, count, false, FUEL, &mut text,
            )
        } else {
            library::extism_plugin_new(wasm, size, list, count, false, &mut text)
        }
    });
    told(plugin.is_null(), text, status);
    if !plugin.is_null() {
        world.add(Place::Plugin(plugin), hosted, None);
        let mut fuel = 0;
        let counted = library::extism_plugin_fuel_consumed(plugin, &mut fuel);
        assert_eq!((counted, fuel), (with_fuel, 0));
    }
    Ok(())
}

/// Makes an instance of what was compiled.
pub(super) fn create(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = choose(u, &world.compiled)? else {
        return Ok(());
    };
    if !has_room(&world.instances) {
        return Ok(());
    }
    let Compiled { object, hosted } = world.compiled[at];
    let (mut plugin, mut error) = (NULL, NULL);
    if u.arbitrary()? {
        let status = library::extism_plugin_create(object, &mut plugin, &mut error);
        world.settle(status, error, Status::Ok);
    } else {
        plugin = library::extism_plugin_new_from_compiled(object, &mut error);
        told(plugin.is_null(), error, Status::Ok);
    }
    world.add(Place::Plugin(plugin), hosted, None);
    Ok(())
}

/// Makes a context, empties one, or frees one.
pub(super) fn context(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let at = choose(u, &world.contexts)?;
    match (u.int_in_range(0..=3)?, at) {
        (0, Some(at)) => world.free_context(at),
        (1, Some(at)) => {
            library::extism_context_reset(world.contexts[at]);
            world.forget_context(world.contexts[at]);
        }
        _ if has_room(&world.contexts) => {
            let context = library::extism_context_new();
            assert!(!context.is_null());
            world.contexts.push(context);
        }
        _ => {}
    }
    Ok(())
}

/// Puts a plug-in into a context, in one of five ways.
pub(super) fn contained(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = choose(u, &world.contexts)? else {
        return Ok(());
    };
    let context = world.contexts[at];
    let inside = |world: &World| {
        let mut all = world.instances.iter();
        all.position(|instance| instance.place.context() == context)
    };
    match u.int_in_range(0..=4)? {
        0 if has_room(&world.instances) => {
            let source = Source::new(world, u, &PUBLISHED)?;
            let (number, status, hosted) = source.publish(world, |(wasm, size), (list, count)| {
                library::extism_context_plugin_new(context, wasm, size, list, count, false)
            });
            assert_eq!(number == -1, status != Status::Ok, "{status:?}");
            if number >= 0 {
                world.add(Place::Context(context, number), hosted, None);
            } else {
                assert_eq!(library::extism_context_status(context, -1), status.code());
            }
        }
        1 if has_room(&world.instances) => {
            if let Some(at) = choose(u, &world.compiled)? {
                let Compiled { object, hosted } = world.compiled[at];
                let (mut number, mut error) = (-2, NULL);
                let status =
                    library::extism_context_plugin_create(context, object, &mut number, &mut error);
                world.settle(status, error, Status::Ok);
                world.add(Place::Context(context, number), hosted, None);
            }
        }
        2 => {
            if let (Some(at), Some(from)) = (inside(world), choose(u, &world.compiled)?) {
                let Compiled { object, hosted } = world.compiled[from];
                let mut error = NULL;
                let number = number(world.instances[at].place);
                let status =
                    library::extism_context_plugin_replace(context, number, object, &mut error);
                world.settle(status, error, Status::Ok);
                world.instances[at].replace(hosted);
            }
        }
        3 => {
            if let Some(at) = inside(world) {
                let number = number(world.instances[at].place);
                let source = Source::new(world, u, &PUBLISHED)?;
                let (updated, status, hosted) = source.publish(world, |wasm, list| {
                    library::extism_context_plugin_update(
                        context, number, wasm.0, wasm.1, list.0, list.1, false,
                    )
                });
                assert_eq!(updated, status == Status::Ok, "{status:?}");
                if updated {
                    world.instances[at].replace(hosted);
                }
            }
        }
        _ => insert(world, u, context)?,
    }
    Ok(())
}

fn number(place: Place) -> i32 {
    match place {
        Place::Context(_, number) => number,
        Place::Plugin(_) => -1,
    }
}

fn insert(world: &mut World, u: &mut Unstructured<'_>, context: Object) -> Result<()> {
    let Some(at) = choose(u, &world.instances)? else {
        return Ok(());
    };
    let Place::Plugin(plugin) = world.instances[at].place else {
        return Ok(());
    };
    let (mut number, mut error) = (-2, NULL);
    let status = library::extism_context_plugin_insert(context, plugin, &mut number, &mut error);
    world.settle(status, error, Status::Ok);
    assert!(number >= 0, "{number}");
    world.instances[at].place = Place::Context(context, number);
    Ok(())
}

/// Makes a pool, borrows from one, looks at one, or frees one.
pub(super) fn pool(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    let at = choose(u, &world.pools)?;
    match (u.int_in_range(0..=4)?, at) {
        (0, Some(at)) => library::extism_pool_free(world.pools.swap_remove(at).object),
        (1..=2, Some(at)) if has_room(&world.instances) => borrow(world, at),
        (3, Some(at)) => {
            let pool = &world.pools[at];
            let mut stats: Numbers = [0; 40];
            stats[0] = size_of::<Numbers>() as u64;
            let status = library::extism_pool_stats(pool.object, &mut stats);
            assert_eq!(status, Status::Ok.code());
            let [_, instances_max, alive, idle, waiting, made, replaced, ..] = stats;
            assert_eq!(instances_max, pool.instances_max);
            assert_eq!(alive - idle, lent(world, at), "what is lent");
            assert_eq!(waiting, 0);
            assert_eq!(made > 0, pool.made);
            assert!(alive <= instances_max && made - replaced >= alive);
        }
        _ if has_room(&world.pools) => {
            let Some(from) = choose(u, &world.compiled)? else {
                return Ok(());
            };
            let Compiled { object, hosted } = world.compiled[from];
            let instances_max = u.int_in_range(1..=3)?;
            let mut options: Numbers = [0; 40];
            (options[0], options[1]) = (16, instances_max);
            let (mut made, mut error) = (NULL, NULL);
            let status = library::extism_pool_new(object, &options, &mut made, &mut error);
            world.settle(status, error, Status::Ok);
            world.pools_made += 1;
            world.pools.push(Pool {
                object: made,
                hosted,
                instances_max,
                number: world.pools_made,
                made: false,
            });
        }
        _ => {}
    }
    Ok(())
}

/// How many plug-ins of a pool are lent.
fn lent(world: &World, at: usize) -> u64 {
    let number = Some(world.pools[at].number);
    let mut instances = world.instances.iter();
    instances.by_ref().filter(|one| one.pool == number).count() as u64
}

fn borrow(world: &mut World, at: usize) {
    let lent = lent(world, at);
    let pool = &mut world.pools[at];
    let (mut plugin, mut error) = (NULL, NULL);
    let status = library::extism_pool_get(pool.object, 0, &mut plugin, &mut error);
    let (number, hosted, full) = (pool.number, pool.hosted, lent == pool.instances_max);
    pool.made |= !full;
    let expected = if full {
        Status::WaitTimeout
    } else {
        Status::Ok
    };
    world.settle(status, error, expected);
    if !full {
        world.add(Place::Plugin(plugin), hosted, Some(number));
    }
}

/// Describes a plug-in, or compiles it ahead of time, into a buffer; or frees one.
pub(super) fn buffer(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    if !has_room(&world.buffers) || u.ratio(1, 3)? {
        if let Some(at) = choose(u, &world.buffers)? {
            library::extism_buffer_free(world.buffers.swap_remove(at));
        }
        return Ok(());
    }
    // Machine code takes long to make.
    let ahead = u.ratio(1, 16)?;
    let broken = u.ratio(1, 3)?;
    let text: &str = if broken { BROKEN[0].0 } else { &PLAIN };
    let (wasm, size) = (text.as_ptr(), text.len() as u64);
    let (mut made, mut error) = (NULL, NULL);
    let function = match ahead {
        true => library::extism_precompile,
        false => library::extism_inspect,
    };
    let status = function(ptr::null(), wasm, size, &mut made, &mut error);
    let expected = if broken {
        Status::NoModules
    } else {
        Status::Ok
    };
    world.settle(status, error, expected);
    if broken {
        assert!(made.is_null());
        return Ok(());
    }
    let bytes = library::bytes_at(
        library::extism_buffer_data(made),
        library::extism_buffer_length(made),
    );
    let start: &[u8] = if ahead { b"\0asm" } else { b"{" };
    assert!(bytes.starts_with(start), "{:?}", bytes.get(..8));
    world.buffers.push(made);
    Ok(())
}

/// Frees an error.
pub(super) fn error(world: &mut World, u: &mut Unstructured<'_>) -> Result<()> {
    if let Some(at) = choose(u, &world.errors)? {
        library::extism_error_free(world.errors.swap_remove(at));
    }
    Ok(())
}
