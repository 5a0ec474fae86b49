//! Instructions sorted by what they mean to a copy.
//!
//! Knows single instructions, nothing of those around them. Invariant: an instruction that is not
//! named here has no meaning to a copy, and ends the walk through its loop.

use wasmparser::{MemArg, Operator};

use super::symbolic::Relation;
use crate::access::Width;

/// Whether it adds, subtracts, multiplies or shifts to the left.
pub(super) fn is_arithmetic(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::I32Add
            | Operator::I64Add
            | Operator::I32Sub
            | Operator::I64Sub
            | Operator::I32Mul
            | Operator::I64Mul
            | Operator::I32Shl
            | Operator::I64Shl
    )
}

/// What a comparison asks, and whether with its operands the other way round.
pub(super) fn relation(operator: &Operator<'_>) -> Option<(Relation, bool)> {
    let less = |signed| Relation::Less { signed };
    let at_most = |signed| Relation::AtMost { signed };
    Some(match operator {
        Operator::I32Eq | Operator::I64Eq => (Relation::Equal, false),
        Operator::I32Ne | Operator::I64Ne => (Relation::Differ, false),
        Operator::I32LtU | Operator::I64LtU => (less(false), false),
        Operator::I32LtS | Operator::I64LtS => (less(true), false),
        Operator::I32GtU | Operator::I64GtU => (less(false), true),
        Operator::I32GtS | Operator::I64GtS => (less(true), true),
        Operator::I32LeU | Operator::I64LeU => (at_most(false), false),
        Operator::I32LeS | Operator::I64LeS => (at_most(true), false),
        Operator::I32GeU | Operator::I64GeU => (at_most(false), true),
        Operator::I32GeS | Operator::I64GeS => (at_most(true), true),
        _ => return None,
    })
}

/// Width, place and direction of a plain access that moves all bytes it touches and no others.
/// Of a byte read with its sign the lower eight bits are the byte, and no more of it is stored.
pub(super) fn plain_access<'o>(operator: &'o Operator<'_>) -> Option<(Width, &'o MemArg, bool)> {
    Some(match operator {
        Operator::I32Load8U { memarg } | Operator::I32Load8S { memarg } => {
            (Width::One, memarg, false)
        }
        Operator::I32Load { memarg } => (Width::Four, memarg, false),
        Operator::I64Load { memarg } => (Width::Eight, memarg, false),
        Operator::I32Store8 { memarg } => (Width::One, memarg, true),
        Operator::I32Store { memarg } => (Width::Four, memarg, true),
        Operator::I64Store { memarg } => (Width::Eight, memarg, true),
        _ => return None,
    })
}
