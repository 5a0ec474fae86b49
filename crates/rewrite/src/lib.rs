//! Makes a plug-in's reads and writes of kernel memory instructions of its own instead of calls of the host.
//!
//! Published plug-ins copy their input and output through one imported call per eight bytes. This
//! pass gives the module a second memory, the kernel memory, and replaces direct calls of
//! `load_u8`, `store_u64`, `input_length` and their like by the instructions those functions stand
//! for. It turns bytes into bytes: it knows no engine, no store, no manifest and no file.
//!
//! Invariant: a module behaves the same before and after, whatever the guest does; when that cannot
//! be kept, the module is [`Declined`]. The host owes the pass two things: the functions that stay
//! calls work on the very same memory by the same rules (a load outside of `[64, size)` answers 0,
//! such a store does nothing), and the cells of [`extism_abi::layout`] always describe an input
//! that lies inside of the memory.
//!
//! Without the feature `validate`, that the module is valid is for the caller to know: a page, whose engine
//! validates, does without.

#![forbid(unsafe_code)]

mod access;
mod body;
mod bound;
mod bulk;
mod check;
mod copy_loop;
mod emit;
mod inline;
mod instruction;
mod loops;
pub mod module;
mod moved;
mod outline;
mod shift;
mod sink;
mod types;

use std::fmt;

pub use bound::{Bounds, bound};
pub use types::{FuncType, ValType};

use body::Bodies;
use emit::Start;
use outline::{Body, Growth, Outline};

/// How the rewritten module comes by the kernel memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelMemory {
    /// The module defines the memory and exports it as
    /// [`extism_abi::layout::KERNEL_MEMORY_EXPORT`]: for a plug-in of one module, which then is a
    /// single instance.
    Define {
        /// Pages of 64 KiB at the start. There is always a first page: 0 is taken as 1.
        pages_min: u64,
        /// Pages the memory may grow to; the 65,536 of a 32-bit memory when absent.
        pages_max: Option<u64>,
    },
    /// The module imports the memory as [`extism_abi::layout::KERNEL_MEMORY_IMPORT`]: for a plug-in
    /// of several modules. The memory given must have one page or more.
    Import,
}

impl KernelMemory {
    /// What suits each module of a plug-in of so many: a single one brings the memory, which begins with one
    /// page.
    pub fn for_plugin_of(modules: usize) -> KernelMemory {
        match modules {
            1 => KernelMemory::Define {
                pages_min: 1,
                pages_max: None,
            },
            _ => KernelMemory::Import,
        }
    }
}

/// What the host wants of the pass.
///
/// ```
/// use extism_rewrite::{KernelMemory, Options, rewrite};
///
/// let wasm = wat::parse_str(
///     r#"(module
///         (import "extism:host/env" "input_load_u8" (func $input (param i64) (result i32)))
///         (func (export "first_byte") (result i32) (call $input (i64.const 0))))"#,
/// )?;
/// let options = Options {
///     kernel_memory: KernelMemory::Define { pages_min: 1, pages_max: None },
///     keep: &|_name| false,
/// };
/// let rewritten = rewrite(&wasm, &options)?;
/// assert_eq!((rewritten.inlined_calls, rewritten.bulk), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Where the kernel memory lives.
    pub kernel_memory: KernelMemory,
    /// Says of a kernel function, by its 1.x name, whether the embedder overrides it: its calls
    /// then stay calls, under either of its names. Answers are expected to be the same for the same
    /// name.
    pub keep: &'a dyn Fn(&str) -> bool,
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options = formatter.debug_struct("Options");
        options.field("kernel_memory", &self.kernel_memory);
        options.finish_non_exhaustive()
    }
}

