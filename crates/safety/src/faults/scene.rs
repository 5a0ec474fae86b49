//! What is done while something is not to be had.
//!
//! Must not know: what fails, and when. Invariant: without a fault each of these ends with success.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use extism_manifest::{Manifest, Wasm};
use extism_runtime::{Error, Level, Limits, LogSink, Options, Outcome, Plugin, Status};

use crate::exhaustion::rewriting;
use crate::runner::Run;
use crate::server;

/// How something ended.
pub(super) struct Done {
    pub(super) status: Status,
    pub(super) text: String,
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

pub(super) type Act = fn(&Scene) -> Done;

/// What the scenarios have at hand.
pub(super) struct Scene {
    run: Run,
    folder: PathBuf,
    body: SocketAddr,
    module: SocketAddr,
    plugin: RefCell<Option<Plugin>>,
    /// How long whatever takes time may take; `None`: as long as it should.
    pub(super) time: Cell<Option<Duration>>,
}

/// The functions of the source that copy much.
const BUILTINS: &[&str] = &[
    "set", "set", "get", "config", "key", "log", "http", "error", "fine",
];

/// Bytes of what counts as large.
pub(super) const LARGE: usize = 2 << 20;

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

pub(super) fn options(run: Run) -> Options {
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
    pub(super) fn new(run: Run, folder: &std::path::Path) -> Result<Scene> {
        std::fs::write(folder.join("file"), "contents")?;
        std::fs::write(folder.join("module.wasm"), b"\0asm\x01\0\0\0")?;
        Ok(Scene {
            run,
            folder: folder.to_owned(),
            body: server::body(LARGE)?,
            module: server::late_module(Duration::ZERO)?,
            plugin: RefCell::new(None),
            time: Cell::new(None),
        })
    }

    pub(super) fn act(&self, scenario: &str) -> Result<Act> {
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

    pub(super) fn prepare(&self, act: Act) -> Result<()> {
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
        options.limits.download_time_max = self.time.get().unwrap_or(Duration::from_secs(2));
        done(Plugin::load(manifest, options).map(drop))
    }

    fn request(&self) -> Done {
        let mut options = options(self.run);
        // With one socket there is none for the other end, which lives in this process, too.
        options.limits.call_time_max = Some(self.time.get().unwrap_or(Duration::from_secs(2)));
        match Plugin::load(self.manifest(), options) {
            Ok(mut plugin) => plugin.call("http", b"").into(),
            Err(error) => error.into(),
        }
    }

    fn wasi(&self) -> Done {
        let source = include_str!("../../../../fixtures/wat/files.wat");
        let folder = self.folder.display().to_string();
        let manifest = Manifest::new([Wasm::data(source)]).with_allowed_path(folder, "/x");
        let mut options = Options {
            wasi: true,
            ..options(self.run)
        };
        options.limits.call_time_max = self.time.get();
        let mut plugin = match Plugin::load(manifest, options) {
            Ok(plugin) => plugin,
            Err(error) => return error.into(),
        };
        // Often, so that time is up before the end even where the watchdog is late.
        let outcome = plugin.call("read_often", b"/x/file");
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
