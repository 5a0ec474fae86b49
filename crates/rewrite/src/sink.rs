//! The instructions the pass writes.
//!
//! Knows their bytes, nothing of why they are written. There are few of them, and all are written by one
//! function, which keeps the pass small where it is downloaded (docs/adr/0015-web-core.md).

use wasm_encoder::{BlockType, Encode, MemArg};

use crate::instruction::opcode::{NUMERIC, TABLE_GROW};

/// Writes instructions to the end of a body's code.
pub(crate) struct Sink<'a>(&'a mut Vec<u8>);

/// Instructions without immediates.
macro_rules! plain {
    ($($name:ident $opcode:literal,)*) => {
        impl Sink<'_> {
            $(pub(crate) fn $name(&mut self) -> &mut Self {
                self.byte($opcode)
            })*
        }
    };
}

/// Instructions with one index.
macro_rules! indexed {
    ($($name:ident $opcode:literal,)*) => {
        impl Sink<'_> {
            $(pub(crate) fn $name(&mut self, index: u32) -> &mut Self {
                self.byte($opcode).number(index)
            })*
        }
    };
}

/// Instructions that open a block.
macro_rules! blocks {
    ($($name:ident $opcode:literal,)*) => {
        impl Sink<'_> {
            $(pub(crate) fn $name(&mut self, ty: BlockType) -> &mut Self {
                self.byte($opcode);
                ty.encode(self.0);
                self
            })*
        }
    };
}

/// Loads and stores.
macro_rules! accesses {
    ($($name:ident $opcode:literal,)*) => {
        impl Sink<'_> {
            $(pub(crate) fn $name(&mut self, at: MemArg) -> &mut Self {
                self.access($opcode, at)
            })*
        }
    };
}

blocks! {
    block 0x02,
    loop_ 0x03,
    if_ 0x04,
}

indexed! {
    br_if 0x0d,
    local_get 0x20,
    local_set 0x21,
    local_tee 0x22,
    memory_size 0x3f,
    memory_grow 0x40,
}

accesses! {
    i32_load 0x28,
    i64_load 0x29,
    i32_load8_u 0x2d,
    i32_store 0x36,
    i64_store 0x37,
    i32_store8 0x3a,
}

plain! {
    else_ 0x05,
    end 0x0b,
    return_ 0x0f,
    select 0x1b,
    i32_eqz 0x45,
    i32_eq 0x46,
    i32_ne 0x47,
    i32_lt_s 0x48,
    i32_lt_u 0x49,
    i32_le_s 0x4c,
    i32_le_u 0x4d,
    i64_eq 0x51,
    i64_ne 0x52,
    i64_lt_s 0x53,
    i64_lt_u 0x54,
    i64_gt_u 0x56,
    i64_le_s 0x57,
    i64_le_u 0x58,
    i64_ge_u 0x5a,
    i32_add 0x6a,
    i32_sub 0x6b,
    i32_mul 0x6c,
    i32_and 0x71,
    i64_add 0x7c,
    i64_sub 0x7d,
    i64_mul 0x7e,
    i64_div_u 0x80,
    i64_shl 0x86,
    i32_wrap_i64 0xa7,
    i64_extend_i32_s 0xac,
    i64_extend_i32_u 0xad,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Sink(out)
    }

    pub(crate) fn i32_const(&mut self, value: i32) -> &mut Self {
        self.constant(0x41, value.into())
    }

    pub(crate) fn i64_const(&mut self, value: i64) -> &mut Self {
        self.constant(0x42, value)
    }

    pub(crate) fn memory_copy(&mut self, to: u32, from: u32) -> &mut Self {
        self.byte(NUMERIC).number(0x0a).number(to).number(from)
    }

    pub(crate) fn table_grow(&mut self, table: u32) -> &mut Self {
        self.byte(NUMERIC).number(TABLE_GROW).number(table)
    }

    fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.extend_from_slice(&[byte]);
        self
    }

    fn number(&mut self, number: u32) -> &mut Self {
        number.encode(self.0);
        self
    }

    /// Both types of constants are written alike.
    fn constant(&mut self, opcode: u8, value: i64) -> &mut Self {
        self.byte(opcode);
        value.encode(self.0);
        self
    }

    fn access(&mut self, opcode: u8, at: MemArg) -> &mut Self {
        self.byte(opcode);
        at.encode(self.0);
        self
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{InstructionSink, ValType};

    use super::*;

    /// Writes the same with this sink and with that of the encoder.
    macro_rules! same {
        ($($name:ident($($argument:expr),*),)*) => {$(
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            Sink::new(&mut ours).$name($($argument),*);
            InstructionSink::new(&mut theirs).$name($($argument),*);
            assert_eq!(ours, theirs, stringify!($name($($argument),*)));
        )*};
    }

    #[test]
    fn instructions_are_written_as_the_encoder_writes_them() {
        let at = |memory_index| MemArg {
            offset: 300,
            align: 2,
            memory_index,
        };
        same! {
            block(BlockType::Empty), loop_(BlockType::Empty), if_(BlockType::Result(ValType::I64)),
            br_if(1), local_get(200), local_set(3), local_tee(4), memory_size(0), memory_grow(1),
            memory_copy(1, 0), table_grow(129),
            i32_load(at(0)), i64_load(at(1)), i32_load8_u(at(1)),
            i32_store(at(0)), i64_store(at(1)), i32_store8(at(0)),
            i32_const(-1), i32_const(i32::MIN), i32_const(64), i64_const(-65), i64_const(i64::MAX),
            else_(), end(), return_(), select(), i32_eqz(), i32_eq(), i32_ne(), i32_lt_s(), i32_lt_u(),
            i32_le_s(), i32_le_u(), i64_eq(), i64_ne(), i64_lt_s(), i64_lt_u(), i64_gt_u(), i64_le_s(),
            i64_le_u(), i64_ge_u(), i32_add(), i32_sub(), i32_mul(), i32_and(), i64_add(), i64_sub(),
            i64_mul(), i64_div_u(), i64_shl(), i32_wrap_i64(), i64_extend_i32_s(), i64_extend_i32_u(),
        }
    }
}
