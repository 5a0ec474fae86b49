//! The instructions put before a loop that copies.
//!
//! Knows what a [`CopyLoop`] promises and the rules of kernel memory. Invariant: it copies whole
//! rounds that the loop would make, all of them inside of both memories, and leaves every local as
//! those rounds would; then the loop, which is not changed, does what is left, be it a last round or
//! all of them. It takes nothing from the stack and leaves nothing there.
//!
//! A long copy is made in pieces, with a branch back between them: engines look there whether a call
//! has to end, and a copy in one piece would keep them from it.

use extism_abi::layout::{INPUT_LENGTH_ADDRESS, INPUT_OFFSET_ADDRESS};
use wasm_encoder::BlockType;

use super::symbolic::{Atom, Relation, Sum, Test, Word};
use super::{CopyLoop, Local, Pace};
use crate::access::Access;
use crate::inline::{FIRST, cell64, size_bytes};
use crate::sink::Sink;

/// Fewer rounds than this the loop makes faster by itself.
const ROUNDS_MIN: i64 = 16;

/// Bytes of a piece: a tenth of a millisecond.
const PIECE_BYTES: i64 = 1 << 20;

/// Labels, counted from inside of the block.
const GIVE_UP: u32 = 0;
const NEXT_PIECE: u32 = 1;

/// Where guards are put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    /// Index of the kernel memory.
    pub(crate) kernel: u32,
    /// Index of the module's own memory.
    pub(crate) guest: u32,
    /// 64-bit locals that hold nothing: the kernel's address, the guest's, the number of rounds.
    pub(crate) locals: [u32; 3],
}

impl Guard {
    /// Writes the instructions that go before this loop.
    pub(crate) fn emit(&self, copy: &CopyLoop, out: &mut Vec<u8>) {
        let mut code = Code {
            sink: Sink::new(out),
            guard: *self,
            copy,
        };
        code.sink.loop_(BlockType::Empty).block(BlockType::Empty);
        code.rounds(&copy.pace);
        for (sum, signed) in &copy.extensions {
            code.extension(sum, *signed);
        }
        code.kernel_address();
        code.guest_address();
        code.copy();
        for (local, step) in &copy.steps.0 {
            code.advance(*local, *step);
        }
        code.again();
        code.sink.end().end();
    }
}

struct Code<'a> {
    sink: Sink<'a>,
    guard: Guard,
    copy: &'a CopyLoop,
}

