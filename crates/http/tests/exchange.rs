//! What goes over the wire and what comes back.

mod common;

use std::io::Write;
use std::process::Command;

use common::{Server, check_error, get, ok, policy};
use extism_abi::Status;
use extism_http::{Client, Request, Rules};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_head_of_a_plain_request() {
    let server = Server::fixed(ok("hello"));
    let response = get(&server.url("/a%20b?c=d#e")).unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.body, b"hello");
    assert_eq!(
        server.seen()[0].head,
        format!(
            "GET /a%20b?c=d HTTP/1.1\r\nhost: {}\r\nuser-agent: extism/{VERSION}\r\naccept: */*\r\n\
             accept-encoding: gzip\r\nconnection: close\r\n\r\n",
            server.address
        )
    );
}

#[test]
fn methods_and_bodies() {
    // Method, body; request line, content-length.
    type Row = (
        &'static str,
        Option<&'static [u8]>,
        &'static str,
        Option<&'static str>,
    );
    let table: &[Row] = &[
        ("", None, "GET / HTTP/1.1", None),
        ("get", Some(b"x"), "GET / HTTP/1.1", Some("1")),
        ("get", Some(b""), "GET / HTTP/1.1", Some("0")),
        ("post", None, "POST / HTTP/1.1", Some("0")),
        ("POST", Some(b"\0\xff"), "POST / HTTP/1.1", Some("2")),
        ("put", None, "PUT / HTTP/1.1", Some("0")),
        ("Delete", None, "DELETE / HTTP/1.1", None),
        ("DELETE", Some(b"abc"), "DELETE / HTTP/1.1", Some("3")),
        ("OPTIONS", Some(b"abc"), "OPTIONS / HTTP/1.1", Some("3")),
        ("propfind", Some(b"<x/>"), "PROPFIND / HTTP/1.1", Some("4")),
        ("TRACE", None, "TRACE / HTTP/1.1", None),
    ];
    let server = Server::fixed(ok("done"));
    let policy = policy(&["127.0.0.1"]);
    for (method, body, line, length) in table {
        let request = Request {
            method,
            body: *body,
            url: &server.url(""),
            ..Request::default()
        };
        let response = Client::new().send(request, &Rules::new(&policy)).unwrap();
        assert_eq!(response.body, b"done");
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.line(), *line);
        assert_eq!(seen.header("content-length"), *length, "{method}");
        assert_eq!(seen.header("transfer-encoding"), None);
        assert_eq!(seen.body, body.unwrap_or_default());
    }
}

