//! One round of a loop, followed from its first instruction to the branch back.
//!
//! Knows what instructions do, not what makes a loop a copy. Invariant: a [`Round`] says all that a
//! round does to locals and memories, provided that its one test comes out as said; an instruction
//! that is not known ends the walk. The code beside the way is passed over: rounds in which the test
//! comes out differently are none of our business.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{BinaryReader, BlockType, Operator, OperatorsReader};

use super::operator::{is_arithmetic, plain_access, relation};
use super::symbolic::{Local, Sum, Test, Word};
use super::{Surroundings, Work};
use crate::access::{Access, Width};
use crate::outline::FEATURES;

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
    pub(super) locals: BTreeMap<u32, Option<Sum>>,
    /// The locals that the round reads before it sets them.
    pub(super) read: BTreeSet<u32>,
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
        operators: OperatorsReader::new(BinaryReader::new_features(
            code.get(offset..)?,
            0,
            FEATURES,
        )),
        surroundings,
        work,
        taken,
        stack: Vec::new(),
        blocks: Vec::new(),
        locals: BTreeMap::new(),
        read: BTreeSet::new(),
        test: None,
        test_is_last: false,
        kernel: None,
        guest: None,
        copied: false,
    };
    let Operator::Loop { .. } = walk.next()? else {
        return None;
    };
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
    operators: OperatorsReader<'a>,
    surroundings: &'a Surroundings<'b>,
    work: &'a mut Work,
    taken: bool,
    stack: Vec<Value>,
    /// The height of the stack before each block around the current instruction, the loop left out.
    blocks: Vec<usize>,
    locals: BTreeMap<u32, Value>,
    read: BTreeSet<u32>,
    test: Option<Test>,
    test_is_last: bool,
    kernel: Option<KernelEnd>,
    guest: Option<GuestEnd>,
    copied: bool,
}

impl<'a> Walk<'a, '_> {
    fn next(&mut self) -> Option<Operator<'a>> {
        self.work.spend()?;
        self.operators.read().ok()
    }

    fn step(&mut self) -> Option<Way> {
        match self.next()? {
            Operator::Nop => {}
            Operator::Drop => {
                self.stack.pop()?;
            }
            Operator::Block {
                blockty: BlockType::Empty,
            } => self.blocks.push(self.stack.len()),
            Operator::If {
                blockty: BlockType::Empty,
            } => self.branch_into()?,
            // Reached when the first half of an `if` has been walked through.
            Operator::Else => self.leave(0)?,
            Operator::End => {
                self.blocks.pop()?;
            }
            Operator::Br { relative_depth } => return self.branch(relative_depth),
            Operator::BrIf { relative_depth } => {
                let test = self.pop_test()?;
                self.decide(test)?;
                if self.taken {
                    self.test_is_last = relative_depth as usize == self.blocks.len();
                    return self.branch(relative_depth);
                }
            }
            Operator::Call { function_index } => {
                let access = (self.surroundings.access)(function_index)?;
                self.kernel(access)?;
            }
            operator => {
                self.variable(&operator)
                    .or_else(|| self.compute(&operator))
                    .or_else(|| self.memory(&operator))?;
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
            match self.next()? {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. } => open += 1,
                Operator::End => open -= 1,
                Operator::Else if at_else && open == 1 => return Some(true),
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

    fn variable(&mut self, operator: &Operator<'_>) -> Option<()> {
        match *operator {
            Operator::LocalGet { local_index } => {
                let value = match self.locals.get(&local_index) {
                    Some(value) => value.clone(),
                    None => {
                        let word = (self.surroundings.local)(local_index)?;
                        self.read.insert(local_index);
                        Value::Sum(Sum::local(Local {
                            index: local_index,
                            word,
                        }))
                    }
                };
                self.stack.push(value);
            }
            Operator::LocalSet { local_index } => {
                let value = self.stack.pop()?;
                self.locals.insert(local_index, value);
            }
            Operator::LocalTee { local_index } => {
                let value = self.stack.last()?.clone();
                self.locals.insert(local_index, value);
            }
            _ => return None,
        }
        Some(())
    }

    fn compute(&mut self, operator: &Operator<'_>) -> Option<()> {
        let value = match *operator {
            Operator::I32Const { value } => Sum::constant(Word::I32, value as u64),
            Operator::I64Const { value } => Sum::constant(Word::I64, value as u64),
            Operator::I32WrapI64 => self.pop_sum()?.wrapped()?,
            Operator::I64ExtendI32U => self.pop_sum()?.extended(false),
            Operator::I64ExtendI32S => self.pop_sum()?.extended(true),
            Operator::I32Eqz | Operator::I64Eqz => {
                let test = match self.stack.pop()? {
                    Value::Sum(sum) => Test::of_number(sum),
                    Value::Test(test) => test,
                    Value::Bytes => return None,
                };
                self.stack.push(Value::Test(test.negated()));
                return Some(());
            }
            _ => return self.compute_two(operator),
        };
        self.stack.push(Value::Sum(value));
        Some(())
    }

    /// An instruction of two operands. Takes them only if it is one.
    fn compute_two(&mut self, operator: &Operator<'_>) -> Option<()> {
        let relation = relation(operator);
        if relation.is_none() && !is_arithmetic(operator) {
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
        let value = match operator {
            Operator::I32Add | Operator::I64Add => left.plus(&right)?,
            Operator::I32Sub | Operator::I64Sub => left.minus(&right)?,
            Operator::I32Shl => left.times(1 << (right.as_constant()? % 32)),
            Operator::I64Shl => left.times(1 << (right.as_constant()? % 64)),
            _ => match right.as_constant() {
                Some(factor) => left.times(factor),
                None => right.times(left.as_constant()?),
            },
        };
        self.stack.push(Value::Sum(value));
        Some(())
    }

    /// A load or store of the module's own memory.
    fn memory(&mut self, operator: &Operator<'_>) -> Option<()> {
        let (width, memarg, store) = plain_access(operator)?;
        if store && self.stack.pop()? != Value::Bytes {
            return None;
        }
        let end = GuestEnd {
            width,
            address: self.pop_sum()?,
            offset: memarg.offset,
        };
        if memarg.memory != 0 || self.guest.replace(end).is_some() {
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
