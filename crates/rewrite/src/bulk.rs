//! The two guest functions that copy blocks, and the instructions put before their own.
//!
//! Our kits export them under reserved names; each is a loop over the standard imports and means
//! "copy these bytes". Knows their types and what is emitted, not where. Invariant: the copy is
//! made only when both ranges lie inside of their memories; everything else is left to the
//! function's own loop, so that answers are the same to the last byte.

use extism_abi::layout::{BULK_LOAD_EXPORT, BULK_STORE_EXPORT, PAGE_BYTES};
use wasm_encoder::{BlockType, MemoryType};

use crate::inline::{FIRST, size_bytes};
use crate::sink::Sink;
use crate::types::{FuncType, ValType};

/// Parameters of both functions.
const HANDLE: u32 = 0;
const GUEST: u32 = 1;
const LENGTH: u32 = 2;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bulk {
    /// From kernel memory to the guest's.
    Load,
    /// From the guest's memory to kernel memory.
    Store,
}

impl Bulk {
    /// The function an export's name promises, unless the host keeps one of those its loop is made
    /// of to itself.
    pub(crate) fn of_export(name: &str, keep: &dyn Fn(&str) -> bool) -> Option<Bulk> {
        let (bulk, parts) = match name {
            BULK_LOAD_EXPORT => (Bulk::Load, ["load_u8", "load_u64"]),
            BULK_STORE_EXPORT => (Bulk::Store, ["store_u8", "store_u64"]),
            _ => return None,
        };
        (!parts.into_iter().any(keep)).then_some(bulk)
    }

    /// Whether a function has the promised type.
    pub(crate) fn type_fits(ty: &FuncType) -> bool {
        ty.params == [ValType::I64, ValType::I32, ValType::I32] && ty.results.is_empty()
    }

    /// Whether the addresses of that type are ones of this memory, and its size is counted in ordinary pages.
    pub(crate) fn memory_fits(memory: &MemoryType) -> bool {
        let page_log2 = PAGE_BYTES.trailing_zeros();
        !memory.memory64 && memory.page_size_log2.is_none_or(|log2| log2 == page_log2)
    }

    /// Writes what comes before the function's own instructions.
    pub(crate) fn emit(self, kernel: u32, guest: u32, out: &mut Vec<u8>) {
        let mut code = Sink::new(out);
        // 64 <= handle
        code.local_get(HANDLE).i64_const(FIRST).i64_ge_u();
        // handle <= size of kernel memory
        code.local_get(HANDLE);
        size_bytes(&mut code, kernel);
        code.i64_le_u().i32_and();
        // length <= size of kernel memory - handle
        code.local_get(LENGTH).i64_extend_i32_u();
        size_bytes(&mut code, kernel);
        code.local_get(HANDLE).i64_sub().i64_le_u().i32_and();
        // address + length <= size of the guest's memory
        code.local_get(GUEST).i64_extend_i32_u();
        code.local_get(LENGTH).i64_extend_i32_u().i64_add();
        size_bytes(&mut code, guest);
        code.i64_le_u().i32_and().if_(BlockType::Empty);
        match self {
            Bulk::Load => {
                code.local_get(GUEST).local_get(HANDLE).i32_wrap_i64();
                code.local_get(LENGTH).memory_copy(guest, kernel);
            }
            Bulk::Store => {
                code.local_get(HANDLE).i32_wrap_i64().local_get(GUEST);
                code.local_get(LENGTH).memory_copy(kernel, guest);
            }
        }
        code.return_().end();
    }
}
