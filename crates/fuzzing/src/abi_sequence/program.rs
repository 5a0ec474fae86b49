//! A program of kernel calls, and the plug-in it is written as.
//!
//! Must not know: what a call answers. Invariant: the plug-in reports every answer to its host, with how
//! large kernel memory is and how long the block is that the answer may name.

use std::fmt::Write;

use arbitrary::{Result, Unstructured};
use extism_abi::import::{BUILTINS, Import, KERNEL, Ty};

/// Numbers at which arithmetic goes wrong if it does.
const EDGES: [u64; 16] = [
    0,
    1,
    7,
    8,
    63,
    64,
    65,
    65_535,
    65_536,
    131_072,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 32,
    1 << 63,
    u64::MAX,
];

const OPERATIONS_MAX: usize = 40;

/// Where an answer is kept: two places for handles, one for all else.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    A,
    B,
    Other,
}

/// Calls that answer a handle.
const HANDLES: [&str; 6] = [
    "alloc",
    "input_offset",
    "output_offset",
    "error_get",
    "var_get",
    "config_get",
];

/// Calls without which the others have nothing to do.
const USUAL: [&str; 8] = [
    "alloc",
    "alloc",
    "store_u64",
    "store_u8",
    "load_u64",
    "output_set",
    "var_set",
    "var_get",
];

/// An argument: a number, most of the time an answer of before, moved a little.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    answer: Option<Answer>,
    plus: u64,
}

impl Number {
    pub(super) fn value(self, answers: [u64; 3]) -> u64 {
        let answer = self.answer.map_or(0, |answer| answers[answer as usize]);
        answer.wrapping_add(self.plus)
    }

    fn text(self) -> String {
        let plus = format!("(i64.const {})", self.plus.cast_signed());
        match self.answer {
            None => plus,
            Some(answer) => format!("(i64.add (local.get {}) {plus})", local(answer)),
        }
    }

    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Number> {
        let answer = Some(*u.choose(&[Answer::A, Answer::B, Answer::Other])?);
        let (answer, plus) = match u.int_in_range(0..=3)? {
            0 => (answer, 0),
            1 => (answer, i64::cast_unsigned(u.int_in_range(-9..=16)?)),
            2 => (None, *u.choose(&EDGES)?),
            _ => (None, u64::from(u.arbitrary::<u16>()?)),
        };
        Ok(Number { answer, plus })
    }

    /// An argument that must be a handle or the call ends: most of the time it is one.
    fn handle(u: &mut Unstructured<'_>) -> Result<Number> {
        if u.ratio(1, 24)? {
            return Number::arbitrary(u);
        }
        let answer = *u.choose(&[Some(Answer::A), Some(Answer::B), None])?;
        Ok(Number { answer, plus: 0 })
    }

    /// Somewhere in a block, or just outside.
    fn address(u: &mut Unstructured<'_>) -> Result<Number> {
        if u.ratio(1, 4)? {
            return Number::arbitrary(u);
        }
        let answer = Some(*u.choose(&[Answer::A, Answer::B])?);
        let plus = i64::cast_unsigned(u.int_in_range(-2..=9)?);
        Ok(Number { answer, plus })
    }

    /// A size that leaves room for others, most of the time.
    fn size(u: &mut Unstructured<'_>) -> Result<Number> {
        if u.ratio(1, 4)? {
            return Number::arbitrary(u);
        }
        let plus = u.int_in_range(0..=20)?;
        Ok(Number { answer: None, plus })
    }
}

const fn local(answer: Answer) -> &'static str {
    match answer {
        Answer::A => "$a",
        Answer::B => "$b",
        Answer::Other => "$other",
    }
}

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) import: &'static Import,
    pub(super) numbers: Vec<Number>,
    /// Where its answer is kept, if it has one.
    pub(super) kept: Answer,
}

/// The calls that `input` stands for.
pub(super) fn operations(u: &mut Unstructured<'_>) -> Result<Vec<Operation>> {
    let offered: Vec<&Import> = offered().collect();
    let mut operations = Vec::new();
    while !u.is_empty() && operations.len() < OPERATIONS_MAX {
        let mut import = *u.choose(&offered)?;
        if u.arbitrary()? {
            let name = u.choose(&USUAL)?;
            let named = offered.iter().find(|import| import.name == *name);
            import = *named.expect("they are among those offered");
        }
        let builtin = BUILTINS.iter().any(|other| other.name == import.name);
        let numbers = (0..import.params.len()).map(|at| match import.name {
            "alloc" => Number::size(u),
            "load_u8" | "load_u64" | "store_u8" | "store_u64" | "output_set" if at == 0 => {
                Number::address(u)
            }
            _ if builtin => Number::handle(u),
            _ => Number::arbitrary(u),
        });
        let numbers = numbers.collect::<Result<_>>()?;
        let kept = match HANDLES.contains(&import.name) {
            true => *u.choose(&[Answer::A, Answer::B])?,
            false => Answer::Other,
        };
        operations.push(Operation {
            import,
            numbers,
            kept,
        });
    }
    Ok(operations)
}

fn offered() -> impl Iterator<Item = &'static Import> {
    let all = KERNEL.iter().chain(BUILTINS);
    all.filter(|import| !import.name.starts_with("http_"))
}

/// The plug-in that makes these calls, one after another.
pub(super) fn text(operations: &[Operation]) -> String {
    let mut text = String::from(
        "(module\n(import \"extism:host/user\" \"report\" (func $report (param i64 i64 i64)))\n",
    );
    for import in offered() {
        let types = |types: &[Ty]| -> String {
            let name = |ty: &Ty| if *ty == Ty::I32 { " i32" } else { " i64" };
            types.iter().map(name).collect()
        };
        let _ = writeln!(
            text,
            "(import \"extism:host/env\" \"{0}\" (func ${0} (param{1}) (result{2})))",
            import.name,
            types(import.params),
            types(import.results)
        );
    }
    text.push_str(
        "(func $tell (param $answer i64)
            (call $report (local.get $answer) (call $memory_bytes) (call $length (local.get $answer))))
        (func (export \"run\") (result i32) (local $a i64) (local $b i64) (local $other i64)
            (call $tell (i64.const 0))\n",
    );
    for operation in operations {
        let _ = writeln!(text, "{}", line(operation));
    }
    text.push_str("(i32.const 0)))");
    text
}

fn line(operation: &Operation) -> String {
    let import = operation.import;
    let mut call = format!("(call ${}", import.name);
    for (ty, number) in import.params.iter().zip(&operation.numbers) {
        let number = number.text();
        let _ = match ty {
            Ty::I64 => write!(call, " {number}"),
            Ty::I32 => write!(call, " (i32.wrap_i64 {number})"),
        };
    }
    call.push(')');
    let local = local(operation.kept);
    let wide = match import.results {
        [] => return format!("{call} (call $tell (i64.const 0))"),
        [Ty::I32, ..] => format!("(i64.extend_i32_u {call})"),
        [Ty::I64, ..] => call,
    };
    format!("(local.set {local} {wide}) (call $tell (local.get {local}))")
}
