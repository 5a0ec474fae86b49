//! Which addresses are connected to: the policy between name and connection, and on every redirect.

mod common;

use std::io::Write;
use std::net::SocketAddr;

use common::{Event, Server, Table, check_error, ok, policy, redirect};
use extism_abi::Status;
use extism_http::{HostPolicy, HttpError, Request, Response, Rules};

const PUBLIC: &str = "93.184.215.14";
const PUBLIC_V6: &str = "2606:2800:21f:cb07:6820:80da:af6b:8b2c";

fn get(table: &Table, patterns: &[&str], url: &str) -> Result<Response, HttpError> {
    send(
        table,
        &policy(patterns),
        Request {
            url,
            ..Request::default()
        },
    )
}

fn send(table: &Table, policy: &HostPolicy, request: Request<'_>) -> Result<Response, HttpError> {
    table.client().send(request, &Rules::new(policy))
}

fn resolve(name: &str) -> Event {
    Event::Resolve(name.to_string())
}

fn connect(address: &str, server: &Server) -> Event {
    let address = address.parse().unwrap();
    Event::Connect(SocketAddr::new(address, server.address.port()))
}

#[test]
fn a_denied_host_is_not_even_looked_up() {
    let table = Table::default().name("a.test", &[&[PUBLIC]]);
    let outcome = get(&table, &["b.test"], "http://a.test/");
    check_error(
        outcome,
        Status::HostDenied,
        "host a.test is not in allowed_hosts (b.test)",
    );
    let outcome = get(&table, &["*"], "ftp://a.test/");
    check_error(
        outcome,
        Status::SchemeDenied,
        "scheme ftp is neither http nor https",
    );
    let outcome = get(&table, &["*"], "http://[::ffff:10.0.0.1]/");
    check_error(outcome, Status::AddressDenied, "public addresses only");
    assert_eq!(table.events(), []);
}

#[test]
fn an_exact_name_may_be_anywhere() {
    let server = Server::fixed(ok("hello"));
    for address in [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "::1",
        "fd00::1",
        PUBLIC,
    ] {
        let table = Table::default().name("a.test", &[&[address]]);
        let response = get(&table, &["a.test"], &server.url_of("a.test", "/")).unwrap();
        assert_eq!(response.body, b"hello");
        assert_eq!(
            table.events(),
            [resolve("a.test"), connect(address, &server)]
        );
    }
}

#[test]
fn a_wildcard_reaches_public_addresses_only() {
    let server = Server::fixed(ok("hello"));
    for address in [PUBLIC, PUBLIC_V6] {
        let table = Table::default().name("a.test.", &[&[address]]);
        assert!(get(&table, &["*.test"], &server.url_of("a.test", "/")).is_ok());
        // No search domain can complete the name.
        assert_eq!(
            table.events(),
            [resolve("a.test."), connect(address, &server)]
        );
    }
    let private = [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
    ];
    for address in private {
        let table = Table::default().name("a.test.", &[&[address]]);
        let outcome = get(&table, &["*.test"], &server.url_of("a.test", "/"));
        let text = format!(
            "and host a.test is at {}",
            address.parse::<std::net::IpAddr>().unwrap()
        );
        check_error(outcome, Status::AddressDenied, &text);
        assert_eq!(table.events(), [resolve("a.test.")]);
    }
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn every_address_of_a_name_is_checked() {
    let server = Server::fixed(ok("hello"));
    let url = server.url_of("a.test", "/");
    let mixed = Table::default().name("a.test.", &[&["10.0.0.1", "::1", PUBLIC, "127.0.0.1"]]);
    assert!(get(&mixed, &["*"], &url).is_ok());
    assert_eq!(
        mixed.events(),
        [resolve("a.test."), connect(PUBLIC, &server)]
    );

    let private = Table::default().name("a.test.", &[&["10.0.0.1", "::1"]]);
    let outcome = get(&private, &["*"], &url);
    check_error(
        outcome,
        Status::AddressDenied,
        "host a.test is at 10.0.0.1, ::1",
    );

    // A public address that does not answer is no reason to try a private one.
    let dead = Table::default()
        .name("a.test.", &[&["10.0.0.1", PUBLIC, PUBLIC_V6]])
        .refuse(PUBLIC)
        .refuse(PUBLIC_V6);
    check_error(
        get(&dead, &["*"], &url),
        Status::HttpFailed,
        "connect to 2606:",
    );
    assert_eq!(
        dead.events(),
        [
            resolve("a.test."),
            connect(PUBLIC, &server),
            connect(PUBLIC_V6, &server)
        ]
    );
}

#[test]
fn the_next_address_is_tried() {
    let server = Server::fixed(ok("hello"));
    let table = Table::default()
        .name("a.test", &[&["10.0.0.1", "10.0.0.2"]])
        .refuse("10.0.0.1");
    assert!(get(&table, &["a.test"], &server.url_of("a.test", "/")).is_ok());
    assert_eq!(table.events().len(), 3);
}

#[test]
fn a_name_that_changes_its_address_is_looked_up_once() {
    let server = Server::fixed(ok("hello"));
    let table = Table::default().name("a.test.", &[&[PUBLIC], &["127.0.0.1"]]);
    let url = server.url_of("a.test", "/");
    assert!(get(&table, &["*"], &url).is_ok());
    assert_eq!(
        table.events(),
        [resolve("a.test."), connect(PUBLIC, &server)]
    );
    // The next request meets the second answer, and is refused.
    check_error(
        get(&table, &["*"], &url),
        Status::AddressDenied,
        "is at 127.0.0.1",
    );
}

#[test]
fn a_name_that_changes_its_address_between_redirects() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(&redirect(302, "/again"));
    });
    let table = Table::default().name("a.test.", &[&[PUBLIC], &["10.0.0.1"]]);
    let outcome = get(&table, &["*"], &server.url_of("a.test", "/"));
    check_error(
        outcome,
        Status::RedirectDenied,
        "host a.test is at 10.0.0.1",
    );
    assert_eq!(
        table.events(),
        [
            resolve("a.test."),
            connect(PUBLIC, &server),
            resolve("a.test.")
        ]
    );
}

