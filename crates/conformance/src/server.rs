//! The HTTP servers of a run, on the loopback interface.
//!
//! Must not know: what is answered (`endpoint`). Invariant: two servers with the same answers on two ports,
//! so that a case may allow one and not the other; every request is counted.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;

use crate::endpoint;

/// The servers.
pub(crate) struct Servers {
    http: SocketAddr,
    other: SocketAddr,
    hits: Arc<AtomicU64>,
}

/// A request as it arrived.
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case, in the order of arrival.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// How long a connection may be idle. No case waits that long.
const IDLE_MAX: Duration = Duration::from_secs(60);

impl Servers {
    /// Starts both; they end with the process.
    pub(crate) fn start(root: &Path) -> Result<Servers> {
        let hits = Arc::new(AtomicU64::new(0));
        let [http, other] = [
            TcpListener::bind("127.0.0.1:0")?,
            TcpListener::bind("127.0.0.1:0")?,
        ];
        let servers = Servers {
            http: http.local_addr()?,
            other: other.local_addr()?,
            hits: Arc::clone(&hits),
        };
        for listener in [http, other] {
            let (hits, root) = (Arc::clone(&hits), root.to_owned());
            std::thread::spawn(move || accept(&listener, &hits, &root));
        }
        Ok(servers)
    }

    /// Where the first listens.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where the second listens.
    pub(crate) fn other(&self) -> SocketAddr {
        self.other
    }

    /// How many requests have arrived at both.
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::SeqCst)
    }

    pub(crate) fn forget_hits(&self) {
        self.hits.store(0, Ordering::SeqCst);
    }
}

fn accept(listener: &TcpListener, hits: &Arc<AtomicU64>, root: &Path) {
    for stream in listener.incoming().flatten() {
        let (hits, root): (_, PathBuf) = (Arc::clone(hits), root.to_owned());
        std::thread::spawn(move || {
            // Whoever hangs up has what it wanted.
            let _ = serve(&stream, &hits, &root);
        });
    }
}

fn serve(mut stream: &TcpStream, hits: &AtomicU64, root: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE_MAX))?;
    stream.set_write_timeout(Some(IDLE_MAX))?;
    let mut reader = BufReader::new(stream);
    let Some(request) = read(&mut reader)? else {
        return Ok(());
    };
    hits.fetch_add(1, Ordering::SeqCst);
    endpoint::answer(&request, &mut stream, root)
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok());
    let mut body = Vec::new();
    reader.take(length.unwrap_or(0)).read_to_end(&mut body)?;
    Ok(Some(Request {
        method,
        target,
        headers,
        body,
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn requests_are_read_answered_and_counted() {
        let servers = Servers::start(Path::new(".")).unwrap();
        assert_ne!(servers.http(), servers.other());
        for (address, hits) in [(servers.http(), 1), (servers.other(), 2)] {
            let mut stream = TcpStream::connect(address).unwrap();
            let request = "POST /body HTTP/1.1\r\nContent-Length: 2\r\nX: y\r\n\r\nhi";
            stream.write_all(request.as_bytes()).unwrap();
            let mut response = String::new();
            stream.read_to_string(&mut response).unwrap();
            assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
            assert!(response.ends_with("\r\n\r\nhi"), "{response}");
            assert_eq!(servers.hits(), hits);
        }
        servers.forget_hits();
        assert_eq!(servers.hits(), 0);
    }
}
