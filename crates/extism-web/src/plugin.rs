//! Everything of a plug-in that changes, except what the page's engine holds: its blocks, variables,
//! configuration, log share and HTTP state, and what becomes of a call.
//!
//! Must not know: how the page calls. Keeps: kernel memory is reached through [`page`] alone, in ranges
//! that the block table has given out or checked.

use std::collections::BTreeMap;

use extism_abi::Status;
use extism_abi::layout::{
    MEMORY_LEFT_ADDRESS, MEMORY_REFUSED_ADDRESS, PAGE_BYTES, TABLE_LEFT_ADDRESS,
};
use extism_kernel::{Kernel, Range, Refused};
use extism_manifest::Manifest;
use extism_policy::HostPolicy;
use extism_semantics::{Facilities, Fault, Guest, Level, Limits, Meter, Share, Vars, bounds, cut};

use crate::fields::Fields;
use crate::hop::Hop;
use crate::json::Json;
use crate::options::Options;
use crate::page;

/// What the page says about an instance it has made, or is about to make.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resources {
    /// Pages of each memory the modules define.
    memories: Vec<u64>,
    /// Elements of each table they define.
    tables: Vec<u64>,
    instances: usize,
}

impl Resources {
    /// Reads what the page hands over.
    pub(crate) fn read(mut fields: Fields) -> Resources {
        Resources {
            memories: fields.list(Fields::number),
            tables: fields.list(Fields::number),
            instances: fields.number() as usize,
        }
    }
}

/// A plug-in.
pub(crate) struct Plugin {
    pub(crate) kernel: Kernel,
    pub(crate) memory_bytes: u64,
    /// Texts, of the type that variables have: one kind of map is enough.
    pub(crate) config: BTreeMap<String, Vec<u8>>,
    pub(crate) vars: Vars,
    pub(crate) http: Http,
    pub(crate) hosts: HostPolicy,
    pub(crate) limits: Limits,
    pub(crate) http_response_bytes_max: u64,
    meter: Meter,
    pages_max: Option<u32>,
    share: Share,
    log_level: i32,
    /// The message a builtin wants delivered once nothing is borrowed.
    pub(crate) message: Option<(Level, String)>,
}

/// What the last HTTP request left behind, and the one that is on its way.
#[derive(Default)]
pub(crate) struct Http {
    pub(crate) status: u16,
    pub(crate) headers: Option<Vec<(String, String)>>,
    pub(crate) requests: u32,
    pub(crate) hop: Option<Hop>,
    pub(crate) body: Option<Vec<u8>>,
}

/// What became of a call that did not just return.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u32,
    guest_code: i32,
    message: String,
    causes: Vec<String>,
}

impl Failure {
    /// Reads what the page knows.
    pub(crate) fn read(mut fields: Fields) -> Failure {
        Failure {
            status: fields.number() as u32,
            guest_code: fields.signed(),
            message: fields.text(),
            causes: fields.list(Fields::text),
        }
    }

    /// As the page is told.
    pub(crate) fn json(&self) -> Vec<u8> {
        let mut json = Json::object();
        json.key("status").number(self.status.into());
        json.key("guest_code").signed(self.guest_code.into());
        json.key("message").text(&self.message);
        json.key("causes").texts(&self.causes);
        json.end('}')
    }
}

impl From<&Fault> for Failure {
    fn from(fault: &Fault) -> Failure {
        Failure {
            status: fault.status().code(),
            guest_code: 0,
            message: fault.message().to_owned(),
            causes: fault.cause().map(str::to_owned).into_iter().collect(),
        }
    }
}

