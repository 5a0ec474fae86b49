//! Counts what a piece of work does, instruction by instruction.
//!
//! The processor's trap flag stops the thread after each instruction; the handler looks at the next
//! one and counts. Must not know what the work is. Invariant: an instruction is counted by what it is,
//! never by how long it took, so the same work gives the same counts on every x86-64 processor: copies
//! and fills by the C library, whose inside differs between processors, are counted by their bytes and
//! not stepped through.

use std::arch::{asm, naked_asm};
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ops::Range;

use libc::{REG_EFL, REG_RDX, REG_RIP, REG_RSP, siginfo_t, ucontext_t};

/// What a piece of work did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Instructions, without those inside of copies and fills. A repeated one counts once.
    pub(crate) instructions: u64,
    /// Those that hold the memory bus: a `lock` prefix, an exchange with memory, a full fence.
    pub(crate) locked: u64,
    /// Entries into the kernel.
    pub(crate) system_calls: u64,
    /// Bytes copied by `memcpy` and `memmove`. A few words are copied by plain instructions instead.
    pub(crate) copied_bytes: u64,
    /// Bytes written by `memset`.
    pub(crate) filled_bytes: u64,
    /// How often execution went from code without a file (compiled Wasm) to code of a file.
    pub(crate) left_compiled: u64,
    /// Addresses of the first locked instructions and system calls.
    sites: Vec<usize>,
}

impl Counts {
    /// How often one call into Wasm called out to the host; its return is not such a call.
    pub(crate) fn host_calls(&self) -> u64 {
        self.left_compiled.saturating_sub(1)
    }

    /// Where the first locked instructions and system calls are: offsets that `addr2line` takes.
    pub(crate) fn sites(&self) -> Vec<String> {
        let mappings = mappings();
        let name = |address: &usize| place(&mappings, *address);
        self.sites.iter().map(name).collect()
    }
}

/// Steps through `work`, which must not panic. `None` where the trap flag does nothing, as under some
/// emulators.
pub(crate) fn count(work: impl FnOnce()) -> Option<Counts> {
    install();
    // The handler may write to it for as long as the flag is set, whatever becomes of this frame.
    let meter = Box::leak(Box::new(Meter::new()));
    METER.set(&raw mut *meter);
    // SAFETY: sets the trap flag, for which `on_trap` is installed; changes nothing else. One more
    // instruction runs before the first trap: the `nop`.
    unsafe { asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop") };
    work();
    // SAFETY: `on_trap` recognises the instruction, clears the trap flag and goes on behind it.
    unsafe { asm!("int3") };
    let meter = METER.replace(std::ptr::null_mut());
    // SAFETY: leaked above, so it lives; the flag is clear, so the handler is done with it.
    let (stepped, counts) = unsafe { ((*meter).stepped, (*meter).counts.clone()) };
    assert!(
        counts.instructions < STEPS_MAX,
        "more than {STEPS_MAX} steps: {counts:?}"
    );
    stepped.then_some(counts)
}

/// After so many steps the work runs on without being watched, and `count` fails.
const STEPS_MAX: u64 = 2_000_000;

const SITES_MAX: usize = 16;

const TRAP_FLAG: i64 = 0x100;

thread_local! {
    static METER: Cell<*mut Meter> = const { Cell::new(std::ptr::null_mut()) };
}

struct Meter {
    counts: Counts,
    compiled: Vec<Range<usize>>,
    in_compiled: bool,
    /// Whether the trap flag has stopped the thread.
    stepped: bool,
    /// The last instruction looked at.
    last: usize,
    /// Where the running copy or fill returns to; 0 outside of such.
    resume: usize,
    copies: [usize; 2],
    fill: usize,
}

impl Meter {
    fn new() -> Meter {
        let compiled = mappings()
            .into_iter()
            .filter(|mapping| mapping.executable && mapping.path.is_empty());
        Meter {
            counts: Counts {
                // The handler must not allocate.
                sites: Vec::with_capacity(SITES_MAX),
                ..Counts::default()
            },
            compiled: compiled.map(|mapping| mapping.range).collect(),
            in_compiled: false,
            stepped: false,
            last: 0,
            resume: 0,
            copies: [
                libc::memcpy as *const () as usize,
                libc::memmove as *const () as usize,
            ],
            fill: libc::memset as *const () as usize,
        }
    }

    /// The thread has stopped in front of an instruction.
    fn step(&mut self, registers: &mut Registers) {
        if registers.has_trap_flag() {
            self.stepped = true;
        } else if self.resume == 0 {
            // The breakpoint at the end, and nothing stopped the thread before.
            return;
        } else {
            // The copy has returned to `landing`: on to where it came from.
            registers.set(REG_RIP, self.resume);
            registers.set_trap_flag(true);
            self.resume = 0;
        }
        let at = registers.get(REG_RIP);
        // SAFETY: the processor is about to execute these bytes, and no more than these are read.
        let instruction = Instruction::decode(|index| unsafe { *((at + index) as *const u8) });
        let is_end = instruction == Instruction::Breakpoint;
        if is_end || self.counts.instructions >= STEPS_MAX {
            registers.set_trap_flag(false);
            registers.set(REG_RIP, at + usize::from(is_end));
            return;
        }
        if at == self.last {
            // A repeated instruction stops once a round.
            return;
        }
        self.last = at;
        self.look(at, instruction);
        if self.copies.contains(&at) {
            self.counts.copied_bytes += registers.get(REG_RDX) as u64;
            self.step_over(registers);
        } else if self.fill == at {
            self.counts.filled_bytes += registers.get(REG_RDX) as u64;
            self.step_over(registers);
        }
    }

    fn look(&mut self, at: usize, instruction: Instruction) {
        let counts = &mut self.counts;
        counts.instructions += 1;
        match instruction {
            Instruction::Locked => counts.locked += 1,
            Instruction::SystemCall => counts.system_calls += 1,
            Instruction::Breakpoint | Instruction::Other => {}
        }
        if instruction != Instruction::Other && counts.sites.len() < SITES_MAX {
            counts.sites.push(at);
        }
        let compiled = self.compiled.iter().any(|range| range.contains(&at));
        counts.left_compiled += u64::from(self.in_compiled && !compiled);
        self.in_compiled = compiled;
    }

    /// Lets the function that is about to begin run, and has it return to `landing`.
    fn step_over(&mut self, registers: &mut Registers) {
        let top = registers.get(REG_RSP) as *mut usize;
        // SAFETY: at the first instruction of a function the return address is on top of the stack; it
        // is put back by `step` when the function has returned, and nobody reads it before.
        self.resume = unsafe { top.replace(landing as *const () as usize) };
        registers.set_trap_flag(false);
    }
}

/// Where copies return to.
#[unsafe(naked)]
extern "C" fn landing() {
    naked_asm!("int3", "ud2")
}

/// The registers of the stopped thread.
struct Registers<'a>(&'a mut [i64; 23]);

