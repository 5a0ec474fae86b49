//! Programs made at random that do little but call kernel functions, in every surrounding there is.
//!
//! Knows what a valid and terminating module looks like, nothing of the pass. All that a program
//! reads goes into its results, so that a wrong answer is seen at once; most addresses lie where
//! something ends.

use std::fmt::Write;

use super::random::Random;

/// What a program may use besides what every engine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proposals {
    /// What the interpreter of these tests knows.
    Interpreter,
    /// Exceptions and collected types too.
    All,
}

/// Name, type, and whether only the older era has it.
const KERNEL: [(&str, &str, bool); 11] = [
    ("load_u8", "(param i64) (result i32)", false),
    ("load_u32", "(param i64) (result i32)", true),
    ("load_u64", "(param i64) (result i64)", false),
    ("store_u8", "(param i64 i32)", false),
    ("store_u32", "(param i64 i32)", true),
    ("store_u64", "(param i64 i64)", false),
    ("input_load_u8", "(param i64) (result i32)", false),
    ("input_load_u64", "(param i64) (result i64)", false),
    ("input_length", "(result i64)", false),
    ("input_offset", "(result i64)", false),
    ("alloc", "(param i64) (result i64)", false),
];

/// Those that take an address and give an i32, and those that give an i64.
const NARROW: [&str; 3] = ["load_u8", "load_u32", "input_load_u8"];
const WIDE: [&str; 2] = ["load_u64", "input_load_u64"];

/// Where kernel memory of two pages, the input and the numbers themselves end.
const ENDS: [i64; 16] = [
    0,
    56,
    57,
    63,
    64,
    65,
    99,
    131_064,
    131_065,
    131_068,
    131_071,
    131_072,
    196_607,
    1 << 32,
    -8,
    -1,
];

/// The text of a module. It exports `run`, of an i64 and with an i64 and an i32 as results.
pub(crate) fn program(random: &mut Random, proposals: Proposals) -> String {
    let mut text = String::from("(module\n");
    for (name, ty, old) in KERNEL {
        let (host, prefix) = match old || random.below(2) == 0 {
            true => ("env", "extism_"),
            false => ("extism:host/env", ""),
        };
        let _ = writeln!(
            text,
            "(import \"{host}\" \"{prefix}{name}\" (func ${name} {ty}))"
        );
    }
    text += "(type $wide (func (param i64) (result i64))) (memory 1) (global $seen (mut i64) (i64.const 1))
        (table funcref (elem $load_u64 $input_load_u64 $tail_load_u64 $alloc))\n";
    if proposals == Proposals::All {
        text += "(tag $thrown (param i64 i32)) (type $pair (struct (field (mut i64)) (field i32)))
            (type $bytes (array (mut i8)))\n";
    }
    for (name, ty, _) in KERNEL {
        let arguments: String = ty
            .split(')')
            .filter(|part| part.contains("param"))
            .flat_map(|part| part.split_whitespace().skip(1))
            .enumerate()
            .map(|(index, _)| format!("(local.get {index})"))
            .collect();
        let _ = writeln!(
            text,
            "(func $tail_{name} {ty} (return_call ${name} {arguments}))"
        );
    }
    let mut body = Body {
        random,
        proposals,
        loops: 0,
    };
    let statements: String = (0..12).map(|_| body.statement(3)).collect();
    let _ = writeln!(
        text,
        "(func $run (export \"run\") (param $x i64) (result i64 i32)
            (local $y i64) (local $n0 i32) (local $n1 i32) (local $n2 i32)
            {statements} (local.get $x) (i32.wrap_i64 (global.get $seen))))"
    );
    text
}

/// The function being written.
struct Body<'a> {
    random: &'a mut Random,
    proposals: Proposals,
    /// How many loops are around, each with a counter of its own.
    loops: usize,
}

