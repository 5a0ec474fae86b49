//! How much of a buffer is read or written at once.
//!
//! wasmtime-wasi copies as much of it on the host's side as the plug-in says. Invariant: what is copied for
//! one call is no more than [`BYTES_MAX`], and the plug-in finds its list of buffers as it was.

/// More takes another call, as always with files.
const BYTES_MAX: u32 = 1024 * 1024;

/// The size of an entry of the list, and where in it the length of the buffer is.
const ENTRY_BYTES: usize = 8;
const LENGTH_AT: usize = 4;

/// The length of a buffer that is said to be shorter than it is, for as long as a call takes.
pub(super) struct Piece {
    at: usize,
    whole: u32,
}

impl Piece {
    /// Shortens the buffer that will be used: the first one that is not empty. `None` if it can stay.
    pub(super) fn of(function: &str, args: &[i64], memory: &mut [u8]) -> Option<Piece> {
        let (list, count) = match (function, args) {
            ("fd_read" | "fd_write", [_, list, count, _])
            | ("fd_pwrite", [_, list, count, _, _]) => {
                (*list as u32 as usize, *count as u32 as usize)
            }
            _ => return None,
        };
        let list = list..list.checked_add(count.checked_mul(ENTRY_BYTES)?)?;
        let entries = memory.get(list.clone())?.chunks_exact(ENTRY_BYTES);
        let entries = entries.map(|entry| (number(entry, 0), number(entry, LENGTH_AT)));
        let (index, (start, whole)) = entries.enumerate().find(|(_, (_, len))| *len != 0)?;
        // What reaches beyond the memory is the plug-in's fault, as a whole.
        let end = u64::from(start) + u64::from(whole);
        if whole <= BYTES_MAX || end > memory.len() as u64 {
            return None;
        }
        let at = list.start + index * ENTRY_BYTES + LENGTH_AT;
        let piece = Piece { at, whole };
        piece.replace(memory, BYTES_MAX);
        Some(piece)
    }

    /// Gives the buffer its length back, unless what was read is there now.
    pub(super) fn end(self, memory: &mut [u8]) {
        if memory.get(self.at..).map(|rest| number(rest, 0)) == Some(BYTES_MAX) {
            self.replace(memory, self.whole);
        }
    }

    fn replace(&self, memory: &mut [u8], len: u32) {
        if let Some(place) = memory.get_mut(self.at..self.at + size_of::<u32>()) {
            place.copy_from_slice(&len.to_le_bytes());
        }
    }
}

/// The number at a place in a list.
fn number(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
