//! Function bodies with their calls replaced.
//!
//! Knows where calls are and how much a module may grow; what is put in their place, or before a
//! loop around them, is decided in `inline`, `bulk` and `copy_loop`. Invariant: every byte of a body
//! is either copied, or belongs to a replaced call, or names a memory that has moved.

use wasm_encoder::{CodeSection, Encode};

use crate::access::{Access, Growing};
use crate::copy_loop::Guard;
use crate::inline::{self, Scratch};
use crate::instruction::Instructions;
use crate::outline::{Body, Outline, Site};
use crate::shift::Shift;
use crate::sink::Sink;
use crate::{Declined, DeclinedKind, KernelMemory};

/// Limits that all engines share.
const LOCALS_MAX: u32 = 50_000;
const FUNCTION_BYTES_MAX: usize = 7_654_321;

/// Room kept for what a body gets besides replaced calls: locals and the bulk copy.
const EXTRA_BYTES: usize = 256;

/// How much replaced calls may add to a function, and to a module, of that many bytes. Moved memory
/// indices add a third at most, so that a module stays within three times its size plus 64 KiB.
fn growth_bytes_max(bytes: usize) -> usize {
    bytes.saturating_add(32 * 1024)
}

/// All bodies of a module, rewritten.
pub(crate) struct Bodies<'a> {
    wasm: &'a [u8],
    kernel_memory: KernelMemory,
    /// How much more replaced calls may add.
    growth_bytes: usize,
    pub(crate) code: CodeSection,
    pub(crate) inlined_calls: usize,
    pub(crate) kept_calls: usize,
    pub(crate) bulk: usize,
    pub(crate) copy_loops: usize,
}

impl<'a> Bodies<'a> {
    /// No bodies yet.
    pub(crate) fn new(wasm: &'a [u8], kernel_memory: KernelMemory) -> Self {
        Bodies {
            wasm,
            kernel_memory,
            growth_bytes: growth_bytes_max(wasm.len()),
            code: CodeSection::new(),
            inlined_calls: 0,
            kept_calls: 0,
            bulk: 0,
            copy_loops: 0,
        }
    }

    /// Rewrites the next body.
    pub(crate) fn push(&mut self, outline: &Outline, body: &Body) -> Result<(), Declined> {
        let (kernel, shift) = outline.kernel(self.kernel_memory);
        let bulk = outline
            .bulk
            .iter()
            .find(|(_, function)| *function == body.index);
        let mut room_bytes = self.room_bytes(body, shift);
        let sites = if room_bytes == 0 {
            &[]
        } else {
            &body.sites[..]
        };
        self.kept_calls += body.sites.len() - sites.len();
        let grows = |site: &Site| matches!(site.access, Access::Grow(_));
        if sites.is_empty() && body.sites.iter().any(grows) {
            return Err(unmetered());
        }
        if sites.is_empty() && bulk.is_none() && !shift.moves() {
            self.code.raw(&self.wasm[body.whole.clone()]);
            return Ok(());
        }
        let mut out = Vec::with_capacity(body.whole.len() + EXTRA_BYTES);
        // A bulk function's own loop is for what cannot be copied at once.
        let copy_loops = match bulk {
            None if !sites.is_empty() => &body.copy_loops[..],
            _ => &[],
        };
        let scratch = Scratch::for_sites(sites, !copy_loops.is_empty(), body.locals_count);
        let guard = Guard {
            kernel,
            guest: shift.index(0),
            locals: scratch.wide(),
        };
        (body.groups + scratch.groups()).encode(&mut out);
        out.extend_from_slice(&self.wasm[body.locals.clone()]);
        scratch.encode(&mut out);
        if let Some((bulk, _)) = bulk {
            bulk.emit(kernel, shift.index(0), &mut out);
            self.bulk += 1;
        }
        let mut old = Old::new(&self.wasm[body.code.clone()], shift);
        let mut copy_loops = copy_loops.iter().peekable();
        for site in sites {
            while let Some(copy) = copy_loops.next_if(|copy| copy.offset < site.offset) {
                old.copy_until(copy.offset, &mut out)?;
                let start = out.len();
                guard.emit(copy, &mut out);
                self.copy_loops += usize::from(stays(&mut out, start, 0, &mut room_bytes));
            }
            old.copy_until(site.offset, &mut out)?;
            let start = out.len();
            let access = match site.access {
                Access::Grow(Growing::Memory(memory)) => {
                    Access::Grow(Growing::Memory(shift.index(memory)))
                }
                access => access,
            };
            inline::emit(access, kernel, &scratch, &mut out);
            if site.tail {
                Sink::new(&mut out).return_();
            }
            if stays(&mut out, start, site.length, &mut room_bytes) {
                self.inlined_calls += usize::from(!grows(site));
                old.skip(site.length)?;
            } else if matches!(site.access, Access::Grow(_)) {
                return Err(unmetered());
            } else {
                // The call is copied with what follows it.
                self.kept_calls += 1;
            }
        }
        old.copy_until(body.code.len(), &mut out)?;
        if out.len() > FUNCTION_BYTES_MAX {
            let reason = "a function would grow beyond the size engines accept";
            return Err(Declined::new(DeclinedKind::Unsupported, reason));
        }
        let growth_bytes = out.len().saturating_sub(body.whole.len());
        self.growth_bytes = self.growth_bytes.saturating_sub(growth_bytes);
        self.code.raw(&out);
        Ok(())
    }