#[test]
fn unknown_names() {
    let table = Table::default().name("empty.test", &[&[]]);
    let outcome = get(&table, &["nx.test"], "http://nx.test/");
    check_error(outcome, Status::HttpFailed, "look up nx.test: no such name");
    let outcome = get(&table, &["empty.test"], "http://empty.test/");
    check_error(
        outcome,
        Status::HttpFailed,
        "look up empty.test: no address",
    );
}

#[test]
fn literal_addresses_are_not_looked_up() {
    let server = Server::fixed(ok("hello"));
    let table = Table::default();
    let port = server.address.port();
    for url in [
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
    ] {
        assert!(get(&table, &["127.0.0.1"], &url).is_ok());
        assert_eq!(
            server.seen().pop().unwrap().header("host"),
            Some(&*server.address.to_string())
        );
    }
    let v6 = format!("http://[0:0:0::1]:{port}/");
    assert!(get(&table, &["[::1]:*"], &v6).is_ok());
    assert_eq!(
        server.seen().pop().unwrap().header("host"),
        Some(&*format!("[::1]:{port}"))
    );
    assert!(
        !table
            .events()
            .iter()
            .any(|event| matches!(event, Event::Resolve(_)))
    );
}

#[test]
fn the_host_header_is_the_host_that_was_decided() {
    let server = Server::fixed(ok("hello"));
    let table = Table::default().name("xn--bcher-kva.test", &[&["127.0.0.1"]]);
    let url = server.url_of(r"ann@BÜCHER.test", r"/\x");
    assert!(get(&table, &["bücher.test"], &url).is_ok());
    let seen = server.seen().pop().unwrap();
    let expected = format!("xn--bcher-kva.test:{}", server.address.port());
    assert_eq!(seen.header("host"), Some(&*expected));
    assert_eq!(seen.line(), "GET //x HTTP/1.1");
}

/// A server that redirects `/to?<location>` there and answers everything else with the path.
fn redirecting(status: u16) -> Server {
    Server::start(move |request, stream| {
        let answer = match request.path().split_once('?') {
            Some((_, location)) => redirect(status, location),
            None => ok(request.path()),
        };
        let _ = stream.write_all(&answer);
    })
}

