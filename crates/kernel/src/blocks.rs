//! The records of all blocks, live and free, in one vector that is reused from call to call.
//!
//! Must not know: how a block is chosen or found; it keeps records and hands out their ids.
//!
//! Invariant: an id is given out once until it is put back, so at most `high` records exist, where
//! `high` is the largest number of live and free blocks there ever was during the call.

use core::num::NonZeroU32;
use core::ops::{Index, IndexMut};

/// The records that are kept for the next call; a call that needed more gives the rest back when it is over.
pub(crate) const KEPT: usize = 1024;

/// Which record: its position in the vector plus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(NonZeroU32);

/// One block. The block list covers everything from the first handle to the top without a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Address of the first byte. Addresses stay below 2^32: the memory is a 32-bit one.
    pub(crate) offset: u32,
    /// Bytes the block occupies, a multiple of the alignment.
    pub(crate) span: u32,
    /// Bytes that were asked for; 0 marks a free block, since nobody owns an empty one.
    pub(crate) length: u32,
    /// The neighbour at the next lower address.
    pub(crate) before: Option<Id>,
    /// The neighbour at the next higher address.
    pub(crate) after: Option<Id>,
    /// The previous free block of the same class, if this one is free.
    pub(crate) previous: Option<Id>,
    /// The next in the list the block is in: of its class if it is free, of its bucket if it is
    /// live, of records without a block otherwise.
    pub(crate) next: Option<Id>,
}

/// All records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    records: Vec<Block>,
    /// First of the records that stand for no block any more.
    unused: Option<Id>,
}

impl Blocks {
    /// A record for this block; `None` if the host has no memory for it.
    #[inline]
    pub(crate) fn insert(&mut self, block: Block) -> Option<Id> {
        if let Some(id) = self.unused {
            self.unused = self[id].next;
            self[id] = block;
            return Some(id);
        }
        if self.records.len() == self.records.capacity() {
            self.records.try_reserve(1).ok()?;
        }
        self.records.push(block);
        u32::try_from(self.records.len())
            .ok()
            .and_then(NonZeroU32::new)
            .map(Id)
    }

    /// Puts back a record whose block is gone.
    #[inline]
    pub(crate) fn remove(&mut self, id: Id) {
        self[id].next = self.unused;
        self.unused = Some(id);
    }

    /// Forgets every record, at no cost per record.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.unused = None;
        self.records.clear();
        if self.records.capacity() > KEPT {
            self.records = Vec::new();
        }
    }
}

impl Id {
    #[inline]
    fn position(self) -> usize {
        // Never below 0, and a u32 fits in the usize of every target the runtime supports.
        self.0.get().saturating_sub(1) as usize
    }
}

// The only two places that index the vector. Ids never come from outside: they are made by `insert`
// and live in records, bins and buckets, which are all cleared together with the vector.
impl Index<Id> for Blocks {
    type Output = Block;

    #[inline]
    #[expect(
        clippy::indexing_slicing,
        reason = "`insert` made the id, so the record exists"
    )]
    fn index(&self, id: Id) -> &Block {
        &self.records[id.position()]
    }
}

impl IndexMut<Id> for Blocks {
    #[inline]
    #[expect(
        clippy::indexing_slicing,
        reason = "`insert` made the id, so the record exists"
    )]
    fn index_mut(&mut self, id: Id) -> &mut Block {
        &mut self.records[id.position()]
    }
}
