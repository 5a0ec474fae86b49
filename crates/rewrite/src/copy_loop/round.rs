//! One round of a loop, followed from its first instruction to the branch back.
//!
//! Knows what instructions do, not what makes a loop a copy. Invariant: a [`Round`] says all that a
//! round does to locals and memories, provided that its one test comes out as said; an instruction
//! that is not known ends the walk. The code beside the way is passed over: rounds in which the test
//! comes out differently are none of our business.

use super::operator::{is_arithmetic, plain_access, relation};
use super::symbolic::{Local, Sum, Test, Word};
use super::{Surroundings, Work};
use crate::access::{Access, Width};
use crate::instruction::{Instruction, Instructions, opcode};

/// More locals than a loop that copies reads, or sets: keeps lists of them short.
const LOCALS_MAX: usize = 512;

/// A number on the operand stack or in a local.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Sum(Sum),
    Test(Test),
    /// The bytes this round has read.
    Bytes,
}

/// Where a round reads or writes in kernel memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KernelEnd {
    pub(super) access: Access,
    pub(super) address: Sum,
}

/// Where it writes or reads in the module's own memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GuestEnd {
    pub(super) width: Width,
    pub(super) address: Sum,
    pub(super) offset: u64,
}

/// What one round does.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) kernel: KernelEnd,
    pub(super) guest: GuestEnd,
    /// What has to hold for the round to go this way.
    pub(super) test: Test,
    /// Whether the test comes last, as the branch back.
    pub(super) test_is_last: bool,
    /// The locals that the round sets, each with what it holds at the end if that can be said.
    pub(super) locals: Vec<(u32, Option<Sum>)>,
    /// The locals that the round reads before it sets them.
    pub(super) read: Vec<u32>,
}

/// Follows a round of the loop at this offset. `taken` says which way to go at the one test.
/// `None` when nothing is known of such a loop.
pub(super) fn follow(
    code: &[u8],
    offset: usize,
    taken: bool,
    surroundings: &Surroundings<'_>,
    work: &mut Work,
) -> Option<Round> {
    let mut walk = Walk {
        instructions: Instructions::of_code(code.get(offset..)?),
        surroundings,
        work,
        taken,
        stack: Vec::new(),
        blocks: Vec::new(),
        locals: Vec::new(),
        read: Vec::new(),
        test: None,
        test_is_last: false,
        kernel: None,
        guest: None,
        copied: false,
    };
    if walk.next()?.opcode != opcode::LOOP {
        return None;
    }
    while walk.step()? == Way::On {}
    walk.round()
}

/// Whether the round goes on.
#[derive(PartialEq, Eq)]
enum Way {
    On,
    Back,
}

struct Walk<'a, 'b> {
    instructions: Instructions<'a>,
    surroundings: &'a Surroundings<'b>,
    work: &'a mut Work,
    taken: bool,
    stack: Vec<Value>,
    /// The height of the stack before each block around the current instruction, the loop left out.
    blocks: Vec<usize>,
    /// In the order of their indices.
    locals: Vec<(u32, Value)>,
    read: Vec<u32>,
    test: Option<Test>,
    test_is_last: bool,
    kernel: Option<KernelEnd>,
    guest: Option<GuestEnd>,
    copied: bool,
}

impl Walk<'_, '_> {
    fn next(&mut self) -> Option<Instruction> {
        self.work.spend()?;
        self.instructions.next().ok()
    }

    fn step(&mut self) -> Option<Way> {
        let next = self.next()?;
        // An index is that of 32 bits.
        let index = next.number as u32;
        match next.opcode {
            opcode::NOP => {}
            opcode::DROP => {
                self.stack.pop()?;
            }
            opcode::BLOCK if next.is_plain_block() => self.blocks.push(self.stack.len()),
            opcode::IF if next.is_plain_block() => self.branch_into()?,
            // Reached when the first half of an `if` has been walked through.
            opcode::ELSE => self.leave(0)?,
            opcode::END => {
                self.blocks.pop()?;
            }
            opcode::BR => return self.branch(index),
            opcode::BR_IF => {
                let test = self.pop_test()?;
                self.decide(test)?;
                if self.taken {
                    self.test_is_last = index as usize == self.blocks.len();
                    return self.branch(index);
                }
            }
            opcode::CALL => {
                let access = (self.surroundings.access)(index)?;
                self.kernel(access)?;
            }
            opcode::LOCAL_GET | opcode::LOCAL_SET | opcode::LOCAL_TEE => {
                self.variable(next.opcode, index)?;
            }
            _ => {
                self.compute(&next).or_else(|| self.memory(&next))?;
            }
        }
        Some(Way::On)
    }