#[test]
fn where_redirects_may_lead() {
    let server = redirecting(302);
    let port = server.address.port();
    // Location; the path that is answered in the end, or the refusal.
    type Outcome = Result<&'static str, (Status, &'static str)>;
    let table: &[(&str, Outcome)] = &[
        ("/rooted", Ok("/rooted")),
        ("relative", Ok("/dir/relative")),
        ("../up", Ok("/up")),
        ("http://b.test:PORT/other", Ok("/other")),
        ("//b.test:PORT/other", Ok("/other")),
        (
            "http://c.test:PORT/",
            Err((
                Status::RedirectDenied,
                "host c.test is not in allowed_hosts",
            )),
        ),
        (
            "//evil.test/",
            Err((
                Status::RedirectDenied,
                "host evil.test is not in allowed_hosts",
            )),
        ),
        (
            r"\\evil.test/",
            Err((
                Status::RedirectDenied,
                "host evil.test is not in allowed_hosts",
            )),
        ),
        (
            "http://127.0.0.1:PORT/",
            Err((Status::RedirectDenied, "host 127.0.0.1 is not in")),
        ),
        (
            "http://169.254.169.254/",
            Err((Status::RedirectDenied, "host 169.254.169.254 is not in")),
        ),
        ("http://a.pub.test:PORT/x", Ok("/x")),
        (
            "http://b.pub.test:PORT/x",
            Err((Status::RedirectDenied, "host b.pub.test is at 10.0.0.1")),
        ),
        (
            "file:///etc/passwd",
            Err((
                Status::RedirectDenied,
                "scheme file is neither http nor https",
            )),
        ),
        (
            "data:text/plain,x",
            Err((
                Status::RedirectDenied,
                "scheme data is neither http nor https",
            )),
        ),
        (
            "http://",
            Err((Status::HttpFailed, "redirect to an invalid URL: ")),
        ),
    ];
    for (location, expected) in table {
        let network = Table::default()
            .name("a.test", &[&["127.0.0.1"]])
            .name("b.test", &[&["10.0.0.1"]])
            .name("c.test", &[&["10.0.0.1"]])
            .name("a.pub.test.", &[&[PUBLIC]])
            .name("b.pub.test.", &[&["10.0.0.1"]]);
        let location = location.replace("PORT", &port.to_string());
        let url = server.url_of("a.test", &format!("/dir/to?{location}"));
        let outcome = get(&network, &["a.test", "b.test", "*.pub.test"], &url);
        match expected {
            Ok(path) => assert_eq!(outcome.unwrap().body, path.as_bytes(), "{location}"),
            Err((status, text)) => check_error(outcome, *status, text),
        }
    }
}

#[test]
fn a_refused_redirect_says_where_it_came_from() {
    let server = redirecting(302);
    let url = server
        .url("/?http://user:secret@evil.test/x")
        .replace("//", "//ann:secret@");
    let error = get(&Table::default(), &["127.0.0.1"], &url).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "HTTP request to http://evil.test/x is not allowed: redirected there from http://{}: \
             host evil.test is not in allowed_hosts (127.0.0.1)",
            server.address
        )
    );
}

#[test]
fn how_many_redirects() {
    // `/n` leads to `/n-1`, and `/0` is the end.
    let server = Server::start(|request, stream| {
        let left: u32 = request.path()[1..].parse().unwrap();
        let answer = match left.checked_sub(1) {
            Some(next) => redirect(301, &format!("/{next}")),
            None => ok("end"),
        };
        let _ = stream.write_all(&answer);
    });
    let policy = policy(&["127.0.0.1"]);
    let get = |hops: u32, redirects_max| {
        let rules = Rules {
            redirects_max,
            ..Rules::new(&policy)
        };
        let request = Request {
            url: &server.url(&format!("/{hops}")),
            ..Request::default()
        };
        Table::default().client().send(request, &rules)
    };
    assert_eq!(get(5, 5).unwrap().body, b"end");
    check_error(
        get(6, 5),
        Status::RedirectDenied,
        "is not allowed: more than 5 redirects",
    );
    assert_eq!(get(1, 1).unwrap().body, b"end");
    check_error(get(2, 1), Status::RedirectDenied, "more than 1 redirects");
    let answer = get(1, 0).unwrap();
    assert_eq!((answer.status, &*answer.headers["location"]), (301, "/0"));
}

