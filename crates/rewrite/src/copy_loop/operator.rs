//! Instructions sorted by what they mean to a copy.
//!
//! Knows single instructions, nothing of those around them. Invariant: an instruction that is not
//! named here has no meaning to a copy, and ends the walk through its loop.

use super::symbolic::Relation;
use crate::access::Width;
use crate::instruction::opcode::{
    I32_ADD, I32_EQ, I32_LOAD, I32_LOAD8_S, I32_LOAD8_U, I32_MUL, I32_SHL, I32_STORE, I32_STORE8,
    I32_SUB, I64_ADD, I64_EQ, I64_LOAD, I64_MUL, I64_SHL, I64_STORE, I64_SUB,
};

/// Whether it adds, subtracts, multiplies or shifts to the left.
pub(super) fn is_arithmetic(opcode: u8) -> bool {
    matches!(
        opcode,
        I32_ADD | I64_ADD | I32_SUB | I64_SUB | I32_MUL | I64_MUL | I32_SHL | I64_SHL
    )
}

/// What a comparison asks, and whether with its operands the other way round.
pub(super) fn relation(opcode: u8) -> Option<(Relation, bool)> {
    let less = |signed| Relation::Less { signed };
    let at_most = |signed| Relation::AtMost { signed };
    let all = [
        (Relation::Equal, false),
        (Relation::Differ, false),
        (less(true), false),
        (less(false), false),
        (less(true), true),
        (less(false), true),
        (at_most(true), false),
        (at_most(false), false),
        (at_most(true), true),
        (at_most(false), true),
    ];
    let nth = |first: u8| all.get(usize::from(opcode.checked_sub(first)?)).copied();
    nth(I64_EQ).or_else(|| nth(I32_EQ))
}

/// Width and direction of a plain access that moves all bytes it touches and no others. Of a byte read
/// with its sign the lower eight bits are the byte, and no more of it is stored.
pub(super) fn plain_access(opcode: u8) -> Option<(Width, bool)> {
    Some(match opcode {
        I32_LOAD8_U | I32_LOAD8_S => (Width::One, false),
        I32_LOAD => (Width::Four, false),
        I64_LOAD => (Width::Eight, false),
        I32_STORE8 => (Width::One, true),
        I32_STORE => (Width::Four, true),
        I64_STORE => (Width::Eight, true),
        _ => return None,
    })
}
