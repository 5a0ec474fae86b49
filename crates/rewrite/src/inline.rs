//! The instructions that stand for one kernel function.
//!
//! Knows the rules of kernel memory and nothing of the function it writes into. Invariant: the
//! instructions take from the stack and leave on it what the call would, no access of theirs can
//! trap, and they contain every label they branch to.
//!
//! One comparison decides each load and store: `p - 64 < size - 64 - (width - 1)`, unsigned. A handle
//! below 64 wraps around to a huge number, so does not pass; the right side cannot wrap, because
//! kernel memory has a page at least. What passes is below 4 GiB, so that cutting the address to 32
//! bits loses nothing.
//!
//! A read of the input asks twice, for its first byte and for its last: after the first answer the
//! sum in the second cannot wrap. Two branches that always go the same way cost less than two truth
//! values put together.

use extism_abi::layout::{
    FIRST_HANDLE, INPUT_LENGTH_ADDRESS, INPUT_OFFSET_ADDRESS, MEMORY_LEFT_ADDRESS,
    MEMORY_REFUSED_ADDRESS, PAGE_BYTES, TABLE_LEFT_ADDRESS,
};
use wasm_encoder::{BlockType, Encode, MemArg, ValType};

use crate::access::{Access, Growing, Width};
use crate::outline::Site;
use crate::sink::Sink;

/// Lowest handle, as the signed number that instructions take.
pub(crate) const FIRST: i64 = FIRST_HANDLE as i64;

/// Locals added to a function to hold operands between two instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scratch {
    address: u32,
    value64: u32,
    /// For guards of loops, which use the two before too.
    rounds: u32,
    value32: u32,
    i64_count: u32,
    i32_count: u32,
}

impl Scratch {
    /// The most locals there can be.
    pub(crate) const COUNT_MAX: u32 = 4;

    /// The locals these calls need, and the guards of loops over them if there are any, after the
    /// function's own.
    pub(crate) fn for_sites(sites: &[Site], guards: bool, locals_count: u32) -> Self {
        let any = |test: &dyn Fn(Access) -> bool| sites.iter().any(|site| test(site.access));
        let wide_store = any(&|access| access == Access::Store(Width::Eight));
        let narrow = |access| {
            matches!(
                access,
                Access::Store(Width::One | Width::Four) | Access::Grow(_)
            )
        };
        let narrow_store = any(&narrow);
        let address = any(&|access| !matches!(access, Access::InputLength | Access::InputOffset));
        let i64_count = match guards {
            true => 3,
            false => u32::from(address) + u32::from(wide_store),
        };
        Scratch {
            address: locals_count,
            value64: locals_count + 1,
            rounds: locals_count + 2,
            value32: locals_count + i64_count,
            i64_count,
            i32_count: u32::from(narrow_store),
        }
    }

    /// Three 64-bit locals, if guards were asked for: whatever is kept in them is of no use after the
    /// next access.
    pub(crate) fn wide(&self) -> [u32; 3] {
        [self.address, self.value64, self.rounds]
    }

    /// How many groups of locals that makes.
    pub(crate) fn groups(&self) -> u32 {
        u32::from(self.i64_count > 0) + u32::from(self.i32_count > 0)
    }

    /// Writes the groups of locals.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for (count, ty) in [
            (self.i64_count, ValType::I64),
            (self.i32_count, ValType::I32),
        ] {
            if count > 0 {
                count.encode(out);
                ty.encode(out);
            }
        }
    }
}

/// Writes the instructions for one access to the memory of that index. The memory that grows has its
/// new index.
pub(crate) fn emit(access: Access, kernel: u32, scratch: &Scratch, out: &mut Vec<u8>) {
    let mut code = Inline {
        sink: Sink::new(out),
        kernel,
        scratch,
    };
    match access {
        Access::Load(width) => code.load(width),
        Access::Store(width) => code.store(width),
        Access::InputLoad(width) => code.input_load(width),
        Access::InputLength => cell64(&mut code.sink, kernel, INPUT_LENGTH_ADDRESS),
        Access::InputOffset => cell64(&mut code.sink, kernel, INPUT_OFFSET_ADDRESS),
        Access::Grow(Growing::Memory(memory)) => code.grow_memory(memory),
        Access::Grow(Growing::Table(table)) => code.grow_table(table),
    }
}

/// Puts the size of a 32-bit memory in bytes on the stack, an i64.
pub(crate) fn size_bytes(code: &mut Sink<'_>, memory: u32) {
    let shift = i64::from(PAGE_BYTES.trailing_zeros());
    code.memory_size(memory)
        .i64_extend_i32_u()
        .i64_const(shift)
        .i64_shl();
}

/// Reads one of the cells below the first handle of the kernel memory. They are aligned.
pub(crate) fn cell64(code: &mut Sink<'_>, kernel: u32, address: u64) {
    code.i32_const(0).i64_load(cell(kernel, address));
}

fn cell(kernel: u32, address: u64) -> MemArg {
    MemArg {
        offset: address,
        align: 3,
        memory_index: kernel,
    }
}

struct Inline<'a> {
    sink: Sink<'a>,
    kernel: u32,
    scratch: &'a Scratch,
}