#[test]
fn a_large_body_arrives_whole() {
    let server = Server::start(|request, stream| {
        let _ = stream.write_all(&ok(&request.body));
    });
    let body: Vec<u8> = (0..5_000_000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
    let policy = policy(&["127.0.0.1"]);
    let request = Request {
        method: "POST",
        url: &server.url("/"),
        body: Some(&body),
        ..Request::default()
    };
    let response = Client::new().send(request, &Rules::new(&policy)).unwrap();
    assert!(response.body == body);
}

#[test]
fn headers_of_the_request() {
    let server = Server::fixed(ok(""));
    let policy = policy(&["127.0.0.1"]);
    let host = server.address.to_string();
    let request = Request {
        url: &server.url("/").replace("//", "//ann%40x:p%3a%zz@"),
        headers: &[
            ("User-Agent", "mine"),
            ("Accept", "text/html"),
            ("X-Umlaut", "grün"),
            ("Host", &host),
            ("Content-Length", "0"),
            ("Connection", "keep-alive"),
        ],
        ..Request::default()
    };
    Client::new().send(request, &Rules::new(&policy)).unwrap();
    assert_eq!(
        server.seen()[0].head,
        format!(
            "GET / HTTP/1.1\r\nhost: {host}\r\naccept-encoding: gzip\r\nconnection: close\r\n\
             user-agent: mine\r\naccept: text/html\r\nx-umlaut: grün\r\n\
             authorization: Basic {}\r\n\r\n",
            base64_of("ann@x:p:%zz")
        )
    );
}

fn base64_of(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn an_authorization_header_wins_over_the_url() {
    let server = Server::fixed(ok(""));
    let policy = policy(&["127.0.0.1"]);
    let request = Request {
        url: &server.url("/").replace("//", "//ann:secret@"),
        headers: &[("Authorization", "Bearer 1")],
        ..Request::default()
    };
    Client::new().send(request, &Rules::new(&policy)).unwrap();
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer 1"));
    assert!(!server.seen()[0].head.contains("secret"));
}

#[test]
fn headers_of_the_response() {
    let server = Server::fixed(
        b"HTTP/1.1 404 Not Found\r\nX-One: first\r\nx-one: last\r\nX-TWO:  padded \r\n\
          x-latin: gr\xfcn\r\nSet-Cookie: a=1\r\ncontent-length: 2\r\n\r\nno"
            .to_vec(),
    );
    let response = get(&server.url("/")).unwrap();
    assert_eq!((response.status, &response.body[..]), (404, &b"no"[..]));
    let headers: Vec<(&str, &str)> = response
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        headers,
        [
            ("content-length", "2"),
            ("set-cookie", "a=1"),
            ("x-one", "last"),
            ("x-two", "padded")
        ]
    );
}

#[test]
fn framings() {
    // The bytes after the status line, and the body they mean.
    let table: &[(&str, &str)] = &[
        ("content-length: 5\r\n\r\nhello", "hello"),
        ("content-length: 5\r\n\r\nhello and more", "hello"),
        ("content-length: 0\r\n\r\n", ""),
        (
            "transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
            "hello",
        ),
        (
            "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
            "hello",
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "hello",
        ),
        ("connection: close\r\n\r\nhello", "hello"),
        ("\r\n", ""),
    ];
    for (answer, body) in table {
        let server = Server::fixed(format!("HTTP/1.1 200 OK\r\n{answer}"));
        let response = get(&server.url("/")).unwrap();
        assert_eq!(response.body, body.as_bytes(), "{answer}");
    }
}

/// A server may say that it goes on although nobody asked, and with headers.
#[test]
fn interim_answers_are_passed_over() {
    for interim in [
        "100 Continue\r\n\r\n",
        "100 Continue\r\nserver: x\r\nlocation: y\r\n\r\n",
        "100 Continue\nserver: x\n\n",
        "102 Processing\r\ncontent-length: 5\r\n\r\n",
    ] {
        let answer = format!("HTTP/1.1 {interim}").repeat(3).into_bytes();
        let server = Server::fixed([answer, ok("hello")].concat());
        let response = get(&server.url("/")).unwrap();
        assert_eq!((response.status, &*response.body), (200, &b"hello"[..]));
        assert!(!response.headers.contains_key("server"), "{interim}");
    }
}

#[test]
fn any_split_of_the_answer_is_the_same_answer() {
    let answer = b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 100 On\r\nx: y\r\n\r\n\
                   HTTP/1.1 200 OK\r\n\
                   transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nt: x\r\n\r\n";
    let server = Server::start(move |_, stream| {
        stream.set_nodelay(true).unwrap();
        for byte in answer {
            let _ = stream.write_all(&[*byte]);
            // Lets the client run between two bytes; nothing depends on it.
            std::thread::yield_now();
        }
    });
    assert_eq!(get(&server.url("/")).unwrap().body, b"hello");
}

#[test]
fn answers_without_a_body() {
    let policy = policy(&["127.0.0.1"]);
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304), ("POST", 204)] {
        let server = Server::fixed(format!("HTTP/1.1 {status} X\r\ncontent-length: 9\r\n\r\n"));
        let request = Request {
            method,
            url: &server.url("/"),
            ..Request::default()
        };
        let response = Client::new().send(request, &Rules::new(&policy)).unwrap();
        assert_eq!((response.status, response.body.len()), (status, 0));
        assert_eq!(response.headers["content-length"], "9");
    }
}

#[test]
fn compressed_bodies() {
    let text = b"hello hello hello hello".repeat(1000);
    let compressed = gzip(&text);
    let twice = [gzip(b"one "), gzip(b"two")].concat();
    let table: &[(&str, &[u8], &[u8])] = &[
        ("gzip", &compressed, &text),
        ("GZIP", &compressed, &text),
        ("x-gzip", &compressed, &text),
        ("gzip", &twice, b"one two"),
        ("gzip", b"", b""),
        ("br", b"as it is", b"as it is"),
        ("identity", b"as it is", b"as it is"),
    ];
    for (encoding, sent, expected) in table {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\nx: y\r\n\r\n");
        let server = Server::fixed([head.as_bytes(), sent].concat());
        let response = get(&server.url("/")).unwrap();
        assert!(response.body == *expected, "{encoding}");
        assert_eq!(
            response.headers.contains_key("content-encoding"),
            !encoding.to_lowercase().contains("gzip")
        );
    }
    for damaged in [
        &compressed[..compressed.len() - 4],
        &compressed[..20],
        b"plain text",
    ] {
        let head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n";
        let server = Server::fixed([&head[..], damaged].concat());
        check_error(
            get(&server.url("/")),
            Status::HttpFailed,
            "decompress the body: ",
        );
    }
}

#[test]
fn incomplete_and_malformed_answers() {
    let early = "the connection was closed before the end of the response";
    let table: &[(&str, &str)] = &[
        ("", early),
        ("HTTP/1.1 200 OK\r\ncontent-le", early),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", early),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
            early,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            early,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nhello\r\n",
            "malformed",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n",
            "malformed",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nhello\r\n",
            "malformed",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "malformed"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            "malformed",
        ),
        ("HTTP/1.1 099 X\r\n\r\n", "malformed"),
        ("HTTP/1.1 xyz X\r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", "malformed"),
        ("HTTP/9.9 200 OK\r\n\r\n", "malformed"),
        ("SSH-2.0-OpenSSH\r\n", "the answer is not HTTP/1.1"),
        ("<html>", "the answer is not HTTP/1.1"),
    ];
    for (answer, text) in table {
        let server = Server::fixed(*answer);
        let url = server.url("/");
        let error = get(&url).expect_err(answer);
        assert_eq!(error.status(), Status::HttpFailed, "{answer:?}");
        assert!(
            error
                .to_string()
                .starts_with(&format!("HTTP request to {url} failed: "))
        );
        assert!(error.to_string().contains(text), "{answer:?}: {error}");
    }
}