impl Plugin {
    pub(crate) fn new(manifest: &Manifest, options: &Options) -> Result<Plugin, Fault> {
        let limits = options.limits()?;
        let mut config = BTreeMap::new();
        for (key, value) in &manifest.config {
            config.insert(key.clone(), value.clone().into_bytes());
        }
        Ok(Plugin {
            kernel: Kernel::new(extism_kernel::Limits {
                blocks_max: limits.blocks_max,
                bytes_max: limits.kernel_bytes_max,
            }),
            memory_bytes: PAGE_BYTES,
            config,
            vars: Vars::new(&limits, bounds::vars_bytes_max(manifest)),
            http: Http {
                headers: options.http_response_headers.then(Vec::new),
                ..Http::default()
            },
            hosts: HostPolicy::new(manifest.allowed_hosts.as_deref()),
            http_response_bytes_max: bounds::http_response_bytes_max(manifest, &limits),
            meter: Meter::new(&limits, manifest.memory.max_pages),
            pages_max: manifest.memory.max_pages,
            share: Share::new(&limits),
            log_level: options.log_level(),
            message: None,
            limits,
        })
    }

    /// An instance is about to be made: whether its memories and tables are allowed.
    pub(crate) fn making(&mut self, resources: Resources) -> Result<(), Fault> {
        let exceeded = |what: &str, count: usize, max: usize| {
            let text =
                format!("resource limit exceeded: {what} count too high at {count}, limit {max}");
            Err(Fault::new(Status::Instances, text))
        };
        self.kernel.reset();
        self.meter = Meter::new(&self.limits, self.pages_max);
        let (instances, memories) = (resources.instances, resources.memories.len());
        if instances > self.meter.instances_max() {
            return exceeded("instance", instances, self.meter.instances_max());
        }
        // Kernel memory is one of them.
        let memories = memories.saturating_add(1);
        if memories > self.meter.memories_max() {
            return exceeded("memory", memories, self.meter.memories_max());
        }
        let tables = resources.tables.len();
        if tables > self.meter.tables_max() {
            return exceeded("table", tables, self.meter.tables_max());
        }
        let kernel_bytes = PAGE_BYTES;
        let bytes = resources
            .memories
            .iter()
            .map(|pages| pages.saturating_mul(PAGE_BYTES));
        for bytes in bytes.chain([kernel_bytes]) {
            if !self.meter.memory_growing(0, bytes, None) {
                return Err(Fault::new(Status::Memory, "oom"));
            }
        }
        for elements in &resources.tables {
            if !self.meter.table_growing(0, *elements, None) {
                let text = format!("a table of {elements} elements is more than the limits allow");
                return Err(Fault::new(Status::Table, text));
            }
        }
        self.memory_bytes = PAGE_BYTES;
        Ok(())
    }

    /// Kernel memory is there, and nothing of the plug-in has run.
    pub(crate) fn attach(&mut self) {
        page::store_cell(MEMORY_LEFT_ADDRESS, self.meter.memory_bytes_left());
        page::store_cell(MEMORY_REFUSED_ADDRESS, 0);
        page::store_cell(TABLE_LEFT_ADDRESS, self.meter.table_elements_left());
    }

    /// The instance is made: from here on what is added must fit in what the manifest grants again.
    pub(crate) fn running(&mut self) {
        self.count_growth();
        self.meter.running();
        page::store_cell(MEMORY_LEFT_ADDRESS, self.meter.memory_bytes_left());
    }

    /// Whether it is the manifest that bounds memory, rather than the host's own limit.
    pub(crate) fn is_bound_by_manifest(&self) -> bool {
        self.meter.is_bound_by_manifest()
    }

    fn count_growth(&mut self) {
        let left = page::load_cell(MEMORY_LEFT_ADDRESS);
        let grown = self.meter.memory_bytes_left().saturating_sub(left);
        self.meter.memory_growing(0, grown, None);
    }

    /// Starts a call; the handle of the input, whose bytes the page then writes.
    pub(crate) fn begin(&mut self, input_bytes: u32) -> Result<u64, Fault> {
        self.http.requests = 0;
        if page_refused() {
            page::store_cell(MEMORY_REFUSED_ADDRESS, 0);
        }
        let length = u64::from(input_bytes);
        let begun = self.place(|kernel, room| kernel.begin(length, room));
        begun.map_err(|refused| {
            page::store_cell(MEMORY_REFUSED_ADDRESS, 0);
            let cause = refusal(refused);
            let text = "failed to allocate extism memory";
            Fault::new(cause.status(), text).because(cause)
        })
    }