impl Registers<'_> {
    fn get(&self, register: c_int) -> usize {
        self.0[register as usize] as usize
    }

    fn set(&mut self, register: c_int, value: usize) {
        self.0[register as usize] = value as i64;
    }

    fn has_trap_flag(&self) -> bool {
        self.0[REG_EFL as usize] & TRAP_FLAG != 0
    }

    fn set_trap_flag(&mut self, on: bool) {
        let flags = &mut self.0[REG_EFL as usize];
        *flags = (*flags & !TRAP_FLAG) | if on { TRAP_FLAG } else { 0 };
    }
}

fn install() {
    // SAFETY: all zeros is an empty `sigaction`; `on_trap` has the signature that SA_SIGINFO asks for,
    // and does nothing that a signal handler may not do.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_trap as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(
            libc::sigaction(libc::SIGTRAP, &action, std::ptr::null_mut()),
            0
        );
    }
}

extern "C" fn on_trap(_signal: c_int, _info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: with SA_SIGINFO this is the stopped thread's context, alive until the handler returns.
    let context = unsafe { &mut *context.cast::<ucontext_t>() };
    // SAFETY: `count` sets it to a meter that is never freed; null otherwise.
    match unsafe { METER.get().as_mut() } {
        Some(meter) => meter.step(&mut Registers(&mut context.uc_mcontext.gregs)),
        // Somebody else's breakpoint.
        None => std::process::abort(),
    }
}

/// What matters about an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instruction {
    Locked,
    SystemCall,
    Breakpoint,
    Other,
}

impl Instruction {
    /// Reads prefixes, the opcode and where it matters the byte behind it; never more than there are.
    fn decode(byte: impl Fn(usize) -> u8) -> Instruction {
        let mut at = 0;
        loop {
            match byte(at) {
                0xf0 => return Instruction::Locked,
                // Operand and address size, repetition, segments, REX.
                0x66
                | 0x67
                | 0xf2
                | 0xf3
                | 0x26
                | 0x2e
                | 0x36
                | 0x3e
                | 0x64
                | 0x65
                | 0x40..=0x4f => at += 1,
                _ => break,
            }
        }
        let names_memory = |operand: u8| operand >> 6 != 3;
        match byte(at) {
            // Exchanges with memory hold the bus without being told.
            0x86 | 0x87 if names_memory(byte(at + 1)) => Instruction::Locked,
            0xcc => Instruction::Breakpoint,
            0xcd => Instruction::SystemCall,
            0x0f => match byte(at + 1) {
                0x05 | 0x34 => Instruction::SystemCall,
                0xae if matches!(byte(at + 2), 0xf0..=0xf7) => Instruction::Locked,
                _ => Instruction::Other,
            },
            _ => Instruction::Other,
        }
    }
}

