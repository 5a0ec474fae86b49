//! A connection that reads and writes under a [`Watch`], in clear or over TLS.
//!
//! Must not know: HTTP, policies.
//!
//! Keeps: no read or write outlasts the deadline or the caller's patience by more than a slice; either
//! then ends with our own error inside the IO error.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::error::HttpError;
use crate::watch::{SLICE, Watch};

pub(crate) enum Connection<'a> {
    Clear(Socket<'a>),
    Tls(Box<StreamOwned<ClientConnection, Socket<'a>>>),
}

impl<'a> Connection<'a> {
    pub(crate) fn clear(stream: TcpStream, watch: Watch<'a>) -> Result<Connection<'a>, HttpError> {
        Ok(Connection::Clear(Socket::new(stream, watch)?))
    }

    /// Makes the TLS handshake; `host` as in the URL, brackets of an IPv6 address included.
    pub(crate) fn tls(
        stream: TcpStream,
        watch: Watch<'a>,
        config: &Arc<ClientConfig>,
        host: &str,
    ) -> Result<Connection<'a>, HttpError> {
        let failed = |why: &dyn std::fmt::Display| {
            HttpError::Failed(format!("TLS handshake with {host}: {why}"))
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_string()).map_err(|error| failed(&error))?;
        let session =
            ClientConnection::new(Arc::clone(config), name).map_err(|error| failed(&error))?;
        let mut stream = StreamOwned::new(session, Socket::new(stream, watch)?);
        while stream.conn.is_handshaking() {
            stream
                .conn
                .complete_io(&mut stream.sock)
                .map_err(|error| HttpError::from_io(error, format!("TLS handshake with {host}")))?;
        }
        Ok(Connection::Tls(Box::new(stream)))
    }
}

impl Read for Connection<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Connection::Clear(socket) => socket.read(buffer),
            Connection::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Connection::Clear(socket) => socket.write(bytes),
            Connection::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Connection::Clear(socket) => socket.flush(),
            Connection::Tls(stream) => stream.flush(),
        }
    }
}

/// A socket that waits in slices.
pub(crate) struct Socket<'a> {
    stream: TcpStream,
    watch: Watch<'a>,
    read_slice: Duration,
    write_slice: Duration,
}

impl<'a> Socket<'a> {
    fn new(stream: TcpStream, watch: Watch<'a>) -> Result<Socket<'a>, HttpError> {
        let prepare = || {
            stream.set_nonblocking(false)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(SLICE))?;
            stream.set_write_timeout(Some(SLICE))
        };
        prepare().map_err(|error| HttpError::from_io(error, "prepare the connection"))?;
        Ok(Socket {
            stream,
            watch,
            read_slice: SLICE,
            write_slice: SLICE,
        })
    }
}

/// Whether an operation ended because its slice did, or because of a signal.
fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.watch.check()?;
            let slice = self.watch.slice();
            // Some systems refuse to change the timeout of a connection the peer has closed. The old
            // one, a slice at most, stays in force.
            if slice != self.read_slice && self.stream.set_read_timeout(Some(slice)).is_ok() {
                self.read_slice = slice;
            }
            match self.stream.read(buffer) {
                Err(error) if is_pause(&error) => {}
                outcome => return outcome,
            }
        }
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.watch.check()?;
            let slice = self.watch.slice();
            if slice != self.write_slice && self.stream.set_write_timeout(Some(slice)).is_ok() {
                self.write_slice = slice;
            }
            match self.stream.write(bytes) {
                Err(error) if is_pause(&error) => {}
                outcome => return outcome,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