#[test]
fn an_answer_before_the_body_was_read() {
    let server = Server::raw(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig");
        // Closes for writing and goes on reading, as a careful server does.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let policy = policy(&["127.0.0.1"]);
    let request = Request {
        method: "PUT",
        url: &server.url("/"),
        body: Some(&vec![7; 3_000_000]),
        ..Request::default()
    };
    let response = Client::new().send(request, &Rules::new(&policy)).unwrap();
    assert_eq!((response.status, &response.body[..]), (413, &b"big"[..]));
}

#[test]
fn invalid_requests_are_not_sent() {
    let server = Server::fixed(ok(""));
    let policy = policy(&["127.0.0.1"]);
    let url = server.url("/");
    let other = "evil.test";
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let table: &[Row<'_>] = &[
        ("", "no url", &[], "Invalid URL: RelativeUrlWithoutBase"),
        ("", "http://", &[], "Invalid URL: EmptyHost"),
        ("", "http://a:65536/", &[], "Invalid URL: InvalidPort"),
        (
            "CONNECT",
            &url,
            &[],
            "HTTP method \"CONNECT\" is not allowed",
        ),
        ("G T", &url, &[], "HTTP method \"G T\" is not allowed"),
        (
            "",
            &url,
            &[("Host", other)],
            "HTTP header \"host\" is not allowed: it is not the host of the URL",
        ),
        (
            "",
            &url,
            &[("Content-Length", "1")],
            "HTTP header \"content-length\" is not allowed: it is not the length of the body",
        ),
        (
            "",
            &url,
            &[("Transfer-Encoding", "chunked")],
            "HTTP header \"transfer-encoding\" is not allowed: the host frames the body",
        ),
        (
            "",
            &url,
            &[("X", "a\r\nY: b")],
            "HTTP header \"x\" has a control character",
        ),
        (
            "",
            &url,
            &[("X\r\nY", "b")],
            "HTTP header name \"x\\r\\ny\" is not valid",
        ),
    ];
    for (method, url, headers, text) in table {
        let request = Request {
            method,
            url,
            headers,
            body: None,
        };
        let error = Client::new()
            .send(request, &Rules::new(&policy))
            .unwrap_err();
        assert_eq!(error.status(), Status::HttpRequestInvalid);
        assert_eq!(error.to_string(), *text);
    }
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn every_character_of_a_url_is_sent_or_refused() {
    let server = Server::fixed(ok(""));
    for byte in 1..=255_u8 {
        let url = server.url(&format!("/a{}b?c{}d", char::from(byte), char::from(byte)));
        let response = get(&url).map(|response| response.status);
        assert_eq!(response, Ok(200), "{url:?}");
    }
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.line().split(' ').count() == 3)
    );
}

#[test]
fn nobody_listens() {
    let url = {
        let server = Server::fixed(ok(""));
        server.url("/").replace("//", "//ann:secret@")
    };
    let error = get(&url).unwrap_err();
    assert_eq!(error.status(), Status::HttpFailed);
    assert!(
        error.to_string().contains("failed: connect to 127.0.0.1: "),
        "{error}"
    );
    assert!(!error.to_string().contains("secret"), "{error}");
}

/// Runs itself once more with proxy variables that lead nowhere.
#[test]
fn proxy_variables_are_ignored() {
    const CHILD: &str = "EXTISM_HTTP_TEST_CHILD";
    if std::env::var_os(CHILD).is_none() {
        let nowhere = "http://127.0.0.1:1";
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "proxy_variables_are_ignored"])
            .env(CHILD, "1");
        for name in [
            "http_proxy",
            "HTTP_PROXY",
            "https_proxy",
            "HTTPS_PROXY",
            "all_proxy",
            "ALL_PROXY",
        ] {
            child.env(name, nowhere);
        }
        assert!(child.env_remove("NO_PROXY").status().unwrap().success());
        return;
    }
    let server = Server::fixed(ok("direct"));
    assert_eq!(get(&server.url("/")).unwrap().body, b"direct");
}

#[test]
fn progress_is_reported() {
    let server = Server::fixed(ok(vec![1; 100_000]));
    let policy = policy(&["127.0.0.1"]);
    let calls = std::cell::RefCell::new(Vec::new());
    let rules = Rules {
        progress: Some(&|got, total| calls.borrow_mut().push((got, total))),
        ..Rules::new(&policy)
    };
    let request = Request {
        url: &server.url("/"),
        ..Request::default()
    };
    Client::new().send(request, &rules).unwrap();
    let calls = calls.into_inner();
    assert!(calls.is_sorted());
    assert!(calls.iter().all(|(_, total)| *total == Some(100_000)));
    assert_eq!(calls.last(), Some(&(100_000, Some(100_000))));
}
