//! Kernel functions by the written rules, over the bytes of kernel memory. Written without a look at the pass.

use extism_abi::import::{ENV_MODULE, Import, KERNEL, LEGACY_MODULE, LEGACY_ONLY, Ty};
use extism_abi::layout::{
    FIRST_HANDLE, INPUT_LENGTH_ADDRESS, INPUT_OFFSET_ADDRESS, KERNEL_MEMORY_EXPORT, PAGE_BYTES,
};
use wasmi::{Caller, FuncType, Linker, Memory, StoreLimits, StoreLimitsBuilder, Val, ValType};

/// What the host keeps.
pub(crate) struct State {
    pub(crate) memory: Option<Memory>,
    /// The calls of functions that never become instructions, in order.
    pub(crate) other_calls: Vec<String>,
    /// How many calls of the others reached the host.
    pub(crate) access_calls: usize,
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
            access_calls: 0,
            limits: limits.build(),
        }
    }
}

/// Links all kernel functions of both eras.
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

fn answer(caller: &mut Caller<'_, State>, memory: Memory, name: &str, arguments: &[Val]) -> u64 {
    let bits = |index: usize| match arguments[index] {
        Val::I32(value) => u64::from(value as u32),
        Val::I64(value) => value as u64,
        _ => panic!("kernel functions take integers"),
    };
    caller.data_mut().access_calls += 1;
    let bytes = memory.data_mut(&mut *caller);
    let input = (
        get(bytes, INPUT_OFFSET_ADDRESS, 8),
        get(bytes, INPUT_LENGTH_ADDRESS, 8),
    );
    match name {
        "load_u8" => load(bytes, bits(0), 1),
        "load_u32" => load(bytes, bits(0), 4),
        "load_u64" => load(bytes, bits(0), 8),
        "store_u8" => store(bytes, bits(0), bits(1), 1),
        "store_u32" => store(bytes, bits(0), bits(1), 4),
        "store_u64" => store(bytes, bits(0), bits(1), 8),
        "input_offset" => input.0,
        "input_length" => input.1,
        "input_load_u8" => input_load(bytes, input, bits(0), 1),
        "input_load_u64" => input_load(bytes, input, bits(0), 8),
        _ => {
            caller.data_mut().access_calls -= 1;
            caller
                .data_mut()
                .other_calls
                .push(format!("{name} {arguments:?}"));
            other(caller, memory, name, arguments)
        }
    }
}

/// The functions that stay calls: an `alloc` that grows the memory, so that sizes change; the rest answer a constant.
fn other(caller: &mut Caller<'_, State>, memory: Memory, name: &str, arguments: &[Val]) -> u64 {
    match (name, arguments) {
        ("alloc", [Val::I64(length)]) => {
            let pages = (*length as u64 / PAGE_BYTES).min(2);
            let before = memory.size(&*caller) * PAGE_BYTES;
            memory.grow(&mut *caller, pages).map_or(0, |_| before)
        }
        _ => name.len() as u64,
    }
}

fn load(bytes: &[u8], address: u64, width: u64) -> u64 {
    if inside(bytes, address, width) {
        get(bytes, address, width)
    } else {
        0
    }
}

fn store(bytes: &mut [u8], address: u64, value: u64, width: u64) -> u64 {
    if inside(bytes, address, width) {
        let start = address as usize;
        bytes[start..start + width as usize]
            .copy_from_slice(&value.to_le_bytes()[..width as usize]);
    }
    0
}

fn input_load(bytes: &[u8], (offset, length): (u64, u64), at: u64, width: u64) -> u64 {
    match at.checked_add(width) {
        Some(end) if end <= length => get(bytes, offset + at, width),
        _ => 0,
    }
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
