//! The allow-list, as tables: pattern, URL, decision.

use extism_abi::Status;
use extism_policy::url::Url;
use extism_policy::{Grant, HostPolicy};

type Decision = Result<Grant, Status>;

const ANY: Decision = Ok(Grant::AnyAddress);
const PUBLIC: Decision = Ok(Grant::PublicOnly);
const HOST: Decision = Err(Status::HostDenied);
const SCHEME: Decision = Err(Status::SchemeDenied);
const ADDRESS: Decision = Err(Status::AddressDenied);

fn policy(patterns: &[&str]) -> HostPolicy {
    let patterns: Vec<String> = patterns.iter().map(|text| text.to_string()).collect();
    HostPolicy::new(Some(&patterns))
}

#[track_caller]
fn check(patterns: &[&str], url: &str, expected: Decision) {
    let parsed = Url::parse(url).expect("the tables hold valid URLs");
    let decision = policy(patterns).decide(&parsed);
    assert_eq!(
        decision.map_err(|denied| denied.status()),
        expected,
        "{patterns:?} for {url:?}"
    );
}

#[test]
fn no_list_denies_everything() {
    let url = Url::parse("http://example.com/").unwrap();
    for policy in [HostPolicy::new(None), HostPolicy::new(Some(&[]))] {
        let denied = policy.decide(&url).unwrap_err();
        assert_eq!(denied.status(), Status::HostDenied);
        assert_eq!(
            denied.to_string(),
            "HTTP request to http://example.com/ is not allowed: allowed_hosts is empty"
        );
    }
}

#[test]
fn patterns_of_the_published_manifest() {
    let table: &[(&str, &str, Decision)] = &[
        ("example.com", "http://example.com/", ANY),
        ("example.com", "https://example.com/a?b#c", ANY),
        ("example.com", "http://example.com:8080/", ANY),
        ("example.com", "http://www.example.com/", HOST),
        ("example.com", "http://example.com.evil.org/", HOST),
        ("*", "https://anything.test/", PUBLIC),
        ("**", "https://anything.test/", PUBLIC),
        ("*.example.com", "https://a.example.com/", PUBLIC),
        ("*.example.com", "https://a.b.example.com/", PUBLIC),
        ("*.example.com", "https://example.com/", HOST),
        ("*.example.com", "https://evilexample.com/", HOST),
        ("*example.com", "https://evilexample.com/", PUBLIC),
        ("api-*.example.com", "https://api-1.example.com/", PUBLIC),
        ("api-*.example.com", "https://api.example.com/", HOST),
        ("*.*.com", "https://a.b.com/", PUBLIC),
        ("*.*.com", "https://b.com/", HOST),
        ("a?.test", "https://ab.test/", PUBLIC),
        ("a?.test", "https://a.test/", HOST),
        ("[ab]c.test", "https://bc.test/", PUBLIC),
        ("[ab]c.test", "https://cc.test/", HOST),
        ("[a-c]x.test", "https://bx.test/", PUBLIC),
        ("[a-c]x.test", "https://dx.test/", HOST),
        ("[!a-c]x.test", "https://dx.test/", PUBLIC),
        ("[!a-c]x.test", "https://ax.test/", HOST),
        // No valid patterns: compared as they stand.
        ("**.example.com", "https://a.example.com/", HOST),
        ("a**b.test", "https://aXb.test/", HOST),
        ("[abc.test", "https://a.test/", HOST),
        ("[!]x.test", "https://ax.test/", HOST),
        ("example.com/path", "https://example.com/path", HOST),
        ("", "https://example.com/", HOST),
        (" example.com", "https://example.com/", HOST),
    ];
    for (pattern, url, expected) in table {
        check(&[pattern], url, *expected);
    }
}

