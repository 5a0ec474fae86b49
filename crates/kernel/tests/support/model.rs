//! A model of the kernel that is too simple to be wrong: a sorted map of the live blocks.
//!
//! Must not know: how the kernel places blocks; it checks every placement instead.
//! Also used by the fuzz target `kernel_alloc_model`.

use std::collections::BTreeMap;

use extism_kernel::{FIRST_HANDLE, Kernel, Limits, Range, Refused};

use super::Pages;

/// The handles and lengths of the live blocks, and what else the kernel should answer.
pub struct Model {
    limits: Limits,
    live: BTreeMap<u64, u64>,
    bytes: u64,
    high_water: u64,
    pub input: Range,
    pub output: Range,
    pub error: u64,
}

impl Model {
    pub fn new(limits: Limits) -> Model {
        let nothing = Range::default();
        Model {
            limits,
            live: BTreeMap::new(),
            bytes: 0,
            high_water: FIRST_HANDLE,
            input: nothing,
            output: nothing,
            error: 0,
        }
    }

    /// Which limit refuses a block of this size, if the memory does not.
    pub fn limit(&self, bytes: u64) -> Option<Refused> {
        if self.live.len() >= self.limits.blocks_max as usize {
            return Some(Refused::Blocks);
        }
        let total = u128::from(self.bytes) + u128::from(bytes);
        (total > u128::from(self.limits.bytes_max)).then_some(Refused::Bytes)
    }

    /// Accepts what the kernel answered to `alloc(bytes)`, or panics.
    pub fn allocated(&mut self, bytes: u64, answer: Result<u64, Refused>, memory: &Pages) {
        if bytes == 0 {
            return assert_eq!(answer, Ok(0));
        }
        if let Some(refused) = self.limit(bytes) {
            return assert_eq!(answer, Err(refused));
        }
        let handle = match answer {
            Ok(handle) => handle,
            Err(refused) => {
                assert_eq!(refused, Refused::Memory);
                // It may refuse for fragmentation, but not a block that fits above all others.
                let end = u128::from(self.end()).next_multiple_of(16) + u128::from(bytes);
                return assert!(
                    end > u128::from(memory.bytes_max) - 16,
                    "{bytes} bytes refused below {end}"
                );
            }
        };
        assert!(handle >= FIRST_HANDLE && handle.is_multiple_of(16));
        assert!(handle + bytes <= memory.bytes);
        if let Some((below, length)) = self.live.range(..=handle).next_back() {
            assert!(below + length <= handle, "{handle} overlaps {below}");
        }
        if let Some((above, _)) = self.live.range(handle..).next() {
            assert!(handle + bytes <= *above, "{handle} overlaps {above}");
        }
        self.live.insert(handle, bytes);
        self.bytes += bytes;
        self.high_water = self.high_water.max((handle + bytes).next_multiple_of(16));
    }

    pub fn free(&mut self, handle: u64) {
        let Some(length) = self.live.remove(&handle) else {
            return;
        };
        self.bytes -= length;
        if handle == self.input.offset {
            self.input.length = 0;
        }
    }

    pub fn slot(offset: u64, length: u64, memory_bytes: u64) -> Option<Range> {
        let end = u128::from(offset) + u128::from(length);
        ((FIRST_HANDLE..memory_bytes).contains(&offset) && end <= u128::from(memory_bytes))
            .then_some(Range { offset, length })
    }

    /// The model of a kernel that has forgotten everything.
    pub fn cleared(&self) -> Model {
        Model::new(self.limits)
    }

    /// The length of the block that begins here; 0 if none does.
    pub fn length(&self, handle: u64) -> u64 {
        self.live.get(&handle).copied().unwrap_or(0)
    }

    pub fn handles(&self) -> Vec<u64> {
        self.live.keys().copied().collect()
    }

    /// The first block at or above an address; 0 if there is none.
    pub fn at_or_above(&self, address: u64) -> u64 {
        let mut above = self.live.range(address..);
        above.next().map_or(0, |(handle, _)| *handle)
    }

    /// The nth block, counted in a circle; 0 if there is none.
    pub fn nth(&self, nth: usize) -> u64 {
        let at = nth.checked_rem(self.live.len()).unwrap_or(0);
        self.live.keys().nth(at).copied().unwrap_or(0)
    }

    pub fn end(&self) -> u64 {
        self.live
            .last_key_value()
            .map_or(FIRST_HANDLE, |(handle, length)| handle + length)
    }

    pub fn check(&self, kernel: &Kernel) {
        assert_eq!(kernel.blocks() as usize, self.live.len());
        assert_eq!(kernel.bytes_in_use(), self.bytes);
        assert_eq!(kernel.high_water(), self.high_water);
        assert_eq!(
            (kernel.input(), kernel.output(), kernel.error()),
            (self.input, self.output, self.error)
        );
        let text = self.live.get(&self.error).copied().unwrap_or(0);
        let error = (self.error != 0).then_some(Range {
            offset: self.error,
            length: text,
        });
        assert_eq!(kernel.error_range(), error);
    }

    pub fn check_every_block(&self, kernel: &Kernel) {
        for (handle, length) in &self.live {
            assert_eq!(kernel.length(*handle), *length);
        }
    }
}
