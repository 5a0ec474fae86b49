//! Servers on the loopback that do not behave.
//!
//! Must not know: clients. Invariant: nothing outside of this machine is reached.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

/// What a server does with every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Behaviour {
    /// A body without an end.
    EndlessBody,
    /// A head without an end.
    EndlessHead,
    /// A byte of the body now and then.
    Drips,
    /// Nothing.
    Silent,
    /// The empty module.
    Module,
}

/// Starts a server; it ends with the process.
pub(crate) fn start(behaviour: &Behaviour) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let behaviour = *behaviour;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, behaviour));
        }
    });
    Ok(address)
}

/// Ends when the client does.
fn answer(mut stream: TcpStream, behaviour: Behaviour) -> std::io::Result<()> {
    let mut request = [0; 4096];
    if stream.read(&mut request)? == 0 {
        return Ok(());
    }
    match behaviour {
        Behaviour::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[0; 65_536])?;
            }
        }
        Behaviour::EndlessHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            loop {
                stream.write_all(b"x-more: and more\r\n")?;
            }
        }
        Behaviour::Drips => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")?;
            loop {
                stream.write_all(b"x")?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Behaviour::Silent => {
            while stream.read(&mut request)? > 0 {}
            Ok(())
        }
        Behaviour::Module => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n\0asm\x01\0\0\0")
        }
    }
}

/// A server that answers the request for each path as `answer` says.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || -> std::io::Result<()> {
                let path = request(&mut stream)?;
                stream.write_all(&answer(&path))
            });
        }
    });
    Ok(address)
}

/// Reads a request with its body, so that no answer is lost to bytes nobody has read; answers its path.
fn request(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length: ") {
            length = bytes.parse().unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(first.split(' ').nth(1).unwrap_or_default().to_owned())
}

/// A server whose every body has so many bytes.
pub(crate) fn body(bytes: usize) -> Result<SocketAddr> {
    serve(move |_| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
        [head.into_bytes(), vec![b'b'; bytes]].concat()
    })
}

/// A server whose every head has so many bytes, its lines and the empty one at the end included.
pub(crate) fn head(bytes: usize) -> Result<SocketAddr> {
    serve(move |_| {
        let (start, end) = ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: ", "\r\n\r\n");
        let padding = "p".repeat(bytes.saturating_sub(start.len() + end.len()));
        format!("{start}{padding}{end}").into_bytes()
    })
}

/// A server on which `/3` leads to `/2`, and `/0` is the end.
pub(crate) fn redirects() -> Result<SocketAddr> {
    serve(|path| {
        match path.trim_start_matches('/').parse::<u32>() {
            Ok(more) if more > 0 => format!(
                "HTTP/1.1 302 Found\r\nlocation: /{}\r\ncontent-length: 0\r\n\r\n",
                more - 1
            ),
            _ => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
        }
        .into_bytes()
    })
}

/// A server that gives the empty module after a while.
pub(crate) fn late_module(after: Duration) -> Result<SocketAddr> {
    serve(move |_| {
        std::thread::sleep(after);
        b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n\0asm\x01\0\0\0".to_vec()
    })
}