    /// The warning about what the last call wanted to log and could not.
    pub(crate) fn renew_share(&mut self) -> Option<String> {
        self.share.is_used().then(|| self.share.renew()).flatten()
    }

    /// The guest returned: where its output is, or why there is none.
    pub(crate) fn collect(&mut self, code: i32) -> Result<Range, Failure> {
        let output = self.kernel.output();
        let bytes_max = self.limits.output_bytes_max;
        if output.length > bytes_max {
            let text = format!(
                "output of {} bytes is larger than the limit of {bytes_max} bytes",
                output.length
            );
            return Err(Failure::from(&Fault::new(Status::Output, text)));
        }
        match (self.guest_error(), code) {
            (None, 0) => Ok(output),
            (told, code) => Err(Failure {
                status: Status::GuestError.code(),
                guest_code: code,
                message: told.unwrap_or_else(|| format!("Returned non-zero exit code: {code}")),
                causes: Vec::new(),
            }),
        }
    }

    /// The guest did not return: what the page knows, completed by what is known here.
    pub(crate) fn fail(&mut self, mut failure: Failure) -> Failure {
        let band = failure.status / 100;
        let trapped =
            (Status::TrapUnreachable.code()..=Status::TrapOther.code()).contains(&failure.status);
        let refused = page_refused();
        page::store_cell(MEMORY_REFUSED_ADDRESS, 0);
        // An allocator that is told there is no more memory usually aborts: say why, not how.
        if refused && trapped {
            return Failure::from(&Fault::new(Status::Memory, "oom"));
        }
        let stopped = [
            Status::Timeout.code(),
            Status::Cancelled.code(),
            Status::Memory.code(),
        ];
        if stopped.contains(&failure.status) || band == 1 {
            return failure;
        }
        // What the guest had to say before it trapped tells more than where it was.
        if let Some(told) = self.guest_error() {
            let below = std::mem::replace(&mut failure.message, told);
            failure.causes.insert(0, below);
            failure.status = Status::GuestError.code();
        }
        failure
    }

    /// The error message the guest has set, if any.
    pub(crate) fn guest_error(&mut self) -> Option<String> {
        let range = self.kernel.error_range()?;
        let bytes = self.bytes(range);
        let text = String::from_utf8_lossy(&bytes);
        Some(cut(&text, self.limits.error_bytes_max).to_owned())
    }

    /// The bytes of a range, or none where it is not inside of kernel memory.
    pub(crate) fn bytes(&self, range: Range) -> Vec<u8> {
        let end = range.offset.checked_add(range.length);
        if range.length == 0 || end.is_none_or(|end| end > self.memory_bytes) {
            return Vec::new();
        }
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(range.length as usize).is_err() {
            return bytes;
        }
        bytes.resize(range.length as usize, 0);
        // Inside of a 32-bit memory.
        page::read(range.offset as u32, &mut bytes);
        bytes
    }

    /// A block of that many bytes.
    pub(crate) fn alloc(&mut self, bytes: u64) -> Result<u64, Refused> {
        self.place(|kernel, room| kernel.try_alloc(bytes, room))
    }

