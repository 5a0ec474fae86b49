//! What a page calls. Numbers are passed as they are, texts and bytes through the exchange; `0` means that
//! a fault was left there, as JSON.
//!
//! Must not know: what a call is for. Keeps: nothing is borrowed while the page is asked something that
//! makes it call back.

use std::cell::RefCell;

use extism_abi::Status;
use extism_abi::layout::FIRST_HANDLE;
use extism_manifest::{Manifest, ParseOptions};
use extism_semantics::{Fault, is_module};

use crate::hop::HttpFailure;
use crate::loader::Loader;
use crate::module::Outline;
use crate::options::Options;
use crate::plugin::{Failure, Plugin, Resources, refusal};
use crate::{access, exchange, page};

thread_local! {
    static PLUGIN: RefCell<Option<Plugin>> = const { RefCell::new(None) };
    static LOADER: RefCell<Option<Loader>> = const { RefCell::new(None) };
    static OPTIONS: RefCell<Option<Options>> = const { RefCell::new(None) };
    /// Offset and length of the output, which the page reads in place.
    static OUTPUT: RefCell<[u32; 2]> = const { RefCell::new([0; 2]) };
}

const FAILED: u32 = 0;
const DONE: u32 = 1;

/// Runs something with the plug-in. A page that calls before there is one has broken the order of things.
#[inline]
pub(crate) fn with_plugin<R>(run: impl FnOnce(&mut Plugin) -> R) -> R {
    PLUGIN.with_borrow_mut(|plugin| match plugin {
        Some(plugin) => run(plugin),
        None => unreachable!("there is no plug-in yet"),
    })
}

/// Leaves a fault for the page.
pub(crate) fn leave_fault(fault: &Fault) {
    leave_failure(&Failure::from(fault));
}

fn leave_failure(failure: &Failure) {
    exchange::leave(failure.json());
}

fn done(result: Result<(), Fault>) -> u32 {
    result.map_or_else(
        |fault| {
            leave_fault(&fault);
            FAILED
        },
        |()| DONE,
    )
}

fn with_loader(run: impl FnOnce(&mut Loader) -> Result<(), Fault>) -> u32 {
    done(LOADER.with_borrow_mut(|loader| match loader {
        Some(loader) => run(loader),
        None => Err(Fault::new(Status::Internal, "nothing is being loaded")),
    }))
}

#[unsafe(no_mangle)]
extern "C" fn reserve(length: u32) -> *mut u8 {
    exchange::reserve(length as usize)
}

#[unsafe(no_mangle)]
extern "C" fn exchange_at() -> *const u8 {
    exchange::place().0
}

#[unsafe(no_mangle)]
extern "C" fn exchange_length() -> u32 {
    exchange::place().1 as u32
}

#[unsafe(no_mangle)]
extern "C" fn exchange_forget() {
    exchange::forget();
}

/// The module with the kernel functions on bytes.
#[unsafe(no_mangle)]
extern "C" fn access_module() {
    exchange::leave(access::module());
}

/// Takes the options; the first call of an instance.
#[unsafe(no_mangle)]
extern "C" fn options() -> u32 {
    extism_policy::page::install(page::parser());
    OPTIONS.set(Some(Options::read(exchange::fields())));
    DONE
}

/// Whether the exchange holds a module, binary or text, rather than a manifest.
#[unsafe(no_mangle)]
extern "C" fn source_is_module() -> u32 {
    let bytes = exchange::take();
    let is_module = is_module(&bytes);
    exchange::leave(bytes);
    u32::from(is_module)
}

/// Takes a source; leaves what to fetch.
#[unsafe(no_mangle)]
extern "C" fn load(second_memories: u32) -> u32 {
    let options = OPTIONS.take().unwrap_or_default();
    let loader = Loader::new(options, &exchange::take(), second_memories == 1);
    done(loader.map(|loader| {
        exchange::leave(loader.needed());
        LOADER.set(Some(loader));
    }))
}

/// Leaves a module the manifest has.
#[unsafe(no_mangle)]
extern "C" fn load_inline(index: u32) -> u32 {
    with_loader(|loader| {
        exchange::leave(loader.inline(index as usize));
        Ok(())
    })
}

/// Checks the module in the exchange and leaves it there: 1 if it is a binary module, 2 if it is text.
#[unsafe(no_mangle)]
extern "C" fn load_check(index: u32) -> u32 {
    let bytes = exchange::take();
    let mut is_binary = false;
    let checked = with_loader(|loader| {
        is_binary = loader.check(index as usize, &bytes)?;
        exchange::leave(bytes);
        Ok(())
    });
    match checked {
        DONE if !is_binary => 2,
        checked => checked,
    }
}

