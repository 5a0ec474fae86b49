//! Instructions, one after the other: where each begins and ends, which number it carries, which memories
//! it names.
//!
//! Knows how instructions are written down, nothing of what they do. Invariant: instructions of the
//! proposals in [`FEATURES`](crate::outline::FEATURES) are exactly as long as `wasmparser` says; of others
//! nothing is guessed, they are an error.

use std::ops::Range;

use wasm_encoder::Encode;
use wasmparser::{BinaryReader, Result};

use crate::shift::Shift;
use crate::types;

/// The first bytes of instructions that the pass tells apart.
pub(crate) mod opcode {
    pub(crate) const NOP: u8 = 0x01;
    pub(crate) const BLOCK: u8 = 0x02;
    pub(crate) const LOOP: u8 = 0x03;
    pub(crate) const IF: u8 = 0x04;
    pub(crate) const ELSE: u8 = 0x05;
    pub(crate) const END: u8 = 0x0b;
    pub(crate) const BR: u8 = 0x0c;
    pub(crate) const BR_IF: u8 = 0x0d;
    pub(crate) const CALL: u8 = 0x10;
    pub(crate) const RETURN_CALL: u8 = 0x12;
    pub(crate) const DROP: u8 = 0x1a;
    pub(crate) const TRY_TABLE: u8 = 0x1f;
    pub(crate) const LOCAL_GET: u8 = 0x20;
    pub(crate) const LOCAL_SET: u8 = 0x21;
    pub(crate) const LOCAL_TEE: u8 = 0x22;
    pub(crate) const I32_LOAD: u8 = 0x28;
    pub(crate) const I64_LOAD: u8 = 0x29;
    pub(crate) const I32_LOAD8_S: u8 = 0x2c;
    pub(crate) const I32_LOAD8_U: u8 = 0x2d;
    pub(crate) const I32_STORE: u8 = 0x36;
    pub(crate) const I64_STORE: u8 = 0x37;
    pub(crate) const I32_STORE8: u8 = 0x3a;
    pub(crate) const MEMORY_GROW: u8 = 0x40;
    pub(crate) const I32_CONST: u8 = 0x41;
    pub(crate) const I64_CONST: u8 = 0x42;
    pub(crate) const I32_EQZ: u8 = 0x45;
    /// The first of ten comparisons: eq, ne, lt_s, lt_u, gt_s, gt_u, le_s, le_u, ge_s, ge_u.
    pub(crate) const I32_EQ: u8 = 0x46;
    pub(crate) const I64_EQZ: u8 = 0x50;
    /// As [`I32_EQ`].
    pub(crate) const I64_EQ: u8 = 0x51;
    pub(crate) const I32_ADD: u8 = 0x6a;
    pub(crate) const I32_SUB: u8 = 0x6b;
    pub(crate) const I32_MUL: u8 = 0x6c;
    pub(crate) const I32_SHL: u8 = 0x74;
    pub(crate) const I64_ADD: u8 = 0x7c;
    pub(crate) const I64_SUB: u8 = 0x7d;
    pub(crate) const I64_MUL: u8 = 0x7e;
    pub(crate) const I64_SHL: u8 = 0x86;
    pub(crate) const I32_WRAP_I64: u8 = 0xa7;
    pub(crate) const I64_EXTEND_I32_S: u8 = 0xac;
    pub(crate) const I64_EXTEND_I32_U: u8 = 0xad;
    /// Begins instructions that a number tells apart.
    pub(crate) const NUMERIC: u8 = 0xfc;
    /// After [`NUMERIC`].
    pub(crate) const TABLE_GROW: u32 = 0x0f;
}

const EMPTY_BLOCK: u64 = 0x40;
/// In the flags of an access: the memory is named, it is not the first one.
const NAMES_MEMORY: u32 = 1 << 6;

/// What follows an opcode.
enum Shape {
    Nothing,
    /// So many bytes.
    Bytes(usize),
    /// An index of anything but a memory, or so many of them.
    Indices(u32),
    /// The index of a memory.
    Memory,
    /// A segment and a memory.
    SegmentAndMemory,
    TwoMemories,
    /// Alignment, memory and offset.
    Access,
    /// As [`Shape::Access`], and a lane.
    AccessAndLane,
    I32,
    I64,
    BlockType,
    /// A block type and what is caught.
    TryTable,
    BrTable,
    /// Types of values.
    Types,
    HeapType,
    /// Flags, a label and two types.
    Cast,
    /// So many indices, and what handles suspensions.
    Handlers(u32),
}

