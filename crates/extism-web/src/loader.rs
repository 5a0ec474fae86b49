//! From what a page hands over to modules it can compile, and how it has to link them.
//!
//! Must not know: how bytes are fetched; it says what to fetch and checks what comes. Keeps: a hash is
//! checked before anything parses the bytes, and the rewriting pass is never the reason a module does not
//! load.

use std::cell::RefCell;

use extism_abi::Status;
use extism_abi::import::{ENV_MODULE, LEGACY_MODULE};
use extism_abi::layout::PAGE_BYTES;
use extism_manifest::{HttpRequest, Manifest, ParseOptions, Wasm};
use extism_policy::{Access, PathRule, path_rules};
use extism_rewrite::KernelMemory;
use extism_semantics::{
    Answer, Fault, Import, Limits, Links, MAIN, answer, bounds, check_count, check_hash,
    check_kind, check_size, is_binary, is_module, names, order, parse_options,
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
        let both = self.names.iter().zip(&self.manifest.wasm);
        let mut given = self.given.iter();
        let json = Json::default().list(both, |json, (name, wasm)| {
            let number = match wasm {
                Wasm::Data { data, .. } if data.is_empty() => given.next().copied(),
                _ => None,
            };
            json.object(|json| {
                json.field("name", |json| json.text(name))
                    .field("fetch", |json| fetch(json, wasm, number))
            })
        });
        json.into_bytes()
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
            let single = self.names.len() == 1;
            let options = extism_rewrite::Options {
                kernel_memory: match single {
                    true => KernelMemory::Define {
                        pages_min: 1,
                        pages_max: None,
                    },
                    false => KernelMemory::Import,
                },
                keep: &|_| keeps_calls,
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
    pub(crate) fn described(&mut self, index: usize, outline: Outline) -> Result<(), Fault> {
        if self.pages_max().is_some() {
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
        // A host function in the kernel's namespace takes the place of a kernel function: calls must
        // stay calls.
        let overridden = self
            .options
            .functions
            .iter()
            .any(|(namespace, _)| [ENV_MODULE, LEGACY_MODULE].contains(&namespace.as_str()));
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
        let all = modules.iter().zip(&self.names).zip(&answers);
        let json = Json::default().object(|json| {
            json.field("order", |json| {
                json.list(order, |json, index| json.number(index as u64))
            })
            .field("modules", |json| {
                json.list(all, |json, ((module, name), answers)| {
                    module_plan(json, name, module, answers)
                })
            })
            .field("call_time_ms_max", |json| {
                let ms = time.map(|time| time.as_millis().try_into().unwrap_or(u64::MAX));
                json.optional(ms, Json::number)
            })
            .field("call_depth_max", |json| {
                json.number(self.limits.call_depth_max.into())
            })
            .field("http", |json| {
                json.boolean(hosts.is_some_and(|hosts| !hosts.is_empty()))
            })
            .field("paths", |json| json.list(paths, path_plan))
        });
        Ok(json.into_bytes())
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
        let json = Json::default().object(|json| {
            json.field("config", |json| {
                json.object(|json| {
                    config.iter().fold(json, |json, (key, value)| {
                        json.field(key, |json| json.text(value))
                    })
                })
            })
            .field("allowed_hosts", |json| {
                json.list(allowed_hosts.iter().flatten(), |json, host| json.text(host))
            })
            .field("memory", |json| {
                json.object(|json| {
                    let pages = memory.max_pages.map(u64::from);
                    json.field("max_pages", |json| json.optional(pages, Json::number))
                        .field("max_http_response_bytes", |json| {
                            json.optional(memory.max_http_response_bytes, Json::number)
                        })
                        .field("max_var_bytes", |json| {
                            json.optional(memory.max_var_bytes, Json::number)
                        })
                })
            })
        });
        json.into_bytes()
    }
}

fn fetch(json: Json, wasm: &Wasm, number: Option<u64>) -> Json {
    match (wasm, number) {
        (Wasm::File { path, .. }, _) => {
            let path = path.to_str().unwrap_or_default();
            json.object(|json| json.field("path", |json| json.text(path)))
        }
        (Wasm::Url { req, .. }, _) => {
            json.object(|json| json.field("request", |json| request(json, req)))
        }
        (Wasm::Data { .. }, Some(number)) => {
            json.object(|json| json.field("given", |json| json.number(number)))
        }
        (Wasm::Data { .. }, None) => json.text("inline"),
    }
}

fn request(json: Json, request: &HttpRequest) -> Json {
    json.object(|json| {
        json.field("url", |json| json.text(&request.url))
            .field("method", |json| {
                json.text(request.method.as_deref().unwrap_or_default())
            })
            .field("headers", |json| {
                json.object(|json| {
                    request.headers.iter().fold(json, |json, (name, value)| {
                        json.field(name, |json| json.text(value))
                    })
                })
            })
    })
}

fn module_of(answer: Answer) -> Option<usize> {
    match answer {
        Answer::Module(other) | Answer::AnyModule(other) => Some(other),
        Answer::Host | Answer::User => None,
    }
}

fn module_plan(json: Json, name: &str, module: &Loaded, answers: &[Answer]) -> Json {
    let Outline {
        imports,
        exports,
        memories,
        tables,
    } = &module.outline;
    let numbers =
        |json: Json, numbers: &[u64]| json.list(numbers, |json, number| json.number(*number));
    json.object(|json| {
        json.field("name", |json| json.text(name))
            .field("kernel_memory", |json| {
                json.text(module.kernel_memory.name())
            })
            .field("imports", |json| {
                json.list(imports.iter().zip(answers), |json, (import, answer)| {
                    json.object(|json| {
                        json.field("module", |json| json.text(&import.module))
                            .field("name", |json| json.text(&import.name))
                            .field("from", |json| {
                                let from = module_of(*answer).map(|from| from as u64);
                                json.optional(from, Json::number)
                            })
                            .field("user", |json| json.boolean(*answer == Answer::User))
                            .field("function", |json| function(json, &import.function))
                    })
                })
            })
            .field("exports", |json| {
                json.list(exports, |json, export| {
                    json.object(|json| {
                        json.field("name", |json| json.text(&export.name))
                            .field("function", |json| function(json, &export.function))
                    })
                })
            })
            .field("memories", |json| numbers(json, memories))
            .field("tables", |json| numbers(json, tables))
    })
}

fn function(json: Json, function: &Option<Signature>) -> Json {
    json.optional(function.as_ref(), |json, function| function.json(json))
}

fn path_plan(json: Json, rule: PathRule) -> Json {
    json.object(|json| {
        json.field("host", |json| json.text(&rule.host))
            .field("guest", |json| json.text(&rule.guest))
            .field("read_only", |json| {
                json.boolean(rule.access == Access::ReadOnly)
            })
    })
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
