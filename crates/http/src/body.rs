//! The body of a response as it arrives: decompressed if need be, and never larger than its limit.
//!
//! Must not know: sockets, framing.
//!
//! Keeps: the limit holds for the decoded bytes, before they are stored.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

use crate::error::HttpError;

pub(crate) struct Body {
    sink: Sink,
    /// Bytes as they were transferred.
    pub(crate) raw_bytes: u64,
}

enum Sink {
    Plain(Capped),
    Gzip(Box<MultiGzDecoder<Capped>>),
}

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Gzip,
}

impl Body {
    pub(crate) fn new(encoding: Encoding, bytes_max: u64) -> Body {
        let capped = Capped {
            bytes: Vec::new(),
            bytes_max,
        };
        let sink = match encoding {
            Encoding::Plain => Sink::Plain(capped),
            Encoding::Gzip => Sink::Gzip(Box::new(MultiGzDecoder::new(capped))),
        };
        Body { sink, raw_bytes: 0 }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        self.raw_bytes = self.raw_bytes.saturating_add(bytes.len() as u64);
        match &mut self.sink {
            Sink::Plain(capped) => capped.write_all(bytes),
            Sink::Gzip(decoder) => decoder.write_all(bytes),
        }
        .map_err(not_gzip)
    }

    /// How many decoded bytes there are so far.
    pub(crate) fn decoded_bytes(&self) -> u64 {
        let capped = match &self.sink {
            Sink::Plain(capped) => capped,
            Sink::Gzip(decoder) => decoder.get_ref(),
        };
        capped.bytes.len() as u64
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, HttpError> {
        match self.sink {
            Sink::Plain(capped) => Ok(capped.bytes),
            // Some servers announce a compression and then send nothing at all.
            Sink::Gzip(_) if self.raw_bytes == 0 => Ok(Vec::new()),
            Sink::Gzip(decoder) => Ok(decoder.finish().map_err(not_gzip)?.bytes),
        }
    }
}

fn not_gzip(error: io::Error) -> HttpError {
    HttpError::from_io(error, "decompress the body")
}

/// A buffer that refuses to grow past a limit.
struct Capped {
    bytes: Vec<u8>,
    bytes_max: u64,
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let after = (self.bytes.len() as u64).saturating_add(bytes.len() as u64);
        if after > self.bytes_max {
            return Err(HttpError::BodyTooLarge(self.bytes_max).into());
        }
        self.bytes
            .try_reserve(bytes.len())
            .map_err(|_| HttpError::OutOfMemory)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