#[test]
fn a_redirect_loop_ends() {
    let server = Server::fixed(redirect(302, "/"));
    let outcome = get(&Table::default(), &["127.0.0.1"], &server.url("/"));
    check_error(outcome, Status::RedirectDenied, "more than 5 redirects");
    assert_eq!(server.seen().len(), 6);
}

#[test]
fn a_redirect_without_a_location_is_the_response() {
    let server = Server::fixed(b"HTTP/1.1 302 Found\r\ncontent-length: 4\r\n\r\nbody".to_vec());
    let response = get(&Table::default(), &["127.0.0.1"], &server.url("/")).unwrap();
    assert_eq!((response.status, &response.body[..]), (302, &b"body"[..]));
}

#[test]
fn methods_and_bodies_across_redirects() {
    // Status, method; the method and body that arrive.
    let table = [
        (301, "POST", "GET", ""),
        (302, "POST", "GET", ""),
        (303, "POST", "GET", ""),
        (307, "POST", "POST", "form"),
        (308, "POST", "POST", "form"),
        (301, "PUT", "PUT", "form"),
        (303, "DELETE", "GET", ""),
        (307, "DELETE", "DELETE", "form"),
        (303, "HEAD", "HEAD", "form"),
    ];
    for (status, method, expected, body) in table {
        let server = redirecting(status);
        let target = redirecting(status);
        let request = Request {
            method,
            url: &server.url_of("a.test", &format!("/?{}", target.url_of("b.test", "/end"))),
            headers: &[("content-type", "text/plain"), ("x-other", "1")],
            body: Some(b"form"),
        };
        let network = Table::default()
            .name("a.test", &[&["127.0.0.1"]])
            .name("b.test", &[&["127.0.0.1"]]);
        send(&network, &policy(&["a.test", "b.test"]), request).unwrap();
        let seen = target.seen().pop().unwrap();
        assert_eq!(
            seen.line(),
            format!("{expected} /end HTTP/1.1"),
            "{status} {method}"
        );
        assert_eq!(seen.body, body.as_bytes(), "{status} {method}");
        assert_eq!(seen.header("content-type").is_some(), !body.is_empty());
        assert_eq!(seen.header("x-other"), Some("1"));
    }
}

#[test]
fn secrets_stay_with_their_origin() {
    let headers = [
        ("Authorization", "Bearer 1"),
        ("Cookie", "a=b"),
        ("X-Api-Key", "k"),
        ("X-Plain", "p"),
    ];
    let first = redirecting(307);
    let second = redirecting(307);
    let names = ["authorization", "cookie", "x-api-key", "x-plain"];
    // To the same origin everything goes along, to another only what is no secret.
    let table = [
        (first.url("/end"), &first, [true, true, true, true]),
        (second.url("/end"), &second, [false, false, false, true]),
        (
            first.url_of("localhost", "/end"),
            &first,
            [false, false, false, true],
        ),
    ];
    for (target, server, expected) in table {
        let request = Request {
            method: "PUT",
            url: &first.url(&format!("/?{target}")),
            headers: &headers,
            body: Some(b"form"),
        };
        let network = Table::default().name("localhost", &[&["127.0.0.1"]]);
        send(&network, &policy(&["127.0.0.1", "localhost"]), request).unwrap();
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.path(), "/end");
        assert_eq!(
            names.map(|name| seen.header(name).is_some()),
            expected,
            "{target}"
        );
    }
    // Nor does a user name in the URL, which became a header, follow; nor is one from a redirect used.
    let target = second.url("/end").replace("//", "//eve:x@");
    let url = first
        .url(&format!("/?{target}"))
        .replacen("//", "//ann:secret@", 1);
    get(&Table::default(), &["127.0.0.1"], &url).unwrap();
    assert_eq!(
        first.seen().pop().unwrap().header("authorization"),
        Some("Basic YW5uOnNlY3JldA==")
    );
    assert_eq!(second.seen().pop().unwrap().header("authorization"), None);
}

#[test]
fn the_hosts_own_downloads() {
    let server = redirecting(302);
    let url = server.url(&format!("/?{}", server.url_of("localhost", "/module.wasm")));
    let network = Table::default().name("localhost", &[&["127.0.0.1"]]);
    let response = send(
        &network,
        &HostPolicy::unrestricted(),
        Request {
            url: &url,
            ..Request::default()
        },
    );
    assert_eq!(response.unwrap().body, b"/module.wasm");
}