/// Codes after `0xfd` that mean nothing.
const NO_SIMD: &[u32] = &[
    0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2,
    0xd3, 0xd4, 0xe2, 0xee,
];

impl Shape {
    fn of(opcode: u8, reader: &mut BinaryReader<'_>) -> Result<Option<Shape>> {
        Ok(Some(match opcode {
            0x00 | 0x01 | 0x05 | 0x0a | 0x0b | 0x0f | 0x1a | 0x1b | 0x45..=0xc4 => Shape::Nothing,
            0x02..=0x04 => Shape::BlockType,
            0x08 | 0x0c | 0x0d | 0x10 | 0x12 | 0x14 | 0x15 | 0x20..=0x26 => Shape::Indices(1),
            0x0e => Shape::BrTable,
            0x11 | 0x13 => Shape::Indices(2),
            0x1c => Shape::Types,
            0x1f => Shape::TryTable,
            0x28..=0x3e => Shape::Access,
            0x3f | 0x40 => Shape::Memory,
            0x41 => Shape::I32,
            0x42 => Shape::I64,
            0x43 => Shape::Bytes(4),
            0x44 => Shape::Bytes(8),
            0xd0 => Shape::HeapType,
            0xd1 | 0xd3 | 0xd4 => Shape::Nothing,
            0xd2 | 0xd5 | 0xd6 => Shape::Indices(1),
            0xe0 | 0xe2 => Shape::Indices(1),
            0xe1 | 0xe6 => Shape::Indices(2),
            0xe3 | 0xe5 => Shape::Handlers(1),
            0xe4 => Shape::Handlers(2),
            0xfb => return Ok(Shape::of_gc(reader.read_var_u32()?)),
            0xfc => return Ok(Shape::of_numeric(reader.read_var_u32()?)),
            0xfd => return Ok(Shape::of_simd(reader.read_var_u32()?)),
            0xfe => return Ok(Shape::of_atomic(reader.read_var_u32()?)),
            _ => return Ok(None),
        }))
    }

    fn of_gc(code: u32) -> Option<Shape> {
        Some(match code {
            0x00 | 0x01 | 0x06 | 0x07 | 0x0b..=0x0e | 0x10 => Shape::Indices(1),
            0x02..=0x05 | 0x08..=0x0a | 0x11..=0x13 => Shape::Indices(2),
            0x0f | 0x1a..=0x1e => Shape::Nothing,
            0x14..=0x17 => Shape::HeapType,
            0x18 | 0x19 => Shape::Cast,
            _ => return None,
        })
    }

    fn of_numeric(code: u32) -> Option<Shape> {
        Some(match code {
            0x00..=0x07 | 0x13..=0x16 => Shape::Nothing,
            0x08 => Shape::SegmentAndMemory,
            0x09 | 0x0d | 0x0f..=0x11 => Shape::Indices(1),
            0x0a => Shape::TwoMemories,
            0x0b | 0x12 => Shape::Memory,
            0x0c | 0x0e => Shape::Indices(2),
            _ => return None,
        })
    }

    fn of_simd(code: u32) -> Option<Shape> {
        Some(match code {
            0x00..=0x0b | 0x5c | 0x5d => Shape::Access,
            0x0c | 0x0d => Shape::Bytes(16),
            0x15..=0x22 => Shape::Bytes(1),
            0x54..=0x5b => Shape::AccessAndLane,
            0x0e..=0x113 if !NO_SIMD.contains(&code) => Shape::Nothing,
            _ => return None,
        })
    }

    fn of_atomic(code: u32) -> Option<Shape> {
        Some(match code {
            0x00..=0x02 | 0x10..=0x4e => Shape::Access,
            0x03 => Shape::Bytes(1),
            _ => return None,
        })
    }
}

/// A memory as an instruction names it.
#[derive(Clone, Debug)]
struct Mention {
    memory: u32,
    /// Where it is named, or would be.
    at: Range<usize>,
    /// The flags of an access, which are part of what is at that place.
    flags: Option<u32>,
}

