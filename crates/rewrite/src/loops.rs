//! Where the loops around calls are.
//!
//! Knows the opcodes that open and close blocks, nothing else of instructions. Invariant: when it has
//! been shown the opcode of every instruction of a valid body in order, it knows which blocks are
//! open.

use crate::access::Access;
use crate::copy_loop::CopyLoop;
use crate::instruction::opcode::{BLOCK, END, IF, LOOP, TRY_TABLE};

/// The blocks open at one place of a body, and the loops met so far that matter.
#[derive(Default)]
pub(crate) struct Loops {
    /// For each open block, the position of the innermost loop it is, or is in.
    open: Vec<Option<usize>>,
    around_sites: Vec<usize>,
}

impl Loops {
    /// Passes over the instruction at that position.
    #[inline]
    pub(crate) fn pass(&mut self, opcode: u8, offset: usize) {
        match opcode {
            LOOP => self.open.push(Some(offset)),
            BLOCK | IF | TRY_TABLE => self.open.push(self.innermost()),
            END => drop(self.open.pop()),
            _ => {}
        }
    }

    /// Notes that there is a call for this access.
    pub(crate) fn note(&mut self, access: Access) {
        let innermost = self.innermost().filter(|_| CopyLoop::may_have(access));
        if let Some(offset) = innermost
            && self.around_sites.last() != Some(&offset)
        {
            self.around_sites.push(offset);
        }
    }

    /// The positions of the loops that are the innermost one around a call, in order.
    pub(crate) fn around_sites(mut self) -> Vec<usize> {
        self.around_sites.sort_unstable();
        self.around_sites.dedup();
        self.around_sites
    }

    fn innermost(&self) -> Option<usize> {
        self.open.last().copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Width;

    fn around(opcodes: &[(u8, bool)]) -> Vec<usize> {
        let mut loops = Loops::default();
        for (offset, (opcode, is_site)) in opcodes.iter().enumerate() {
            loops.pass(*opcode, offset);
            if *is_site {
                loops.note(Access::Load(Width::One));
            }
        }
        loops.around_sites()
    }

    const CALL: (u8, bool) = (0x10, true);

    #[test]
    fn a_call_after_an_inner_loop_is_in_the_outer_one() {
        let inner = [(LOOP, false), (IF, false), CALL, (END, false), (END, false)];
        let body = [
            &[(LOOP, false), (BLOCK, false)][..],
            &inner,
            &[(END, false), CALL, (END, false)],
        ];
        assert_eq!(around(&body.concat()), [0, 2]);
    }

    #[test]
    fn a_call_outside_of_loops_has_none() {
        let body = [
            CALL,
            (LOOP, false),
            (END, false),
            CALL,
            (TRY_TABLE, false),
            CALL,
        ];
        assert!(around(&body).is_empty());
    }
}
