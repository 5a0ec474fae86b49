//! Programs of kernel calls with numbers at the edges, as real plug-ins: each call answers what a model of
//! docs/abi.md says, with the rewriting pass and without, for as many calls as one likes, and never more
//! than the limits.
//!
//! Input: the operations.

mod model;
mod program;

use std::sync::{Arc, Mutex};

use arbitrary::Unstructured;
use extism_kernel::Limits;
use extism_runtime::{
    CompiledPlugin, HostFunction, Level, LogSink, Options, Plugin, Rewriting, ValueType,
};

use crate::engine::{is_ours, unhurried};
use crate::target::Target;
use model::{Abi, Report, Value};

pub(crate) const TARGET: Target = Target {
    name: "abi_sequence",
    about: "programs of kernel calls, variables, logs and outputs at the edges, against a model",
    bytes_max: 600,
    words: &[],
    smoke: 400,
    run,
};

/// How often a program is called, each time with a longer input.
const CALLS: u8 = 3;

fn run(input: &[u8]) {
    let Ok(operations) = program::operations(&mut Unstructured::new(input)) else {
        return;
    };
    let text = program::text(&operations);
    let ends = [Rewriting::Auto, Rewriting::Off].map(|rewrite| {
        let reports: Arc<Mutex<Vec<Report>>> = Arc::default();
        let options = options(rewrite, Arc::clone(&reports));
        let mut abi = Abi::new(Limits {
            blocks_max: options.limits.blocks_max,
            bytes_max: options.limits.kernel_bytes_max,
        });
        let compiled = CompiledPlugin::new(text.as_str(), options).expect("it is a plug-in");
        let mut plugin = Plugin::new(&compiled).expect("nothing runs yet");
        let calls = (0..CALLS).map(|at| {
            let given = vec![at; 100 * usize::from(at)];
            let outcome = plugin.call("run", &given);
            assert!(!is_ours(outcome.status()), "{outcome:?}");
            let bytes = plugin.memory_bytes();
            assert!(bytes <= 64 << 20, "{bytes} bytes");
            let reports = std::mem::take(&mut *reports.lock().expect("nobody panics with it"));
            let (statuses, output) = abi.call(&operations, &given, &reports);
            assert!(
                statuses.contains(&outcome.status()),
                "{outcome:?} is none of {statuses:?}"
            );
            if let Some(Value { length, known }) = output {
                let found = plugin.output();
                assert_eq!((outcome.code, found.len() as u64), (0, length));
                assert!(
                    known.iter().all(|(at, byte)| found[*at as usize] == *byte),
                    "the output"
                );
            }
            let report = outcome.error.as_ref().map(|error| error.root_cause());
            let end = (outcome.code, outcome.status(), report);
            (end, reports, plugin.output().to_vec())
        });
        calls.collect::<Vec<_>>()
    });
    let [with, without] = ends;
    for (nth, (with, without)) in with.iter().zip(&without).enumerate() {
        assert!(
            with == without,
            "call {nth} of {text}: {:?}, {:?}",
            with.0,
            without.0
        );
    }
}

/// With a host that keeps reports, and hears every log message.
fn options(rewrite: Rewriting, reports: Arc<Mutex<Vec<Report>>>) -> Options {
    let types = [ValueType::I64; 3];
    let report = HostFunction::new("report", types, [], move |_, slots| {
        let [answer, room, length] = [0, 1, 2].map(|at| slots.get(at, ValueType::I64));
        let mut reports = reports.lock().expect("nobody panics with it");
        reports.push(Report {
            answer,
            room,
            length,
        });
        Ok(())
    });
    Options {
        functions: vec![report],
        log_sink: Some(LogSink {
            level: Level::Trace,
            receive: Arc::new(|record| assert!(!record.message.contains('\0'))),
        }),
        ..unhurried(rewrite)
    }
}
