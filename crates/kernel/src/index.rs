//! Finds a live block by its handle.
//!
//! Must not know: sizes and neighbours. It links the records it is given through their `next`.
//!
//! Invariant: every live block is in exactly one bucket, the one its address hashes to. The hash is
//! a multiplication with a secret odd number: whatever addresses a plug-in arranges to have, two of
//! them share a bucket with a probability of at most two in the number of buckets, so it cannot
//! make look-ups slow on purpose.

use core::hash::{BuildHasher, Hasher};
use std::hash::RandomState;

use crate::blocks::{Blocks, Id, KEPT};
use crate::table::ALIGNMENT;

const BUCKETS_MIN: usize = 16;

/// Buckets of live blocks.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// A power of two of them, or none before the first block.
    buckets: Vec<Bucket>,
    /// What brings the product down to a bucket number: 64 less the binary logarithm of their number.
    shift: u32,
    multiplier: u64,
    /// The call that runs. A bucket with another stamp is empty, so that a new call clears them all
    /// by counting.
    stamp: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    stamp: u32,
    first: Option<Id>,
}

impl Index {
    pub(crate) fn new() -> Index {
        Index::with_multiplier(RandomState::new().build_hasher().finish() | 1)
    }

    fn with_multiplier(multiplier: u64) -> Index {
        Index {
            buckets: Vec::new(),
            shift: 64,
            multiplier,
            stamp: 1,
        }
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        if self.buckets.len() > KEPT {
            self.buckets = Vec::new();
        }
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.buckets.fill(Bucket::default());
            self.stamp = 1;
        }
    }

    /// The live block that begins at this address.
    #[inline]
    pub(crate) fn find(&self, blocks: &Blocks, offset: u32) -> Option<Id> {
        let bucket = self.buckets.get(self.bucket_of(offset))?;
        let mut candidate = bucket.first.filter(|_| bucket.stamp == self.stamp);
        while let Some(id) = candidate {
            let block = &blocks[id];
            if block.offset == offset {
                return Some(id);
            }
            candidate = block.next;
        }
        None
    }

    /// Makes room for one more block than are `live`. False if there is none and the host has no
    /// memory for it.
    #[inline]
    pub(crate) fn reserve(&mut self, blocks: &mut Blocks, live: u32) -> bool {
        // When more buckets cannot be had, the chains grow longer instead.
        (live as usize) < self.buckets.len() || self.grow(blocks) || !self.buckets.is_empty()
    }

    /// Puts a block at the head of its bucket. Answers the former head, which must become its `next`.
    #[inline]
    pub(crate) fn insert(&mut self, offset: u32, id: Id) -> Option<Id> {
        let at = self.bucket_of(offset);
        let first = Bucket {
            stamp: self.stamp,
            first: Some(id),
        };
        let bucket = core::mem::replace(self.buckets.get_mut(at)?, first);
        bucket.first.filter(|_| bucket.stamp == self.stamp)
    }

    /// Finds the live block that begins at this address and takes it out.
    #[inline]
    pub(crate) fn remove(&mut self, blocks: &mut Blocks, offset: u32) -> Option<Id> {
        let id = self.find(blocks, offset)?;
        let after = blocks[id].next;
        let at = self.bucket_of(offset);
        let bucket = self.buckets.get_mut(at)?;
        let mut before = bucket.first?;
        if before == id {
            bucket.first = after;
            return Some(id);
        }
        while let Some(next) = blocks[before].next {
            if next == id {
                blocks[before].next = after;
                break;
            }
            before = next;
        }
        Some(id)
    }

    /// Doubles the number of buckets. False, with nothing changed, if the host has no memory for them.
    #[cold]
    fn grow(&mut self, blocks: &mut Blocks) -> bool {
        let count = self.buckets.len().saturating_mul(2).max(BUCKETS_MIN);
        let mut buckets = Vec::new();
        if buckets.try_reserve_exact(count).is_err() {
            return false;
        }
        buckets.resize(count, Bucket::default());
        let old = core::mem::replace(&mut self.buckets, buckets);
        self.shift = 64_u32.saturating_sub(count.trailing_zeros());
        let stamp = self.stamp;
        for bucket in old.iter().filter(|bucket| bucket.stamp == stamp) {
            let mut candidate = bucket.first;
            while let Some(id) = candidate {
                candidate = blocks[id].next;
                blocks[id].next = self.insert(blocks[id].offset, id);
            }
        }
        true
    }

    #[inline]
    fn bucket_of(&self, offset: u32) -> usize {
        let product = u64::from(offset / ALIGNMENT).wrapping_mul(self.multiplier);
        product.unbounded_shr(self.shift) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::Index;
    use crate::blocks::{Block, Blocks, Id};

    fn insert(index: &mut Index, blocks: &mut Blocks, offset: u32, live: u32) -> Id {
        let nothing = None;
        let block = Block {
            offset,
            span: 16,
            length: 1,
            before: nothing,
            after: nothing,
            previous: nothing,
            next: nothing,
        };
        let id = blocks.insert(block).expect("the host has memory");
        assert!(index.reserve(blocks, live));
        blocks[id].next = index.insert(offset, id);
        id
    }

    /// How many blocks a look-up passes on average when the first 1,024 addresses with this
    /// distance are live.
    fn mean_chain(stride: u32, multiplier: u64) -> f64 {
        let (mut index, mut blocks) = (Index::with_multiplier(multiplier), Blocks::default());
        for nth in 0..1024 {
            insert(&mut index, &mut blocks, 64 + nth * stride, nth);
        }
        assert_eq!(index.buckets.len(), 1024);
        let mut passed = 0;
        for bucket in &index.buckets {
            let (mut length, mut next) = (0, bucket.first);
            while let Some(id) = next {
                length += 1;
                next = blocks[id].next;
            }
            passed += length * (length + 1) / 2;
        }
        f64::from(passed) / 1024.0
    }

    #[test]
    fn regular_addresses_spread_over_the_buckets() {
        let mut state = 1_u64;
        for stride in [
            16,
            32,
            48,
            64,
            1 << 10,
            1 << 12,
            1 << 16,
            65_552,
            1 << 20,
            1 << 21,
        ] {
            let tables = 200;
            let sum: f64 = (0..tables)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    mean_chain(stride, (state ^ state >> 29) | 1)
                })
                .sum();
            let mean = sum / f64::from(tables);
            assert!(mean < 2.5, "{mean} blocks passed at a distance of {stride}");
        }
    }

    #[test]
    fn each_table_has_a_secret_of_its_own() {
        let (one, other) = (Index::new(), Index::new());
        assert_ne!(one.multiplier, other.multiplier);
        assert_eq!((one.multiplier & 1, other.multiplier & 1), (1, 1));
    }

    #[test]
    fn an_old_stamp_never_comes_back_to_life() {
        let (mut index, mut blocks) = (
            Index::with_multiplier(0x9e37_79b9_7f4a_7c15),
            Blocks::default(),
        );
        index.stamp = u32::MAX;
        insert(&mut index, &mut blocks, 64, 0);
        assert!(index.find(&blocks, 64).is_some());
        index.clear();
        blocks.clear();
        assert_eq!((index.stamp, index.find(&blocks, 64)), (1, None));
        let id = insert(&mut index, &mut blocks, 64, 0);
        assert_eq!(index.find(&blocks, 64), Some(id));
        assert_eq!(index.remove(&mut blocks, 64), Some(id));
        assert_eq!(index.remove(&mut blocks, 64), None);
        // As long ago as it can be: the stamp counts through and arrives at the same number.
        index.stamp = u32::MAX;
        index.clear();
        assert_eq!(index.find(&blocks, 64), None);
    }

    #[test]
    fn blocks_are_found_in_every_order_of_removal() {
        let (mut index, mut blocks) = (Index::with_multiplier(1), Blocks::default());
        let offsets: Vec<u32> = (0..3000).map(|nth| 64 + nth * 16).collect();
        for (live, offset) in (0..).zip(&offsets) {
            insert(&mut index, &mut blocks, *offset, live);
        }
        for step in [7, 3, 1] {
            for offset in offsets.iter().skip(step).step_by(step + 1) {
                index.remove(&mut blocks, *offset);
                assert_eq!(index.find(&blocks, *offset), None);
            }
        }
        for (nth, offset) in offsets.iter().enumerate() {
            let gone = [7, 3, 1]
                .iter()
                .any(|step| nth >= *step && (nth - step) % (step + 1) == 0);
            assert_eq!(index.find(&blocks, *offset).is_none(), gone, "{offset}");
        }
    }
}