/// One instruction.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub(crate) opcode: u8,
    /// The index, the constant or the offset it carries.
    pub(crate) number: u64,
    pub(crate) whole: Range<usize>,
    mentions: [Option<Mention>; 2],
}

impl Instruction {
    /// Whether it opens a block that takes nothing and leaves nothing.
    pub(crate) fn is_plain_block(&self) -> bool {
        self.number == EMPTY_BLOCK
    }

    /// The memory it names first.
    pub(crate) fn memory(&self) -> Option<u32> {
        self.mentions[0].as_ref().map(|mention| mention.memory)
    }

    /// Writes the instruction, with the memories it names where they have moved to.
    pub(crate) fn write(&self, code: &[u8], shift: &Shift, out: &mut Vec<u8>) {
        let mut at = self.whole.start;
        for mention in self.mentions.iter().flatten() {
            let memory = shift.index(mention.memory);
            if memory == mention.memory {
                continue;
            }
            out.extend_from_slice(&code[at..mention.at.start]);
            if let Some(flags) = mention.flags {
                (flags | NAMES_MEMORY).encode(out);
            }
            memory.encode(out);
            at = mention.at.end;
        }
        out.extend_from_slice(&code[at..self.whole.end]);
    }
}

/// Reads instructions.
#[derive(Clone)]
pub(crate) struct Instructions<'a> {
    reader: BinaryReader<'a>,
}

impl<'a> Instructions<'a> {
    pub(crate) fn new(reader: BinaryReader<'a>) -> Self {
        Instructions { reader }
    }

    /// Of a body's code.
    pub(crate) fn of_code(code: &'a [u8]) -> Self {
        Instructions::new(BinaryReader::new(code, 0))
    }

    /// Whether there are no more.
    #[cfg(not(feature = "validate"))]
    pub(crate) fn is_done(&self) -> bool {
        self.reader.eof()
    }