/// A module after the pass. The same input and options give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The new module. Function, table, global, tag, type, element and data indices are those of
    /// the old one; only [`KernelMemory::Import`] moves memory indices. All imports are still
    /// there, used or not.
    pub wasm: Vec<u8>,
    /// How many calls became instructions.
    pub inlined_calls: usize,
    /// How many calls could have, but stayed: the limits on growth and on locals were reached.
    pub kept_calls: usize,
    /// How many of the two bulk functions copy in one instruction now.
    pub bulk: usize,
    /// How many loops over such calls were seen to copy bytes, and copy many at once now.
    pub copy_loops: usize,
}

/// Why a module is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeclinedKind {
    /// It is not a valid core module, or it needs a proposal the pass does not know: the engine has
    /// the last word.
    Invalid,
    /// It uses a name reserved for rewritten modules. A host should refuse it: only modules that
    /// went through the pass may import or export the kernel memory.
    Reserved,
    /// It cannot be rewritten, or not within the limits engines have. It can be run as it is.
    Unsupported,
    /// The pass would only add an import: nothing in the module would use the kernel memory. Only with
    /// [`KernelMemory::Import`].
    Unneeded,
}

/// The module is used unchanged, or refused when its kind is [`DeclinedKind::Reserved`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// The reason, to act on.
    pub kind: DeclinedKind,
    /// The reason, to read.
    pub reason: String,
}

impl Declined {
    fn new(kind: DeclinedKind, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Declined { kind, reason }
    }
}

impl fmt::Display for Declined {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "module not rewritten: {}", self.reason)
    }
}

impl std::error::Error for Declined {}

impl From<wasmparser::Error> for Declined {
    fn from(error: wasmparser::Error) -> Self {
        Declined::new(DeclinedKind::Invalid, error.to_string())
    }
}

/// Rewrites one module.
///
/// Only direct calls are replaced, and only of imports that have the right type; imports whose
/// address is taken (by `ref.func`, an element segment, an export or the start section) stay linked
/// and work as before. The new module is at most three times the old one's size plus 64 KiB.
///
/// # Errors
///
/// [`Declined`] says why the module is left as it is. Never panics, whatever the bytes.
pub fn rewrite(wasm: &[u8], options: &Options<'_>) -> Result<Rewritten, Declined> {
    rewrite_for(wasm, options, Growth::Free, Start::AtOnce)
}

/// As [`rewrite`], for an engine that asks nobody before a memory or a table grows, and that shows the
/// memories of a module only after its start function has run.
///
/// Growth is then bounded by the cells at [`extism_abi::layout::MEMORY_LEFT_ADDRESS`] and
/// [`extism_abi::layout::TABLE_LEFT_ADDRESS`], and the start function is exported as
/// [`extism_abi::layout::START_EXPORT`], for the host to call. The module behaves the same only if the host
/// does its share.
///
/// # Errors
///
/// As [`rewrite`].
pub fn rewrite_for_page(wasm: &[u8], options: &Options<'_>) -> Result<Rewritten, Declined> {
    rewrite_for(wasm, options, Growth::Metered, Start::Deferred)
}

fn rewrite_for(
    wasm: &[u8],
    options: &Options<'_>,
    growth: Growth,
    start: Start,
) -> Result<Rewritten, Declined> {
    let mut bodies = Bodies::new(wasm, options.kernel_memory);
    let each_body = |outline: &Outline, body: &Body| bodies.push(outline, body);
    let outline = Outline::read(wasm, options.keep, growth, each_body)?;
    let import = options.kernel_memory == KernelMemory::Import;
    if import && growth == Growth::Free && bodies.inlined_calls + bodies.bulk == 0 {
        let reason = "nothing in the module would use the kernel memory";
        return Err(Declined::new(DeclinedKind::Unneeded, reason));
    }
    Ok(Rewritten {
        wasm: emit::module(wasm, &outline, &bodies.code, options.kernel_memory, start)?,
        inlined_calls: bodies.inlined_calls,
        kept_calls: bodies.kept_calls,
        bulk: bodies.bulk,
        copy_loops: bodies.copy_loops,
    })
}