    /// An `if`: into its first half, or over it.
    fn branch_into(&mut self) -> Option<()> {
        let test = self.pop_test()?;
        self.decide(test)?;
        if self.taken {
            self.blocks.push(self.stack.len());
            return Some(());
        }
        if self.skip(1, true)? {
            self.blocks.push(self.stack.len());
        }
        Some(())
    }

    fn branch(&mut self, depth: u32) -> Option<Way> {
        let depth = depth as usize;
        if depth == self.blocks.len() {
            // What the loop takes from the stack, if anything, is then still what it was.
            return self.stack.is_empty().then_some(Way::Back);
        }
        self.leave(depth)?;
        Some(Way::On)
    }

    /// On to the end of the block at that depth. `None` if that is the loop or outside of it.
    fn leave(&mut self, depth: usize) -> Option<()> {
        let kept = self.blocks.len().checked_sub(depth + 1)?;
        self.skip(depth + 1, false)?;
        self.stack.truncate(self.blocks[kept]);
        self.blocks.truncate(kept);
        Some(())
    }

    /// Passes over code up to where that many blocks have ended. Stops at the `else` of the last
    /// one if asked to, and says whether it has.
    fn skip(&mut self, ends: usize, at_else: bool) -> Option<bool> {
        let mut open = ends;
        while open > 0 {
            match self.next()?.opcode {
                opcode::BLOCK | opcode::LOOP | opcode::IF | opcode::TRY_TABLE => open += 1,
                opcode::END => open -= 1,
                opcode::ELSE if at_else && open == 1 => return Some(true),
                _ => {}
            }
        }
        Some(false)
    }

    /// Notes the one test of the round, the way it has to come out.
    fn decide(&mut self, test: Test) -> Option<()> {
        let test = if self.taken { test } else { test.negated() };
        self.test.replace(test).is_none().then_some(())
    }

    fn variable(&mut self, opcode: u8, index: u32) -> Option<()> {
        match opcode {
            opcode::LOCAL_GET => {
                let value = match self.place_of(index) {
                    Ok(at) => self.locals[at].1.clone(),
                    Err(_) => {
                        let word = (self.surroundings.local)(index)?;
                        self.note_read(index)?;
                        Value::Sum(Sum::local(Local { index, word }))
                    }
                };
                self.stack.push(value);
            }
            opcode::LOCAL_SET => {
                let value = self.stack.pop()?;
                self.set(index, value)?;
            }
            _ => {
                let value = self.stack.last()?.clone();
                self.set(index, value)?;
            }
        }
        Some(())
    }

    fn place_of(&self, local: u32) -> Result<usize, usize> {
        self.locals
            .binary_search_by_key(&local, |(index, _)| *index)
    }

    fn set(&mut self, local: u32, value: Value) -> Option<()> {
        match self.place_of(local) {
            Ok(at) => self.locals[at].1 = value,
            Err(_) if self.locals.len() == LOCALS_MAX => return None,
            Err(at) => self.locals.insert(at, (local, value)),
        }
        Some(())
    }

    fn note_read(&mut self, local: u32) -> Option<()> {
        match self.read.binary_search(&local) {
            Ok(_) => {}
            Err(_) if self.read.len() == LOCALS_MAX => return None,
            Err(at) => self.read.insert(at, local),
        }
        Some(())
    }