    /// A new block with these bytes; 0 if there are none.
    pub(crate) fn store(&mut self, bytes: &[u8]) -> Result<u64, Fault> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let handle = self.alloc(bytes.len() as u64).map_err(refusal)?;
        page::write(handle as u32, bytes);
        Ok(handle)
    }

    /// Frees a block, and tells rewritten modules if it was the input.
    pub(crate) fn free(&mut self, handle: u64) {
        let before = self.kernel.input();
        self.kernel.free(handle);
        if self.kernel.input() != before {
            self.publish_input();
        }
    }

    /// Tells rewritten modules where the input is.
    pub(crate) fn publish_input(&self) {
        let input = self.kernel.input();
        page::store_cell(extism_abi::layout::INPUT_OFFSET_ADDRESS, input.offset);
        page::store_cell(extism_abi::layout::INPUT_LENGTH_ADDRESS, input.length);
    }

    /// Asks the block table for a place; grows the memory and asks once more if that is what it takes.
    fn place(
        &mut self,
        ask: impl Fn(&mut Kernel, &mut Room) -> Result<u64, Refused>,
    ) -> Result<u64, Refused> {
        let mut room = Room {
            bytes: self.memory_bytes,
            wanted: 0,
        };
        match ask(&mut self.kernel, &mut room) {
            Err(Refused::Memory) if room.wanted > 0 => {
                self.grow(room.wanted)?;
                room.bytes = self.memory_bytes;
                ask(&mut self.kernel, &mut room)
            }
            placed => placed,
        }
    }

    /// Grows kernel memory to at least `bytes`, by half as much again where the limits allow.
    #[cold]
    fn grow(&mut self, bytes: u64) -> Result<(), Refused> {
        let needed = bytes.saturating_sub(self.memory_bytes).div_ceil(PAGE_BYTES);
        let generous = needed.max(self.memory_bytes / 2 / PAGE_BYTES);
        let left = page::load_cell(MEMORY_LEFT_ADDRESS);
        let mut grow = |pages: u64| {
            let bytes = pages.saturating_mul(PAGE_BYTES);
            let within = bytes <= left && u32::try_from(pages).is_ok_and(page::grow);
            if within {
                self.memory_bytes = self.memory_bytes.saturating_add(bytes);
                page::store_cell(MEMORY_LEFT_ADDRESS, left.saturating_sub(bytes));
            }
            within
        };
        if grow(generous) || grow(needed) {
            return Ok(());
        }
        page::store_cell(MEMORY_REFUSED_ADDRESS, 1);
        Err(Refused::Memory)
    }
}

fn page_refused() -> bool {
    page::load_cell(MEMORY_REFUSED_ADDRESS) != 0
}

/// The fault of a refused block.
pub(crate) fn refusal(refused: Refused) -> Fault {
    Fault::new(refused.status(), extism_semantics::refusal_text(refused))
}

/// The size of kernel memory, and the size it would have to have.
struct Room {
    bytes: u64,
    wanted: u64,
}

impl extism_kernel::Memory for Room {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn grow_to(&mut self, bytes: u64) -> bool {
        self.wanted = bytes;
        false
    }
}

impl Facilities for Plugin {
    fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    fn config(&self, key: &str) -> Option<&[u8]> {
        self.config.get(key).map(Vec::as_slice)
    }

    fn config_key_bytes(&self) -> usize {
        self.config.keys().map(String::len).max().unwrap_or(0)
    }

    fn vars(&self) -> &Vars {
        &self.vars
    }

    fn vars_mut(&mut self) -> &mut Vars {
        &mut self.vars
    }

    fn log_level(&self) -> i32 {
        self.log_level
    }

    fn log(&mut self, level: Level, message: &[u8]) {
        let admitted = self.share.admit(level, message);
        // The text of a refused message may be of a level that nobody listens to.
        self.message = admitted
            .filter(|(level, _)| *level as i32 >= self.log_level)
            .map(|(level, text)| (level, text.into_owned()));
    }
}

impl Guest for Plugin {
    type Facilities = Plugin;
    type Error = Fault;

    fn facilities(&self) -> &Plugin {
        self
    }

    fn facilities_mut(&mut self) -> &mut Plugin {
        self
    }

    fn free(&mut self, handle: u64) -> Result<(), Fault> {
        Plugin::free(self, handle);
        Ok(())
    }

    fn read<R>(
        &mut self,
        range: Range,
        read: impl FnOnce(&mut Plugin, &[u8]) -> R,
    ) -> Result<R, Fault> {
        let bytes = self.bytes(range);
        Ok(read(self, &bytes))
    }

    fn give_found(&mut self, find: impl Fn(&Plugin) -> Option<&[u8]>) -> Result<u64, Fault> {
        let Some(length) = find(self).map(|bytes| bytes.len() as u64) else {
            return Ok(0);
        };
        let handle = self.alloc(length).map_err(refusal)?;
        if let Some(bytes) = find(self).filter(|bytes| !bytes.is_empty()) {
            page::write(handle as u32, bytes);
        }
        Ok(handle)
    }
}
