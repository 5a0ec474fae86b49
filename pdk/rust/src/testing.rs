//! A host inside the test: where there is no Wasm, plug-in functions run against it as ordinary functions.
//!
//! Must not know: the rest of the kit, which reaches it only through the imports. Invariant: every thread
//! has a host of its own, so tests do not disturb each other; it answers as hosts do, 0 for what is not
//! there.
//!
//! ```
//! use extism_pdk::*;
//!
//! #[plugin_fn]
//! pub fn fetch(url: String) -> FnResult<Memory> {
//!     Ok(http::request::<()>(&HttpRequest::new(url), None)?.into_memory())
//! }
//!
//! testing::set_http(|request, _body| {
//!     assert_eq!(request, br#"{"url":"http://example.com/","headers":{},"method":null}"#);
//!     (200, b"hello".to_vec())
//! });
//! assert_eq!(testing::call(fetch, "http://example.com/"), Ok(b"hello".to_vec()));
//! ```

use crate::LogLevel;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

type HttpFunction = Rc<dyn Fn(&[u8], &[u8]) -> (u16, Vec<u8>)>;
type HostFunction = Rc<dyn Fn(&[u64]) -> u64>;

/// Handles are this far apart, so that a block and a place in it are both in one number.
const BLOCK_STRIDE: u64 = 1 << 32;

/// How a function of the plug-in failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The return code.
    pub code: i32,
    /// The error text, empty if there was none.
    pub error: String,
}

/// Calls an exported function with an input, as a host does: blocks of the last call are gone, variables
/// are not.
///
/// # Errors
///
/// The function returned another code than 0, or set an error. One that panicked has the code −1 here; a
/// Wasm host sees a trap instead.
pub fn call(function: extern "C" fn() -> i32, input: impl AsRef<[u8]>) -> Result<Vec<u8>, Failure> {
    with_host(|host| host.begin(input.as_ref()));
    let code = function();
    with_host(|host| match (code, host.error) {
        (0, 0) => Ok(host.output.clone()),
        (code, error) => {
            // A plug-in has no stack traces, a test process may have been told to make them.
            let text = host.text(error);
            let error = text
                .split("\n\nStack backtrace:")
                .next()
                .unwrap_or_default()
                .to_owned();
            Err(Failure { code, error })
        }
    })
}

/// Sets a config value of this thread's host.
pub fn set_config(key: impl Into<String>, value: impl Into<String>) {
    with_host(|host| host.config.insert(key.into(), value.into()));
}

/// Answers HTTP requests by a function from the request's JSON and body to a status and a body.
pub fn set_http(answer: impl Fn(&[u8], &[u8]) -> (u16, Vec<u8>) + 'static) {
    with_host(|host| host.http = Some(Rc::new(answer)));
}

/// Provides a host function. It gets and gives handles; see [`Memory`](crate::Memory) for what is in them.
pub fn set_host_function(namespace: &str, name: &str, function: impl Fn(&[u64]) -> u64 + 'static) {
    let name = (namespace.to_owned(), name.to_owned());
    with_host(|host| host.functions.insert(name, Rc::new(function)));
}

/// What was logged on this thread so far, oldest first. Afterwards it is forgotten.
pub fn take_log() -> Vec<(LogLevel, String)> {
    with_host(|host| std::mem::take(&mut host.log))
}

/// Number of blocks that are allocated on this thread, the input's included.
pub fn block_count() -> usize {
    with_host(|host| host.blocks.len())
}

/// Calls a host function for the code that `host_fn` generates.
#[doc(hidden)]
pub fn call_host(namespace: &str, name: &str, arguments: &[u64]) -> u64 {
    let key = (namespace.to_owned(), name.to_owned());
    match with_host(|host| host.functions.get(&key).cloned()) {
        Some(function) => function(arguments),
        None => panic!("the test provides no host function {namespace}::{name}"),
    }
}

/// Answers a request by the test's function, which may itself use the host: nothing else does meanwhile.
pub(crate) fn http_request(request: u64, body: u64) -> u64 {
    let (request, body, answer) =
        with_host(|host| (host.take(request), host.take(body), host.http.clone()));
    let Some(answer) = answer else {
        panic!(
            "the test answers no HTTP request: {}",
            String::from_utf8_lossy(&request)
        );
    };
    let (status, response) = answer(&request, &body);
    with_host(|host| {
        host.http_status = status;
        host.put(response)
    })
}

/// Runs something on this thread's host.
pub(crate) fn with_host<T>(body: impl FnOnce(&mut Host) -> T) -> T {
    thread_local!(static HOST: RefCell<Host> = RefCell::default());
    HOST.with_borrow_mut(body)
}

/// The state behind the imports, one method each under the name of the import.
#[derive(Default)]
pub(crate) struct Host {
    blocks: BTreeMap<u64, Vec<u8>>,
    next: u64,
    input: u64,
    output: Vec<u8>,
    error: u64,
    config: HashMap<String, String>,
    vars: HashMap<String, Vec<u8>>,
    log: Vec<(LogLevel, String)>,
    http: Option<HttpFunction>,
    http_status: u16,
    functions: HashMap<(String, String), HostFunction>,
}

impl Host {
    fn begin(&mut self, input: &[u8]) {
        self.blocks.clear();
        self.output.clear();
        self.error = 0;
        self.input = self.put(input.to_vec());
    }

    fn put(&mut self, bytes: Vec<u8>) -> u64 {
        if bytes.is_empty() {
            return 0;
        }
        self.next += BLOCK_STRIDE;
        self.blocks.insert(self.next, bytes);
        self.next
    }