    fn compute(&mut self, next: &Instruction) -> Option<()> {
        let value = match next.opcode {
            opcode::I32_CONST => Sum::constant(Word::I32, next.number),
            opcode::I64_CONST => Sum::constant(Word::I64, next.number),
            opcode::I32_WRAP_I64 => self.pop_sum()?.wrapped()?,
            opcode::I64_EXTEND_I32_U => self.pop_sum()?.extended(false),
            opcode::I64_EXTEND_I32_S => self.pop_sum()?.extended(true),
            opcode::I32_EQZ | opcode::I64_EQZ => {
                let test = match self.stack.pop()? {
                    Value::Sum(sum) => Test::of_number(sum),
                    Value::Test(test) => test,
                    Value::Bytes => return None,
                };
                self.stack.push(Value::Test(test.negated()));
                return Some(());
            }
            _ => return self.compute_two(next.opcode),
        };
        self.stack.push(Value::Sum(value));
        Some(())
    }

    /// An instruction of two operands. Takes them only if it is one.
    fn compute_two(&mut self, opcode: u8) -> Option<()> {
        let relation = relation(opcode);
        if relation.is_none() && !is_arithmetic(opcode) {
            return None;
        }
        let right = self.pop_sum()?;
        let left = self.pop_sum()?;
        if let Some((relation, swapped)) = relation {
            let (left, right) = if swapped {
                (right, left)
            } else {
                (left, right)
            };
            self.stack.push(Value::Test(Test {
                relation,
                left,
                right,
            }));
            return Some(());
        }
        let value = match opcode {
            opcode::I32_ADD | opcode::I64_ADD => left.plus(&right)?,
            opcode::I32_SUB | opcode::I64_SUB => left.minus(&right)?,
            opcode::I32_SHL => left.times(1 << (right.as_constant()? % 32)),
            opcode::I64_SHL => left.times(1 << (right.as_constant()? % 64)),
            _ => match right.as_constant() {
                Some(factor) => left.times(factor),
                None => right.times(left.as_constant()?),
            },
        };
        self.stack.push(Value::Sum(value));
        Some(())
    }

    /// A load or store of the module's own memory.
    fn memory(&mut self, next: &Instruction) -> Option<()> {
        let (width, store) = plain_access(next.opcode)?;
        if store && self.stack.pop()? != Value::Bytes {
            return None;
        }
        let end = GuestEnd {
            width,
            address: self.pop_sum()?,
            offset: next.number,
        };
        if next.memory() != Some(0) || self.guest.replace(end).is_some() {
            return None;
        }
        self.moved(store)
    }

    /// A load or store of kernel memory.
    fn kernel(&mut self, access: Access) -> Option<()> {
        let store = match access {
            Access::Store(_) => true,
            Access::Load(_) | Access::InputLoad(_) => false,
            Access::InputLength | Access::InputOffset | Access::Grow(_) => return None,
        };
        if store && self.stack.pop()? != Value::Bytes {
            return None;
        }
        let address = self.pop_sum()?;
        if self.kernel.replace(KernelEnd { access, address }).is_some() {
            return None;
        }
        self.moved(store)
    }

    /// A load leaves the bytes on the stack; a store completes the copy. Since each memory is used
    /// once, what is stored was loaded from the other one.
    fn moved(&mut self, store: bool) -> Option<()> {
        if store {
            self.copied = true;
        } else {
            self.stack.push(Value::Bytes);
        }
        Some(())
    }

    fn pop_sum(&mut self) -> Option<Sum> {
        match self.stack.pop()? {
            Value::Sum(sum) => Some(sum),
            Value::Test(_) | Value::Bytes => None,
        }
    }

    fn pop_test(&mut self) -> Option<Test> {
        match self.stack.pop()? {
            Value::Sum(sum) => Some(Test::of_number(sum)),
            Value::Test(test) => Some(test),
            Value::Bytes => None,
        }
    }

    fn round(self) -> Option<Round> {
        let locals = self.locals.into_iter().map(|(index, value)| match value {
            Value::Sum(sum) => (index, Some(sum)),
            Value::Test(_) | Value::Bytes => (index, None),
        });
        let round = Round {
            kernel: self.kernel?,
            guest: self.guest?,
            test: self.test?,
            test_is_last: self.test_is_last,
            locals: locals.collect(),
            read: self.read,
        };
        self.copied.then_some(round)
    }
}
