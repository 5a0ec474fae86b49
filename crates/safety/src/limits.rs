//! Runs a row of the limits suite: what is just below a limit, at it, just beyond it, and the same with the
//! largest number the limit can be and with 0.
//!
//! Must not know: how a limit is kept. Invariant: every limit of abi/limits.toml has a row here.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use extism_manifest::{Manifest, Wasm};
use extism_runtime::{Error, HostFunction, Level, Limits, LogSink, Options, Plugin, Status};
use serde::Deserialize;

use crate::exhaustion::rewriting;
use crate::runner::Run;
use crate::server;
use crate::setting;
use crate::witness::Witness;

/// What is run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    limit: String,
    /// The number the limit is set to.
    n: u64,
    /// What one more is.
    #[serde(default = "one")]
    step: u64,
    /// What becomes of what is beyond: a status, or a word of `Refusal`.
    beyond: String,
    /// Time and stacks are not counted exactly: what is exactly at the limit may go either way.
    #[serde(default = "yes")]
    exact: bool,
    /// The largest number the limit can be, if it is not the largest of its type; one more is refused.
    most: Option<u64>,
    /// A limit of 0 refuses one.
    #[serde(default = "yes")]
    zero: bool,
}

fn one() -> u64 {
    1
}

fn yes() -> bool {
    true
}

pub(crate) fn run(table: toml::Table, run: Run) -> Result<()> {
    let row: Row = table.try_into()?;
    let mut witness = Witness::new(&Options {
        rewrite: rewriting(run),
        ..Options::default()
    })?;
    let Row { n, step, .. } = row;
    let mut probes = vec![
        (n, n - step, true),
        (n, n + step, false),
        (row.most.unwrap_or(u64::MAX), n + step, true),
    ];
    if row.exact {
        probes.push((n, n, true));
    }
    if row.zero {
        probes.push((0, step, false));
    }
    if let Some(most) = row.most {
        impossible(&row.limit, most + 1)?;
        impossible(&row.limit, u64::MAX)?;
    }
    for (limit, demand, fits) in probes {
        let mut limits = Limits::default();
        setting::set(&mut limits, &row.limit, limit)?;
        let options = Options {
            rewrite: rewriting(run),
            limits,
            ..Options::default()
        };
        let place = || format!("{} = {limit}, wanted are {demand}", row.limit);
        let found = probe(&row.limit, options, demand).with_context(place)?;
        let expected = match fits {
            true => "fits",
            false => row.beyond.as_str(),
        };
        ensure!(
            found == expected,
            "{}: {found} instead of {expected}",
            place()
        );
        witness.answers()?;
    }
    witness.testify(96 << 20)
}

/// A limit the engine cannot keep is an error of whoever sets it.
fn impossible(name: &str, limit: u64) -> Result<()> {
    let mut limits = Limits::default();
    setting::set(&mut limits, name, limit)?;
    let options = Options {
        limits,
        ..Options::default()
    };
    let found = loaded(module(""), options);
    ensure!(
        found == Status::InvalidArgument.name(),
        "{name} = {limit}: {found}"
    );
    Ok(())
}

const FITS: &str = "fits";

