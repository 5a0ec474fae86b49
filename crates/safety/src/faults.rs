//! Runs a row of the faults suite: the nth piece of memory, file, socket or thread is not to be had, for
//! every n.
//!
//! Must not know: where in the runtime they are asked for. Invariant: the faults are those of the system: an
//! allocator that says no, a process that may open no more files and start no more threads.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use extism_manifest::{Manifest, Wasm};
use extism_runtime::{Error, Level, Limits, LogSink, Options, Outcome, Plugin, Status};
use serde::Deserialize;

use crate::allocator;
use crate::exhaustion::rewriting;
use crate::runner::Run;
use crate::server;
use crate::witness::Witness;

/// What is run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What fails.
    fails: Resource,
    /// What is done meanwhile: a function of this file.
    scenario: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Resource {
    Memory,
    Descriptors,
    Threads,
}

/// Statuses by which a fault may be told.
const TOLD: &[Status] = &[
    Status::OutOfMemory,
    Status::Memory,
    Status::HttpFailed,
    Status::DownloadFailed,
    Status::Io,
    Status::NotFound,
    Status::GuestError,
    Status::GuestExit,
    Status::Timeout,
];

/// More faults than any scenario has places for them.
const FAULTS_MAX: u64 = 200;

pub(crate) fn run(table: toml::Table, run: Run) -> Result<()> {
    let row: Row = table.try_into()?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("file"), "contents")?;
    std::fs::write(folder.path().join("module.wasm"), b"\0asm\x01\0\0\0")?;
    let scene = Scene {
        run,
        folder: folder.path().to_owned(),
        body: server::body(LARGE)?,
        module: server::late_module(Duration::ZERO)?,
        plugin: RefCell::new(None),
    };
    let witness = Witness::new(&options(run))?;
    let act = scene.act(&row.scenario)?;
    // Once as it should be, so that what is started once is there, unless that is what has to fail.
    if row.fails != Resource::Threads {
        scene.prepare(act)?;
    }
    let mut told = 0;
    let mut clean = false;
    for n in 0..FAULTS_MAX {
        let (done, failed) = with_fault(row.fails, n, || act(&scene))?;
        match done.status {
            Status::Ok => {}
            status if TOLD.contains(&status) => told += 1,
            status => bail!("{n}: {status:?}: {}", done.text),
        }
        // Without the fault the same works again.
        let again = act(&scene);
        ensure!(
            again.status == Status::Ok,
            "{n}: afterwards: {}",
            again.text
        );
        clean = !failed;
        if clean {
            break;
        }
        if row.fails == Resource::Threads {
            // What was started by now stays.
            clean = true;
            break;
        }
    }
    ensure!(clean, "it always fails");
    drop(scene);
    ensure!(told > 0, "nothing has failed: there was no fault");
    witness.testify(512 << 20)
}

/// Does something while the nth resource and all after it are not to be had; says whether any was refused.
fn with_fault<T>(resource: Resource, n: u64, act: impl FnOnce() -> T) -> Result<(T, bool)> {
    match resource {
        Resource::Memory => {
            let (done, refused) = allocator::with_pieces(n, LARGE / 2, act);
            Ok((done, refused > 0))
        }
        Resource::Descriptors => system::with_descriptors(n, act),
        Resource::Threads => system::without_threads(act).map(|done| (done, true)),
    }
}

#[cfg(target_os = "linux")]
mod system {
    use anyhow::{Context, Result};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// Lets the process have so many more descriptors than it has. Numbers are given out from below, so those
    /// that are free below the limit count.
    pub(super) fn with_descriptors<T>(more: u64, act: impl FnOnce() -> T) -> Result<(T, bool)> {
        let mut used: Vec<u64> = std::fs::read_dir("/proc/self/fd")?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        used.sort_unstable();
        // One was that of the folder itself.
        used.retain(|number| std::fs::metadata(format!("/proc/self/fd/{number}")).is_ok());
        let limit = (0..).scan(0, |free, number| {
            *free += u64::from(!used.contains(&number));
            Some((number, *free))
        });
        let limit = limit.take_while(|(_, free)| *free <= more).last();
        let limit = limit.map_or(0, |(number, _)| number + 1);
        let before = getrlimit(Resource::Nofile);
        set(
            Resource::Nofile,
            Rlimit {
                current: Some(limit),
                ..before
            },
        )?;
        let done = act();
        set(Resource::Nofile, before)?;
        Ok((done, more < DESCRIPTORS_ENOUGH))
    }

