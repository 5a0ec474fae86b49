//! Places blocks: appends one at the top while there is memory, then reuses free ones, and merges
//! free neighbours again.
//!
//! A handle that was freed is not given out again before it must be: plug-ins free blocks that a
//! function they called has freed already, and would free somebody else's.
//!
//! Must not know: input, output and error, nor what is in the memory.
//!
//! Invariant: the blocks cover everything from the first handle to the top, in the order of their
//! addresses and without a gap; no two free ones are neighbours. So there is never more than one
//! free block more than live ones.

use extism_abi::layout::FIRST_HANDLE;

use crate::bins::Bins;
use crate::blocks::{Block, Blocks, Id};
use crate::index::Index;
use crate::{Limits, Memory, Refused};

/// Every block begins at a multiple of this many bytes and occupies a multiple of it. It is what a
/// C host may expect of memory from `malloc`: any scalar or vector type can be stored at a handle.
pub(crate) const ALIGNMENT: u32 = 16;

/// The end of a 32-bit memory.
const ADDRESSES_END: u64 = 1 << 32;

/// All blocks of the running call.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    blocks: Blocks,
    bins: Bins,
    index: Index,
    /// The block at the highest address.
    last: Option<Id>,
    /// Address behind the last block.
    top: u64,
    /// The highest `top` there was.
    high_water: u64,
    live: u32,
    bytes: u64,
}

impl Table {
    pub(crate) fn new() -> Table {
        Table {
            blocks: Blocks::default(),
            bins: Bins::new(),
            index: Index::new(),
            last: None,
            top: FIRST_HANDLE,
            high_water: FIRST_HANDLE,
            live: 0,
            bytes: 0,
        }
    }