/// Wants so much of what the limit bounds; answers `fits`, the name of a status, `cut` or `dropped`.
fn probe(limit: &str, options: Options, demand: u64) -> Result<&'static str> {
    let size = usize::try_from(demand)?;
    match limit {
        "call_time_max" => waiting(options, Duration::from_millis(demand)),
        "memory_bytes_max" => {
            let pages = (demand / PAGE).saturating_sub(1);
            Ok(loaded(module(&format!("(memory {pages})")), options))
        }
        "kernel_bytes_max" | "output_bytes_max" => called(options, ECHO, &vec![1; size]),
        "blocks_max" => counted(options, BLOCKS, demand),
        "table_elements_max" => Ok(loaded(
            module(&format!("(table {demand} funcref)")),
            options,
        )),
        "memories_max" => {
            let memories = "(memory 1)".repeat(size.saturating_sub(1));
            Ok(loaded(module(&memories), options))
        }
        "tables_max" => Ok(loaded(module(&"(table 1 funcref)".repeat(size)), options)),
        "instances_max" | "modules_max" => Ok(loaded(modules(demand), options)),
        "stack_bytes_max" => counted(options, RECURSION, demand / 16),
        "call_depth_max" => chain(options, demand),
        "error_bytes_max" => error_message(options, size),
        "log_line_bytes_max" => logged(options, 1, size),
        "log_call_bytes_max" | "log_call_lines_max" => logged(options, demand, 1),
        "vars_bytes_max" => {
            const OVERHEAD: u64 = extism_runtime::VAR_OVERHEAD_BYTES + 1;
            stored(options, &[1], demand.saturating_sub(OVERHEAD))
        }
        "vars_count_max" => counted(options, VARIABLES, demand),
        "var_name_bytes_max" => stored(options, &vec![b'n'; size], 1),
        "http_response_bytes_max" => requested(options, 1, server::body(size), "/"),
        "http_header_bytes_max" => requested(options, 1, server::head(size), "/"),
        "http_redirects_max" => requested(options, 1, server::redirects(), &format!("/{demand}")),
        "http_requests_max" => requested(options, demand, server::body(1), "/"),
        "manifest_bytes_max" => manifest(options, size),
        "module_bytes_max" => Ok(loaded(padded(size)?, options)),
        "download_time_max" => downloaded(options, Duration::from_millis(demand)),
        _ => bail!("{limit} is new: say how to want too much of it"),
    }
}

const PAGE: u64 = 65_536;

fn name_of(status: Status) -> &'static str {
    match status {
        Status::Ok => FITS,
        status => status.name(),
    }
}

fn module(fields: &str) -> Manifest {
    Manifest::new([Wasm::data(format!(
        "(module {fields} (func (export \"run\")))"
    ))])
}

fn modules(count: u64) -> Manifest {
    let one = |at| Wasm::data("(module (func (export \"run\")))").with_name(format!("m{at}"));
    Manifest::new((0..count).map(one))
}

fn loaded(manifest: Manifest, options: Options) -> &'static str {
    let loaded = Plugin::load(manifest, options);
    name_of(loaded.err().map_or(Status::Ok, |error| error.status()))
}

const IMPORTS: &str = r#"(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
    (import "extism:host/env" "input_offset" (func $offset (result i64)))
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (import "extism:host/env" "input_load_u64" (func $input (param i64) (result i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (import "extism:host/env" "error_set" (func $error (param i64)))
    (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
    (import "extism:host/env" "log_info" (func $log (param i64)))
    (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
    (import "extism:host/env" "http_request" (func $http (param i64 i64) (result i64)))
    (import "extism:host/env" "config_get" (func $config (param i64) (result i64)))
    (global $n (mut i64) (i64.const 0))"#;

const ECHO: &str = r#"(func (export "run") (call $output (call $offset) (call $length))))"#;

/// As many blocks as the input says; the input is freed with the call, and is not counted here.
const BLOCKS: &str = r#"(func (export "run") (result i32)
    (global.set $n (i64.sub (call $input (i64.const 0)) (i64.const 1)))
    (block (loop
        (br_if 1 (i64.le_s (global.get $n) (i64.const 0)))
        (if (i64.eqz (call $alloc (i64.const 1))) (then (return (i32.const 1))))
        (global.set $n (i64.sub (global.get $n) (i64.const 1)))
        br 0))
    i32.const 0))"#;

const RECURSION: &str = r#"
    (func $down (param i64) (result i64)
        (if (result i64) (i64.eqz (local.get 0))
            (then (i64.const 0))
            (else (i64.add (call $down (i64.sub (local.get 0) (i64.const 1))) (i64.const 1)))))
    (func (export "run") (drop (call $down (call $input (i64.const 0))))))"#;

const VARIABLES: &str = r#"(func (export "run") (local $name i64)
    (global.set $n (call $input (i64.const 0)))
    (block (loop
        (br_if 1 (i64.eqz (global.get $n)))
        (local.set $name (call $alloc (i64.const 8)))
        (call $store (local.get $name) (global.get $n))
        (call $var_set (local.get $name) (call $alloc (i64.const 1)))
        (global.set $n (i64.sub (global.get $n) (i64.const 1)))
        br 0))))"#;

