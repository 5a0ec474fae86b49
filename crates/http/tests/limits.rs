//! Sizes: exact at the limit, and a hostile peer cannot make us hold or read more.

mod common;

use std::io::Write;

use common::{Server, check_error, ok, policy};
use extism_abi::Status;
use extism_http::{Client, HttpError, Request, Response, Rules};

fn get(url: &str, response_bytes_max: u64, header_bytes_max: u64) -> Result<Response, HttpError> {
    let policy = policy(&["127.0.0.1"]);
    let rules = Rules {
        response_bytes_max,
        header_bytes_max,
        ..Rules::new(&policy)
    };
    let request = Request {
        url,
        ..Request::default()
    };
    Client::new().send(request, &rules)
}

/// Writes a beginning, then the same piece until the client is gone.
fn endless(beginning: &'static str, piece: impl Into<Vec<u8>>) -> Server {
    let piece = piece.into();
    Server::start(move |_, stream| {
        let _ = stream.write_all(beginning.as_bytes());
        while stream.write_all(&piece).is_ok() {}
    })
}

#[test]
fn a_body_of_exactly_the_limit() {
    let answers = [
        ok("12345"),
        b"HTTP/1.1 200 OK\r\n\r\n12345".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n".to_vec(),
    ];
    for answer in answers {
        let server = Server::fixed(answer);
        for bytes_max in [5, 6, u64::MAX - 1, u64::MAX] {
            assert_eq!(
                get(&server.url("/"), bytes_max, 1 << 16).unwrap().body,
                b"12345"
            );
        }
        for bytes_max in [0, 1, 4] {
            let error = get(&server.url("/"), bytes_max, 1 << 16).unwrap_err();
            assert_eq!(error.status(), Status::HttpSize);
            assert_eq!(
                error.to_string(),
                format!(
                    "HTTP response exceeds the configured maximum number of bytes: {bytes_max}"
                )
            );
        }
    }
    let empty = Server::fixed(ok(""));
    assert_eq!(get(&empty.url("/"), 0, 1 << 16).unwrap().body, b"");
}

#[test]
fn a_length_that_lies() {
    let server = Server::fixed(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
        u64::MAX
    ));
    let too_large = "HTTP response exceeds the configured maximum number of bytes: 1000";
    check_error(
        get(&server.url("/"), 1000, 1 << 16),
        Status::HttpSize,
        too_large,
    );
    check_error(
        get(&server.url("/"), u64::MAX, 1 << 16),
        Status::HttpFailed,
        "was closed before",
    );
}

#[test]
fn endless_bodies() {
    let chunk = [b"4000\r\n", &[b'x'; 0x4000][..], b"\r\n"].concat();
    let table = [
        endless("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 1 << 16]),
        endless(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            chunk,
        ),
        endless(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "1\r\nx\r\n",
        ),
    ];
    for server in table {
        check_error(
            get(&server.url("/"), 300_000, 1 << 16),
            Status::HttpSize,
            "bytes: 300000",
        );
    }
}

#[test]
fn a_compressed_bomb() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 17);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    );
    let server = Server::fixed([head.as_bytes(), &bomb].concat());
    check_error(
        get(&server.url("/"), 1 << 20, 1 << 16),
        Status::HttpSize,
        "bytes: 1048576",
    );
    check_error(
        get(&server.url("/"), (64 << 20) - 1, 1 << 16),
        Status::HttpSize,
        "bytes: 67108863",
    );
    assert_eq!(
        get(&server.url("/"), 64 << 20, 1 << 16).unwrap().body.len(),
        64 << 20
    );
}

#[test]
fn endless_heads() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let trailers = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n";
    let table = [
        endless("HTTP/1.1 200 OK\r\n", "name: value\r\n"),
        endless("HTTP/1.1 200 OK\r\nname: ", "valuevaluevaluevalue"),
        endless("HTTP/1.1 200 ", "OKOKOKOKOKOK"),
        endless("", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
        endless("", "HTTP/1.1 100 Continue\r\n\r\n"),
        endless(chunked, "0000000000000000"),
        endless(trailers, "name: value\r\n"),
        endless(trailers, "valuevaluevaluevalue"),
    ];
    for server in table {
        let error = get(&server.url("/"), 1 << 20, 20_000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "HTTP response headers exceed the configured maximum number of bytes: 20000"
        );
        assert_eq!(error.status(), Status::HttpSize);
    }
}

#[test]
fn a_head_of_exactly_the_limit() {
    let answer = ok("a body does not count as a head");
    let head_bytes = answer
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap() as u64
        + 4;
    let server = Server::fixed(answer);
    // The request's own head has the same limit; a response with a longer head makes it the one to fail.
    let padding = "p".repeat(1000);
    let long = Server::fixed(format!("HTTP/1.1 204 X\r\npadding: {padding}\r\n\r\n"));
    let long_bytes = 1000 + "HTTP/1.1 204 X\r\npadding: \r\n\r\n".len() as u64;
    assert!(head_bytes < long_bytes);
    assert_eq!(get(&server.url("/"), 1000, long_bytes).unwrap().status, 200);
    assert_eq!(get(&long.url("/"), 1000, long_bytes).unwrap().status, 204);
    assert_eq!(get(&long.url("/"), 1000, u64::MAX).unwrap().status, 204);
    let error = get(&long.url("/"), 1000, long_bytes - 1).unwrap_err();
    assert_eq!(error, HttpError::HeadersTooLarge(long_bytes - 1));
}

#[test]
fn small_chunks_are_no_attack() {
    let chunks = "1\r\nx\r\n".repeat(50_000);
    let server = Server::start(move |_, stream| {
        stream.set_nodelay(true).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        // Split at every odd place, so that size lines and data come apart.
        for piece in chunks.as_bytes().chunks(7) {
            let _ = stream.write_all(piece);
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    });
    assert_eq!(
        get(&server.url("/"), 1 << 20, 1000).unwrap().body.len(),
        50_000
    );
}

#[test]
fn too_many_headers() {
    let lines = "x: y\r\n".repeat(129);
    let server = Server::fixed(format!("HTTP/1.1 200 OK\r\n{lines}\r\n"));
    check_error(
        get(&server.url("/"), 1000, 1 << 16),
        Status::HttpFailed,
        "malformed",
    );
}

#[test]
fn a_request_head_over_the_limit() {
    let server = Server::fixed(ok(""));
    let url = server.url(&format!("/{}", "a".repeat(1000)));
    let error = get(&url, 1000, 1000).unwrap_err();
    assert_eq!(error.status(), Status::HttpRequestInvalid);
    assert_eq!(
        error.to_string(),
        "HTTP request headers exceed the configured maximum number of bytes: 1000"
    );
    assert_eq!(server.seen().len(), 0);
}
