//! A host that runs a module with the pass off or on and answers kernel functions by the written rules.
//!
//! Kernel memory is a memory of the interpreter in every mode, so that what a module leaves in it
//! can be compared.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod copying;
pub(crate) mod kernel;
pub(crate) mod outcome;
pub(crate) mod program;
pub(crate) mod random;
pub(crate) mod survey;

use extism_abi::layout::{FIRST_HANDLE, INPUT_LENGTH_ADDRESS, INPUT_OFFSET_ADDRESS};
use extism_abi::layout::{KERNEL_MEMORY_EXPORT, KERNEL_MEMORY_IMPORT, PAGE_BYTES};
use extism_rewrite::{Declined, DeclinedKind, KernelMemory, Options, Rewritten, rewrite};
use kernel::Accesses;
use wasmi::{Config, Engine, Instance, Linker, Memory, MemoryType, Module, Store, Val};

pub(crate) const PAGES_MIN: u64 = 2;
pub(crate) const PAGES_MAX: u64 = 6;

pub(crate) const DEFINE: KernelMemory = KernelMemory::Define {
    pages_min: PAGES_MIN,
    pages_max: Some(PAGES_MAX),
};

/// All the ways a module can be run: they must not differ.
pub(crate) const MODES: [Option<KernelMemory>; 3] =
    [None, Some(DEFINE), Some(KernelMemory::Import)];

pub(crate) fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// With everything the output may use; more than any engine has on.
fn validated(wasm: &[u8]) -> Result<(), String> {
    let mut validator = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
    let done = validator.validate_all(wasm);
    done.map(drop).map_err(|error| error.to_string())
}

pub(crate) fn validate(wasm: &[u8]) {
    if let Err(error) = validated(wasm) {
        let text = wasmprinter::print_bytes(wasm).unwrap_or_else(|error| error.to_string());
        panic!("invalid output: {error}\n{text}");
    }
}

/// Rewrites with nothing kept, twice, and validates. Where the pass does not validate, nothing is known of
/// what becomes of a module that is not valid.
pub(crate) fn pass(wasm: &[u8], kernel_memory: KernelMemory) -> Result<Rewritten, Declined> {
    pass_keeping(wasm, kernel_memory, &[])
}

pub(crate) fn pass_keeping(
    wasm: &[u8],
    kernel_memory: KernelMemory,
    kept: &[&str],
) -> Result<Rewritten, Declined> {
    let keep = |name: &str| kept.contains(&name);
    let options = Options {
        kernel_memory,
        keep: &keep,
    };
    let rewritten = rewrite(wasm, &options);
    assert_eq!(
        rewrite(wasm, &options),
        rewritten,
        "the same bytes each time"
    );
    let promised = cfg!(feature = "validate") || validated(wasm).is_ok();
    if let Ok(rewritten) = &rewritten
        && promised
    {
        validate(&rewritten.wasm);
        assert!(rewritten.wasm.len() <= wasm.len() * 3 + 64 * 1024);
    }
    rewritten
}

/// The text of a module, for exact comparisons.
pub(crate) fn print(wasm: &[u8]) -> String {
    wasmprinter::print_bytes(wasm).expect("a module that can be printed")
}

/// One running module.
pub(crate) struct Run {
    pub(crate) store: Store<kernel::State>,
    pub(crate) instance: Instance,
    memory: Memory,
}

/// What an error says, without the number of the store, of which each run has its own.
fn without_store(text: &str) -> String {
    let mut parts = text.split("StoreId(");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| {
        told + part.trim_start_matches(|character: char| character.is_ascii_digit())
    })
}

impl Run {
    /// Instantiates a module, rewritten first unless the mode is `None`. The error is that of a
    /// trap in its start function or of an engine that does not know what the module needs.
    pub(crate) fn new(wasm: &[u8], mode: Option<KernelMemory>) -> Result<Run, String> {
        let rewritten = match mode.map(|kernel_memory| pass(wasm, kernel_memory)) {
            Some(Ok(rewritten)) => rewritten.wasm,
            Some(Err(declined)) if declined.kind == DeclinedKind::Unneeded => wasm.to_vec(),
            Some(Err(declined)) => panic!("{declined}"),
            None => wasm.to_vec(),
        };
        Run::unchanged(&rewritten)
    }

    /// Instantiates a module as it is.
    pub(crate) fn unchanged(wasm: &[u8]) -> Result<Run, String> {
        let mut config = Config::default();
        config.consume_fuel(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, wasm).map_err(|error| error.to_string())?;
        let mut store = Store::new(&engine, kernel::State::default());
        store.set_fuel(u64::MAX).expect("fuel is counted");
        store.limiter(|state| &mut state.limits);
        let ty = MemoryType::new(PAGES_MIN as u32, Some(PAGES_MAX as u32));
        let outside = Memory::new(&mut store, ty).expect("a small memory");
        store.data_mut().memory = Some(outside);
        let mut linker = Linker::new(&engine);
        let (name, field) = KERNEL_MEMORY_IMPORT;
        linker.define(name, field, outside).expect("a new name");
        kernel::link(&mut linker);
        let instance = linker.instantiate_and_start(&mut store, &module);
        let instance = instance.map_err(|error| without_store(&error.to_string()))?;
        let inside = instance.get_memory(&store, KERNEL_MEMORY_EXPORT);
        let memory = inside.unwrap_or(outside);
        store.data_mut().memory = Some(memory);
        let mut run = Run {
            store,
            instance,
            memory,
        };
        run.fill();
        run.input(FIRST_HANDLE, 100);
        Ok(run)
    }

