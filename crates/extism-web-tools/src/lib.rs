//! What few pages need, for the browser SDK: modules in the text format, manifests in TOML, a look into
//! plug-ins. A page loads this when the first one comes; the core (`extism-web`) does without it.
//!
//! Must not know: how plug-ins run. Keeps: a fault is the one the native library reports, as a number in
//! [`status`] and a text.

use std::cell::{Cell, RefCell};

use extism_abi::Status;
use extism_inspect::Host;
use extism_manifest::{Manifest, ParseOptions};
use extism_rewrite::KernelMemory;
use extism_semantics::{Fault, overrides_kernel};
use serde::Deserialize;

thread_local! {
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static STATUS: Cell<u32> = const { Cell::new(0) };
}

/// Makes room for so many bytes; the page writes there what it asks about.
#[unsafe(no_mangle)]
extern "C" fn reserve(length: u32) -> *mut u8 {
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        bytes.resize(length as usize, 0);
        bytes.as_mut_ptr()
    })
}

/// Where the result is.
#[unsafe(no_mangle)]
extern "C" fn at() -> *const u8 {
    BYTES.with_borrow(|bytes| bytes.as_ptr())
}

/// How many bytes it has.
#[unsafe(no_mangle)]
extern "C" fn length() -> u32 {
    BYTES.with_borrow(|bytes| bytes.len() as u32)
}

/// The status of the fault that was left in place of a result; 0 if there is a result.
#[unsafe(no_mangle)]
extern "C" fn status() -> u32 {
    STATUS.get()
}

/// Turns a module in the text format into a binary one.
#[unsafe(no_mangle)]
extern "C" fn module() {
    let text = BYTES.take();
    let parsed = wat::parse_bytes(&text).map(|binary| binary.into_owned());
    leave(parsed.map_err(|error| Fault::new(Status::ModuleInvalid, error.to_string())));
}

/// Turns a manifest in JSON or TOML into one in JSON. Modules that the page has stay numbers.
#[unsafe(no_mangle)]
extern "C" fn manifest() {
    let text = BYTES.take();
    let options = ParseOptions::default();
    let parsed = Manifest::parse(&text, &options)
        .map_err(|error| Fault::new(error.status(), error.to_string()))
        .map(|manifest| serde_json::to_vec(&manifest).unwrap_or_default());
    leave(parsed);
}

/// Looks into a plug-in: what is left is an inspection in JSON. What is asked is the length of a question
/// in four bytes, the question in JSON, and the modules it speaks of, one behind the other.
#[unsafe(no_mangle)]
extern "C" fn inspection() {
    let bytes = BYTES.take();
    leave(inspect(&bytes));
}

/// What a plug-in is inspected for.
#[derive(Deserialize)]
struct Question {
    /// Name and size of each module.
    modules: Vec<(String, usize)>,
    /// Namespace and name of each host function.
    functions: Vec<(String, String)>,
    wasi: bool,
    /// Whether kernel memory accesses would become instructions.
    rewrite: bool,
}

fn inspect(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let damaged = || Fault::new(Status::Internal, "the page asks in a way that is not known");
    let (length, rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (question, mut rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
    let question: Question = serde_json::from_slice(question).map_err(|_| damaged())?;
    let mut modules = Vec::with_capacity(question.modules.len());
    for (name, length) in &question.modules {
        let (module, others) = rest.split_at_checked(*length).ok_or_else(damaged)?;
        modules.push((name.as_str(), module));
        rest = others;
    }
    let functions = &question.functions;
    let given = |namespace: &str, name: &str| {
        functions
            .iter()
            .any(|function| (function.0.as_str(), function.1.as_str()) == (namespace, name))
    };
    let overridden = functions
        .iter()
        .any(|(namespace, _)| overrides_kernel(namespace));
    let host = Host {
        given: &given,
        wasi: question.wasi,
        kernel_memory: (question.rewrite && !overridden)
            .then(|| KernelMemory::for_plugin_of(modules.len())),
    };
    let inspection = extism_inspect::inspect(modules, &host)?;
    Ok(inspection.to_json().into_bytes())
}

fn leave(result: Result<Vec<u8>, Fault>) {
    let (status, bytes) = match result {
        Ok(bytes) => (Status::Ok, bytes),
        Err(fault) => (fault.status(), fault.to_string().into_bytes()),
    };
    STATUS.set(status.code());
    BYTES.set(bytes);
}