    /// More than any scenario needs.
    const DESCRIPTORS_ENOUGH: u64 = 12;

    /// Lets the user have no more threads. Who may do anything is not bound by that, and is somebody else.
    pub(super) fn without_threads<T>(act: impl FnOnce() -> T) -> Result<T> {
        let before = getrlimit(Resource::Nproc);
        set(
            Resource::Nproc,
            Rlimit {
                current: Some(0),
                ..before
            },
        )?;
        let done = act();
        set(Resource::Nproc, before)?;
        Ok(done)
    }

    fn set(resource: Resource, limit: Rlimit) -> Result<()> {
        setrlimit(resource, limit).context("cannot set a limit of the system")
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use anyhow::{Result, bail};

    pub(super) fn with_descriptors<T>(_: u64, _: impl FnOnce() -> T) -> Result<(T, bool)> {
        bail!("not on this system")
    }

    pub(super) fn without_threads<T>(_: impl FnOnce() -> T) -> Result<T> {
        bail!("not on this system")
    }
}

/// How something ended.
struct Done {
    status: Status,
    text: String,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Done {
        Done {
            status: outcome.status(),
            text: format!("{:?}", outcome.error),
        }
    }
}

impl From<Error> for Done {
    fn from(error: Error) -> Done {
        Done {
            status: error.status(),
            text: error.report(),
        }
    }
}

type Act = fn(&Scene) -> Done;

/// What the scenarios have at hand.
struct Scene {
    run: Run,
    folder: PathBuf,
    body: SocketAddr,
    module: SocketAddr,
    plugin: RefCell<Option<Plugin>>,
}

/// The functions of the source that copy much.
const BUILTINS: &[&str] = &[
    "set", "set", "get", "config", "key", "log", "http", "error", "fine",
];

/// Bytes of what counts as large.
const LARGE: usize = 2 << 20;

const SOURCE: &str = r#"(module
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "input_offset" (func $offset (result i64)))
    (import "extism:host/env" "length" (func $length (param i64) (result i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (import "extism:host/env" "error_set" (func $error (param i64)))
    (import "extism:host/env" "config_get" (func $config (param i64) (result i64)))
    (import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
    (import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
    (import "extism:host/env" "log_info" (func $log (param i64)))
    (import "extism:host/env" "http_request" (func $http (param i64 i64) (result i64)))
    (func $name (param $letter i32) (result i64) (local $block i64)
        (local.set $block (call $alloc (i64.const 1)))
        (call $store (local.get $block) (local.get $letter))
        local.get $block)
    (func $put (param $block i64)
        (call $output (local.get $block) (call $length (local.get $block))))
    (func (export "set") (call $var_set (call $name (i32.const 110)) (call $alloc (i64.const 2097152))))
    (func (export "get") (call $put (call $var_get (call $name (i32.const 110)))))
    (func (export "config") (call $put (call $config (call $name (i32.const 107)))))
    (func (export "key") (drop (call $config (call $alloc (i64.const 2097152)))))
    (func (export "log") (call $log (call $alloc (i64.const 2097152))))
    (func (export "http") (call $put (call $http (call $config (call $name (i32.const 117)))
        (call $alloc (i64.const 2097152)))))
    (func (export "error") (result i32) (call $error (call $alloc (i64.const 2097152))) i32.const 0)
    (func (export "fine")))"#;

fn options(run: Run) -> Options {
    Options {
        rewrite: rewriting(run),
        limits: Limits {
            error_bytes_max: 1_000,
            log_line_bytes_max: 1_000,
            ..Limits::default()
        },
        log_sink: Some(LogSink {
            level: Level::Info,
            receive: std::sync::Arc::new(|_| ()),
        }),
        ..Options::default()
    }
}

impl Scene {
    fn act(&self, scenario: &str) -> Result<Act> {
        Ok(match scenario {
            "builtins" => Scene::builtins,
            "load_a_file" => Scene::load_a_file,
            "download" => Scene::download,
            "request" => Scene::request,
            "wasi" => Scene::wasi,
            "time_limit" => Scene::time_limit,
            _ => bail!("{scenario} is no scenario"),
        })
    }

    fn prepare(&self, act: Act) -> Result<()> {
        let done = act(self);
        ensure!(done.status == Status::Ok, "without a fault: {}", done.text);
        Ok(())
    }

    fn manifest(&self) -> Manifest {
        let request = format!(r#"{{"url": "http://{}/", "method": "POST"}}"#, self.body);
        let mut manifest = Manifest::new([Wasm::data(SOURCE)])
            .with_allowed_host("127.0.0.1")
            .with_config_key("k", "v".repeat(LARGE))
            .with_config_key("u", request);
        manifest.memory.max_var_bytes = Some(100 << 20);
        manifest
    }

    /// Every builtin that copies what a plug-in has chosen. The plug-in is made before memory is short: what
    /// the engine and its compiler need themselves is not to be refused (KNOWN_RISKS.md).
    fn builtins(&self) -> Done {
        let mut place = self.plugin.borrow_mut();
        let plugin = match &mut *place {
            Some(plugin) => plugin,
            None => match Plugin::load(self.manifest(), options(self.run)) {
                Ok(plugin) => place.insert(plugin),
                Err(error) => return error.into(),
            },
        };
        let mut worst = Outcome {
            code: 0,
            error: None,
        };
        for name in BUILTINS {
            let outcome = plugin.call(name, b"");
            let is_own = *name == "error" && outcome.status() == Status::GuestError;
            if outcome.status() != Status::Ok && !is_own {
                worst = outcome;
            }
        }
        worst.into()
    }

    fn load_a_file(&self) -> Done {
        let path = self.folder.join("module.wasm");
        done(Plugin::load(Manifest::new([Wasm::file(path)]), options(self.run)).map(drop))
    }

    fn download(&self) -> Done {
        let manifest = Manifest::new([Wasm::url(format!("http://{}/", self.module))]);
        let mut options = options(self.run);
        options.limits.download_time_max = Duration::from_secs(2);
        done(Plugin::load(manifest, options).map(drop))
    }

    fn request(&self) -> Done {
        let mut options = options(self.run);
        // With one socket there is none for the other end, which lives in this process, too.
        options.limits.call_time_max = Some(Duration::from_secs(2));
        match Plugin::load(self.manifest(), options) {
            Ok(mut plugin) => plugin.call("http", b"").into(),
            Err(error) => error.into(),
        }
    }

    fn wasi(&self) -> Done {
        let source = include_str!("../../../fixtures/wat/files.wat");
        let folder = self.folder.display().to_string();
        let manifest = Manifest::new([Wasm::data(source)]).with_allowed_path(folder, "/x");
        let options = Options {
            wasi: true,
            ..options(self.run)
        };
        let mut plugin = match Plugin::load(manifest, options) {
            Ok(plugin) => plugin,
            Err(error) => return error.into(),
        };
        let outcome = plugin.call("read", b"/x/file");
        if outcome.code == 0 && plugin.output() != b"contents" {
            // The plug-in was told by a number of WASI.
            return Done {
                status: Status::Io,
                text: String::from_utf8_lossy(plugin.output()).into_owned(),
            };
        }
        outcome.into()
    }

    /// A call that would never end.
    fn time_limit(&self) -> Done {
        let mut options = options(self.run);
        options.limits.call_time_max = Some(Duration::from_millis(50));
        let source = r#"(module (func (export "loop") (loop br 0)))"#;
        let mut plugin = match Plugin::load(source, options) {
            Ok(plugin) => plugin,
            Err(error) => return error.into(),
        };
        let outcome = plugin.call("loop", b"");
        match outcome.status() {
            Status::Timeout => done(Ok(())),
            _ => outcome.into(),
        }
    }
}

fn done(result: Result<(), Error>) -> Done {
    match result {
        Ok(()) => Done {
            status: Status::Ok,
            text: String::new(),
        },
        Err(error) => error.into(),
    }
}
