//! Runs a row of the exhaustion suite: a plug-in that wants too much, and what the host does about it.
//!
//! Must not know: which attacks there are. Invariant: after every attack the status, the time, the memory,
//! the same plug-in, the plug-in made anew and another plug-in are looked at, whatever the row says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use extism_manifest::{Manifest, Wasm};
use extism_runtime::{
    Error, HostFunction, Level, Limits, LogSink, Options, Outcome, Plugin, Rewriting, Status,
};
use serde::Deserialize;

use crate::module;
use crate::runner::{Rewrite, Run, Scale};
use crate::server::{self, Behaviour};
use crate::setting;
use crate::witness::Witness;

/// What is run.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Attack {
    /// The fields of a module in text form; each is a case of its own. `fine`, which does nothing, is added.
    modules: Vec<String>,
    /// Or how a module is made: the name of a function of `module.rs`, and numbers.
    build: Vec<String>,
    /// Or a whole manifest, in which `{server}` is a server that behaves so.
    manifest: Option<String>,
    server: Option<Behaviour>,
    limits: BTreeMap<String, u64>,
    /// `v*1000` is a thousand times `v`, `{server}` the server.
    config: BTreeMap<String, String>,
    /// How many files there are in the folder that the plug-in may read.
    files: Option<u32>,
    fuel: Option<u64>,
    /// What loading must answer.
    load: Option<String>,
    /// `function -> STATUS code`; the input is `xxx…` with `function*length`.
    calls: Vec<String>,
    /// The plug-in cannot work again: its start is the attack.
    never_again: bool,
    /// What may be used on top of the memory from before.
    memory_mib: Option<u64>,
    /// How long loading may take, in seconds of a build without optimisation.
    load_seconds: Option<u64>,
}

/// How late a status may come on a machine that is busy with other things, and on one that is not.
pub(crate) fn slack(scale: Scale) -> Duration {
    scale.of(Duration::from_secs(3), Duration::from_millis(250))
}

const MEMORY_MIB: u64 = 96;
const LOAD_SECONDS: u64 = 10;
const CALL_TIME_MAX_MS: u64 = 200;