const STORED: &str = r#"(func (export "run")
    (call $var_set (call $offset) (call $alloc (global.get $size)))))"#;

const ERROR: &str =
    r#"(func (export "run") (result i32) (call $error (call $offset)) (i32.const 1)))"#;

fn plugin(options: Options, functions: &str) -> Result<Plugin> {
    Ok(Plugin::load(
        format!("{IMPORTS}{functions}").as_str(),
        options,
    )?)
}

fn called(options: Options, functions: &str, input: &[u8]) -> Result<&'static str> {
    let outcome = plugin(options, functions)?.call("run", input);
    Ok(match (outcome.status(), outcome.code) {
        (Status::GuestError, 1) => "refused",
        (status, _) => name_of(status),
    })
}

fn counted(options: Options, functions: &str, number: u64) -> Result<&'static str> {
    called(options, functions, &number.to_le_bytes())
}

fn stored(options: Options, name: &[u8], bytes: u64) -> Result<&'static str> {
    let global = format!("(global $size i64 (i64.const {}))", bytes.max(1));
    called(options, &format!("{global}{STORED}"), name)
}

/// A host function that waits so long, or until the call must stop.
fn waiting(mut options: Options, time: Duration) -> Result<&'static str> {
    let wait = HostFunction::new("wait", [], [], move |plugin, _| {
        let begun = Instant::now();
        while begun.elapsed() < time && !plugin.must_stop() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    });
    options.functions.push(wait);
    let source =
        r#"(module (import "extism:host/user" "wait" (func $f)) (func (export "run") call $f))"#;
    // Without any time at all it cannot even be loaded.
    Ok(match Plugin::load(source, options) {
        Ok(mut plugin) => name_of(plugin.call("run", b"").status()),
        Err(error) => name_of(error.status()),
    })
}

/// So many plug-ins, each called by a host function of the one before.
fn chain(options: Options, length: u64) -> Result<&'static str> {
    type Next = Mutex<Option<Plugin>>;
    let source = r#"(module (import "extism:host/user" "next" (func $next)) (func (export "run") call $next))"#;
    let mut first: Option<Plugin> = None;
    for _ in 0..length {
        let next: Next = Mutex::new(first.take());
        let call = move |_: &mut extism_runtime::CurrentPlugin<'_>,
                         _: &mut extism_runtime::Slots<'_>| {
            let mut next = next.lock().expect("no call panics");
            match next.as_mut().map(|plugin| plugin.call("run", b"").error) {
                Some(Some(error)) => Err(error.into()),
                _ => Ok(()),
            }
        };
        let mut options = options.clone();
        options
            .functions
            .push(HostFunction::new("next", [], [], call));
        // Making one is a level as well.
        match Plugin::load(source, options) {
            Ok(plugin) => first = Some(plugin),
            Err(error) => return Ok(name_of(error.status())),
        }
    }
    let mut first = first.context("no plug-in")?;
    Ok(name_of(first.call("run", b"").status()))
}

fn error_message(options: Options, size: usize) -> Result<&'static str> {
    let outcome = plugin(options, ERROR)?.call("run", &vec![b'e'; size]);
    let error = outcome.error.context("no error")?;
    Ok(match error.message().len() == size {
        true => FITS,
        false => "cut",
    })
}

