//! Sums the memories and tables of one plug-in and says no beyond the limit.
//!
//! The engine asks before each memory or table comes into being or grows. Invariant: `used` is what
//! exists now; it never passes `allowed`.

use extism_abi::layout::PAGE_BYTES;

use crate::Limits;

/// The memories and tables of one plug-in.
#[derive(Debug)]
pub struct Meter {
    memory: Budget,
    tables: Budget,
    /// What the manifest's `memory.max_pages` grants, in bytes.
    pages_bytes_max: Option<u64>,
    /// The host's ceiling for all memories together, in bytes.
    ceiling_bytes: u64,
    instances_max: usize,
    memories_max: usize,
    tables_max: usize,
}

#[derive(Debug)]
struct Budget {
    used: u64,
    allowed: u64,
    /// The last amount granted, taken back when the operating system then refuses.
    last: u64,
    /// Whether something was refused since the flag was last read.
    refused: bool,
}

impl Budget {
    fn new(allowed: u64) -> Budget {
        Budget {
            used: 0,
            allowed,
            last: 0,
            refused: false,
        }
    }

    fn take(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let more = desired.saturating_sub(current);
        match self.used.checked_add(more) {
            Some(used) if used <= self.allowed => {
                self.used = used;
                self.last = more;
                true
            }
            _ => {
                self.refused = true;
                false
            }
        }
    }

    fn give_back(&mut self) {
        self.used = self.used.saturating_sub(self.last);
        self.last = 0;
        self.refused = true;
    }
}

impl Meter {
    /// A meter for a plug-in about to be instantiated: what its modules declare must fit in
    /// `pages_max`. The kernel's own first page is not the plug-in's and comes on top.
    pub fn new(limits: &Limits, pages_max: Option<u32>) -> Meter {
        let ceiling_bytes = limits.memory_bytes_max.unwrap_or(u64::MAX);
        let pages_bytes_max = pages_max.map(|pages| u64::from(pages).saturating_mul(PAGE_BYTES));
        let declared = pages_bytes_max.map_or(u64::MAX, |bytes| bytes.saturating_add(PAGE_BYTES));
        Meter {
            memory: Budget::new(declared.min(ceiling_bytes)),
            tables: Budget::new(limits.table_elements_max),
            pages_bytes_max,
            ceiling_bytes,
            instances_max: limits.instances_max,
            memories_max: limits.memories_max,
            tables_max: limits.tables_max,
        }
    }

    /// Instantiation is over: from here on what is added, to all memories together, must fit in
    /// `pages_max` again.
    pub fn running(&mut self) {
        let grown = self
            .pages_bytes_max
            .map_or(u64::MAX, |bytes| self.memory.used.saturating_add(bytes));
        self.memory.allowed = grown.min(self.ceiling_bytes);
    }

    /// Counts kernel memory that is made beside the modules, whose memories alone the engine counts; false if
    /// not even that one is allowed.
    pub fn takes_kernel_memory(&mut self) -> bool {
        let left = self.memories_max.checked_sub(1);
        self.memories_max = left.unwrap_or(0);
        left.is_some()
    }

    /// Whether it is the manifest's `max_pages` that bounds memory, rather than the host's own limit.
    pub fn is_bound_by_manifest(&self) -> bool {
        self.memory.allowed < self.ceiling_bytes
    }

    /// Whether memory was refused since this was last asked.
    pub fn take_memory_refusal(&mut self) -> bool {
        std::mem::take(&mut self.memory.refused)
    }

    /// Whether table elements were refused since this was last asked.
    pub fn take_table_refusal(&mut self) -> bool {
        std::mem::take(&mut self.tables.refused)
    }

    /// Whether a memory may grow from `current` to `desired` bytes, or come into being (`current` 0).
    pub fn memory_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        self.memory.take(current, desired, maximum)
    }

    /// What was granted last has not come into being.
    pub fn memory_grow_failed(&mut self) {
        self.memory.give_back();
    }

    /// As [`Meter::memory_growing`], for elements of tables.
    pub fn table_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        self.tables.take(current, desired, maximum)
    }

    /// As [`Meter::memory_grow_failed`], for tables.
    pub fn table_grow_failed(&mut self) {
        self.tables.give_back();
    }

    /// How many bytes memories may still grow by, all together.
    pub fn memory_bytes_left(&self) -> u64 {
        self.memory.allowed.saturating_sub(self.memory.used)
    }

    /// How many elements tables may still grow by, all together.
    pub fn table_elements_left(&self) -> u64 {
        self.tables.allowed.saturating_sub(self.tables.used)
    }

    /// Module instances there may be.
    pub fn instances_max(&self) -> usize {
        self.instances_max
    }

    /// Memories there may be.
    pub fn memories_max(&self) -> usize {
        self.memories_max
    }

    /// Tables there may be.
    pub fn tables_max(&self) -> usize {
        self.tables_max
    }

    /// All linear memories together, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.used
    }
}
