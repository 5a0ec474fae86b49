//! Loops made at random that copy between kernel memory and the module's own, and loops that are
//! not quite such.
//!
//! Knows how compilers write loops and where things end, nothing of the pass. All locals of a loop
//! are parameters and results of its function, so that one that is left wrong is seen. Each loop
//! ends: its address in the module's memory goes up until it traps.

use super::random::Random;

/// Which way bytes go, and how many at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) import: &'static str,
    pub(crate) width: i64,
}

const fn kind(import: &'static str, width: i64) -> Kind {
    Kind { import, width }
}

pub(crate) const KINDS: [Kind; 8] = [
    kind("input_load_u64", 8),
    kind("load_u64", 8),
    kind("store_u64", 8),
    kind("input_load_u8", 1),
    kind("load_u8", 1),
    kind("store_u8", 1),
    kind("load_u32", 4),
    kind("store_u32", 4),
];

/// What makes a loop one that must not be taken for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    KernelStep,
    KernelStepsBack,
    GuestStep,
    ValueChanged,
    ValueOfLastRound,
    TwoStores,
    SideEffect,
    OtherCall,
    SecondTest,
    StepOfAnother,
    ReadBeforeSet,
    OtherWidth,
    OtherMemory,
    TestOfTheBytes,
    TestStandsStill,
}

pub(crate) const FLAWS: [Flaw; 15] = [
    Flaw::KernelStep,
    Flaw::KernelStepsBack,
    Flaw::GuestStep,
    Flaw::ValueChanged,
    Flaw::ValueOfLastRound,
    Flaw::TwoStores,
    Flaw::SideEffect,
    Flaw::OtherCall,
    Flaw::SecondTest,
    Flaw::StepOfAnother,
    Flaw::ReadBeforeSet,
    Flaw::OtherWidth,
    Flaw::OtherMemory,
    Flaw::TestOfTheBytes,
    Flaw::TestStandsStill,
];

/// A module whose `run` is one loop.
pub(crate) struct Copying {
    pub(crate) text: String,
    pub(crate) kind: Kind,
    /// The local that the test is about, and its step.
    pub(crate) tested: (&'static str, i64),
}

/// The locals: a base and an index on either side, pointers that step by themselves, counters,
/// limits, and two that only hold things in passing.
pub(crate) const LOCALS: [(&str, &str); 12] = [
    ("base", "i64"),
    ("index", "i64"),
    ("pointer", "i64"),
    ("small", "i32"),
    ("to", "i32"),
    ("start", "i32"),
    ("left", "i64"),
    ("few", "i32"),
    ("limit", "i64"),
    ("end", "i32"),
    ("passing", "i64"),
    ("seen", "i32"),
];

fn get(name: &str) -> String {
    format!("(local.get ${name})")
}

fn number(ty: &str, value: i64) -> String {
    format!("({ty}.const {value})")
}

fn add(ty: &str, left: &str, right: &str) -> String {
    format!("({ty}.add {left} {right})")
}

/// A loop that copies.
pub(crate) fn copying(random: &mut Random) -> Copying {
    build(random, None)
}

/// A loop that almost does.
pub(crate) fn flawed(random: &mut Random, flaw: Flaw) -> Copying {
    build(random, Some(flaw))
}

fn build(random: &mut Random, flaw: Option<Flaw>) -> Copying {
    let kind = KINDS[random.below(KINDS.len())];
    let mut builder = Builder::new(random, kind, flaw);
    let copy = builder.copy();
    let steps = builder.steps();
    let looped = builder.looped(&copy, &steps);
    let types: Vec<&str> = LOCALS.iter().map(|(_, ty)| *ty).collect();
    let params: String = LOCALS
        .iter()
        .map(|(name, ty)| format!("(param ${name} {ty})"))
        .collect();
    let results: String = LOCALS.iter().map(|(name, _)| get(name)).collect();
    let ty = match (kind.import.contains("store"), kind.width) {
        (true, 8) => "(param i64 i64)",
        (true, _) => "(param i64 i32)",
        (false, 8) => "(param i64) (result i64)",
        (false, _) => "(param i64) (result i32)",
    };
    let text = format!(
        r#"(module
            (import "env" "extism_{import}" (func $access {ty}))
            (memory (export "memory") 1) (memory $other 1)
            (global $noted (mut i32) (i32.const 0)) (func $callee)
            (func (export "run") {params} (result {types} {bytes}) (local $bytes {bytes})
                {looped}
                {results} (local.get $bytes))
            (func (export "noted") (result i32) (global.get $noted)))"#,
        import = kind.import,
        types = types.join(" "),
        bytes = if kind.width == 8 { "i64" } else { "i32" },
    );
    let tested = builder.tested;
    Copying { text, kind, tested }
}