/// Takes the binary module in the exchange in: 2 if another was left that is to be compiled in its place.
#[unsafe(no_mangle)]
extern "C" fn load_module(index: u32) -> u32 {
    let bytes = exchange::take();
    let mut is_rewritten = false;
    let taken = with_loader(|loader| {
        if let Some(rewritten) = loader.module(index as usize, &bytes)? {
            is_rewritten = true;
            exchange::leave(rewritten);
        }
        Ok(())
    });
    match taken {
        DONE if is_rewritten => 2,
        taken => taken,
    }
}

/// Takes a module in that the exchange describes.
#[unsafe(no_mangle)]
extern "C" fn load_described(index: u32) -> u32 {
    let outline = Outline::described(exchange::fields());
    with_loader(|loader| loader.described(index as usize, outline))
}

#[unsafe(no_mangle)]
extern "C" fn module_bytes_max() -> f64 {
    LOADER.with_borrow(|loader| {
        let loader = loader.as_ref();
        loader.map_or(0.0, |loader| loader.module_bytes_max() as f64)
    })
}

#[unsafe(no_mangle)]
extern "C" fn download_ms_max() -> f64 {
    LOADER.with_borrow(|loader| {
        let loader = loader.as_ref();
        loader.map_or(0.0, |loader| loader.download_ms_max() as f64)
    })
}

/// Leaves how to link.
#[unsafe(no_mangle)]
extern "C" fn load_plan() -> u32 {
    with_loader(|loader| {
        exchange::leave(loader.plan()?);
        Ok(())
    })
}

/// Leaves the manifest without its modules, from which instances are made.
#[unsafe(no_mangle)]
extern "C" fn load_manifest() -> u32 {
    with_loader(|loader| {
        exchange::leave(loader.rest());
        Ok(())
    })
}

/// Makes the plug-in of this instance, from the manifest in the exchange.
#[unsafe(no_mangle)]
extern "C" fn plugin() -> u32 {
    let options = OPTIONS.take().unwrap_or_default();
    let manifest = Manifest::from_json(&exchange::take(), &ParseOptions::default());
    let made = manifest
        .map_err(|error| Fault::new(error.status(), error.to_string()))
        .and_then(|manifest| Plugin::new(&manifest, &options));
    done(made.map(|plugin| PLUGIN.set(Some(plugin))))
}

