//! From what a page hands over to modules it can compile, and how it has to link them.
//!
//! Must not know: how bytes are fetched; it says what to fetch and checks what comes. Keeps: a hash is
//! checked before anything parses the bytes, and the rewriting pass is never the reason a module does not
//! load.

use extism_abi::Status;
use extism_abi::import::{ENV_MODULE, LEGACY_MODULE};
use extism_abi::layout::PAGE_BYTES;
use extism_manifest::{Manifest, ParseOptions, Wasm};
use extism_policy::{Access, path_rules};
use extism_rewrite::KernelMemory;
use extism_semantics::{
    Answer, Fault, Import, Limits, Links, MAIN, answer, bounds, check_count, check_hash,
    check_kind, check_size, is_binary, is_module, names, order, parse_options,
};
use serde::Serialize;

use crate::module::{Described, Outline, Signature};
use crate::options::Options;

/// A plug-in that is being loaded.
pub(crate) struct Loader {
    options: Options,
    limits: Limits,
    pub(crate) manifest: Manifest,
    names: Vec<String>,
    modules: Vec<Option<Loaded>>,
    second_memories: bool,
}

struct Loaded {
    outline: Outline,
    kernel_memory: Kernel,
}

/// How a module gets at kernel memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kernel {
    /// By calls.
    Calls,
    /// It brings it.
    Defines,
    /// It imports it.
    Imports,
}

/// What is to be fetched.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Fetch<'a> {
    Path(&'a str),
    Request {
        url: &'a str,
        method: &'a str,
        headers: &'a std::collections::BTreeMap<String, String>,
    },
    /// One the page has, by the number it gave.
    Given(u64),
    /// The manifest has it.
    Inline,
}

#[derive(Serialize)]
struct Needed<'a> {
    name: &'a str,
    fetch: Fetch<'a>,
}

/// What the page compiles and links.
#[derive(Serialize)]
pub(crate) struct Plan<'a> {
    /// The order of instantiation.
    order: Vec<usize>,
    modules: Vec<ModulePlan<'a>>,
    call_time_ms_max: Option<u64>,
    call_depth_max: u32,
    /// Whether any host may be reached at all.
    http: bool,
    paths: Vec<PathPlan>,
}

#[derive(Serialize)]
struct ModulePlan<'a> {
    name: &'a str,
    kernel_memory: Kernel,
    imports: Vec<ImportPlan<'a>>,
    exports: Vec<ExportPlan<'a>>,
    memories: &'a [u64],
    tables: &'a [u64],
}

#[derive(Serialize)]
struct ImportPlan<'a> {
    module: &'a str,
    name: &'a str,
    /// Where the answer is: another module, a host function of the default namespace, or as it says.
    from: Option<usize>,
    user: bool,
    function: Option<&'a Signature>,
}

#[derive(Serialize)]
struct ExportPlan<'a> {
    name: &'a str,
    function: Option<&'a Signature>,
}

#[derive(Serialize)]
struct PathPlan {
    host: String,
    guest: String,
    read_only: bool,
}

impl Loader {
    /// Reads a source: a module or a manifest.
    pub(crate) fn new(
        options: Options,
        source: &[u8],
        second_memories: bool,
    ) -> Result<Loader, Fault> {
        let limits = options.limits()?;
        // Modules stay with the page: what stands for one here is its number.
        let number = |number: u64, _: u64| Ok(number.to_le_bytes().to_vec());
        let parse = ParseOptions {
            read_pointer: Some(&number),
            ..parse_options(&limits)
        };
        let wrong =
            |error: extism_manifest::ParseError| Fault::new(error.status(), error.to_string());
        let mut manifest = match is_module(source) {
            true => Manifest::new([Wasm::data(0_u64.to_le_bytes())]),
            false => Manifest::parse(source, &parse).map_err(wrong)?,
        };
        if let Some(overrides) = &options.overrides {
            let other = Manifest::from_json(overrides.as_bytes(), &parse).map_err(wrong)?;
            manifest.override_with(other);
        }
        check_count(&manifest, &limits)?;
        let names = names(&manifest)?;
        Ok(Loader {
            modules: names.iter().map(|_| None).collect(),
            options,
            limits,
            manifest,
            names,
            second_memories,
        })
    }