impl Inline<'_> {
    fn load(&mut self, width: Width) {
        self.check(width);
        self.sink.if_(result(width));
        self.address32();
        self.load_at(width);
        self.or_zero(width);
    }

    fn store(&mut self, width: Width) {
        let value = match width {
            Width::Eight => self.scratch.value64,
            Width::One | Width::Four => self.scratch.value32,
        };
        self.sink.local_set(value);
        self.check(width);
        self.sink.if_(BlockType::Empty);
        self.address32();
        self.sink.local_get(value);
        let at = self.at(0);
        match width {
            Width::One => self.sink.i32_store8(at),
            Width::Four => self.sink.i32_store(at),
            Width::Eight => self.sink.i64_store(at),
        };
        self.sink.end();
    }

    /// Reads relative to the input. The input lies inside of the memory, so its length is the only bound.
    fn input_load(&mut self, width: Width) {
        let last = width.bytes() - 1;
        self.sink.local_tee(self.scratch.address);
        self.if_inside_of_input(width);
        if last > 0 {
            self.sink.local_get(self.scratch.address);
            self.sink.i64_const(last).i64_add();
            self.if_inside_of_input(width);
        }
        // Handles are below 4 GiB: the lower half of the cell is all of it.
        let cell = MemArg {
            align: 2,
            ..self.at(INPUT_OFFSET_ADDRESS)
        };
        self.sink.i32_const(0).i32_load(cell);
        self.address32();
        self.sink.i32_add();
        self.load_at(width);
        if last > 0 {
            self.or_zero(width);
        }
        self.or_zero(width);
    }

    /// Grows a memory by the pages on the stack, if that many bytes are left; answers as `memory.grow`.
    fn grow_memory(&mut self, memory: u32) {
        let (pages, wanted) = (self.scratch.value32, self.scratch.address);
        let shift = i64::from(PAGE_BYTES.trailing_zeros());
        self.sink
            .local_tee(pages)
            .i64_extend_i32_u()
            .i64_const(shift)
            .i64_shl()
            .local_tee(wanted);
        cell64(&mut self.sink, self.kernel, MEMORY_LEFT_ADDRESS);
        self.sink
            .i64_gt_u()
            .if_(BlockType::Result(ValType::I32))
            .i32_const(0)
            .i64_const(1)
            .i64_store(cell(self.kernel, MEMORY_REFUSED_ADDRESS))
            .i32_const(-1)
            .else_()
            .local_get(pages)
            .memory_grow(memory)
            .local_tee(pages)
            .i32_const(-1)
            .i32_ne()
            .if_(BlockType::Empty)
            .i32_const(0);
        cell64(&mut self.sink, self.kernel, MEMORY_LEFT_ADDRESS);
        self.sink
            .local_get(wanted)
            .i64_sub()
            .i64_store(cell(self.kernel, MEMORY_LEFT_ADDRESS))
            .end()
            .local_get(pages)
            .end();
    }

    /// Grows a table by the elements on the stack, if that many are left; answers as `table.grow`. The value
    /// below them stays where it is: no table grows by as many as are asked for in place of too many.
    fn grow_table(&mut self, table: u32) {
        let (elements, wanted) = (self.scratch.value32, self.scratch.address);
        self.sink
            .local_tee(elements)
            .i64_extend_i32_u()
            .local_tee(wanted);
        cell64(&mut self.sink, self.kernel, TABLE_LEFT_ADDRESS);
        self.sink
            .i64_gt_u()
            .if_(BlockType::Empty)
            .i32_const(-1)
            .local_set(elements)
            .end()
            .local_get(elements)
            .table_grow(table)
            .local_tee(elements)
            .i32_const(-1)
            .i32_ne()
            .if_(BlockType::Empty)
            .i32_const(0);
        cell64(&mut self.sink, self.kernel, TABLE_LEFT_ADDRESS);
        self.sink
            .local_get(wanted)
            .i64_sub()
            .i64_store(cell(self.kernel, TABLE_LEFT_ADDRESS))
            .end()
            .local_get(elements);
    }

    fn if_inside_of_input(&mut self, width: Width) {
        cell64(&mut self.sink, self.kernel, INPUT_LENGTH_ADDRESS);
        self.sink.i64_lt_u().if_(result(width));
    }

    /// Takes a handle from the stack and leaves whether an access of this width may be made there.
    /// Keeps the handle in a local.
    fn check(&mut self, width: Width) {
        self.sink
            .local_tee(self.scratch.address)
            .i64_const(FIRST)
            .i64_sub();
        size_bytes(&mut self.sink, self.kernel);
        self.sink
            .i64_const(FIRST + width.bytes() - 1)
            .i64_sub()
            .i64_lt_u();
    }

    fn address32(&mut self) {
        self.sink.local_get(self.scratch.address).i32_wrap_i64();
    }

    fn load_at(&mut self, width: Width) {
        let at = self.at(0);
        match width {
            Width::One => self.sink.i32_load8_u(at),
            Width::Four => self.sink.i32_load(at),
            Width::Eight => self.sink.i64_load(at),
        };
    }

    fn or_zero(&mut self, width: Width) {
        self.sink.else_();
        match width {
            Width::Eight => self.sink.i64_const(0),
            Width::One | Width::Four => self.sink.i32_const(0),
        };
        self.sink.end();
    }

    fn at(&self, offset: u64) -> MemArg {
        MemArg {
            offset,
            align: 0,
            memory_index: self.kernel,
        }
    }
}

fn result(width: Width) -> BlockType {
    BlockType::Result(match width {
        Width::Eight => ValType::I64,
        Width::One | Width::Four => ValType::I32,
    })
}
