//! Kernel functions by the written rules, over the bytes of kernel memory. Written without a look
//! at the pass.

use std::collections::BTreeMap;

use extism_abi::import::{BUILTINS, ENV_MODULE, Import, KERNEL, LEGACY_MODULE, LEGACY_ONLY, Ty};
use extism_abi::layout::{
    FIRST_HANDLE, INPUT_LENGTH_ADDRESS, INPUT_OFFSET_ADDRESS, KERNEL_MEMORY_EXPORT, PAGE_BYTES,
};
use wasmi::{Caller, FuncType, Linker, Memory, StoreLimits, StoreLimitsBuilder, Val, ValType};

/// How often a function was called, by its name and whether the address was inside of its bounds.
pub(crate) type Accesses = BTreeMap<(&'static str, bool), usize>;

/// What the host keeps.
pub(crate) struct State {
    pub(crate) memory: Option<Memory>,
    /// The calls of functions that never become instructions, in order.
    pub(crate) other_calls: Vec<String>,
    /// The calls of the others that reached the host.
    pub(crate) accesses: Accesses,
    /// Blocks given out: handle and length.
    blocks: Vec<(u64, u64)>,
    /// The last output: handle and length.
    pub(crate) output: (u64, u64),
    /// Generated modules ask for all there is.
    pub(crate) limits: StoreLimits,
}

impl Default for State {
    fn default() -> Self {
        let limits = StoreLimitsBuilder::new()
            .memory_size(4 << 20)
            .table_elements(10_000);
        State {
            memory: None,
            other_calls: Vec::new(),
            blocks: Vec::new(),
            output: (0, 0),
            accesses: Accesses::new(),
            limits: limits.build(),
        }
    }
}

impl State {
    /// How many accesses reached the host.
    pub(crate) fn access_calls(&self) -> usize {
        self.accesses.values().sum()
    }
}

/// Links all kernel functions of both eras and, for those who look at them, the builtins.
pub(crate) fn link(linker: &mut Linker<State>) {
    for import in KERNEL {
        define(linker, ENV_MODULE, import.name, import);
        define(
            linker,
            LEGACY_MODULE,
            &format!("extism_{}", import.name),
            import,
        );
    }
    for import in BUILTINS {
        define(linker, ENV_MODULE, import.name, import);
    }
    for import in LEGACY_ONLY {
        define(
            linker,
            LEGACY_MODULE,
            &format!("extism_{}", import.name),
            import,
        );
    }
}

fn define(linker: &mut Linker<State>, module: &str, field: &str, import: &'static Import) {
    let types = |types: &[Ty]| -> Vec<ValType> {
        let of = |ty: &Ty| {
            if *ty == Ty::I32 {
                ValType::I32
            } else {
                ValType::I64
            }
        };
        types.iter().map(of).collect()
    };
    let ty = FuncType::new(types(import.params), types(import.results));
    let call = move |mut caller: Caller<'_, State>, arguments: &[Val], results: &mut [Val]| {
        // While a start function runs, the memory that the module defines is not known to the host yet.
        let inside = caller
            .get_export(KERNEL_MEMORY_EXPORT)
            .and_then(|export| export.into_memory());
        let memory = inside
            .or(caller.data().memory)
            .expect("set before anything runs");
        let result = answer(&mut caller, memory, import.name, arguments);
        if let Some(slot) = results.first_mut() {
            *slot = match slot.ty() {
                ValType::I32 => Val::I32(result as i32),
                _ => Val::I64(result as i64),
            };
        }
        Ok(())
    };
    linker
        .func_new(module, field, ty, call)
        .expect("a new name");
}

