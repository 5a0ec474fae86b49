//! Host functions of any type: arguments and results arrive as they were sent; errors and panics become the
//! call's error; what a function holds is dropped once.
//!
//! Input: what the function does, then its types and values.

use std::fmt::Write;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use arbitrary::{Result, Unstructured};
use extism_runtime::{HostFunction, Options, Plugin, Rewriting, Status, ValueType};

use crate::engine::unhurried;
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "host_calls",
    about: "host functions of any type, their values, errors and panics",
    bytes_max: 400,
    words: &[],
    smoke: 800,
    run,
};

fn run(input: &[u8]) {
    let _ = play(&mut Unstructured::new(input));
}

/// What the function does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Answer,
    Fail,
    Panic,
    /// Calls another plug-in, which calls this function's brother.
    Nest,
}

fn play(u: &mut Unstructured<'_>) -> Result<()> {
    // A panic is printed by its hook, so it is the rare case.
    let deed = match u.arbitrary::<u8>()? {
        0..3 => Deed::Panic,
        3..32 => Deed::Fail,
        32..64 => Deed::Nest,
        _ => Deed::Answer,
    };
    let rewrite = if u.arbitrary()? {
        Rewriting::Auto
    } else {
        Rewriting::Off
    };
    let (params, results) = (values(u)?, values(u)?);
    let types = |values: &[(ValueType, u64)]| values.iter().map(|(ty, _)| *ty).collect::<Vec<_>>();
    let text = module(&params, &results);
    let seen: Arc<Mutex<Vec<u64>>> = Arc::default();
    let function = {
        let (seen, of_params) = (Arc::clone(&seen), types(&params));
        let (answers, text, sent) = (results.clone(), text.clone(), types(&params));
        HostFunction::new("host", types(&params), types(&results), move |_, slots| {
            let mut seen = seen.lock().expect("nobody panics with it");
            seen.extend(
                of_params
                    .iter()
                    .enumerate()
                    .map(|(at, ty)| slots.get(at, *ty)),
            );
            drop(seen);
            match deed {
                Deed::Fail => anyhow_error("no such luck")?,
                // As a panic does, past the hook of libFuzzer, which ends the process.
                Deed::Panic => resume_unwind(Box::new("a host function panics")),
                Deed::Nest => nested(&text, &sent, &answers),
                Deed::Answer => {}
            }
            for (at, (ty, value)) in answers.iter().enumerate() {
                slots.set(at, *ty, *value);
            }
            Ok(())
        })
    };
    let options = Options {
        functions: vec![function],
        ..unhurried(rewrite)
    };
    let mut plugin = Plugin::load(text.as_str(), options).expect("it loads");
    for _ in 0..2 {
        seen.lock().expect("nobody panics with it").clear();
        let outcome = plugin.call("run", b"");
        let sent: Vec<u64> = params.iter().map(|(_, value)| *value).collect();
        assert_eq!(*seen.lock().expect("nobody panics with it"), sent, "{text}");
        match deed {
            Deed::Answer | Deed::Nest => {
                assert_eq!(outcome.status(), Status::Ok, "{outcome:?}");
                let bytes = results.iter().flat_map(|(_, value)| value.to_le_bytes());
                assert_eq!(plugin.output(), bytes.collect::<Vec<u8>>(), "{text}");
            }
            Deed::Fail => {
                let report = outcome
                    .error
                    .as_ref()
                    .map(|error| error.report())
                    .unwrap_or_default();
                assert!(report.contains("no such luck"), "{report}");
                assert_eq!(outcome.status(), Status::HostFunction, "{report}");
            }
            Deed::Panic => assert_eq!(outcome.status(), Status::HostPanic, "{outcome:?}"),
        }
    }
    drop(plugin);
    assert_eq!(Arc::strong_count(&seen), 1, "what the function held");
    Ok(())
}

fn anyhow_error(text: &str) -> std::io::Result<()> {
    Err(std::io::Error::other(text.to_string()))
}