    /// What the page has to fetch, as JSON.
    pub(crate) fn needed(&self) -> Vec<u8> {
        let both = self.names.iter().zip(&self.manifest.wasm);
        let needed: Vec<Needed<'_>> = both
            .map(|(name, wasm)| Needed {
                name,
                fetch: match wasm {
                    Wasm::File { path, .. } => Fetch::Path(path.to_str().unwrap_or_default()),
                    Wasm::Url { req, .. } => Fetch::Request {
                        url: &req.url,
                        method: req.method.as_deref().unwrap_or_default(),
                        headers: &req.headers,
                    },
                    Wasm::Data { data, .. } => match data.as_slice().try_into() {
                        Ok(number) => Fetch::Given(u64::from_le_bytes(number)),
                        Err(_) => Fetch::Inline,
                    },
                },
            })
            .collect();
        serde_json::to_vec(&needed).unwrap_or_default()
    }

    /// The bytes of a module the manifest has.
    pub(crate) fn inline(&self, index: usize) -> Vec<u8> {
        match self.manifest.wasm.get(index) {
            Some(Wasm::Data { data, .. }) => data.clone(),
            _ => Vec::new(),
        }
    }

    /// Whether bytes are the module the manifest means; true if they are a binary module, too.
    pub(crate) fn check(&self, index: usize, wasm: &[u8]) -> Result<bool, Fault> {
        let Some(source) = self.manifest.wasm.get(index) else {
            return Err(Fault::new(Status::Internal, "there is no such module"));
        };
        let what = match source {
            Wasm::File { path, .. } => path.to_string_lossy(),
            Wasm::Url { .. } | Wasm::Data { .. } => "module".into(),
        };
        check_size(wasm.len() as u64, &self.limits, &what)?;
        check_hash(source.meta(), wasm)?;
        Ok(is_binary(wasm))
    }

    /// Takes a binary module in; the module to compile in its place, if it is another.
    pub(crate) fn module(&mut self, index: usize, wasm: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        check_size(wasm.len() as u64, &self.limits, "module")?;
        let mut loaded = Loaded {
            outline: Outline::read(wasm),
            kernel_memory: Kernel::Calls,
        };
        let mut rewritten = None;
        if self.rewrites() {
            let single = self.names.len() == 1;
            let options = extism_rewrite::Options {
                kernel_memory: match single {
                    true => KernelMemory::Define {
                        pages_min: 1,
                        pages_max: None,
                    },
                    false => KernelMemory::Import,
                },
                keep: &|_| false,
            };
            if let Ok(done) = extism_rewrite::rewrite_for_page(wasm, &options) {
                loaded.kernel_memory = match single {
                    true => Kernel::Defines,
                    false => Kernel::Imports,
                };
                rewritten = Some(done.wasm);
            }
        }
        if rewritten.is_none()
            && let Some(pages) = self.pages_max()
        {
            // Growth that is not metered is at least bounded, memory by memory.
            rewritten = extism_rewrite::bound_memories(wasm, pages);
        }
        if let Some(slot) = self.modules.get_mut(index) {
            *slot = Some(loaded);
        }
        Ok(rewritten)
    }

    /// A module the engine alone has read, of which the page says what it imports and exports.
    pub(crate) fn described(&mut self, index: usize, described: Described) -> Result<(), Fault> {
        if self.pages_max().is_some() {
            let text = "the memory of a module that the platform has compiled cannot be bounded: give its bytes";
            return Err(Fault::new(Status::InvalidArgument, text));
        }
        if let Some(slot) = self.modules.get_mut(index) {
            *slot = Some(Loaded {
                outline: described.into(),
                kernel_memory: Kernel::Calls,
            });
        }
        Ok(())
    }

    /// How many pages a memory may grow by, if that is bounded.
    fn pages_max(&self) -> Option<u64> {
        let ceiling = self.limits.memory_bytes_max.map(|bytes| bytes / PAGE_BYTES);
        let granted = self.manifest.memory.max_pages.map(u64::from);
        ceiling.into_iter().chain(granted).min()
    }

    /// The largest module, in bytes.
    pub(crate) fn module_bytes_max(&self) -> u64 {
        self.limits.module_bytes_max
    }

    /// The longest a download may take, in milliseconds.
    pub(crate) fn download_ms_max(&self) -> u64 {
        let time = self.limits.download_time_max.as_millis();
        time.try_into().unwrap_or(u64::MAX)
    }