#[test]
fn host_text_tricks() {
    let table: &[(&str, &str, Decision)] = &[
        ("allowed.example", "http://allowed.example/", ANY),
        ("allowed.example", "http://ALLOWED.Example/", ANY),
        ("ALLOWED.Example", "http://allowed.example/", ANY),
        ("*.ALLOWED.Example", "http://a.allowed.example/", PUBLIC),
        ("allowed.example", "http://allowed.example./", HOST),
        ("allowed.example.", "http://allowed.example./", ANY),
        ("allowed.example", "http://allowed.example@evil.test/", HOST),
        (
            "allowed.example",
            "http://a:b@allowed.example@evil.test/",
            HOST,
        ),
        ("allowed.example", "http://evil.test#@allowed.example", HOST),
        ("allowed.example", "http://evil.test?@allowed.example", HOST),
        (
            "allowed.example",
            r"http://evil.test\@allowed.example/",
            HOST,
        ),
        ("allowed.example", r"http:\\allowed.example\", ANY),
        (
            "allowed.example",
            r"http://allowed.example\.evil.test/",
            ANY,
        ),
        ("allowed.example", "http://allow\ted.exa\nmple/", ANY),
        ("allowed.example", "http://allowed%2eexample/", ANY),
        ("*.allowed.example", "http://x%2eallowed.example/", PUBLIC),
        ("bücher.example", "http://xn--bcher-kva.example/", ANY),
        ("xn--bcher-kva.example", "http://BÜCHER.example/", ANY),
        (
            "*.bücher.example",
            "http://a.xn--bcher-kva.example/",
            PUBLIC,
        ),
        ("127.0.0.1", "http://１２７.0.0.1/", ANY),
        ("evil.test", "http://allowed.example@evil.test/", ANY),
    ];
    for (pattern, url, expected) in table {
        check(&[pattern], url, *expected);
    }
    // What the parser refuses is refused before any policy: no second opinion is possible.
    for url in [
        "http:///",
        "http://a\0b/",
        "http://a b/",
        "http://a%00b/",
        "http://a%2fb/",
        "http://[::1%25lo]/",
        "http://a:65536/",
        "http://[1.2.3.4]/",
        "http://999.1.1.1/",
        "http://0x100000000/",
    ] {
        assert!(Url::parse(url).is_err(), "{url:?}");
    }
}

#[test]
fn a_host_longer_than_any_name_is_denied() {
    let long = format!("http://{}.example/", "a".repeat(250));
    check(&["*"], &long, HOST);
    let fits = format!("http://{}.example/", "a".repeat(247));
    check(&["*"], &fits, PUBLIC);
}

#[test]
fn every_spelling_of_an_address_is_that_address() {
    let loopback = [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.0.0.1/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://127.0.1/",
        "http://017700000001/",
    ];
    for url in loopback {
        check(&["127.0.0.1"], url, ANY);
        check(&["127.1"], url, ANY);
        check(&["*"], url, ADDRESS);
        check(&["127.*"], url, ADDRESS);
        check(&["example.com"], url, HOST);
    }
    let table: &[(&str, &str, Decision)] = &[
        ("*", "http://0.0.0.0/", ADDRESS),
        ("*", "http://[::]/", ADDRESS),
        ("*", "http://[::1]/", ADDRESS),
        ("*", "http://[0:0:0:0:0:0:0:1]/", ADDRESS),
        ("*", "http://[::ffff:127.0.0.1]/", ADDRESS),
        ("*", "http://[::ffff:7f00:1]/", ADDRESS),
        ("*", "http://[64:ff9b::10.0.0.1]/", ADDRESS),
        ("*", "http://[2002:7f00:1::]/", ADDRESS),
        ("*", "http://[fd00::1]/", ADDRESS),
        ("*", "http://169.254.169.254/", ADDRESS),
        ("*", "http://1.1.1.1/", PUBLIC),
        ("*", "http://[2606:4700::1111]/", PUBLIC),
        ("[::1]", "http://[::1]/", ANY),
        ("::1", "http://[::1]:8080/", ANY),
        ("[0:0::1]", "http://[::1]/", ANY),
        ("[::1]:80", "http://[::1]/", ANY),
        ("[::1]:80", "http://[::1]:81/", HOST),
        ("[::1]:*", "https://[::1]:81/", ANY),
        ("[::1]x", "http://[::1]/", HOST),
    ];
    for (pattern, url, expected) in table {
        check(&[pattern], url, *expected);
    }
}

#[test]
fn ports_and_schemes() {
    let table: &[(&str, &str, Decision)] = &[
        ("a.test:8443", "https://a.test:8443/", ANY),
        ("a.test:8443", "http://a.test:8443/", ANY),
        ("a.test:8443", "https://a.test/", HOST),
        ("a.test:443", "https://a.test/", ANY),
        ("a.test:443", "https://a.test:443/", ANY),
        ("a.test:443", "http://a.test/", HOST),
        ("a.test:*", "http://a.test:1/", ANY),
        ("*:8443", "http://a.test:8443/", PUBLIC),
        ("*:8443", "http://a.test:8444/", HOST),
        ("https://a.test", "https://a.test/", ANY),
        ("https://a.test/", "https://a.test/", ANY),
        ("HTTPS://A.test", "https://a.test/", ANY),
        ("https://a.test", "https://a.test:8443/", HOST),
        ("https://a.test:*", "https://a.test:8443/", ANY),
        ("https://a.test", "http://a.test/", SCHEME),
        ("http://127.0.0.1:*", "http://127.0.0.1:5000/", ANY),
        ("http://127.0.0.1:*", "https://127.0.0.1:5000/", SCHEME),
        ("https://*.a.test", "https://b.a.test/", PUBLIC),
        ("https://*", "http://b.a.test/", SCHEME),
        ("*", "http://a.test:0/", HOST),
        ("a.test:0", "http://a.test/", HOST),
        ("a.test:65536", "http://a.test/", HOST),
        ("a.test:+80", "http://a.test/", HOST),
        ("a.test:", "http://a.test/", HOST),
        ("ftp://a.test", "http://a.test/", HOST),
        ("*", "file:///etc/passwd", SCHEME),
        ("*", "ftp://a.test/", SCHEME),
        ("*", "data:text/plain,hello", SCHEME),
        ("*", "ws://a.test/", SCHEME),
        ("*", "unix:/run/docker.sock", SCHEME),
    ];
    for (pattern, url, expected) in table {
        check(&[pattern], url, *expected);
    }
}

#[test]
fn the_most_generous_pattern_decides() {
    check(&["*", "a.test"], "http://a.test/", ANY);
    check(&["a.test", "*"], "http://a.test/", ANY);
    check(&["*", "127.0.0.1"], "http://127.0.0.1/", ANY);
    check(&["127.0.0.1:1", "*"], "http://127.0.0.1:2/", ADDRESS);
    check(&["https://a.test", "a.test:81"], "http://a.test:81/", ANY);
}

#[test]
fn texts() {
    let table: &[(&[&str], &str, &str)] = &[
        (
            &["*.example.com"],
            "http://x/",
            "http://x/ is not allowed: host x is not in allowed_hosts (*.example.com)",
        ),
        (
            &["https://a.test", "b.test"],
            "http://u:p@a.test/q",
            "http://a.test/q is not allowed: scheme http of host a.test is not in allowed_hosts \
             (https://a.test, b.test)",
        ),
        (
            &["a.test:81"],
            "http://a.test/",
            "http://a.test/ is not allowed: port 80 of host a.test is not in allowed_hosts (a.test:81)",
        ),
        (
            &["*"],
            "http://10.1.2.3/",
            "http://10.1.2.3/ is not allowed: a pattern with a wildcard grants public addresses only, \
             and host 10.1.2.3 is at 10.1.2.3",
        ),
        (
            &["*"],
            "file:///etc/passwd",
            "file:///etc/passwd is not allowed: scheme file is neither http nor https",
        ),
    ];
    for (patterns, url, expected) in table {
        let denied = policy(patterns).decide(&url.parse().unwrap()).unwrap_err();
        assert_eq!(denied.to_string(), format!("HTTP request to {expected}"));
    }
}

#[test]
fn texts_are_bounded() {
    let url = format!("http://x/{}", "a".repeat(100_000));
    let patterns: Vec<String> = (0..1000).map(|n| format!("host-{n}.test")).collect();
    let denied = HostPolicy::new(Some(&patterns))
        .decide(&url.parse().unwrap())
        .unwrap_err();
    assert!(denied.to_string().len() < 1500, "{denied}");
    assert!(denied.reason().ends_with("host-7.test, …)"), "{denied}");
}

#[test]
fn a_hostile_pattern_costs_little() {
    let pattern = "*a".repeat(2000) + "b";
    let url = format!("http://{}.test/", "a".repeat(200));
    check(&[&pattern], &url, HOST);
}

#[test]
fn redirects_are_decided_again() {
    let table: &[(&[&str], &str, &str, Decision)] = &[
        (
            &["a.test", "b.test"],
            "http://a.test/",
            "http://b.test/",
            ANY,
        ),
        (
            &["a.test"],
            "http://a.test/",
            "http://b.test/",
            Err(Status::RedirectDenied),
        ),
        (
            &["*"],
            "http://a.test/",
            "http://10.0.0.1/",
            Err(Status::RedirectDenied),
        ),
        (
            &["*"],
            "http://a.test/",
            "file:///etc/passwd",
            Err(Status::RedirectDenied),
        ),
        (&["a.test"], "http://a.test/", "https://a.test/", ANY),
        (
            &["a.test"],
            "https://a.test/",
            "http://a.test/",
            Err(Status::RedirectDenied),
        ),
        (
            &["a.test:*"],
            "https://a.test/",
            "http://a.test/",
            Err(Status::RedirectDenied),
        ),
        (
            &["a.test", "http://a.test"],
            "https://a.test/",
            "http://a.test/",
            ANY,
        ),
        (
            &["*", "http://*"],
            "https://a.test/",
            "http://b.test/",
            PUBLIC,
        ),
    ];
    for (patterns, from, to, expected) in table {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let decision = policy(patterns).decide_redirect(&from, &to);
        assert_eq!(
            decision.map_err(|denied| denied.status()),
            *expected,
            "{from} to {to}"
        );
    }
    let denied = policy(&["a.test"])
        .decide_redirect(
            &"https://u:p@a.test/1".parse().unwrap(),
            &"https://b.test/2".parse().unwrap(),
        )
        .unwrap_err();
    assert_eq!(
        denied.to_string(),
        "HTTP request to https://b.test/2 is not allowed: redirected there from https://a.test: \
         host b.test is not in allowed_hosts (a.test)"
    );
}

#[test]
fn the_hosts_own_requests() {
    let policy = HostPolicy::unrestricted();
    let url = |text: &str| Url::parse(text).unwrap();
    assert_eq!(
        policy.decide(&url("http://127.0.0.1:1/")),
        Ok(Grant::AnyAddress)
    );
    assert_eq!(
        policy.decide(&url("file:///x")).unwrap_err().status(),
        Status::SchemeDenied
    );
    let up = policy.decide_redirect(&url("http://a.test/"), &url("https://b.test/"));
    assert_eq!(up, Ok(Grant::AnyAddress));
    let down = policy.decide_redirect(&url("https://a.test/"), &url("http://a.test/"));
    assert_eq!(down.unwrap_err().status(), Status::RedirectDenied);
}
