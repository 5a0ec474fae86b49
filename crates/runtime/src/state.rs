//! Everything of a plug-in that changes, in one place: what the engine's store carries.
//!
//! Invariant: nothing mutable of a plug-in lives elsewhere (but its Wasm memories, globals and
//! tables, which the store holds beside this). It moves to a fresh store whole when a command
//! module has ended.

use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Arc;

use extism_kernel::Kernel;
use extism_semantics::Vars;
use uuid::Uuid;
use wasmtime::Memory;

use crate::call::token::Token;
use crate::compiled::Compiled;
use crate::limits::Meter;
use crate::log::Logger;
use crate::wasi::Wasi;

pub(crate) struct State {
    pub(crate) id: Uuid,
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) kernel: Kernel,
    /// The Wasm memory that holds the kernel's bytes; known once the plug-in is instantiated.
    pub(crate) memory: Option<Memory>,
    /// The size of that memory: only the host grows it.
    pub(crate) memory_bytes: u64,
    pub(crate) token: Arc<Token>,
    pub(crate) meter: Meter,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) vars: Vars,
    pub(crate) http: Http,
    pub(crate) logger: Logger,
    pub(crate) wasi: Wasi,
    pub(crate) host_context: HostContext,
    /// Whether the host has changed configuration, variables, log sink or the sight of response headers.
    pub(crate) changed: bool,
}

impl State {
    /// The state of a plug-in that has just been made from `compiled`.
    pub(crate) fn new(compiled: &Arc<Compiled>, id: Uuid, token: Arc<Token>) -> State {
        let options = &compiled.options;
        let limits = &options.limits;
        State {
            id,
            kernel: Kernel::new(extism_kernel::Limits {
                blocks_max: limits.blocks_max,
                bytes_max: limits.kernel_bytes_max,
            }),
            memory: None,
            memory_bytes: 0,
            token,
            meter: meter(compiled),
            config: compiled.manifest.config.clone(),
            vars: Vars::new(limits, compiled.vars_bytes_max),
            http: Http {
                headers: options.http_response_headers.then(BTreeMap::new),
                ..Http::default()
            },
            logger: Logger::new(limits, options.log_sink.clone()),
            wasi: Wasi::new(Arc::clone(&compiled.wasi)),
            host_context: HostContext::None,
            changed: false,
            compiled: Arc::clone(compiled),
        }
    }

    /// The variables, for the host to change.
    pub(crate) fn vars_mut(&mut self) -> &mut BTreeMap<String, Vec<u8>> {
        self.changed = true;
        self.vars.map_mut()
    }

    /// As it was before an instance was attempted and came to nothing.
    pub(crate) fn unmade(mut self) -> State {
        self.memory = None;
        self.memory_bytes = 0;
        self.meter = meter(&self.compiled);
        self
    }

    /// Exchanges with `other` what a plug-in keeps when it gets a fresh instance.
    pub(crate) fn swap_kept(&mut self, other: &mut State) {
        self.swap_wiring(other);
        std::mem::swap(&mut self.config, &mut other.config);
        std::mem::swap(&mut self.vars, &mut other.vars);
        std::mem::swap(&mut self.host_context, &mut other.host_context);
    }

    /// Exchanges with `other` what connects a plug-in with its host, even when it is made as new.
    pub(crate) fn swap_wiring(&mut self, other: &mut State) {
        std::mem::swap(&mut self.logger, &mut other.logger);
        std::mem::swap(&mut self.http, &mut other.http);
        std::mem::swap(&mut self.changed, &mut other.changed);
    }
}

fn meter(compiled: &Compiled) -> Meter {
    let pages_max = compiled.manifest.memory.max_pages;
    Meter(extism_semantics::Meter::new(
        &compiled.options.limits,
        pages_max,
    ))
}

/// What the last HTTP request of the plug-in left behind.
#[derive(Default)]
pub(crate) struct Http {
    pub(crate) status: u16,
    /// Response headers, if the host lets the plug-in see them.
    pub(crate) headers: Option<BTreeMap<String, String>>,
    /// Requests made in this call.
    pub(crate) requests: u32,
}

impl Http {
    /// Forgets the last response. Whether the plug-in may see headers stays as it is.
    pub(crate) fn forget(&mut self) {
        self.status = 0;
        if let Some(headers) = &mut self.headers {
            headers.clear();
        }
    }
}

/// What the host gave along with the running call, for its host functions to find.
#[derive(Default)]
pub(crate) enum HostContext {
    #[default]
    None,
    /// A C caller's pointer; never followed here.
    Pointer(ContextPointer),
    Value(Box<dyn Any + Send + Sync>),
}

/// A C caller's context pointer.
#[derive(Clone, Copy)]
pub(crate) struct ContextPointer(pub(crate) *mut c_void);

// SAFETY: the pointer is only carried from the call to its host functions, which run on the calling
// thread; the runtime never follows it.
unsafe impl Send for ContextPointer {}
// SAFETY: as above.
unsafe impl Sync for ContextPointer {}