impl Code<'_> {
    /// How many rounds to make now. Gives up when there are few.
    fn rounds(&mut self, pace: &Pace) {
        let [.., rounds] = self.guard.locals;
        if let Some(test) = &pace.first {
            self.test(test);
            self.sink.i32_eqz().br_if(GIVE_UP);
        }
        self.sum(&pace.distance);
        self.extend_to_64(pace.distance.word, false);
        if pace.step > 1 {
            self.sink.i64_const(pace.step as i64).i64_div_u();
        }
        self.sink.local_tee(rounds);
        self.sink.i64_const(ROUNDS_MIN).i64_lt_u().br_if(GIVE_UP);
        let most = self.rounds_max();
        self.sink.local_get(rounds);
        if pace.leave_one {
            self.sink.i64_const(1).i64_sub().local_tee(rounds);
        }
        self.sink.i64_const(most).local_get(rounds);
        self.sink.i64_const(most).i64_lt_u().select();
        self.sink.local_set(rounds);
    }

    /// Gives up when a 32-bit number would wrap around on the way.
    fn extension(&mut self, sum: &Sum, signed: bool) {
        let step = sum.step(&self.copy.steps);
        self.sum(sum);
        self.extend_to_64(Word::I32, signed);
        self.rounds_times(step.unsigned_abs());
        if step < 0 {
            self.sink.i64_sub();
        } else {
            self.sink.i64_add();
        }
        if signed {
            self.sink.i64_const(1 << 31).i64_add();
        }
        self.sink.i64_const(u32::MAX.into());
        self.sink.i64_gt_u().br_if(GIVE_UP);
    }

    /// Works out the address in kernel memory. Gives up unless all bytes may be accessed there.
    fn kernel_address(&mut self) {
        let [address, ..] = self.guard.locals;
        self.sum(&self.copy.kernel.address);
        self.sink.local_tee(address);
        let input = matches!(self.copy.kernel.access, Access::InputLoad(_));
        if !input {
            self.sink.i64_const(FIRST).i64_lt_u().br_if(GIVE_UP);
            self.sink.local_get(address);
        }
        self.end_of_kernel(input);
        self.sink.i64_gt_u().br_if(GIVE_UP);
        self.bytes();
        self.end_of_kernel(input);
        self.sink.local_get(address).i64_sub();
        self.sink.i64_gt_u().br_if(GIVE_UP);
        if input {
            self.sink.local_get(address);
            cell64(&mut self.sink, self.guard.kernel, INPUT_OFFSET_ADDRESS);
            self.sink.i64_add().local_set(address);
        }
    }

    /// Where addresses in kernel memory end, which for a read of the input is with the input.
    fn end_of_kernel(&mut self, input: bool) {
        let kernel = self.guard.kernel;
        if input {
            cell64(&mut self.sink, kernel, INPUT_LENGTH_ADDRESS);
        } else {
            size_bytes(&mut self.sink, kernel);
        }
    }

    /// Works out the address in the module's own memory. Gives up unless all bytes are inside of it.
    fn guest_address(&mut self) {
        let [_, address, _] = self.guard.locals;
        let guest = &self.copy.guest;
        self.sum(&guest.address);
        self.extend_to_64(Word::I32, false);
        if guest.offset > 0 {
            // Validated: below 4 GiB.
            self.sink.i64_const(guest.offset as i64).i64_add();
        }
        self.sink.local_tee(address);
        self.bytes();
        self.sink.i64_add();
        size_bytes(&mut self.sink, self.guard.guest);
        self.sink.i64_gt_u().br_if(GIVE_UP);
    }

    fn copy(&mut self) {
        let [in_kernel, in_guest, _] = self.guard.locals;
        let (kernel, guest) = (self.guard.kernel, self.guard.guest);
        let store = matches!(self.copy.kernel.access, Access::Store(_));
        let (to, from) = if store {
            ((kernel, in_kernel), (guest, in_guest))
        } else {
            ((guest, in_guest), (kernel, in_kernel))
        };
        self.sink.local_get(to.1).i32_wrap_i64();
        self.sink.local_get(from.1).i32_wrap_i64();
        self.bytes();
        self.sink.i32_wrap_i64().memory_copy(to.0, from.0);
    }

    /// Changes a local as all the rounds do.
    fn advance(&mut self, local: Local, step: i64) {
        self.sink.local_get(local.index);
        self.rounds_times(step.unsigned_abs());
        match (local.word, step < 0) {
            (Word::I32, true) => self.sink.i32_wrap_i64().i32_sub(),
            (Word::I32, false) => self.sink.i32_wrap_i64().i32_add(),
            (Word::I64, true) => self.sink.i64_sub(),
            (Word::I64, false) => self.sink.i64_add(),
        };
        self.sink.local_set(local.index);
    }

    /// Back for the next piece, if this was a whole one.
    fn again(&mut self) {
        let [.., rounds] = self.guard.locals;
        let most = self.rounds_max();
        self.sink.local_get(rounds).i64_const(most);
        self.sink.i64_eq().br_if(NEXT_PIECE);
    }

    fn rounds_max(&self) -> i64 {
        PIECE_BYTES / self.copy.width.bytes()
    }

    fn bytes(&mut self) {
        self.rounds_times(self.copy.width.bytes().unsigned_abs());
    }

    fn rounds_times(&mut self, factor: u64) {
        let [.., rounds] = self.guard.locals;
        self.sink.local_get(rounds);
        if factor != 1 {
            self.sink.i64_const(factor as i64).i64_mul();
        }
    }

    fn test(&mut self, test: &Test) {
        self.sum(&test.left);
        self.sum(&test.right);
        let sink = &mut self.sink;
        match (test.left.word, test.relation) {
            (Word::I32, Relation::Equal) => sink.i32_eq(),
            (Word::I32, Relation::Differ) => sink.i32_ne(),
            (Word::I32, Relation::Less { signed: false }) => sink.i32_lt_u(),
            (Word::I32, Relation::Less { signed: true }) => sink.i32_lt_s(),
            (Word::I32, Relation::AtMost { signed: false }) => sink.i32_le_u(),
            (Word::I32, Relation::AtMost { signed: true }) => sink.i32_le_s(),
            (Word::I64, Relation::Equal) => sink.i64_eq(),
            (Word::I64, Relation::Differ) => sink.i64_ne(),
            (Word::I64, Relation::Less { signed: false }) => sink.i64_lt_u(),
            (Word::I64, Relation::Less { signed: true }) => sink.i64_lt_s(),
            (Word::I64, Relation::AtMost { signed: false }) => sink.i64_le_u(),
            (Word::I64, Relation::AtMost { signed: true }) => sink.i64_le_s(),
        };
    }

    /// Puts a sum on the stack, as the locals are now.
    fn sum(&mut self, sum: &Sum) {
        let word = sum.word;
        let constant = word.signed(sum.constant);
        let taken_away = |factor: u64| word.signed(factor) < 0;
        let (minus, plus): (Vec<_>, Vec<_>) =
            sum.terms.iter().partition(|term| taken_away(term.factor));
        let constant_first = plus.is_empty();
        if constant_first {
            self.constant(word, constant);
        }
        for (position, term) in plus.iter().chain(&minus).enumerate() {
            self.atom(word, &term.atom);
            let times = word.signed(term.factor).unsigned_abs();
            if times != 1 {
                self.constant(word, times as i64);
                match word {
                    Word::I32 => self.sink.i32_mul(),
                    Word::I64 => self.sink.i64_mul(),
                };
            }
            match (word, taken_away(term.factor)) {
                (Word::I32, true) => self.sink.i32_sub(),
                (Word::I64, true) => self.sink.i64_sub(),
                _ if position == 0 => &mut self.sink,
                (Word::I32, false) => self.sink.i32_add(),
                (Word::I64, false) => self.sink.i64_add(),
            };
        }
        if !constant_first && constant != 0 {
            self.constant(word, constant);
            match word {
                Word::I32 => self.sink.i32_add(),
                Word::I64 => self.sink.i64_add(),
            };
        }
    }

    fn atom(&mut self, word: Word, atom: &Atom) {
        match atom {
            Atom::Local(local) => {
                self.sink.local_get(local.index);
                if (local.word, word) == (Word::I64, Word::I32) {
                    self.sink.i32_wrap_i64();
                }
            }
            Atom::Extended { sum, signed } => {
                self.sum(sum);
                self.extend_to_64(Word::I32, *signed);
            }
        }
    }

    fn constant(&mut self, word: Word, value: i64) {
        match word {
            Word::I32 => self.sink.i32_const(value as i32),
            Word::I64 => self.sink.i64_const(value),
        };
    }

    fn extend_to_64(&mut self, word: Word, signed: bool) {
        match (word, signed) {
            (Word::I64, _) => &mut self.sink,
            (Word::I32, true) => self.sink.i64_extend_i32_s(),
            (Word::I32, false) => self.sink.i64_extend_i32_u(),
        };
    }
}