    /// How much replaced calls may add to a body: 0 when no local can be added either.
    fn room_bytes(&self, body: &Body, shift: Shift) -> usize {
        if body.locals_count > LOCALS_MAX - Scratch::COUNT_MAX {
            return 0;
        }
        let length = body.whole.len();
        let moved = if shift.moves() { length / 3 } else { 0 };
        let engine_max = FUNCTION_BYTES_MAX.saturating_sub(length + moved + EXTRA_BYTES);
        let growth_bytes = self.growth_bytes.saturating_sub(EXTRA_BYTES);
        growth_bytes_max(length).min(engine_max).min(growth_bytes)
    }
}

fn unmetered() -> Declined {
    let reason = "there is no room to meter the growth of its memories and tables";
    Declined::new(DeclinedKind::Unsupported, reason)
}

/// Whether there is room for what has been written since `start` in place of so many bytes. Takes it
/// back if there is not.
fn stays(out: &mut Vec<u8>, start: usize, replaced_bytes: usize, room_bytes: &mut usize) -> bool {
    let growth_bytes = (out.len() - start).saturating_sub(replaced_bytes);
    let rest_bytes = room_bytes.checked_sub(growth_bytes);
    match rest_bytes {
        Some(rest_bytes) => *room_bytes = rest_bytes,
        None => out.truncate(start),
    }
    rest_bytes.is_some()
}

/// The instructions of an old body, read from front to back.
struct Old<'a> {
    code: &'a [u8],
    position: usize,
    /// Only needed when memories move: otherwise bytes are copied without looking at them again.
    moving: Option<(Instructions<'a>, Shift)>,
}

impl<'a> Old<'a> {
    fn new(code: &'a [u8], shift: Shift) -> Self {
        Old {
            code,
            position: 0,
            moving: shift.moves().then(|| (Instructions::of_code(code), shift)),
        }
    }

    /// Copies what comes before `end`, a position between two instructions.
    fn copy_until(&mut self, end: usize, out: &mut Vec<u8>) -> Result<(), Declined> {
        if let Some((instructions, shift)) = &mut self.moving {
            while self.position < end {
                let instruction = instructions.next()?;
                instruction.write(self.code, shift, out);
                self.position = instruction.whole.end;
            }
        } else {
            out.extend_from_slice(&self.code[self.position..end]);
            self.position = end;
        }
        Ok(())
    }

    /// Passes over the instruction at the current position.
    fn skip(&mut self, length: usize) -> Result<(), Declined> {
        if let Some((instructions, _)) = &mut self.moving {
            instructions.next()?;
        }
        self.position += length;
        Ok(())
    }
}