fn answer(
    caller: &mut Caller<'_, State>,
    memory: Memory,
    name: &'static str,
    arguments: &[Val],
) -> u64 {
    let bits = |index: usize| match arguments[index] {
        Val::I32(value) => u64::from(value as u32),
        Val::I64(value) => value as u64,
        _ => panic!("kernel functions take integers"),
    };
    let (bytes, state) = memory.data_and_store_mut(&mut *caller);
    let input = (
        get(bytes, INPUT_OFFSET_ADDRESS, 8),
        get(bytes, INPUT_LENGTH_ADDRESS, 8),
    );
    let answer = match name {
        "load_u8" => load(bytes, bits(0), 1),
        "load_u32" => load(bytes, bits(0), 4),
        "load_u64" => load(bytes, bits(0), 8),
        "store_u8" => store(bytes, bits(0), bits(1), 1),
        "store_u32" => store(bytes, bits(0), bits(1), 4),
        "store_u64" => store(bytes, bits(0), bits(1), 8),
        "input_offset" => Some(input.0),
        "input_length" => Some(input.1),
        "input_load_u8" => input_load(bytes, input, bits(0), 1),
        "input_load_u64" => input_load(bytes, input, bits(0), 8),
        _ => {
            state.other_calls.push(format!("{name} {arguments:?}"));
            return other(caller, memory, name, arguments);
        }
    };
    *state.accesses.entry((name, answer.is_some())).or_default() += 1;
    answer.unwrap_or(0)
}

/// The functions that stay calls: an `alloc` that only ever goes up and grows the memory; the rest answer 0.
fn other(caller: &mut Caller<'_, State>, memory: Memory, name: &str, arguments: &[Val]) -> u64 {
    let [Val::I64(argument), rest @ ..] = arguments else {
        return 0;
    };
    let argument = *argument as u64;
    match name {
        "alloc" => alloc(caller, memory, argument).unwrap_or(0),
        "length" | "length_unsafe" => {
            let block = caller
                .data()
                .blocks
                .iter()
                .find(|(handle, _)| *handle == argument);
            block.map_or(0, |(_, length)| *length)
        }
        "output_set" => {
            if let [Val::I64(length)] = rest {
                caller.data_mut().output = (argument, *length as u64);
            }
            0
        }
        _ => 0,
    }
}

/// The first block begins where the memory ends, so that the first byte asked for makes it grow.
fn alloc(caller: &mut Caller<'_, State>, memory: Memory, length: u64) -> Option<u64> {
    let size = memory.size(&*caller) * PAGE_BYTES;
    let last = caller.data().blocks.last().copied();
    let handle = last.map_or(size, |(handle, length)| handle + length);
    let end = handle.checked_add(length)?;
    let pages = end.saturating_sub(size).div_ceil(PAGE_BYTES);
    memory.grow(&mut *caller, pages).ok()?;
    caller.data_mut().blocks.push((handle, length));
    Some(handle)
}

fn load(bytes: &[u8], address: u64, width: u64) -> Option<u64> {
    inside(bytes, address, width).then(|| get(bytes, address, width))
}

fn store(bytes: &mut [u8], address: u64, value: u64, width: u64) -> Option<u64> {
    inside(bytes, address, width).then(|| {
        let start = address as usize;
        bytes[start..start + width as usize]
            .copy_from_slice(&value.to_le_bytes()[..width as usize]);
        0
    })
}

fn input_load(bytes: &[u8], (offset, length): (u64, u64), at: u64, width: u64) -> Option<u64> {
    let end = at.checked_add(width)?;
    (end <= length).then(|| get(bytes, offset + at, width))
}

fn inside(bytes: &[u8], address: u64, width: u64) -> bool {
    let end = address.checked_add(width);
    address >= FIRST_HANDLE && end.is_some_and(|end| end <= bytes.len() as u64)
}

fn get(bytes: &[u8], address: u64, width: u64) -> u64 {
    let range = address as usize..(address + width) as usize;
    bytes[range]
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Writes a little-endian u64.
pub(crate) fn put(bytes: &mut [u8], address: u64, value: u64) {
    let start = address as usize;
    bytes[start..start + 8].copy_from_slice(&value.to_le_bytes());
}