struct Builder<'a> {
    random: &'a mut Random,
    kind: Kind,
    flaw: Option<Flaw>,
    /// The steps of the two indices, one or the width.
    index: i64,
    small: i64,
    /// The signs of the counters' steps, and their size.
    left: i64,
    few: i64,
    tested: (&'static str, i64),
}

impl<'a> Builder<'a> {
    fn new(random: &'a mut Random, kind: Kind, flaw: Option<Flaw>) -> Self {
        let mut one_of = |choices: [i64; 4]| choices[random.below(4)];
        let width = kind.width;
        let (index, small) = (one_of([1, 1, width, width]), one_of([1, 1, width, width]));
        let (left, few) = (one_of([-1, -1, -width, 1]), one_of([-1, -1, -width, 3]));
        Builder {
            random,
            kind,
            flaw,
            index,
            small,
            left,
            few,
            tested: ("", 0),
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// An address in kernel memory that goes up by the width each round.
    fn kernel_address(&mut self) -> String {
        let width = self.kind.width;
        let times = |ty: &str, value: &str, factor: i64, shifted: bool| match (factor, shifted) {
            (1, _) => value.to_string(),
            (_, true) => format!(
                "({ty}.shl {value} ({ty}.const {}))",
                factor.trailing_zeros()
            ),
            (_, false) => format!("({ty}.mul ({ty}.const {factor}) {value})"),
        };
        let shifted = self.random.below(2) == 0;
        let sign = ["u", "s"][self.random.below(2)];
        let small = get("small");
        match self.random.below(7) {
            0 | 1 => get("pointer"),
            2 => add(
                "i64",
                &get("base"),
                &times("i64", &get("index"), width / self.index, shifted),
            ),
            3 => {
                let wide = format!("(i64.extend_i32_{sign} {small})");
                add(
                    "i64",
                    &times("i64", &wide, width / self.small, shifted),
                    &get("base"),
                )
            }
            4 => {
                let scaled = times("i32", &small, width / self.small, shifted);
                add(
                    "i64",
                    &get("base"),
                    &format!("(i64.extend_i32_{sign} {scaled})"),
                )
            }
            5 => add(
                "i64",
                &get("pointer"),
                &number("i64", [-8, 8, 100][self.random.below(3)]),
            ),
            _ => format!("(i64.sub {} {})", get("pointer"), get("base")),
        }
    }

    /// An address in the module's memory that does.
    fn guest_address(&mut self) -> String {
        let (start, width) = (get("start"), self.kind.width);
        let scaled = |value: &str, factor: i64| match factor {
            1 => value.to_string(),
            _ => format!("(i32.shl {value} (i32.const {}))", factor.trailing_zeros()),
        };
        match self.random.below(5) {
            0 | 1 => get("to"),
            2 => add("i32", &start, &scaled(&get("small"), width / self.small)),
            3 => {
                let half = format!("(i32.wrap_i64 {})", get("index"));
                add("i32", &scaled(&half, width / self.index), &start)
            }
            _ => add(
                "i32",
                &get("to"),
                &number("i32", [8, -8][self.random.below(2)]),
            ),
        }
    }

    fn offset(&mut self) -> &'static str {
        [
            "",
            "",
            "",
            " offset=8",
            " offset=1000",
            " offset=65000",
            " offset=4294967295",
        ][self.random.below(7)]
    }

    /// The access on either side.
    fn copy(&mut self) -> String {
        let (kernel, guest, offset) = (self.kernel_address(), self.guest_address(), self.offset());
        let (ty, load, store) = match (self.kind.width, self.has(Flaw::OtherWidth)) {
            (8, false) => ("i64", "i64.load", "i64.store"),
            (8, true) => ("i64", "i64.load32_u", "i64.store32"),
            (4, false) => ("i32", "i32.load", "i32.store"),
            (4, true) => ("i32", "i32.load8_u", "i32.store8"),
            (_, true) => ("i32", "i32.load", "i32.store"),
            (_, false) => (
                "i32",
                ["i32.load8_u", "i32.load8_s"][self.random.below(2)],
                "i32.store8",
            ),
        };
        let memory = if self.has(Flaw::OtherMemory) {
            " $other"
        } else {
            ""
        };
        let storing = self.kind.import.contains("store");
        let mut value = match storing {
            true => format!("({load}{memory}{offset} {guest})"),
            false => format!("(call $access {kernel})"),
        };
        let kept = self.random.below(3) == 0;
        if self.has(Flaw::ValueChanged) {
            value = format!("({ty}.xor {value} ({ty}.const 1))");
        }
        if self.has(Flaw::TestOfTheBytes) || kept {
            value = format!("(local.tee $bytes {value})");
        }
        if self.has(Flaw::ValueOfLastRound) {
            value = format!("(local.get $bytes) (local.set $bytes {value})");
        }
        let mut copy = match storing {
            true => format!("(call $access {kernel} {value})"),
            false => format!("({store}{memory}{offset} {guest} {value})"),
        };
        if self.has(Flaw::TwoStores) {
            let to = number("i32", 4096 + self.random.below(100) as i64);
            copy += &format!("(i32.store8 {to} {})", get("small"));
        }
        if self.has(Flaw::SideEffect) {
            copy += "(global.set $noted (i32.add (global.get $noted) (i32.const 1)))";
        }
        if self.has(Flaw::OtherCall) {
            copy += "(call $callee)";
        }
        copy
    }

    /// What moves the locals on, in any order.
    fn steps(&mut self) -> String {
        let width = self.kind.width;
        let mut steps = [
            ("index", "i64", self.index),
            ("pointer", "i64", width),
            ("small", "i32", self.small),
            ("to", "i32", width),
            ("left", "i64", self.left),
            ("few", "i32", self.few),
        ];
        let scaled = match self.flaw {
            Some(Flaw::KernelStep) => (["index", "pointer", "small"], 2),
            Some(Flaw::KernelStepsBack) => (["index", "pointer", "small"], -1),
            Some(Flaw::GuestStep) => (["index", "to", "small"], 3),
            _ => ([""; 3], 1),
        };
        for (name, _, step) in &mut steps {
            if scaled.0.contains(name) {
                *step *= scaled.1;
            }
        }
        let mut texts: Vec<String> = steps
            .iter()
            .map(|(name, ty, step)| self.step(name, ty, *step))
            .collect();
        for position in (1..texts.len()).rev() {
            texts.swap(position, self.random.below(position + 1));
        }
        if self.has(Flaw::StepOfAnother) {
            // Each is what the other was: no fixed step, though both go up.
            texts.extend(["pointer", "index"].map(|name| {
                format!(
                    "(local.set ${name} {})",
                    add("i64", &get("passing"), &number("i64", width))
                )
            }));
            texts.push(format!("(local.set $passing {})", get("pointer")));
        }
        if self.has(Flaw::ReadBeforeSet) {
            let sum = add("i64", &get("passing"), &get("left"));
            texts.push(format!("(local.set $passing {sum})"));
        } else if self.random.below(3) == 0 {
            texts.push(format!(
                "(local.set $passing {}) ",
                add("i64", &get("index"), &number("i64", 5))
            ));
            texts.push("(local.set $seen (i64.eqz (local.get $passing)))".to_string());
        }
        texts.concat()
    }

    fn step(&mut self, name: &str, ty: &str, step: i64) -> String {
        let sum = match self.random.below(3) {
            0 => format!("({ty}.sub {} ({ty}.const {}))", get(name), -step),
            _ => add(ty, &get(name), &number(ty, step)),
        };
        match self.random.below(2) {
            0 => format!("(local.set ${name} {sum})"),
            _ => format!("(drop (local.tee ${name} {sum}))"),
        }
    }

    /// Whether the loop goes on, an i32.
    fn test(&mut self) -> String {
        if self.has(Flaw::TestOfTheBytes) {
            let eqz = if self.kind.width == 8 {
                "i64.eqz"
            } else {
                "i32.eqz"
            };
            return format!("(i32.eqz ({eqz} (local.get $bytes)))");
        }
        let sign = ["u", "s"][self.random.below(2)];
        let width = self.kind.width;
        let about = [
            ("left", self.left),
            ("left", self.left),
            ("few", self.few),
            ("pointer", width),
            ("index", self.index),
            ("small", self.small),
            ("to", width),
            ("small", self.small),
            ("left", self.left),
        ];
        let which = self.random.below(about.len());
        self.tested = about[which];
        let (ty, stepped, still) = match which {
            _ if self.has(Flaw::TestStandsStill) => ("i64", get("limit"), get("base")),
            0 | 1 => ("i64", get("left"), number("i64", 0)),
            2 => ("i32", get("few"), number("i32", 0)),
            3 => ("i64", get("pointer"), get("limit")),
            4 => ("i64", get("index"), get("limit")),
            5 => ("i32", get("small"), get("end")),
            6 => ("i32", get("to"), get("end")),
            7 => (
                "i64",
                format!("(i64.extend_i32_{sign} {})", get("small")),
                get("limit"),
            ),
            _ => (
                "i32",
                "(i32.wrap_i64 (local.get $left))".to_string(),
                get("end"),
            ),
        };
        if self.random.below(4) == 0 && still.contains("const 0") {
            return match ty {
                "i64" => format!("(i32.eqz (i64.eqz {stepped}))"),
                _ => stepped,
            };
        }
        let all = [
            "ne", "eq", "lt_u", "lt_s", "gt_u", "gt_s", "le_u", "le_s", "ge_u", "ge_s",
        ];
        let towards = match self.tested.1 > 0 {
            true => ["ne", "ne", "lt_u", "lt_s", "le_u", "le_s"],
            false => ["ne", "ne", "gt_u", "gt_s", "ge_u", "ge_s"],
        };
        if self.random.below(4) > 0 {
            let relation = towards[self.random.below(towards.len())];
            return format!("({ty}.{relation} {stepped} {still})");
        }
        let relation = all[self.random.below(all.len())];
        format!("({ty}.{relation} {still} {stepped})")
    }

    /// The loop around it all, in the ways compilers write loops.
    fn looped(&mut self, copy: &str, steps: &str) -> String {
        let test = self.test();
        let second = match self.has(Flaw::SecondTest) {
            true => "(br_if 1 (i64.eq (local.get $left) (i64.const 77)))",
            false => "",
        };
        match self.random.below(7) {
            0 => {
                format!("(block (loop (br_if 1 (i32.eqz {test})) {copy} {second} {steps} (br 0)))")
            }
            1 => format!("(block (loop {copy} {second} {steps} (br_if 0 {test})))"),
            2 => format!("(block (loop {steps} {second} {copy} (br_if 0 {test})))"),
            3 => format!("(block (loop {second} (if {test} (then {copy} {steps} (br 1)))))"),
            4 => format!(
                "(block (loop (block (br_if 0 {test}) (global.set $noted (i32.const 5)) (br 2))
                    {copy} {second} {steps} (br 0)))"
            ),
            5 => {
                format!("(block (loop {copy} (br_if 1 (i32.eqz {test})) {second} {steps} (br 0)))")
            }
            _ => format!(
                "(block (loop {second} (if {test} (then) (else (global.set $noted (i32.const 6)) (br 2)))
                    {steps} {copy} (br 0)))"
            ),
        }
    }
}