/// Logs so many lines of so many bytes in one call.
fn logged(mut options: Options, lines: u64, bytes: usize) -> Result<&'static str> {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let receive = {
        let seen = Arc::clone(&seen);
        move |record: &extism_runtime::Record<'_>| {
            seen.lock()
                .expect("no sink panics")
                .push(record.message.to_owned());
        }
    };
    options.log_sink = Some(LogSink {
        level: Level::Info,
        receive: Arc::new(receive),
    });
    let log = format!(
        r#"(func (export "run") (local $block i64) (global.set $n (i64.const {lines})) (loop
            (local.set $block (call $alloc (i64.const {bytes})))
            ;; A letter: a zero would be written as five bytes.
            (call $store_u8 (local.get $block) (i32.const 97))
            (call $log (local.get $block))
            (global.set $n (i64.sub (global.get $n) (i64.const 1)))
            (br_if 0 (i64.gt_s (global.get $n) (i64.const 0))))))"#
    );
    called(options, &log, b"")?;
    let seen = seen.lock().expect("no sink panics");
    let whole = seen
        .iter()
        .filter(|line| !line.contains("bytes cut"))
        .count();
    Ok(match whole as u64 {
        whole if whole == lines => FITS,
        _ if seen.len() as u64 == lines && lines == 1 && seen[0].contains("bytes cut") => "cut",
        _ => "dropped",
    })
}

/// So many requests for a path.
fn requested(
    options: Options,
    requests: u64,
    server: Result<std::net::SocketAddr>,
    path: &str,
) -> Result<&'static str> {
    let text = format!(
        r#"{IMPORTS}
        (func $key (result i64) (local $block i64)
            (local.set $block (call $alloc (i64.const 8)))
            (call $store (local.get $block) (i64.const 0x6161616161616161))
            local.get $block)
        (func (export "run") (global.set $n (i64.const {requests})) (loop
            (drop (call $http (call $config (call $key)) (i64.const 0)))
            (global.set $n (i64.sub (global.get $n) (i64.const 1)))
            (br_if 0 (i64.gt_s (global.get $n) (i64.const 0))))))"#
    );
    let url = format!(r#"{{"url": "http://{}{path}"}}"#, server?);
    let manifest = Manifest::new([Wasm::data(text)])
        .with_allowed_host("127.0.0.1")
        .with_config_key("aaaaaaaa", url);
    let mut plugin = Plugin::load(manifest, options)?;
    Ok(name_of(plugin.call("run", b"").status()))
}

/// A manifest of so many bytes.
fn manifest(options: Options, size: usize) -> Result<&'static str> {
    let text = r#"{"wasm": [{"data": "AGFzbQEAAAA="}]}"#;
    let padded = format!("{text:<size$}");
    ensure!(
        padded.len() == size || size == 1,
        "there is no manifest of {size} bytes"
    );
    let loaded = Plugin::load(padded.as_str(), options);
    Ok(name_of(
        loaded
            .err()
            .map_or(Status::Ok, |error: Error| error.status()),
    ))
}

/// A module of so many bytes.
fn padded(size: usize) -> Result<Manifest> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    // A custom section whose length is written in five bytes, and whose name is empty.
    if size > bytes.len() {
        let length = size.saturating_sub(bytes.len() + 6).max(1);
        let mut left = u32::try_from(length)?;
        bytes.push(0);
        for at in 0..5 {
            let more = if at < 4 { 0x80 } else { 0 };
            bytes.push(u8::try_from(left & 0x7f)? | more);
            left >>= 7;
        }
        bytes.push(0);
        bytes.resize(bytes.len() - 1 + length, 0);
    }
    Ok(Manifest::new([Wasm::data(bytes)]))
}

/// A module from a server that takes so long.
fn downloaded(options: Options, time: Duration) -> Result<&'static str> {
    let url = format!("http://{}/m.wasm", server::late_module(time)?);
    Ok(loaded(Manifest::new([Wasm::url(url)]), options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Table {
        limit: Vec<Entry>,
    }

    #[derive(Deserialize)]
    struct Entry {
        name: String,
    }

    #[test]
    fn every_limit_has_a_row() {
        let table: Table = toml::from_str(include_str!("../../../abi/limits.toml")).unwrap();
        let named: Vec<String> = table.limit.into_iter().map(|entry| entry.name).collect();
        assert_eq!(named, setting::NAMES);
        let suites = crate::case::load().unwrap();
        let suite = suites.iter().find(|suite| suite.name == "limits").unwrap();
        let rows = suite.cases.iter().map(|case| {
            let row: Row = case.run.clone().unwrap().try_into().unwrap();
            row.limit
        });
        assert_eq!(rows.collect::<Vec<_>>(), named);
    }
}
