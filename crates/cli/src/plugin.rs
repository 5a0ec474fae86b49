//! The plug-in a command works on: the flags that say where it is, what it may reach and how much it may
//! use.
//!
//! Must not know: what the command does with it. Invariant: a flag adds to what the manifest grants or
//! takes its place, and says so in its description; the host's own limits come from flags alone.

use std::time::{Duration, Instant};

use clap::Args;
use extism_runtime::manifest::{Manifest, ParseOptions, Wasm};
use extism_runtime::{CompiledPlugin, Error, Limits, Loader, Options, Rewriting, Source, Status};

use crate::failure::Failure;
use crate::global::Global;
use crate::hints;
use crate::input::{Input, read_file, read_stdin};
use crate::log::{self, LogLevel};
use crate::progress::Progress;
use crate::value::{self, ConfigObject, Link, Location, PathGrant};

/// Where the modules come from.
#[derive(Args, Debug)]
pub(crate) struct SourceArgs {
    /// The plug-in: a file, a URL, or `-` for standard input
    #[arg(value_name = "WASM", value_parser = Location::parse)]
    pub(crate) wasm: Location,
    /// WASM is a manifest, in JSON or TOML
    #[arg(short, long)]
    pub(crate) manifest: bool,
    /// Link another module, named after its file unless it is given a name
    #[arg(long, value_name = "[NAME=]PATH|URL", value_parser = Link::parse)]
    link: Vec<Link>,
}

/// How the engine treats the modules.
#[derive(Args, Debug)]
pub(crate) struct EngineArgs {
    /// Apply the tight limits for plug-ins nobody has read
    #[arg(long)]
    pub(crate) untrusted: bool,
    /// Do not turn calls for kernel memory into instructions
    #[arg(long)]
    pub(crate) no_rewrite: bool,
}

/// A plug-in that is to run.
#[derive(Args, Debug)]
pub(crate) struct PluginArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Use the machine code in a precompiled plug-in: only for files that nobody else can write
    #[arg(long)]
    trust_artefact: bool,
    /// The lowest level of the plug-in's messages that is printed
    #[arg(long, value_name = "LEVEL", ignore_case = true)]
    log_level: Option<LogLevel>,

    /// Enable WASI; its standard output and standard error are passed through
    #[arg(long, help_heading = "Access")]
    pub(crate) wasi: bool,
    /// Let the plug-in use a folder (with --wasi); `ro:` before it makes it read-only
    #[arg(long, value_name = "HOST[:GUEST]", value_parser = PathGrant::parse, help_heading = "Access")]
    allow_path: Vec<PathGrant>,
    /// Let the plug-in send HTTP requests to a host; `*` stands for any run of characters
    #[arg(long, value_name = "GLOB", help_heading = "Access")]
    allow_host: Vec<String>,
    /// Let the plug-in see the headers of HTTP responses
    #[arg(long, help_heading = "Access")]
    enable_http_response_headers: bool,
    /// Set a configuration value
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::config, help_heading = "Access")]
    config: Vec<(String, String)>,
    /// Set configuration values from a JSON object; --config comes after it
    #[arg(long, value_name = "JSON", value_parser = ConfigObject::parse, help_heading = "Access")]
    set_config: Option<ConfigObject>,
    /// Set an environment variable of the plug-in
    #[arg(long, value_name = "NAME=VALUE", value_parser = value::variable, requires = "wasi", help_heading = "Access")]
    env: Vec<(String, String)>,
    /// Add an argument to those the plug-in sees
    #[arg(
        long,
        value_name = "STRING",
        allow_hyphen_values = true,
        requires = "wasi",
        help_heading = "Access"
    )]
    arg: Vec<String>,

    /// End a call after this many milliseconds; 0 keeps what the manifest says
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Limits"
    )]
    timeout: u64,
    /// The most memory, in pages of 64 KiB; 0 keeps what the manifest says
    #[arg(
        long,
        value_name = "PAGES",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Limits"
    )]
    memory_max: u32,
    /// The largest body of an HTTP response; -1 keeps what the manifest says
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = -1,
        hide_default_value = true,
        allow_negative_numbers = true,
        help_heading = "Limits"
    )]
    http_response_max: i64,
    /// The largest size of all variables together; -1 keeps what the manifest says
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = -1,
        hide_default_value = true,
        allow_negative_numbers = true,
        help_heading = "Limits"
    )]
    var_max: i64,
    /// Count instructions, and end a call after about this many
    #[arg(long, value_name = "N", help_heading = "Limits")]
    fuel: Option<u64>,
}

impl SourceArgs {
    /// The manifest that is named, or one made for the module that is.
    pub(crate) fn manifest(&self, engine: &EngineArgs) -> Result<Manifest, Failure> {
        let mut manifest = match (self.manifest, &self.wasm) {
            (true, location) => read_manifest(location, engine)?,
            (false, Location::File(path)) => Manifest::new([Wasm::file(path)]),
            (false, Location::Url(url)) => Manifest::new([Wasm::url(url)]),
            (false, Location::Stdin) => {
                let bytes = read_stdin(engine.limits().module_bytes_max)?;
                Manifest::new([Wasm::data(bytes)])
            }
        };
        // The last module is the main one if none is called so: what is linked stands before.
        let linked = self.link.iter().map(Link::module);
        manifest.wasm = linked.chain(std::mem::take(&mut manifest.wasm)).collect();
        Ok(manifest)
    }
}