impl Body<'_> {
    fn statement(&mut self, depth: usize) -> String {
        let kinds = if depth == 0 { 4 } else { 8 };
        match self.random.below(kinds) {
            0 => format!(
                "(local.set $x (i64.add (i64.mul (local.get $x) (i64.const 31)) {}))\n",
                self.wide(depth)
            ),
            1 => format!("(local.set $y {})\n", self.address(depth)),
            2 | 3 => self.store(depth),
            4 => format!(
                "(global.set $seen (i64.add (i64.mul (global.get $seen) (i64.const 7)) {}))\n",
                self.wide(depth)
            ),
            5 => format!(
                "(if {} (then {}) (else {}))\n",
                self.narrow(depth - 1),
                self.statement(depth - 1),
                self.statement(depth - 1)
            ),
            _ => self.repeat(depth),
        }
    }

    /// A loop of two to five rounds.
    fn repeat(&mut self, depth: usize) -> String {
        let counter = format!("$n{}", self.loops);
        self.loops += 1;
        let inside: String = (0..3).map(|_| self.statement(depth - 1)).collect();
        self.loops -= 1;
        let rounds = 2 + self.random.below(4);
        format!(
            "(local.set {counter} (i32.const {rounds})) (loop {inside}
            (local.set $y (i64.add (local.get $y) (i64.const 8)))
            (br_if 0 (local.tee {counter} (i32.sub (local.get {counter}) (i32.const 1)))))\n"
        )
    }

    fn store(&mut self, depth: usize) -> String {
        let address = self.address(depth);
        let tail = ["", "", "tail_"][self.random.below(3)];
        let depth = depth.saturating_sub(1);
        let (name, value) = match self.random.below(3) {
            0 => ("store_u8", self.narrow(depth)),
            1 => ("store_u32", self.narrow(depth)),
            _ => ("store_u64", self.wide(depth)),
        };
        format!("(call ${tail}{name} {address} {value})\n")
    }

    fn narrow(&mut self, depth: usize) -> String {
        match self.random.below(3) {
            0 => "(i32.wrap_i64 (local.get $x))".to_string(),
            _ => self.read(&NARROW, depth),
        }
    }

    /// An i64, read from somewhere or put together.
    fn wide(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.number(0);
        }
        let depth = depth - 1;
        let kinds = if self.proposals == Proposals::All {
            13
        } else {
            10
        };
        match self.random.below(kinds) {
            0..=3 => self.number(depth),
            4 => format!("(i64.xor {} {})", self.wide(depth), self.wide(depth)),
            // A branch takes one of the values with it.
            5 => format!(
                "(block (result i64) (drop (br_if 0 {} {})) {})",
                self.wide(depth),
                self.narrow(depth),
                self.wide(depth)
            ),
            6 => format!(
                "(i64.sub (block (result i64 i64) {} {}))",
                self.wide(depth),
                self.wide(depth)
            ),
            7 => format!(
                "(if (result i64) {} (then {}) (else {}))",
                self.narrow(depth),
                self.wide(depth),
                self.wide(depth)
            ),
            8 => self.dead(depth),
            9 => format!(
                "(call_indirect (type $wide) {} (i32.const {}))",
                self.address(depth),
                self.random.below(3)
            ),
            // Thrown or not, the two values come out at the same place.
            10 => format!(
                "(i64.add (i64.extend_i32_u (block $caught (result i64 i32)
                    (try_table (result i64 i32) (catch $thrown $caught)
                        (if {} (then (throw $thrown {} {}))) {} {}))))",
                self.narrow(depth),
                self.wide(depth),
                self.narrow(depth),
                self.wide(depth),
                self.narrow(depth)
            ),
            11 => format!(
                "(struct.get $pair 0 (struct.new $pair {} {}))",
                self.wide(depth),
                self.narrow(depth)
            ),
            _ => format!(
                "(i64.extend_i32_u (array.get_u $bytes (array.new $bytes {} (i32.const 3)) (i32.const 2)))",
                self.narrow(depth)
            ),
        }
    }

    /// A read made into an i64.
    fn number(&mut self, depth: usize) -> String {
        if self.random.below(2) == 0 {
            return self.read(&WIDE, depth);
        }
        let read = self.read(&NARROW, depth);
        format!("(i64.extend_i32_s {read})")
    }

    fn read(&mut self, names: &[&str], depth: usize) -> String {
        let name = names[self.random.below(names.len())];
        let tail = ["", "", "tail_"][self.random.below(3)];
        format!(
            "(call ${tail}{name} {})",
            self.address(depth.saturating_sub(1))
        )
    }

    /// Calls that are never made, some of them with operands that are not there.
    fn dead(&mut self, depth: usize) -> String {
        let value = self.wide(depth);
        let address = self.address(depth);
        let code = match self.random.below(4) {
            0 => "call $load_u64".to_string(),
            1 => "call $store_u32 call $input_length".to_string(),
            2 => "call $store_u64 br 0".to_string(),
            _ => format!("(call $input_load_u8 {address}) drop (call $input_load_u64 {address})"),
        };
        format!("(block (result i64) (br 0 {value}) {code})")
    }

    fn address(&mut self, depth: usize) -> String {
        match self.random.below(8) {
            0 | 1 => format!("(i64.const {})", ENDS[self.random.below(ENDS.len())]),
            // Inside of the input, most of the time.
            2 => format!(
                "(i64.and (local.get $x) (i64.const {}))",
                (1u64 << (1 + self.random.below(7))) - 1
            ),
            3 => format!(
                "(i64.and (local.get $y) (i64.const {}))",
                (1u64 << (3 + self.random.below(15))) - 1
            ),
            4 => format!(
                "(i64.sub (i64.const 131072) (i64.and (local.get $x) (i64.const {})))",
                self.random.below(20)
            ),
            5 => format!(
                "(i64.or (i64.const {}) (i64.and (local.get $x) (i64.const 255)))",
                1u64 << (31 + self.random.below(32))
            ),
            6 if depth > 0 => format!(
                "(call $alloc (i64.and {} (i64.const 8191)))",
                self.wide(depth - 1)
            ),
            6 => "(local.get $x)".to_string(),
            _ => {
                let back = self.random.below(10);
                format!(
                    "(i64.sub (i64.add (call $input_offset) (call $input_length)) (i64.const {back}))"
                )
            }
        }
    }
}
