//! The process's own output, where the host lets a plug-in write to it.
//!
//! Invariant: a reader that is slow, or does not read, holds up a thread of WASI's and never the plug-in's
//! call; of one plug-in, no more than one write to each output waits.

use std::future::Future;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::task::{JoinHandle, spawn_blocking};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// One of the outputs of the process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Output {
    Stdout,
    Stderr,
}

/// How many bytes are written at once. WASI asks for no more.
const WRITE_BYTES_MAX: usize = 4096;

impl Output {
    /// Writes past the standard library's lock and its buffer: the thread that calls the plug-in may hold
    /// that lock, and waits for this.
    #[cfg(unix)]
    fn write_all(self, bytes: &[u8]) -> io::Result<()> {
        use std::fs::File;
        use std::io::Write;
        use std::os::fd::AsFd;

        let descriptor = match self {
            Output::Stdout => io::stdout().as_fd().try_clone_to_owned(),
            Output::Stderr => io::stderr().as_fd().try_clone_to_owned(),
        };
        match descriptor.and_then(|descriptor| File::from(descriptor).write_all(bytes)) {
            // A process without outputs drops what is written to them.
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => Ok(()),
            written => written,
        }
    }

    #[cfg(not(unix))]
    fn write_all(self, bytes: &[u8]) -> io::Result<()> {
        use std::io::Write;

        match self {
            Output::Stdout => io::stdout()
                .write_all(bytes)
                .and_then(|()| io::stdout().flush()),
            Output::Stderr => io::stderr().write_all(bytes),
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        match self {
            Output::Stdout => io::IsTerminal::is_terminal(&io::stdout()),
            Output::Stderr => io::IsTerminal::is_terminal(&io::stderr()),
        }
    }
}

impl StdoutStream for Output {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Stream {
            output: *self,
            writing: None,
            failed: None,
        })
    }

    /// Nothing of preview 1 asks for it.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        match self {
            Output::Stdout => io::stdout().async_stream(),
            Output::Stderr => io::stderr().async_stream(),
        }
    }
}

struct Stream {
    output: Output,
    /// A write that has not ended; of a call that has, perhaps.
    writing: Option<JoinHandle<io::Result<()>>>,
    failed: Option<io::Error>,
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let output = self.output;
        self.writing = Some(spawn_blocking(move || output.write_all(&bytes)));
        Ok(())
    }

    /// A write ends when everything is written.
    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match (self.failed.take(), &self.writing) {
            (Some(error), _) => Err(StreamError::LastOperationFailed(error.into())),
            (None, Some(_)) => Ok(0),
            (None, None) => Ok(WRITE_BYTES_MAX),
        }
    }
}

impl Pollable for Stream {
    fn ready<'this, 'future>(&'this mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'future>>
    where
        'this: 'future,
        Self: 'future,
    {
        Box::pin(async {
            if let Some(writing) = &mut self.writing {
                let written = writing.await.unwrap_or_else(|error| Err(error.into()));
                self.writing = None;
                self.failed = written.err();
            }
        })
    }
}