/// What every module of a row imports, so that a row says only what it is about.
const IMPORTS: &str = r#"
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "free" (func $free (param i64)))
    (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
    (import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
    (import "extism:host/env" "input_offset" (func $input_offset (result i64)))
    (import "extism:host/env" "input_length" (func $input_length (result i64)))
    (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
    (import "extism:host/env" "error_set" (func $error_set (param i64)))
    (import "extism:host/env" "config_get" (func $config_get (param i64) (result i64)))
    (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
    (import "extism:host/env" "log_info" (func $log_info (param i64)))
    (import "extism:host/env" "http_request" (func $http_request (param i64 i64) (result i64)))
    (import "extism:host/user" "nothing" (func $nothing))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_readdir"
        (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
"#;

pub(crate) fn run(table: toml::Table, run: Run) -> Result<()> {
    let attack: Attack = table.try_into()?;
    let server = attack.server.as_ref().map(server::start).transpose()?;
    let server = server.map_or(String::new(), |address| address.to_string());
    let mut sources = Vec::new();
    for fields in &attack.modules {
        let text = format!("(module {IMPORTS} {fields}\n(func (export \"fine\")))");
        sources.push(Manifest::new([Wasm::data(text)]));
    }
    for words in &attack.build {
        sources.push(module::build(words)?);
    }
    if let Some(text) = &attack.manifest {
        sources.push(toml::from_str(&text.replace("{server}", &server))?);
    }
    ensure!(!sources.is_empty(), "there is nothing to run");
    let folder = attack.files.map(folder_of).transpose()?;
    for mut source in sources {
        for (key, value) in &attack.config {
            let value = value.replace("{server}", &server);
            let value = match value.split_once('*') {
                Some((text, times)) => text.repeat(times.parse()?),
                None => value,
            };
            source = source.with_config_key(key, value);
        }
        source = source.with_allowed_host("127.0.0.1");
        if let Some(folder) = &folder {
            source = source.with_allowed_path(folder.path().display().to_string(), "/");
        }
        one(&attack, source, run)?;
    }
    Ok(())
}

/// A folder with so many empty files, called by their numbers.
fn folder_of(files: u32) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for number in 0..files {
        std::fs::File::create(folder.path().join(number.to_string()))?;
    }
    Ok(folder)
}

fn options(attack: &Attack, run: Run, lines: &Arc<Lines>) -> Result<Options> {
    let mut limits = Limits {
        call_time_max: Some(Duration::from_millis(CALL_TIME_MAX_MS)),
        ..Limits::untrusted()
    };
    for (name, number) in &attack.limits {
        setting::set(&mut limits, name, *number)?;
    }
    Ok(Options {
        wasi: true,
        limits,
        fuel: attack.fuel,
        rewrite: rewriting(run),
        log_sink: Some(lines.sink()),
        functions: vec![HostFunction::new("nothing", [], [], |_, _| Ok(()))],
        ..Options::default()
    })
}

pub(crate) fn rewriting(run: Run) -> Rewriting {
    match run.rewrite {
        Rewrite::On => Rewriting::Auto,
        Rewrite::Off => Rewriting::Off,
    }
}

fn one(attack: &Attack, source: Manifest, run: Run) -> Result<()> {
    let lines = Arc::new(Lines::default());
    let options = options(attack, run, &lines)?;
    let limits = options.limits.clone();
    let mut witness = Witness::new(&options)?;
    let begun = Instant::now();
    let loaded = Plugin::load(source, options);
    let load_max = Duration::from_secs(attack.load_seconds.unwrap_or(LOAD_SECONDS));
    ensure!(
        begun.elapsed() < load_max,
        "loading took {:?}",
        begun.elapsed()
    );
    witness.answers()?;
    let found = loaded.as_ref().err().map_or(Status::Ok, Error::status);
    let expected = attack.load.as_deref().unwrap_or("OK");
    if found.name() != expected {
        let why = loaded.err().map(|error| error.report());
        bail!("loading: {} instead of {expected}: {why:?}", found.name());
    }
    if let Ok(mut plugin) = loaded {
        for call in &attack.calls {
            let (outcome, took) = attempt(&mut plugin, call, &lines, &limits)?;
            if let Some(limit) = limits.call_time_max {
                ensure!(took < limit + slack(run.scale), "{call}: took {took:?}");
                let early = outcome.status() == Status::Timeout && took < limit;
                ensure!(!early, "{call}: stopped after {took:?}");
            }
            witness.answers()?;
            if !attack.never_again {
                works(&mut plugin).with_context(|| format!("after {call}"))?;
            }
        }
        if !attack.never_again {
            plugin.renew()?;
            works(&mut plugin).context("made anew")?;
        }
    }
    witness.testify(attack.memory_mib.unwrap_or(MEMORY_MIB) << 20)
}

/// Makes a call of the row and compares what came of it.
fn attempt(
    plugin: &mut Plugin,
    call: &str,
    lines: &Lines,
    limits: &Limits,
) -> Result<(Outcome, Duration)> {
    let (asked, expected) = call
        .split_once(" -> ")
        .context("a call says what it expects")?;
    let (name, length) = asked.split_once('*').unwrap_or((asked, "0"));
    let input = vec![b'x'; length.parse()?];
    lines.forget();
    let begun = Instant::now();
    let outcome = plugin.call(name, &input);
    let took = begun.elapsed();
    let found = match (outcome.status(), outcome.code) {
        (Status::GuestError | Status::GuestExit, code) => {
            format!("{} {code}", outcome.status().name())
        }
        (status, _) => status.name().to_owned(),
    };
    ensure!(found == expected, "{call}: {found}: {:?}", outcome.error);
    let message = outcome
        .error
        .as_ref()
        .map_or(0, |error| error.message().len() as u64);
    ensure!(
        message <= limits.error_bytes_max,
        "{call}: a message of {message} bytes"
    );
    lines.check(limits).with_context(|| call.to_owned())?;
    Ok((outcome, took))
}

fn works(plugin: &mut Plugin) -> Result<()> {
    let outcome = plugin.call("fine", b"");
    ensure!(
        outcome.code == 0,
        "the plug-in no longer works: {outcome:?}"
    );
    Ok(())
}

/// What arrived at the log of the attacker.
#[derive(Debug, Default)]
struct Lines {
    count: AtomicU64,
    bytes: AtomicU64,
    longest: AtomicU64,
    raw: AtomicU64,
}

impl Lines {
    fn sink(self: &Arc<Lines>) -> LogSink {
        let lines = Arc::clone(self);
        let receive = move |record: &extism_runtime::Record<'_>| {
            let length = record.message.len() as u64;
            let is_raw = |c: char| c.is_control() && c != '\n' && c != '\t';
            lines.count.fetch_add(1, Ordering::Relaxed);
            lines.bytes.fetch_add(length, Ordering::Relaxed);
            lines.longest.fetch_max(length, Ordering::Relaxed);
            let raw = u64::from(record.message.contains(is_raw));
            lines.raw.fetch_add(raw, Ordering::Relaxed);
        };
        LogSink {
            level: Level::Trace,
            receive: Arc::new(receive),
        }
    }

    fn forget(&self) {
        for number in [&self.count, &self.bytes, &self.longest, &self.raw] {
            number.store(0, Ordering::Relaxed);
        }
    }

    /// Within the limits, but for the remark on what was cut. An escaped byte is longer than it was.
    fn check(&self, limits: &Limits) -> Result<()> {
        const REMARK: u64 = 128;
        const ESCAPED: u64 = 8;
        let Lines {
            count,
            bytes,
            longest,
            raw,
        } = self;
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let line_max = limits.log_line_bytes_max.saturating_mul(ESCAPED);
        ensure!(
            read(count) <= limits.log_call_lines_max.saturating_add(1),
            "{self:?}"
        );
        ensure!(read(longest) <= line_max.saturating_add(REMARK), "{self:?}");
        let all = limits
            .log_call_bytes_max
            .saturating_add(limits.log_line_bytes_max);
        ensure!(read(bytes) <= all.saturating_mul(ESCAPED), "{self:?}");
        ensure!(read(raw) == 0, "control characters in a log line");
        Ok(())
    }
}