    /// Forgets every block without looking at any.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
        self.bins.clear();
        self.index.clear();
        self.last = None;
        self.top = FIRST_HANDLE;
        self.high_water = FIRST_HANDLE;
        self.live = 0;
        self.bytes = 0;
    }

    /// Places a block of `bytes` bytes, which must not be 0, and answers its address.
    #[inline]
    pub(crate) fn allocate(
        &mut self,
        bytes: u64,
        limits: &Limits,
        memory: &mut (impl Memory + ?Sized),
    ) -> Result<u64, Refused> {
        if self.live >= limits.blocks_max {
            return Err(Refused::Blocks);
        }
        let total = self.bytes.checked_add(bytes).ok_or(Refused::Bytes)?;
        if total > limits.bytes_max {
            return Err(Refused::Bytes);
        }
        let length = u32::try_from(bytes).map_err(|_| Refused::Memory)?;
        let span = length
            .checked_next_multiple_of(ALIGNMENT)
            .ok_or(Refused::Memory)?;
        if !self.index.reserve(&mut self.blocks, self.live) {
            return Err(Refused::Memory);
        }
        let id = if self.top.saturating_add(u64::from(span)) <= memory.bytes() {
            self.append(span)?
        } else {
            self.reuse_or_grow(span, memory)?
        };
        let block = &mut self.blocks[id];
        block.length = length;
        block.next = self.index.insert(block.offset, id);
        self.live = self.live.saturating_add(1);
        self.bytes = total;
        Ok(u64::from(block.offset))
    }

    /// Frees the live block that begins at `handle`. False, with nothing changed, if none does.
    #[inline]
    pub(crate) fn release(&mut self, handle: u64) -> bool {
        let Ok(offset) = u32::try_from(handle) else {
            return false;
        };
        let Some(mut id) = self.index.remove(&mut self.blocks, offset) else {
            return false;
        };
        let length = core::mem::take(&mut self.blocks[id].length);
        self.live = self.live.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(u64::from(length));

        if let Some(after) = self.blocks[id].after.filter(|after| self.is_free(*after)) {
            self.bins.remove(&mut self.blocks, after);
            self.absorb_next(id, after);
        }
        if let Some(before) = self.blocks[id]
            .before
            .filter(|before| self.is_free(*before))
        {
            self.bins.remove(&mut self.blocks, before);
            self.absorb_next(before, id);
            id = before;
        }
        self.bins.insert(&mut self.blocks, id);
        true
    }

    /// The length that was asked for when the block was allocated; `None` if no live block begins
    /// at `handle`.
    #[inline]
    pub(crate) fn length(&self, handle: u64) -> Option<u64> {
        let offset = u32::try_from(handle).ok()?;
        let id = self.index.find(&self.blocks, offset)?;
        Some(u64::from(self.blocks[id].length))
    }

    pub(crate) fn high_water(&self) -> u64 {
        self.high_water
    }

    pub(crate) fn live(&self) -> u32 {
        self.live
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    #[inline]
    fn is_free(&self, id: Id) -> bool {
        self.blocks[id].length == 0
    }

    /// Places a block where the memory ends before it would: in a free one, or behind the last live
    /// one once the memory has grown. What it then reports is what counts.
    fn reuse_or_grow(
        &mut self,
        span: u32,
        memory: &mut (impl Memory + ?Sized),
    ) -> Result<Id, Refused> {
        if let Some(id) = self.bins.take(&mut self.blocks, span) {
            self.split(id, span);
            return Ok(id);
        }
        let highest_free = self.last.filter(|last| self.is_free(*last));
        let from = highest_free.map_or(self.top, |last| u64::from(self.blocks[last].offset));
        let end = from.saturating_add(u64::from(span));
        if end > ADDRESSES_END {
            return Err(Refused::Memory);
        }
        // It may have room by now for what begins in a free block, and not be able to grow any more.
        if end > memory.bytes() && !(memory.grow_to(end) && end <= memory.bytes()) {
            return Err(Refused::Memory);
        }
        if let Some(last) = highest_free {
            self.bins.remove(&mut self.blocks, last);
            self.drop_last(last);
        }
        self.append(span)
    }

    /// Adds a block behind the last one, where there is memory for it.
    #[inline]
    fn append(&mut self, span: u32) -> Result<Id, Refused> {
        let offset = u32::try_from(self.top).map_err(|_| Refused::Memory)?;
        let end = self.top.saturating_add(u64::from(span));
        let block = Block {
            offset,
            span,
            length: 0,
            before: self.last,
            after: None,
            previous: None,
            next: None,
        };
        let id = self.blocks.insert(block).ok_or(Refused::Memory)?;
        if let Some(last) = self.last {
            self.blocks[last].after = Some(id);
        }
        self.last = Some(id);
        self.top = end;
        self.high_water = self.high_water.max(end);
        Ok(id)
    }

    /// Cuts a block that was taken out of the bins down to `span` bytes; the rest becomes a free
    /// block. Without a record for the rest the block stays as it is.
    fn split(&mut self, id: Id, span: u32) {
        let whole = self.blocks[id];
        let rest = Block {
            offset: whole.offset.saturating_add(span),
            span: whole.span.saturating_sub(span),
            length: 0,
            before: Some(id),
            after: whole.after,
            previous: None,
            next: None,
        };
        if rest.span == 0 {
            return;
        }
        let Some(rest_id) = self.blocks.insert(rest) else {
            return;
        };
        self.blocks[id].span = span;
        self.blocks[id].after = Some(rest_id);
        match whole.after {
            Some(after) => self.blocks[after].before = Some(rest_id),
            None => self.last = Some(rest_id),
        }
        self.bins.insert(&mut self.blocks, rest_id);
    }

    /// Makes one block of `id` and its upper neighbour; neither is in the bins.
    fn absorb_next(&mut self, id: Id, next: Id) {
        let gone = self.blocks[next];
        self.blocks[id].span = self.blocks[id].span.saturating_add(gone.span);
        self.blocks[id].after = gone.after;
        match gone.after {
            Some(after) => self.blocks[after].before = Some(id),
            None => self.last = Some(id),
        }
        self.blocks.remove(next);
    }

    /// Takes the free block at the highest address off the list.
    fn drop_last(&mut self, id: Id) {
        let block = self.blocks[id];
        self.last = block.before;
        self.top = u64::from(block.offset);
        if let Some(before) = block.before {
            self.blocks[before].after = None;
        }
        self.blocks.remove(id);
    }
}
