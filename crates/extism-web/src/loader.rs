//! From what a page hands over to modules it can compile, and how it has to link them.
//!
//! Must not know: how bytes are fetched; it says what to fetch and checks what comes. Keeps: a hash is
//! checked before anything parses the bytes, and the rewriting pass is never the reason a module does not
//! load.

use std::cell::RefCell;

use extism_abi::Status;
use extism_abi::layout::PAGE_BYTES;
use extism_manifest::{Manifest, ParseOptions, Wasm};
use extism_policy::{Access, PathRule, path_rules};
use extism_rewrite::{Bounds, KernelMemory};
use extism_semantics::{
    Answer, Fault, Import, Limits, Links, MAIN, answer, bounds, check_count, check_hash,
    check_kind, check_size, is_binary, is_module, names, order, overrides_kernel, parse_options,
};

use crate::json::Json;
use crate::module::{Outline, Signature};
use crate::options::Options;

/// A plug-in that is being loaded.
pub(crate) struct Loader {
    options: Options,
    limits: Limits,
    pub(crate) manifest: Manifest,
    names: Vec<String>,
    /// The numbers of the modules the page has, in the order of the manifest.
    given: Vec<u64>,
    modules: Vec<Option<Loaded>>,
    second_memories: bool,
}

struct Loaded {
    outline: Outline,
    kernel_memory: Kernel,
}

/// How a module gets at kernel memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    /// By calls.
    Calls,
    /// It brings it.
    Defines,
    /// It imports it.
    Imports,
}

impl Kernel {
    fn name(self) -> &'static str {
        match self {
            Kernel::Calls => "calls",
            Kernel::Defines => "defines",
            Kernel::Imports => "imports",
        }
    }
}