/// An instance is about to be made of what the exchange says; 2 if the manifest does not allow its memory,
/// which is what its calls then say.
#[unsafe(no_mangle)]
extern "C" fn making() -> u32 {
    let resources = Resources::read(exchange::fields());
    with_plugin(|plugin| match plugin.making(resources) {
        Ok(()) => DONE,
        Err(fault) => {
            leave_fault(&fault);
            let by_manifest = fault.status() == Status::Memory && plugin.is_bound_by_manifest();
            if by_manifest { 2 } else { FAILED }
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn attach() {
    with_plugin(|plugin| plugin.attach());
}

#[unsafe(no_mangle)]
extern "C" fn running() {
    with_plugin(Plugin::running);
}

/// Starts a call: the handle of the input, 1 if there is none, 0 if it finds no room.
#[unsafe(no_mangle)]
extern "C" fn begin(input_bytes: u32) -> u32 {
    let (begun, warning) = with_plugin(|plugin| (plugin.begin(input_bytes), plugin.renew_share()));
    if let Some(warning) = warning {
        exchange::leave(warning);
        page::log(extism_semantics::Level::Warn as i32);
    }
    match begun {
        Ok(0) => DONE,
        Ok(handle) => handle as u32,
        Err(fault) => {
            leave_fault(&fault);
            FAILED
        }
    }
}

/// Where offset and length of the output are noted.
#[unsafe(no_mangle)]
extern "C" fn output_at() -> *const u32 {
    OUTPUT.with_borrow(|output| output.as_ptr())
}

/// The guest returned this code: 1 if its output is where [`output_at`] says, else a failure was left.
#[unsafe(no_mangle)]
extern "C" fn collect(code: i32) -> u32 {
    match with_plugin(|plugin| plugin.collect(code)) {
        Ok(output) => {
            let noted = [output.offset as u32, output.length as u32];
            OUTPUT.set(noted);
            DONE
        }
        Err(failure) => {
            leave_failure(&failure);
            FAILED
        }
    }
}

/// The guest did not return; the exchange says what the page knows, and then what the caller is told.
#[unsafe(no_mangle)]
extern "C" fn fail() {
    let failure = Failure::read(exchange::fields());
    leave_failure(&with_plugin(|plugin| plugin.fail(failure)));
}

/// Overwrites what the last call left.
#[unsafe(no_mangle)]
extern "C" fn reset_memory() {
    with_plugin(|plugin| {
        page::wipe();
        plugin.kernel.reset();
        plugin.publish_input();
    });
}

/// A block for the host; 0 and a fault if there is no room.
#[unsafe(no_mangle)]
extern "C" fn host_alloc(bytes: f64) -> f64 {
    // Whole numbers from 0 to 2^53 travel as they are; others saturate.
    let placed = with_plugin(|plugin| plugin.alloc(bytes as u64).map_err(refusal));
    match placed {
        Ok(handle) => handle as f64,
        Err(fault) => {
            leave_fault(&fault);
            -1.0
        }
    }
}

/// The length of a block; -1 if there is none.
#[unsafe(no_mangle)]
extern "C" fn host_length(handle: u64) -> f64 {
    with_plugin(|plugin| match plugin.kernel.contains(handle) {
        true => plugin.kernel.length(handle) as f64,
        false => -1.0,
    })
}

/// Sets the error message in the exchange as if the plug-in had; with 0, clears it.
#[unsafe(no_mangle)]
extern "C" fn host_error(set: u32) -> u32 {
    done(with_plugin(|plugin| {
        if set == 0 {
            plugin.kernel.set_error(0, 0);
            return Ok(());
        }
        let handle = plugin.store(&exchange::take())?;
        plugin.kernel.set_error(handle, plugin.memory_bytes);
        Ok(())
    }))
}

/// Reads the variable named in the exchange: 1 and its value there, or 0.
#[unsafe(no_mangle)]
extern "C" fn var_read() -> u32 {
    let name = exchange::take_text();
    with_plugin(|plugin| match plugin.vars.get(&name) {
        Some(value) => {
            exchange::leave(value);
            1
        }
        None => 0,
    })
}

/// Sets the variable whose name is the first so many bytes of the exchange to the rest of it.
#[unsafe(no_mangle)]
extern "C" fn var_write(name_bytes: u32) {
    let bytes = exchange::take();
    let (name, value) = bytes.split_at(bytes.len().min(name_bytes as usize));
    let name = String::from_utf8_lossy(name).into_owned();
    with_plugin(|plugin| plugin.vars.map_mut().insert(name, value.to_vec()));
}

/// Removes the variable named in the exchange.
#[unsafe(no_mangle)]
extern "C" fn var_remove() {
    let name = exchange::take_text();
    with_plugin(|plugin| plugin.vars.map_mut().remove(&name));
}

/// Merges the configuration in the exchange: keys, whether there is a value, and the value.
#[unsafe(no_mangle)]
extern "C" fn configure() {
    let mut fields = exchange::fields();
    with_plugin(|plugin| {
        while !fields.is_empty() {
            let (key, is_set, value) = (fields.text(), fields.number(), fields.text());
            match is_set {
                1 => plugin.config.insert(key, value.into_bytes()),
                _ => plugin.config.remove(&key),
            };
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn allow_http_response_headers() {
    with_plugin(|plugin| {
        plugin.http.headers.get_or_insert_default();
    });
}

/// `http_request` begins; leaves what the page has to send.
#[unsafe(no_mangle)]
extern "C" fn http_begin(request: u64, body: u64) -> u32 {
    done(with_plugin(|plugin| {
        plugin.http_begin(request, body)?;
        exchange::leave(plugin.http_sent());
        Ok(())
    }))
}

/// Leaves the body of the request.
#[unsafe(no_mangle)]
extern "C" fn http_body() {
    let body = with_plugin(|plugin| plugin.http.body.clone());
    exchange::leave(body.unwrap_or_default());
}

/// An answer has this status, and the exchange says where it leads: 2 if another request was left.
#[unsafe(no_mangle)]
extern "C" fn http_redirected(status: u32) -> u32 {
    let location = exchange::take_text();
    let mut again = false;
    let decided = done(with_plugin(|plugin| {
        again = plugin.http_redirected(status as u16, &location)?;
        if again {
            exchange::leave(plugin.http_sent());
        }
        Ok(())
    }));
    match decided {
        DONE if again => 2,
        decided => decided,
    }
}

/// The answer is complete, its headers in the exchange: the handle of a block for the body, or -1.
#[unsafe(no_mangle)]
extern "C" fn http_end(status: u32, body_bytes: f64) -> f64 {
    let mut fields = exchange::fields();
    let mut headers = Vec::new();
    while !fields.is_empty() {
        headers.push((fields.text(), fields.text()));
    }
    match with_plugin(|plugin| plugin.http_end(status as u16, headers, body_bytes as u64)) {
        Ok(handle) => handle as f64,
        Err(fault) => {
            leave_fault(&fault);
            -1.0
        }
    }
}

/// There is no answer; the exchange says why, and then what the caller is told.
#[unsafe(no_mangle)]
extern "C" fn http_failed(reason: u32) {
    let text = exchange::take_text();
    let reason = match reason {
        1 => HttpFailure::BodyTooLarge,
        2 => HttpFailure::HeadersTooLarge,
        3 => HttpFailure::HiddenRedirect,
        _ => HttpFailure::Failed,
    };
    leave_fault(&with_plugin(|plugin| plugin.http_failed(reason, &text)));
}

const _: () = assert!(FIRST_HANDLE > 1, "begin says 1 for no input");