/// Another plug-in of the same module, called from inside of a host function.
fn nested(text: &str, params: &[ValueType], answers: &[(ValueType, u64)]) {
    let wanted = answers.to_vec();
    let types: Vec<ValueType> = answers.iter().map(|(ty, _)| *ty).collect();
    let function = HostFunction::new("host", params, types, move |_, slots| {
        for (at, (ty, value)) in wanted.iter().enumerate() {
            slots.set(at, *ty, *value);
        }
        Ok(())
    });
    let options = Options {
        functions: vec![function],
        ..unhurried(Rewriting::Auto)
    };
    let mut plugin = Plugin::load(text, options).expect("it loads");
    assert_eq!(plugin.call("run", b"").status(), Status::Ok);
}

/// Up to 16 values, as the bits of a slot; edges more often than others.
fn values(u: &mut Unstructured<'_>) -> Result<Vec<(ValueType, u64)>> {
    let types = [
        ValueType::I32,
        ValueType::I64,
        ValueType::F32,
        ValueType::F64,
    ];
    (0..u.int_in_range(0..=16)?)
        .map(|_| {
            let ty = *u.choose(&types)?;
            let bits = match u.int_in_range(0..=2)? {
                // A signalling not-a-number and others must come through as they are.
                0 => *u.choose(&[
                    0,
                    1,
                    u64::MAX,
                    1 << 31,
                    1 << 63,
                    0x7fa0_0001,
                    0x7ff4_0000_0000_0001,
                ])?,
                _ => u.arbitrary()?,
            };
            let wide = matches!(ty, ValueType::I64 | ValueType::F64);
            Ok((ty, if wide { bits } else { bits & 0xffff_ffff }))
        })
        .collect()
}

/// A module that calls the function with these values and outputs its results, eight bytes each. Floats go
/// through memory, since only there bits are bits.
fn module(params: &[(ValueType, u64)], results: &[(ValueType, u64)]) -> String {
    let name = |ty: ValueType| match ty {
        ValueType::I32 => "i32",
        ValueType::I64 => "i64",
        ValueType::F32 => "f32",
        ValueType::F64 => "f64",
    };
    let list = |values: &[(ValueType, u64)]| -> String {
        values
            .iter()
            .map(|(ty, _)| format!(" {}", name(*ty)))
            .collect()
    };
    let mut text = format!(
        r#"(module (import "extism:host/user" "host" (func $host (param{}) (result{})))
        (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
        (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
        (import "extism:host/env" "output_set" (func $output (param i64 i64)))
        (memory 1)
        (func (export "run") (result i32) (local $at i64)"#,
        list(params),
        list(results)
    );
    for (at, (_, bits)) in params.iter().enumerate() {
        let _ = write!(
            text,
            "(i64.store (i32.const {}) (i64.const {}))",
            at * 8,
            *bits as i64
        );
    }
    for (at, (ty, _)) in params.iter().enumerate() {
        let _ = write!(text, "({}.load (i32.const {}))", name(*ty), at * 8);
    }
    text.push_str("(call $host)");
    // The last result is on top of the stack.
    for (at, (ty, _)) in results.iter().enumerate().rev() {
        let _ = write!(
            text,
            "(call $keep_{} (i32.const {}))",
            name(*ty),
            1024 + at * 8
        );
    }
    let length = results.len() * 8;
    let _ = write!(text, "(local.set $at (call $alloc (i64.const {length})))");
    for at in (0..length).step_by(8) {
        let _ = write!(
            text,
            "(call $store (i64.add (local.get $at) (i64.const {at})) (i64.load (i32.const {})))",
            1024 + at
        );
    }
    let _ = write!(
        text,
        "(call $output (local.get $at) (i64.const {length})) (i32.const 0))"
    );
    for ty in ["i32", "i64", "f32", "f64"] {
        let _ = write!(
            text,
            "(func $keep_{ty} (param $value {ty}) (param $at i32) \
             ({ty}.store (local.get $at) (local.get $value)))"
        );
    }
    text + ")"
}