impl Loader {
    /// Reads a source: a module or a manifest.
    pub(crate) fn new(
        options: Options,
        source: &[u8],
        second_memories: bool,
    ) -> Result<Loader, Fault> {
        let limits = options.limits()?;
        // Modules stay with the page: what stands for one here has no bytes, and a number in this list.
        let given = RefCell::new(Vec::new());
        let number = |number: u64, _: u64| {
            given.borrow_mut().push(number);
            Ok(Vec::new())
        };
        let parse = ParseOptions {
            read_pointer: Some(&number),
            ..parse_options(&limits)
        };
        let wrong =
            |error: extism_manifest::ParseError| Fault::new(error.status(), error.to_string());
        let mut manifest = match is_module(source) {
            true => {
                given.borrow_mut().push(0);
                Manifest::new([Wasm::data([])])
            }
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
            given: given.take(),
            second_memories,
        })
    }

    /// What the page has to fetch, as JSON.
    pub(crate) fn needed(&self) -> Vec<u8> {
        let mut given = self.given.iter();
        let mut json = Json::list();
        for (name, wasm) in self.names.iter().zip(&self.manifest.wasm) {
            let number = match wasm {
                Wasm::Data { data, .. } if data.is_empty() => given.next().copied(),
                _ => None,
            };
            json.open('{').key("name").text(name).key("fetch");
            fetch(&mut json, wasm, number);
            json.close('}');
        }
        json.end(']')
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
        // Accesses that are to stay calls do; growth has to be metered and the start put off all the same.
        let keeps_calls = !self.rewrites();
        if self.second_memories {
            let options = extism_rewrite::Options {
                kernel_memory: KernelMemory::for_plugin_of(self.names.len()),
                keep: &|_| keeps_calls,
            };
            if let Ok(done) = extism_rewrite::rewrite_for_page(wasm, &options) {
                loaded.kernel_memory = match options.kernel_memory {
                    KernelMemory::Define { .. } => Kernel::Defines,
                    KernelMemory::Import => Kernel::Imports,
                };
                rewritten = Some(done.wasm);
            }
        }
        if rewritten.is_none() {
            // Growth that is not metered is at least bounded, memory by memory and table by table.
            let bounds = Bounds {
                pages_max: self.pages_max(),
                elements_max: self.elements_max(&loaded.outline.tables),
            };
            rewritten = extism_rewrite::bound(wasm, bounds);
        }
        if let Some(slot) = self.modules.get_mut(index) {
            *slot = Some(loaded);
        }
        Ok(rewritten)
    }

    /// A module the engine alone has read, of which the page says what it imports and exports.
    pub(crate) fn described(&mut self, index: usize, outline: Outline) -> Result<(), Fault> {
        // Engines have a limit for tables of their own, which is the one there is unless the host says so.
        let tables_bounded = self.limits.table_elements_max < Limits::default().table_elements_max;
        if self.pages_max().is_some() || tables_bounded {
            let text = "the memory of a module that the platform has compiled cannot be bounded: give its bytes";
            return Err(Fault::new(Status::InvalidArgument, text));
        }
        if let Some(slot) = self.modules.get_mut(index) {
            *slot = Some(Loaded {
                outline,
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

    /// How many elements a table may grow by, beside the tables of its module as they are declared.
    fn elements_max(&self, tables: &[u64]) -> Option<u64> {
        let limit = self.limits.table_elements_max;
        let declared = tables
            .iter()
            .fold(0, |sum: u64, more| sum.saturating_add(*more));
        (limit < u64::MAX).then(|| limit.saturating_sub(declared))
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
        let overridden = self
            .options
            .functions
            .iter()
            .any(|(namespace, _)| overrides_kernel(namespace));
        self.options.rewrite && !overridden
    }

    /// How the page has to link the modules, as JSON.
    pub(crate) fn plan(&self) -> Result<Vec<u8>, Fault> {
        let modules: Vec<&Loaded> = self.modules.iter().flatten().collect();
        if modules.len() != self.names.len() {
            return Err(Fault::new(Status::Internal, "a module is missing"));
        }
        let answers = self.answers(&modules)?;
        let needs: Vec<Vec<usize>> = answers
            .iter()
            .map(|answers| {
                answers
                    .iter()
                    .filter_map(|answer| module_of(*answer))
                    .collect()
            })
            .collect();
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let order = order(&names, &needs)?;
        let paths = self.paths()?;
        let hosts = self.manifest.allowed_hosts.as_ref();
        let time = bounds::call_time_max(&self.manifest, &self.limits);
        let mut json = Json::object();
        let order: Vec<u64> = order.into_iter().map(|index| index as u64).collect();
        json.key("order").numbers(&order);
        json.key("modules").open('[');
        for ((module, name), answers) in modules.iter().zip(&self.names).zip(&answers) {
            module_plan(&mut json, name, module, answers);
        }
        json.close(']');
        let time_ms = time.map(|time| time.as_millis().try_into().unwrap_or(u64::MAX));
        json.key("call_time_ms_max").optional(time_ms);
        let depth_max = self.limits.call_depth_max;
        json.key("call_depth_max").number(depth_max.into());
        let may_ask = hosts.is_some_and(|hosts| !hosts.is_empty());
        json.key("http").boolean(may_ask);
        json.key("paths").open('[');
        for rule in &paths {
            path_plan(&mut json, rule);
        }
        json.close(']');
        Ok(json.end('}'))
    }

    /// What answers each import of each module.
    fn answers(&self, modules: &[&Loaded]) -> Result<Vec<Vec<Answer>>, Fault> {
        let available = Available {
            loader: self,
            modules,
        };
        let each = modules.iter().enumerate().map(|(index, module)| {
            check_kind(|name| module.outline.exports_function(name))?;
            let imports = module.outline.imports.iter();
            imports
                .map(|import| {
                    let described = Import {
                        module: &import.module,
                        name: &import.name,
                        function: import.function.as_ref().map(|ty| ty as _),
                    };
                    answer(described, index, &available)
                })
                .collect()
        });
        each.collect()
    }

    /// The folders the manifest grants; without WASI there is nothing to open.
    fn paths(&self) -> Result<Vec<PathRule>, Fault> {
        let paths = self.manifest.allowed_paths.iter().flatten();
        let pairs = paths.map(|(host, guest)| (host.as_str(), guest.to_str().unwrap_or_default()));
        let mut rules =
            path_rules(pairs).map_err(|error| Fault::new(error.status(), error.to_string()))?;
        if !self.options.wasi {
            rules.clear();
        }
        Ok(rules)
    }

    /// The manifest without its modules and what was said in the plan, as JSON: what instances are made from.
    pub(crate) fn rest(&self) -> Vec<u8> {
        let Manifest {
            config,
            memory,
            allowed_hosts,
            ..
        } = &self.manifest;
        let mut json = Json::object();
        json.key("config").fields(config);
        json.key("allowed_hosts")
            .texts(allowed_hosts.iter().flatten());
        let pages_max = memory.max_pages.map(u64::from);
        json.key("memory").open('{');
        json.key("max_pages").optional(pages_max);
        let response_bytes = memory.max_http_response_bytes;
        json.key("max_http_response_bytes").optional(response_bytes);
        json.key("max_var_bytes").optional(memory.max_var_bytes);
        json.close('}');
        json.end('}')
    }
}

fn fetch(json: &mut Json, wasm: &Wasm, number: Option<u64>) {
    match (wasm, number) {
        (Wasm::File { path, .. }, _) => {
            let path = path.to_str().unwrap_or_default();
            json.open('{').key("path").text(path).close('}');
        }
        (Wasm::Url { req, .. }, _) => {
            json.open('{').key("request").open('{');
            json.key("url").text(&req.url);
            let method = req.method.as_deref().unwrap_or_default();
            json.key("method").text(method);
            json.key("headers").fields(&req.headers);
            json.close('}').close('}');
        }
        (Wasm::Data { .. }, Some(number)) => {
            json.open('{').key("given").number(number).close('}');
        }
        (Wasm::Data { .. }, None) => {
            json.text("inline");
        }
    }
}

fn module_of(answer: Answer) -> Option<usize> {
    match answer {
        Answer::Module(other) | Answer::AnyModule(other) => Some(other),
        Answer::Host | Answer::User => None,
    }
}

fn module_plan(json: &mut Json, name: &str, module: &Loaded, answers: &[Answer]) {
    let Outline {
        imports,
        exports,
        memories,
        tables,
    } = &module.outline;
    json.open('{').key("name").text(name);
    let kernel_memory = module.kernel_memory.name();
    json.key("kernel_memory").text(kernel_memory);
    json.key("imports").open('[');
    for (import, answer) in imports.iter().zip(answers) {
        json.open('{').key("module").text(&import.module);
        json.key("name").text(&import.name);
        let from = module_of(*answer).map(|from| from as u64);
        json.key("from").optional(from);
        json.key("user").boolean(*answer == Answer::User);
        function(json, &import.function);
        json.close('}');
    }
    json.close(']').key("exports").open('[');
    for export in exports {
        json.open('{').key("name").text(&export.name);
        function(json, &export.function);
        json.close('}');
    }
    json.close(']').key("memories").numbers(memories);
    json.key("tables").numbers(tables).close('}');
}

fn function(json: &mut Json, function: &Option<Signature>) {
    json.key("function");
    match function {
        Some(signature) => signature.write(json),
        None => {
            json.null();
        }
    }
}

fn path_plan(json: &mut Json, rule: &PathRule) {
    json.open('{').key("host").text(&rule.host);
    json.key("guest").text(&rule.guest);
    let is_read_only = rule.access == Access::ReadOnly;
    json.key("read_only").boolean(is_read_only).close('}');
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