    /// Gives every byte of kernel memory a value that tells its address.
    fn fill(&mut self) {
        let bytes = self.memory.data_mut(&mut self.store);
        for (address, byte) in bytes.iter_mut().enumerate().skip(FIRST_HANDLE as usize) {
            *byte = (address as u32).wrapping_mul(0x9E37_79B1).to_be_bytes()[0];
        }
    }

    /// Writes the cells that describe the input, as a host does before a call.
    pub(crate) fn input(&mut self, offset: u64, length: u64) {
        assert!(offset + length <= self.size());
        let bytes = self.memory.data_mut(&mut self.store);
        kernel::put(bytes, INPUT_OFFSET_ADDRESS, offset);
        kernel::put(bytes, INPUT_LENGTH_ADDRESS, length);
    }

    /// Puts an input into kernel memory and describes it.
    pub(crate) fn set_input(&mut self, offset: u64, input: &[u8]) {
        let start = offset as usize;
        self.memory.data_mut(&mut self.store)[start..start + input.len()].copy_from_slice(input);
        self.input(offset, input.len() as u64);
    }

    /// The bytes of the last output set.
    pub(crate) fn output(&self) -> Vec<u8> {
        let (offset, length) = self.store.data().output;
        self.kernel_bytes()[offset as usize..(offset + length) as usize].to_vec()
    }

    /// How much has been executed up to now, about an instruction each.
    pub(crate) fn fuel_used(&self) -> u64 {
        u64::MAX - self.store.get_fuel().expect("fuel is counted")
    }

    /// The bytes of the memory that the module exports as `memory`.
    pub(crate) fn guest_bytes(&mut self) -> &mut [u8] {
        let memory = self.instance.get_memory(&self.store, "memory");
        memory.expect("it is exported").data_mut(&mut self.store)
    }

    /// Size of kernel memory in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.memory.size(&self.store) * PAGE_BYTES
    }

    pub(crate) fn kernel_bytes(&self) -> &[u8] {
        self.memory.data(&self.store)
    }

    /// Calls an export; results and traps as text, in which floats that are not numbers can be compared too.
    pub(crate) fn call(&mut self, name: &str, arguments: &[Val]) -> String {
        let function = self.instance.get_func(&self.store, name);
        let function = function.unwrap_or_else(|| panic!("no export {name}"));
        let ty = function.ty(&self.store);
        let mut results: Vec<Val> = ty
            .results()
            .iter()
            .map(|ty| Val::default_for_ty(*ty))
            .collect();
        match function.call(&mut self.store, arguments, &mut results) {
            Ok(()) => format!("{results:?}"),
            Err(error) => format!("trap: {error}"),
        }
    }
}

/// Runs the same in every mode and demands the same of it: results, what kernel memory holds, what
/// the host was asked.
pub(crate) fn same_in_all_modes(
    wasm: &[u8],
    script: impl Fn(&mut Run) -> Vec<String>,
) -> Vec<String> {
    compared(wasm, script).0
}

/// As [`same_in_all_modes`]; says too which accesses were instructions and which were calls in each
/// mode with the pass on.
pub(crate) fn compared(
    wasm: &[u8],
    script: impl Fn(&mut Run) -> Vec<String>,
) -> (Vec<String>, Accesses, Accesses) {
    let mut runs = MODES.into_iter().map(|mode| {
        let mut run = Run::new(wasm, mode).unwrap_or_else(|error| panic!("{error}"));
        let results = script(&mut run);
        let state = std::mem::take(run.store.data_mut());
        let calls = (state.other_calls, state.output);
        (results, calls, run.kernel_bytes().to_vec(), state.accesses)
    });
    let (results, calls, bytes, mut accesses) = runs.next().expect("three modes");
    let mut left = None;
    for (mode, other) in MODES[1..].iter().zip(runs) {
        assert_eq!(other.0, results, "{mode:?}");
        assert_eq!(other.1, calls, "{mode:?}");
        assert!(
            other.2 == bytes,
            "{mode:?} leaves other bytes in kernel memory"
        );
        assert_eq!(*left.get_or_insert(other.3.clone()), other.3, "{mode:?}");
    }
    let left = left.unwrap_or_default();
    for (access, count) in &mut accesses {
        *count -= left.get(access).copied().unwrap_or(0);
    }
    (results, accesses, left)
}
