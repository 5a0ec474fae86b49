//! What the HTTP servers of a run answer.
//!
//! Must not know: sockets. Invariant: the path alone says how the answer is made; the table of paths is in
//! conformance/README.md.

use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::server::Request;
use crate::source;

/// A stream whose other side can hang up.
pub(crate) trait Peer: Read + Write {}

impl<T: Read + Write> Peer for T {}

/// Writes the answer to a request.
pub(crate) fn answer(request: &Request, peer: &mut impl Peer, root: &Path) -> io::Result<()> {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (name, rest) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let number = rest.parse::<usize>().unwrap_or(0);
    match name {
        "method" => ok(peer, &[], request.method.as_bytes()),
        "target" => ok(peer, &[], request.target.as_bytes()),
        "body" => ok(peer, &[], &request.body),
        "header" => ok(peer, &[], header(request, rest).as_bytes()),
        "headers" => ok(peer, &[("x-one", "1"), ("x-twice", "a"), ("X-Twice", "b"), ("x-bin", "é")], b""),
        "status" => write(peer, number, &[], format!("status {number}").as_bytes()),
        "redirect" => write(peer, number, &[("location", query)], b"redirected"),
        "hops" if number > 0 => {
            let next = format!("/hops/{}", number - 1);
            write(peer, 302, &[("location", &next)], b"")
        }
        "hops" => ok(peer, &[], b"end"),
        "loop" => write(peer, 302, &[("location", "/loop")], b""),
        "nowhere" => write(peer, 302, &[], b"no location"),
        "bytes" => ok(peer, &[], &vec![b'a'; number]),
        "gzip" => ok(peer, &[("content-encoding", "gzip")], &gzip(&vec![b'z'; number])?),
        "chunked" => peer.write_all(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        ),
        "many-headers" => many_headers(peer, number),
        "big-header" => ok(peer, &[("x-big", &"a".repeat(number))], b""),
        "short" => peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"),
        "garbage" => peer.write_all(b"this is not HTTP\r\n\r\n"),
        "silent" => wait(peer),
        "slow" => {
            peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")?;
            wait(peer)
        }
        "endless" => {
            peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                peer.write_all(&[b'a'; 4096])?;
            }
        }
        "module" => match source::file(root, rest) {
            Ok(bytes) => ok(peer, &[], &bytes),
            Err(_) => write(peer, 404, &[], b"no such module"),
        },
        _ => write(peer, 404, &[], b"no such path"),
    }
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    let found = request.headers.iter().find(|(given, _)| given == name);
    found.map_or("(none)", |(_, value)| value)
}

fn ok(peer: &mut impl Write, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
    write(peer, 200, headers, body)
}

fn write(
    peer: &mut impl Write,
    status: usize,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<()> {
    let reason = if status == 200 { "OK" } else { "Other" };
    let mut head = format!("HTTP/1.1 {status} {reason}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!(
        "content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    ));
    peer.write_all(head.as_bytes())?;
    peer.write_all(body)
}

fn many_headers(peer: &mut impl Write, count: usize) -> io::Result<()> {
    let headers: String = (0..count).map(|at| format!("x-{at}: {at}\r\n")).collect();
    peer.write_all(format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n").as_bytes())
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Says nothing more until the other side hangs up.
fn wait(peer: &mut impl Peer) -> io::Result<()> {
    peer.flush()?;
    peer.read(&mut [0]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(target: &str) -> String {
        let request = Request {
            method: "PUT".to_owned(),
            target: target.to_owned(),
            headers: vec![("x".to_owned(), "y".to_owned())],
            body: b"body".to_vec(),
        };
        let mut peer = io::Cursor::new(Vec::new());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        answer(&request, &mut peer, &root).unwrap();
        String::from_utf8_lossy(peer.get_ref()).into_owned()
    }

    #[test]
    fn paths_say_what_is_answered() {
        for (target, body) in [
            ("/method", "PUT"),
            ("/target?a=b", "/target?a=b"),
            ("/body", "body"),
            ("/header/x", "y"),
            ("/header/z", "(none)"),
            ("/bytes/3", "aaa"),
            ("/hops/0", "end"),
            ("/status/404", "status 404"),
            ("/module/none.wat", "no such module"),
            ("/", "no such path"),
        ] {
            let response = get(target);
            assert!(
                response.ends_with(&format!("\r\n\r\n{body}")),
                "{target}: {response}"
            );
        }
        assert!(
            get("/redirect/307?http://x/")
                .starts_with("HTTP/1.1 307 Other\r\nlocation: http://x/\r\n")
        );
        assert!(get("/hops/2").contains("location: /hops/1\r\n"));
        assert!(get("/many-headers/3").contains("x-2: 2\r\n"));
        assert!(get("/module/echo.wat").contains("(module"));
        assert!(get("/gzip/1000").len() < 200);
    }
}