/// A line of `/proc/self/maps`.
pub(crate) struct Mapping {
    range: Range<usize>,
    writable: bool,
    executable: bool,
    /// Empty for memory that is no file's.
    path: String,
}

/// The memory of this process.
pub(crate) fn mappings() -> Vec<Mapping> {
    let text = std::fs::read_to_string("/proc/self/maps").unwrap();
    text.lines().map(mapping).collect()
}

fn mapping(line: &str) -> Mapping {
    let address = |digits| usize::from_str_radix(digits, 16).unwrap();
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (start, end) = fields[0].split_once('-').unwrap();
    Mapping {
        range: address(start)..address(end),
        writable: fields[1].contains('w'),
        executable: fields[1].contains('x'),
        path: fields[5..].join(" "),
    }
}

/// The writable memory of the program and its libraries. What a file does not fill of it is a mapping
/// of its own behind the file's.
pub(crate) fn statics(mappings: &[Mapping]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut file_end = 0;
    for mapping in mappings {
        let is_file = mapping.path.starts_with('/');
        let is_rest = mapping.path.is_empty() && mapping.range.start == file_end;
        if mapping.writable && (is_file || is_rest) {
            ranges.push(mapping.range.clone());
        }
        if is_file {
            file_end = mapping.range.end;
        }
    }
    ranges
}

/// What is at an address: a file, and an offset that `addr2line` takes.
pub(crate) fn place(mappings: &[Mapping], address: usize) -> String {
    let found = mappings
        .iter()
        .find(|mapping| mapping.range.contains(&address));
    match found {
        Some(found) if !found.path.is_empty() => {
            // A program's addresses count from where its file's first part was put.
            let first = mappings.iter().find(|mapping| mapping.path == found.path);
            let base = first.map_or(0, |first| first.range.start);
            format!("{} {:#x}", found.path, address - base)
        }
        _ => format!("compiled code at {address:#x}"),
    }
}

#[test]
fn instructions_are_recognised() {
    let cases: [(&[u8], Instruction); 22] = [
        (&[0xf0, 0x48, 0x0f, 0xc1, 0x07], Instruction::Locked), // lock xadd [rdi], rax
        (&[0x66, 0xf0, 0x0f, 0xb1, 0x0f], Instruction::Locked), // lock cmpxchg [rdi], cx
        (&[0x2e, 0xf0, 0xff, 0x07], Instruction::Locked),       // lock inc [cs:rdi]
        (&[0xf3, 0xf0, 0x87, 0x07], Instruction::Locked),       // xrelease lock xchg [rdi], eax
        (&[0x87, 0x07], Instruction::Locked),                   // xchg [rdi], eax
        (&[0x86, 0x47, 0x10], Instruction::Locked),             // xchg [rdi + 16], al
        (&[0x48, 0x87, 0x87, 0, 1, 0, 0], Instruction::Locked), // xchg [rdi + 256], rax
        (
            &[0x64, 0x48, 0x87, 0x04, 0x25, 0, 0, 0, 0],
            Instruction::Locked,
        ), // xchg [fs:0], rax
        (&[0x0f, 0xae, 0xf0], Instruction::Locked),             // mfence
        (&[0x48, 0x87, 0xc3], Instruction::Other),              // xchg rbx, rax
        (&[0x90], Instruction::Other),                          // nop
        (&[0xf3, 0x90], Instruction::Other),                    // pause
        (&[0x0f, 0xae, 0xe8], Instruction::Other),              // lfence
        (&[0x0f, 0xae, 0x37], Instruction::Other),              // xsaveopt [rdi]
        (&[0xf3, 0xa4], Instruction::Other),                    // rep movsb
        (&[0x48, 0x8b, 0x87, 0xf0, 0, 0, 0], Instruction::Other), // mov rax, [rdi + 240]
        (&[0xb8, 0xf0, 0x0f, 0x05, 0xcc], Instruction::Other),  // mov eax, 0xcc050ff0
        (&[0xc5, 0xf8, 0x77], Instruction::Other),              // vzeroupper
        (&[0x62, 0xf1, 0x7c, 0x48, 0x10, 0x07], Instruction::Other), // vmovups zmm0, [rdi]
        (&[0x0f, 0x05], Instruction::SystemCall),               // syscall
        (&[0xcd, 0x80], Instruction::SystemCall),               // int 0x80
        (&[0xcc], Instruction::Breakpoint),                     // int3
    ];
    for (bytes, expected) in cases {
        let decoded = Instruction::decode(|at| bytes[at]);
        assert_eq!(decoded, expected, "{bytes:02x?}");
    }
}