    fn rewrites(&self) -> bool {
        // A host function in the kernel's namespace takes the place of a kernel function: calls must stay calls.
        let overridden = self
            .options
            .functions
            .iter()
            .any(|(namespace, _)| [ENV_MODULE, LEGACY_MODULE].contains(&namespace.as_str()));
        self.options.rewrite && self.second_memories && !overridden
    }

    /// How the page has to link the modules, as JSON.
    pub(crate) fn plan(&self) -> Result<Vec<u8>, Fault> {
        let modules: Vec<&Loaded> = self.modules.iter().flatten().collect();
        if modules.len() != self.names.len() {
            return Err(Fault::new(Status::Internal, "a module is missing"));
        }
        let available = Available {
            loader: self,
            modules: &modules,
        };
        let mut needs = vec![Vec::new(); modules.len()];
        let mut plans = Vec::with_capacity(modules.len());
        for (index, (module, name)) in modules.iter().zip(&self.names).enumerate() {
            let mut plan = ModulePlan {
                name,
                kernel_memory: module.kernel_memory,
                imports: Vec::with_capacity(module.outline.imports.len()),
                exports: module
                    .outline
                    .exports
                    .iter()
                    .map(|export| ExportPlan {
                        name: &export.name,
                        function: export.function.as_ref(),
                    })
                    .collect(),
                memories: &module.outline.memories,
                tables: &module.outline.tables,
            };
            check_kind(|name| module.outline.exports_function(name))?;
            for import in &module.outline.imports {
                let described = Import {
                    module: &import.module,
                    name: &import.name,
                    function: import.function.as_ref().map(|ty| ty as _),
                };
                let answer = answer(described, index, &available)?;
                let from = match answer {
                    Answer::Module(other) | Answer::AnyModule(other) => Some(other),
                    Answer::Host | Answer::User => None,
                };
                needs[index].extend(from);
                plan.imports.push(ImportPlan {
                    module: &import.module,
                    name: &import.name,
                    from,
                    user: answer == Answer::User,
                    function: import.function.as_ref(),
                });
            }
            plans.push(plan);
        }
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let plan = Plan {
            order: order(&names, &needs)?,
            modules: plans,
            call_time_ms_max: bounds::call_time_max(&self.manifest, &self.limits)
                .map(|time| time.as_millis().try_into().unwrap_or(u64::MAX)),
            call_depth_max: self.limits.call_depth_max,
            http: self
                .manifest
                .allowed_hosts
                .as_ref()
                .is_some_and(|hosts| !hosts.is_empty()),
            paths: self.paths()?,
        };
        serde_json::to_vec(&plan).map_err(|error| Fault::new(Status::Internal, error.to_string()))
    }

    /// The folders the manifest grants; without WASI there is nothing to open.
    fn paths(&self) -> Result<Vec<PathPlan>, Fault> {
        let paths = self.manifest.allowed_paths.iter().flatten();
        let pairs = paths.map(|(host, guest)| (host.as_str(), guest.to_str().unwrap_or_default()));
        let rules =
            path_rules(pairs).map_err(|error| Fault::new(error.status(), error.to_string()))?;
        let granted = rules.into_iter().filter(|_| self.options.wasi);
        Ok(granted
            .map(|rule| PathPlan {
                host: rule.host,
                guest: rule.guest,
                read_only: rule.access == Access::ReadOnly,
            })
            .collect())
    }
}

/// What imports can be answered by.
struct Available<'a> {
    loader: &'a Loader,
    modules: &'a [&'a Loaded],
}

impl Links for Available<'_> {
    fn modules(&self) -> usize {
        self.modules.len()
    }

    fn name(&self, module: usize) -> &str {
        self.loader.names.get(module).map_or(MAIN, String::as_str)
    }

    fn exports(&self, module: usize, name: &str) -> bool {
        let module = self.modules.get(module);
        module.is_some_and(|module| module.outline.exports(name))
    }

    // Imports are read from the module as it was, before the pass has given it kernel memory.
    fn imports_kernel_memory(&self, _: usize) -> bool {
        false
    }

    fn by_host(&self, namespace: &str, name: &str) -> bool {
        let functions = &self.loader.options.functions;
        functions
            .iter()
            .any(|function| function.0 == namespace && function.1 == name)
    }

    fn wasi(&self) -> bool {
        self.loader.options.wasi
    }
}
