//! Programs of kernel calls with numbers at the edges, as real plug-ins: the same with the rewriting pass and
//! without, for as many calls as one likes, and never more than the limits.
//!
//! Input: the operations.

use std::fmt::Write;

use arbitrary::{Result, Unstructured};
use extism_abi::import::{BUILTINS, Import, KERNEL, Ty};
use extism_runtime::{CompiledPlugin, Plugin, Rewriting};

use crate::engine::{is_ours, unhurried};
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "abi_sequence",
    about: "programs of kernel calls, variables, logs and outputs at the edges",
    bytes_max: 600,
    words: &[],
    smoke: 400,
    run,
};

/// Numbers at which arithmetic goes wrong if it does.
const EDGES: [i64; 16] = [
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
    i64::MIN,
    -1,
];

const OPERATIONS_MAX: usize = 40;

fn run(input: &[u8]) {
    let Ok(text) = program(&mut Unstructured::new(input)) else {
        return;
    };
    let ends = [Rewriting::Auto, Rewriting::Off].map(|rewrite| {
        let compiled =
            CompiledPlugin::new(text.as_str(), unhurried(rewrite)).expect("it is a plug-in");
        let mut plugin = Plugin::new(&compiled).expect("nothing runs yet");
        let calls = (0..3_u8).map(|at| {
            let outcome = plugin.call("run", &vec![at; 100 * usize::from(at)]);
            assert!(!is_ours(outcome.status()), "{outcome:?}");
            assert!(
                plugin.memory_bytes() <= 64 << 20,
                "{} bytes",
                plugin.memory_bytes()
            );
            let report = outcome.error.as_ref().map(|error| error.root_cause());
            (
                outcome.code,
                outcome.status(),
                report,
                plugin.output().to_vec(),
            )
        });
        calls.collect::<Vec<_>>()
    });
    let [with, without] = ends;
    for (nth, (with, without)) in with.iter().zip(&without).enumerate() {
        assert_eq!(with, without, "call {nth} of {text}");
    }
}

/// A module that does the operations one after another. Each result goes into a sum, some become handles of
/// what follows; the sum is the output unless the program has set one.
fn program(u: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::from("(module\n");
    let offered = KERNEL
        .iter()
        .chain(BUILTINS)
        .filter(|import| !import.name.starts_with("http_"));
    let offered: Vec<&Import> = offered.collect();
    for import in &offered {
        let types = |types: &[Ty]| -> String {
            types
                .iter()
                .map(|ty| if *ty == Ty::I32 { " i32" } else { " i64" })
                .collect()
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
        "(func (export \"run\") (result i32) (local $sum i64) (local $a i64) (local $b i64)\n",
    );
    for _ in 0..OPERATIONS_MAX {
        if u.is_empty() {
            break;
        }
        let import = u.choose(&offered)?;
        let mut call = format!("(call ${}", import.name);
        for ty in import.params {
            let number = number(u)?;
            let _ = match ty {
                Ty::I64 => write!(call, " {number}"),
                Ty::I32 => write!(call, " (i32.wrap_i64 {number})"),
            };
        }
        call.push(')');
        let wide = match import.results {
            [] => {
                let _ = writeln!(text, "{call}");
                continue;
            }
            [Ty::I32, ..] => format!("(i64.extend_i32_u {call})"),
            [Ty::I64, ..] => call,
        };
        let local = u.choose(&["$a", "$b"])?;
        let _ = writeln!(
            text,
            "(local.set {local} {wide}) \
             (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (local.get {local})))"
        );
    }
    text.push_str(
        "(if (i64.eqz (call $output_length)) (then
            (local.set $a (call $alloc (i64.const 8)))
            (call $store_u64 (local.get $a) (local.get $sum))
            (call $output_set (local.get $a) (i64.const 8))))
        (i32.const 0)))",
    );
    Ok(text)
}

/// A result of before, most of the time moved a little, or a number at an edge.
fn number(u: &mut Unstructured<'_>) -> Result<String> {
    let local = u.choose(&["$a", "$b"])?;
    Ok(match u.int_in_range(0..=3)? {
        0 => format!("(local.get {local})"),
        1 => format!(
            "(i64.add (local.get {local}) (i64.const {}))",
            u.int_in_range(-9..=16)?
        ),
        2 => format!("(i64.const {})", u.choose(&EDGES)?),
        _ => format!("(i64.const {})", u.arbitrary::<u16>()?),
    })
}