    /// Where the next one begins.
    #[cfg(not(feature = "validate"))]
    pub(crate) fn reader(&self) -> &BinaryReader<'a> {
        &self.reader
    }

    pub(crate) fn next(&mut self) -> Result<Instruction> {
        let start = self.reader.current_position();
        let opcode = self.reader.read_u8()?;
        let Some(shape) = Shape::of(opcode, &mut self.reader)? else {
            return Err(types::unexpected(&self.reader));
        };
        let mut mentions = [None, None];
        let number = self.immediates(&shape, &mut mentions)?;
        Ok(Instruction {
            opcode,
            number,
            whole: start..self.reader.current_position(),
            mentions,
        })
    }

    /// What comes after an expression that has no blocks.
    pub(crate) fn after_end(mut self) -> Result<BinaryReader<'a>> {
        while self.next()?.opcode != opcode::END {}
        Ok(self.reader)
    }

    /// Passes over what follows an opcode; the number among it.
    fn immediates(&mut self, shape: &Shape, mentions: &mut [Option<Mention>; 2]) -> Result<u64> {
        let reader = &mut self.reader;
        match *shape {
            Shape::Nothing => {}
            Shape::Bytes(count) => drop(reader.read_bytes(count)?),
            Shape::Indices(count) => return self.indices(count),
            Shape::Memory => mentions[0] = Some(self.memory()?),
            Shape::SegmentAndMemory => {
                reader.read_var_u32()?;
                mentions[0] = Some(self.memory()?);
            }
            Shape::TwoMemories => *mentions = [Some(self.memory()?), Some(self.memory()?)],
            Shape::Access | Shape::AccessAndLane => {
                mentions[0] = Some(self.access()?);
                let offset = self.reader.read_var_u64()?;
                if matches!(shape, Shape::AccessAndLane) {
                    self.reader.read_u8()?;
                }
                return Ok(offset);
            }
            Shape::I32 => return Ok(reader.read_var_i32()? as u64),
            Shape::I64 => return Ok(reader.read_var_i64()? as u64),
            Shape::BlockType => return self.block_type(),
            Shape::TryTable => {
                self.block_type()?;
                self.clauses(&[2, 2, 1, 1])?;
            }
            Shape::BrTable => {
                let labels = reader.read_var_u32()?;
                self.indices(labels)?;
                self.indices(1)?;
            }
            Shape::Types => {
                for _ in 0..reader.read_var_u32()? {
                    types::value(&mut self.reader)?;
                }
            }
            Shape::HeapType => types::heap(&mut self.reader)?,
            Shape::Cast => {
                reader.read_u8()?;
                reader.read_var_u32()?;
                types::heap(&mut self.reader)?;
                types::heap(&mut self.reader)?;
            }
            Shape::Handlers(count) => {
                self.indices(count)?;
                self.clauses(&[2, 1])?;
            }
        }
        Ok(0)
    }

    /// So many indices; the first of them.
    fn indices(&mut self, count: u32) -> Result<u64> {
        let mut first = None;
        for _ in 0..count {
            let index = self.reader.read_var_u32()?;
            first.get_or_insert(index);
        }
        Ok(first.unwrap_or_default().into())
    }

    fn memory(&mut self) -> Result<Mention> {
        let start = self.reader.current_position();
        Ok(Mention {
            memory: self.reader.read_var_u32()?,
            at: start..self.reader.current_position(),
            flags: None,
        })
    }

    fn access(&mut self) -> Result<Mention> {
        let start = self.reader.current_position();
        let flags = self.reader.read_var_u32()?;
        let memory = match flags & NAMES_MEMORY {
            0 => 0,
            _ => self.reader.read_var_u32()?,
        };
        Ok(Mention {
            memory,
            at: start..self.reader.current_position(),
            flags: Some(flags),
        })
    }

    /// The first byte of a block type, whose rest is passed over.
    fn block_type(&mut self) -> Result<u64> {
        let first = self.reader.clone().read_u8()?;
        match first {
            0x40..=0x7f if u64::from(first) != EMPTY_BLOCK => drop(types::value(&mut self.reader)?),
            _ => drop(self.reader.read_var_i64()?),
        }
        Ok(first.into())
    }

    /// A list, each item of a kind that has so many indices.
    fn clauses(&mut self, indices: &[u32]) -> Result<()> {
        for _ in 0..self.reader.read_var_u32()? {
            let kind = self.reader.read_u8()?;
            let Some(count) = indices.get(usize::from(kind)) else {
                return Err(types::unexpected(&self.reader));
            };
            self.indices(*count)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::{Operator, OperatorsReader};

    use super::*;
    use crate::outline::FEATURES;

    /// What follows an opcode, so that each shape is met with small and large numbers.
    const IMMEDIATES: &[&[u8]] = &[
        &[0; 32],
        &[1; 32],
        &[2; 32],
        &[3; 32],
        &[0x41; 32],
        &[0x40; 32],
        &[0x70; 32],
        &[0x7f; 32],
        &[
            0x00, 0x80, 0x01, 0x02, 0x81, 0x00, 0x6e, 0x03, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &[
            0x80, 0x01, 0x82, 0x7f, 0x03, 0x01, 0x00, 0x05, 0x06, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &[
            0x63, 0x70, 0x01, 0x00, 0x02, 0x03, 0x70, 0x64, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &[
            0x01, 0x63, 0x70, 0x02, 0x00, 0x01, 0x02, 0x03, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &[
            0x40, 0x02, 0x00, 0x05, 0x06, 0x03, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &[
            0x01, 0x02, 0x00, 0x05, 0x06, 0x01, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &[
            0x43, 0x05, 0x90, 0x80, 0x04, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
    ];

    /// Every opcode, those after a prefix included.
    fn opcodes() -> Vec<Vec<u8>> {
        let plain = (0..=0xff).filter(|byte| !(0xfb..=0xfe).contains(byte));
        let prefixed = (0xfb..=0xfe_u8).flat_map(|prefix| {
            (0..0x180_u32).map(move |code| {
                let mut bytes = vec![prefix];
                code.encode(&mut bytes);
                bytes
            })
        });
        plain.map(|byte| vec![byte]).chain(prefixed).collect()
    }

    fn theirs(code: &[u8], memories: &mut Vec<u32>) -> Option<usize> {
        let mut operators = OperatorsReader::new(BinaryReader::new_features(code, 0, FEATURES));
        // An `else` has to be in an `if`.
        let before = code.first() == Some(&opcode::ELSE);
        if before {
            let mut whole = vec![opcode::IF, 0x40];
            whole.extend_from_slice(code);
            let mut operators =
                OperatorsReader::new(BinaryReader::new_features(&whole, 0, FEATURES));
            operators.read().ok()?;
            operators.read().ok()?;
            return Some(operators.original_position() - 2);
        }
        note_memories(&operators.read().ok()?, memories);
        Some(operators.original_position())
    }

    fn note_memories(operator: &Operator<'_>, memories: &mut Vec<u32>) {
        // The names of the fields that are memories, in what `wasmparser` prints.
        let text = format!("{operator:?}");
        for field in ["memory: ", "mem: ", "dst_mem: ", "src_mem: "] {
            for (at, _) in text.match_indices(field) {
                let is_whole = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                let rest = &text[at + field.len()..];
                let digits = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                if is_whole {
                    memories.push(rest[..digits].parse().expect("a memory is a number"));
                }
            }
        }
    }

    /// Those of proposals the pass does not answer for, whose opcodes the reader of modules knows.
    fn is_of_others(opcode: &[u8]) -> bool {
        match opcode {
            [0x06 | 0x07 | 0x09 | 0x18 | 0x19] => true,
            [0xfb, code] => (0x20..=0x26).contains(code),
            [0xfe, code] => *code >= 0x4f,
            _ => false,
        }
    }

    #[test]
    fn instructions_are_as_long_as_the_reader_of_modules_says() {
        let (mut compared, mut unknown) = (0, 0);
        for opcode in opcodes() {
            let mut is_known = false;
            let known = IMMEDIATES.iter().filter(|_| !is_of_others(&opcode));
            for immediates in known {
                let code = [&opcode[..], immediates].concat();
                let mut memories = Vec::new();
                let Some(end) = theirs(&code, &mut memories) else {
                    continue;
                };
                is_known = true;
                compared += 1;
                let ours = Instructions::of_code(&code)
                    .next()
                    .unwrap_or_else(|error| panic!("{code:02x?}: {error}"));
                assert_eq!(ours.whole, 0..end, "{code:02x?}");
                let mentioned: Vec<u32> =
                    ours.mentions.iter().flatten().map(|m| m.memory).collect();
                assert_eq!(mentioned, memories, "{code:02x?}");
            }
            if !is_known {
                unknown += 1;
                let code = [&opcode[..], IMMEDIATES[0]].concat();
                assert!(
                    Instructions::of_code(&code).next().is_err(),
                    "{opcode:02x?} is not known to anybody else"
                );
            }
        }
        assert!(compared > 3_000 && unknown > 900, "{compared} {unknown}");
    }

    /// The reader of modules knows them whatever the features; its validator does not.
    #[test]
    fn types_of_other_proposals_are_refused() {
        for code in [&[opcode::BLOCK, 0x65, 0x70][..], &[0xd0, 0x62, 0x00]] {
            assert!(Instructions::of_code(code).next().is_err(), "{code:02x?}");
        }
    }

    #[test]
    fn memories_move_and_the_rest_stays() {
        let shift = Shift::from(1);
        for (code, moved) in [
            // i32.load of memory 0 stays; of memory 1 it moves.
            (&[0x28, 0x02, 0x04][..], &[0x28, 0x02, 0x04][..]),
            (&[0x28, 0x42, 0x01, 0x04], &[0x28, 0x42, 0x02, 0x04]),
            // memory.copy 1 0, memory.init 7 1
            (&[0xfc, 0x0a, 0x01, 0x00], &[0xfc, 0x0a, 0x02, 0x00]),
            (&[0xfc, 0x08, 0x07, 0x01], &[0xfc, 0x08, 0x07, 0x02]),
            (&[0x40, 0x7f], &[0x40, 0x80, 0x01]),
        ] {
            let mut out = Vec::new();
            let instruction = Instructions::of_code(code).next().expect("it is one");
            instruction.write(code, &shift, &mut out);
            assert_eq!(out, moved);
        }
        let (code, mut out) = ([0x2d, 0x00, 0x05], Vec::new());
        let instruction = Instructions::of_code(&code).next().expect("it is one");
        instruction.write(&code, &Shift::from(0), &mut out);
        assert_eq!(out, [0x2d, 0x40, 0x01, 0x05], "the first memory is named");
    }
}