    fn take(&mut self, handle: u64) -> Vec<u8> {
        self.blocks.remove(&handle).unwrap_or_default()
    }

    fn take_text(&mut self, handle: u64) -> String {
        String::from_utf8_lossy(&self.take(handle)).into_owned()
    }

    fn text(&self, handle: u64) -> String {
        let bytes = self.blocks.get(&handle).map_or(&[][..], Vec::as_slice);
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// The block that an address is in and the place in it.
    fn place(&mut self, address: u64) -> Option<(&mut Vec<u8>, usize)> {
        let (handle, at) = (
            address / BLOCK_STRIDE * BLOCK_STRIDE,
            address % BLOCK_STRIDE,
        );
        Some((self.blocks.get_mut(&handle)?, usize::try_from(at).ok()?))
    }

    pub(crate) fn load(&mut self, address: u64, data: &mut [u8]) {
        data.fill(0);
        if let Some((block, at)) = self.place(address)
            && let Some(bytes) = block.get(at..)
        {
            let length = bytes.len().min(data.len());
            data[..length].copy_from_slice(&bytes[..length]);
        }
    }

    pub(crate) fn store(&mut self, address: u64, data: &[u8]) {
        if let Some((block, at)) = self.place(address)
            && let Some(bytes) = block.get_mut(at..)
        {
            let length = bytes.len().min(data.len());
            bytes[..length].copy_from_slice(&data[..length]);
        }
    }

    pub(crate) fn alloc(&mut self, length: u64) -> u64 {
        let mut bytes = Vec::new();
        match usize::try_from(length) {
            Ok(length)
                if length as u64 <= BLOCK_STRIDE && bytes.try_reserve_exact(length).is_ok() =>
            {
                bytes.extend(std::iter::repeat_n(0, length));
                self.put(bytes)
            }
            _ => 0,
        }
    }

    pub(crate) fn free(&mut self, handle: u64) {
        self.blocks.remove(&handle);
    }

    pub(crate) fn length(&mut self, handle: u64) -> u64 {
        self.blocks
            .get(&handle)
            .map_or(0, |block| block.len() as u64)
    }

    pub(crate) fn length_unsafe(&mut self, handle: u64) -> u64 {
        self.length(handle)
    }

    pub(crate) fn load_u8(&mut self, address: u64) -> u8 {
        let mut byte = [0];
        self.load(address, &mut byte);
        byte[0]
    }

    pub(crate) fn load_u64(&mut self, address: u64) -> u64 {
        let mut word = [0; 8];
        self.load(address, &mut word);
        u64::from_le_bytes(word)
    }

    pub(crate) fn store_u8(&mut self, address: u64, byte: u8) {
        self.store(address, &[byte]);
    }

    pub(crate) fn store_u64(&mut self, address: u64, word: u64) {
        self.store(address, &word.to_le_bytes());
    }

    pub(crate) fn input_length(&mut self) -> u64 {
        self.length(self.input)
    }

    pub(crate) fn input_offset(&mut self) -> u64 {
        self.input
    }

    pub(crate) fn input_load_u8(&mut self, offset: u64) -> u8 {
        if offset < self.input_length() {
            self.load_u8(self.input + offset)
        } else {
            0
        }
    }

    pub(crate) fn input_load_u64(&mut self, offset: u64) -> u64 {
        match offset.checked_add(8) {
            Some(end) if end <= self.input_length() => self.load_u64(self.input + offset),
            _ => 0,
        }
    }

    pub(crate) fn output_set(&mut self, address: u64, length: u64) {
        let Some((block, at)) = self.place(address) else {
            return;
        };
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| at.checked_add(length));
        if let Some(bytes) = end.and_then(|end| block.get(at..end)) {
            self.output = bytes.to_vec();
        }
    }

    pub(crate) fn error_set(&mut self, handle: u64) {
        self.error = handle;
    }

    pub(crate) fn config_get(&mut self, key: u64) -> u64 {
        let key = self.take_text(key);
        let value = self.config.get(&key).cloned().unwrap_or_default();
        self.put(value.into_bytes())
    }

    pub(crate) fn var_get(&mut self, key: u64) -> u64 {
        let key = self.take_text(key);
        let value = self.vars.get(&key).cloned().unwrap_or_default();
        self.put(value)
    }

    pub(crate) fn var_set(&mut self, key: u64, value: u64) {
        let (key, bytes) = (self.take_text(key), self.take(value));
        match value {
            0 => self.vars.remove(&key),
            _ => self.vars.insert(key, bytes),
        };
    }

    pub(crate) fn http_status_code(&mut self) -> i32 {
        self.http_status.into()
    }

    pub(crate) fn http_headers(&mut self) -> u64 {
        0
    }

    pub(crate) fn log_trace(&mut self, message: u64) {
        self.write_log(LogLevel::Trace, message);
    }

    pub(crate) fn log_debug(&mut self, message: u64) {
        self.write_log(LogLevel::Debug, message);
    }

    pub(crate) fn log_info(&mut self, message: u64) {
        self.write_log(LogLevel::Info, message);
    }

    pub(crate) fn log_warn(&mut self, message: u64) {
        self.write_log(LogLevel::Warn, message);
    }

    pub(crate) fn log_error(&mut self, message: u64) {
        self.write_log(LogLevel::Error, message);
    }

    pub(crate) fn get_log_level(&mut self) -> i32 {
        LogLevel::Trace.to_int()
    }

    fn write_log(&mut self, level: LogLevel, message: u64) {
        let text = self.take_text(message);
        self.log.push((level, text));
    }
}
