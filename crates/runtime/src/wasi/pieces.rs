//! Large buffers of files, read and written a piece after the other.
//!
//! wasmtime-wasi copies as much on the host's side as the plug-in says. Invariant: what is copied at once is
//! no more than [`BYTES_MAX`], and the plug-in sees one call, with its list of buffers as it was.

const BYTES_MAX: u32 = 1024 * 1024;

/// The size of an entry of the list.
const ENTRY_BYTES: usize = 8;

/// Where a buffer is, and how long.
type Entry = [u32; 2];

/// A call with a large buffer.
pub(super) struct Pieces {
    whole: Entry,
    /// How much of it is done in this call.
    len: u32,
    done: u32,
    /// The piece that is in the list now.
    listed: Entry,
    /// Where that is, and where the number of bytes goes.
    at: usize,
    result_at: usize,
}

impl Pieces {
    /// Looks at the buffer that will be used: the first one that is not empty. If it is large, its first
    /// piece is in the list from now on.
    pub(super) fn of(function: &str, args: &[i64], memory: &mut [u8]) -> Option<Pieces> {
        let args = match (function, args) {
            ("fd_read" | "fd_write", [_, list, count, result])
            | ("fd_pwrite", [_, list, count, _, result]) => [*list, *count, *result],
            _ => return None,
        };
        let [list, count, result_at] = args.map(|number| number as u32 as usize);
        let mut entries = (0..count).map_while(|index| {
            let at = list.checked_add(index.checked_mul(ENTRY_BYTES)?)?;
            Some((at, entry(memory, at)?))
        });
        let (at, whole) = entries.find(|(_, [_, len])| *len != 0)?;
        let [start, len] = whole;
        // What reaches beyond the memory is the plug-in's fault, as a whole.
        let end = u64::from(start) + u64::from(len);
        if len <= BYTES_MAX || end > memory.len() as u64 {
            return None;
        }
        // Where the list itself is written, it is as the plug-in made it: by another call, that begins there.
        let before_list = (at as u64).checked_sub(u64::from(start));
        let before_list = before_list.filter(|before| (1..u64::from(len)).contains(before));
        let mut pieces = Pieces {
            whole,
            len: before_list.map_or(len, |before| before as u32),
            done: 0,
            listed: whole,
            at,
            result_at,
        };
        pieces.list(memory);
        Some(pieces)
    }

    /// The argument of that name as the piece in the list needs it.
    pub(super) fn argument(pieces: Option<&Pieces>, name: &str, value: i64) -> i64 {
        match (name, pieces) {
            ("offset", Some(pieces)) => value.wrapping_add(i64::from(pieces.done)),
            _ => value,
        }
    }

    /// Something was read or written. Whether there is another piece, which is in the list then.
    pub(super) fn next(&mut self, memory: &mut [u8]) -> bool {
        let bytes = number(memory, self.result_at).unwrap_or_default();
        let bytes = bytes.min(self.listed[1]);
        self.done += bytes;
        let goes_on = bytes == self.listed[1] && self.done < self.len && self.is_listed(memory);
        if goes_on {
            self.list(memory);
        }
        goes_on
    }

    /// Leaves the list as it was, and how much was read or written. Whether that is anything.
    pub(super) fn end(self, memory: &mut [u8]) -> bool {
        if self.is_listed(memory) {
            put(memory, self.at, self.whole);
        }
        if self.done > 0 {
            put(memory, self.result_at, [self.done]);
        }
        self.done > 0
    }

    fn list(&mut self, memory: &mut [u8]) {
        let [start, _] = self.whole;
        self.listed = [start + self.done, (self.len - self.done).min(BYTES_MAX)];
        put(memory, self.at, self.listed);
    }

    /// Whether nothing was read over the list.
    fn is_listed(&self, memory: &[u8]) -> bool {
        entry(memory, self.at) == Some(self.listed)
    }
}

fn entry(memory: &[u8], at: usize) -> Option<Entry> {
    Some([number(memory, at)?, number(memory, at.checked_add(4)?)?])
}

fn number(memory: &[u8], at: usize) -> Option<u32> {
    let bytes = memory.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

/// Writes numbers where the memory has room for them.
fn put<const N: usize>(memory: &mut [u8], at: usize, numbers: [u32; N]) {
    let places = memory.get_mut(at..).unwrap_or_default();
    for (place, number) in places.chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}