fn read_manifest(location: &Location, engine: &EngineArgs) -> Result<Manifest, Failure> {
    let limits = engine.limits();
    let bytes_max = limits.manifest_bytes_max;
    let bytes = match location {
        Location::Stdin => read_stdin(bytes_max)?,
        Location::File(path) => read_file(path, bytes_max)?,
        Location::Url(_) => {
            let hint = "download it first; the modules it names may be URLs".to_owned();
            return Err(
                Failure::usage("a manifest is read from a file or from `-`").with_hint(hint)
            );
        }
    };
    let shown = location.shown();
    if bytes.len() as u64 > bytes_max {
        // How large it is nobody knows, so that the parser would name a wrong number.
        let text = format!("{shown} is larger than the limit of {bytes_max} bytes");
        let hint = engine.untrusted.then(|| hints::TRUST_IT.to_owned());
        let failure = Failure::new(text).with_status(Status::TooLarge);
        return Err(failure.with_hint(hint));
    }
    let options = ParseOptions {
        manifest_bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
        modules_max: limits.modules_max,
        ..ParseOptions::default()
    };
    Manifest::parse(&bytes, &options).map_err(|error| {
        let hint = "`extism schema` prints what a manifest may contain".to_owned();
        let failure = Failure::new(format!("{shown}: {error}"));
        failure.with_status(error.status()).with_hint(hint)
    })
}

impl EngineArgs {
    pub(crate) fn options(&self) -> Options {
        Options {
            limits: self.limits(),
            rewrite: match self.no_rewrite {
                true => Rewriting::Off,
                false => Rewriting::Auto,
            },
            ..Options::default()
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        match self.untrusted {
            true => Limits::untrusted(),
            false => Limits::default(),
        }
    }
}

/// What a plug-in with WASI prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WasiOutput {
    PassedThrough,
    Dropped,
}

impl PluginArgs {
    /// What the function is called with, within the limits.
    pub(crate) fn input(&self, input: &Input) -> Result<Vec<u8>, Failure> {
        let limits = self.engine.limits();
        input.read(&self.source.wasm, limits.kernel_bytes_max)
    }

    /// The manifest, with the flags applied.
    pub(crate) fn manifest(&self) -> Result<Manifest, Failure> {
        let mut manifest = self.source.manifest(&self.engine)?;
        if !self.allow_host.is_empty() {
            let hosts = manifest.allowed_hosts.get_or_insert_default();
            hosts.extend(self.allow_host.iter().cloned());
        }
        for grant in &self.allow_path {
            manifest = manifest.with_allowed_path(grant.host.clone(), &grant.guest);
        }
        if let Some(ConfigObject(values)) = &self.set_config {
            manifest.config.extend(values.clone());
        }
        manifest.config.extend(self.config.iter().cloned());
        let memory = &mut manifest.memory;
        if self.memory_max > 0 {
            memory.max_pages = Some(self.memory_max);
        }
        // A negative number is none.
        if let Ok(bytes) = u64::try_from(self.http_response_max) {
            memory.max_http_response_bytes = Some(bytes);
        }
        if let Ok(bytes) = u64::try_from(self.var_max) {
            memory.max_var_bytes = Some(bytes);
        }
        if self.timeout > 0 {
            manifest.timeout_ms = Some(self.timeout);
        }
        Ok(manifest)
    }

    /// The host's choices.
    pub(crate) fn options(&self, global: &Global, wasi_output: WasiOutput) -> Options {
        let level = match (self.log_level, global.quiet) {
            (Some(level), _) => level,
            (None, true) => LogLevel::Off,
            (None, false) => LogLevel::Error,
        };
        Options {
            wasi: self.wasi,
            wasi_args: self.arg.clone(),
            wasi_env: self.env.clone(),
            wasi_output: wasi_output == WasiOutput::PassedThrough,
            fuel: self.fuel,
            http_response_headers: self.enable_http_response_headers,
            log_sink: log::sink(level),
            trust_artefacts: self.trust_artefact,
            ..self.engine.options()
        }
    }

    /// The time limit in force.
    pub(crate) fn call_time_max(&self, manifest: &Manifest) -> Option<Duration> {
        let own = manifest.timeout_ms.map(Duration::from_millis);
        let host = self.engine.limits().call_time_max;
        [own, host].into_iter().flatten().min()
    }
}

/// Loads and compiles a plug-in, with a line on the terminal if that takes long.
pub(crate) fn load<'s>(
    source: impl Into<Source<'s>>,
    shown: &str,
    options: Options,
    global: &Global,
) -> Result<CompiledPlugin, Error> {
    let begun = Instant::now();
    let progress = Progress::start(global, shown);
    let received = |bytes, of| progress.received(bytes, of);
    let loader = Loader {
        progress: Some(&received),
        ..Loader::default()
    };
    let loaded = loader.load(source, options);
    drop(progress);
    tracing::info!(target: "extism", "loaded {shown} in {:?}", begun.elapsed());
    loaded
}
