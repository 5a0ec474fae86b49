//! The free blocks, sorted into classes by size, so that one that is large enough is found without a search.
//!
//! Must not know: addresses and neighbours. Merging free neighbours is the table's business.
//!
//! Invariant: a block is in the list of its class exactly while it is free. Eight classes share
//! each power of two, so a block of a higher class is always large enough, and the first non-empty
//! one is at most an eighth too large.

use crate::blocks::{Blocks, Id};
use crate::table::ALIGNMENT;

/// Classes there are: 1 to 15 units one by one, then eight per power of two up to the whole 32-bit memory.
const CLASSES: usize = 208;

/// How many blocks of the wanted class itself are looked at. They may be slightly too small, so
/// this is a search; the bound keeps it constant, and a size that is used again and again is found
/// at the first look.
const LOOKED_AT_MAX: usize = 8;

/// The lists of free blocks.
#[derive(Clone, Debug)]
pub(crate) struct Bins {
    /// One bit per class, set while its list is not empty. A head counts only while its bit is set,
    /// so clearing these words clears everything.
    occupied: [u64; CLASSES.div_ceil(64)],
    heads: [Option<Id>; CLASSES],
}

impl Bins {
    pub(crate) const fn new() -> Bins {
        Bins {
            occupied: [0; _],
            heads: [None; _],
        }
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.occupied = [0; _];
    }

    /// Adds a block that became free.
    pub(crate) fn insert(&mut self, blocks: &mut Blocks, id: Id) {
        let class = class(blocks[id].span);
        let head = self.head(class);
        blocks[id].previous = None;
        blocks[id].next = head;
        if let Some(head) = head {
            blocks[head].previous = Some(id);
        }
        self.set_head(class, Some(id));
    }

    /// Takes a block out that is about to be merged or given out.
    pub(crate) fn remove(&mut self, blocks: &mut Blocks, id: Id) {
        let block = blocks[id];
        if let Some(next) = block.next {
            blocks[next].previous = block.previous;
        }
        match block.previous {
            Some(previous) => blocks[previous].next = block.next,
            None => self.set_head(class(block.span), block.next),
        }
    }

    /// Takes out a block of at least `span` bytes, if there is one among the few that are looked at.
    #[inline]
    pub(crate) fn take(&mut self, blocks: &mut Blocks, span: u32) -> Option<Id> {
        if self.occupied == [0; _] {
            return None;
        }
        let id = self.find(blocks, span)?;
        self.remove(blocks, id);
        Some(id)
    }

    fn find(&self, blocks: &Blocks, span: u32) -> Option<Id> {
        let class = class(span);
        let mut candidate = self.head(class);
        for _ in 0..LOOKED_AT_MAX {
            let Some(id) = candidate else { break };
            if blocks[id].span >= span {
                return Some(id);
            }
            candidate = blocks[id].next;
        }
        self.head(self.occupied_above(class)?)
    }

    /// The lowest class above this one that has a block.
    fn occupied_above(&self, class: usize) -> Option<usize> {
        let from = class.saturating_add(1);
        let (first, bit) = (from / 64, from % 64);
        let mut mask = u64::MAX.unbounded_shl(bit as u32);
        for (at, word) in self.occupied.iter().enumerate().skip(first) {
            let found = word & mask;
            if found != 0 {
                return Some(
                    at.saturating_mul(64)
                        .saturating_add(found.trailing_zeros() as usize),
                );
            }
            mask = u64::MAX;
        }
        None
    }

    fn head(&self, class: usize) -> Option<Id> {
        let word = self.occupied.get(class / 64)?;
        if word & bit(class) == 0 {
            return None;
        }
        self.heads.get(class).copied().flatten()
    }

    fn set_head(&mut self, class: usize, id: Option<Id>) {
        let (Some(word), Some(head)) =
            (self.occupied.get_mut(class / 64), self.heads.get_mut(class))
        else {
            return;
        };
        *head = id;
        match id {
            Some(_) => *word |= bit(class),
            None => *word &= !bit(class),
        }
    }
}

/// The bit of a class inside its word.
fn bit(class: usize) -> u64 {
    1_u64.unbounded_shl((class % 64) as u32)
}

/// The class of a block: its size in units with all but the four leading bits dropped.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "shift is at most 24 and the result at most 207"
)]
fn class(span: u32) -> usize {
    let units = span / ALIGNMENT;
    let shift = units.checked_ilog2().unwrap_or(0).saturating_sub(3);
    (shift * 8 + (units >> shift)) as usize
}

#[cfg(test)]
mod tests {
    use super::{CLASSES, class};

    #[test]
    fn classes_grow_with_the_size_and_fill_the_array() {
        assert_eq!(class(16), 1);
        assert_eq!(class(15 * 16), 15);
        assert_eq!(class(16 * 16), 16);
        assert_eq!(class(17 * 16), 16);
        assert_eq!(class(18 * 16), 17);
        assert_eq!(class(32 * 16), 24);
        assert_eq!(class(u32::MAX - 15), CLASSES - 1);
        let mut last = 0;
        for units in 1..200_000_u32 {
            let now = class(units * 16);
            assert!(
                now == last || now == last + 1,
                "{units} units are of class {now} after {last}"
            );
            last = now;
        }
    }
}
