//! Decisions on URLs are those of the written rules, and a request goes to what was decided on.
//!
//! Input: a line with a URL, one with the URL of a redirect, and patterns of `allowed_hosts`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use extism_abi::Status;
use extism_http::{Client, HostPolicy, HttpError, Request, Rules};
use extism_policy::url::{Host, Url};
use extism_policy::{Denied, Grant, address_allowed, is_public};

use crate::mock_network::MockNetwork;
use crate::target::Target;
use crate::url_rules;

pub(crate) const TARGET: Target = Target {
    name: "url_policy",
    about: "hosts, addresses and redirects against a second implementation of the rules",
    bytes_max: 400,
    words: &[
        "http://",
        "https://",
        "ftp://",
        "*",
        "**",
        "?",
        "[a-z]",
        "[!a]",
        "[]",
        ":*",
        ":80",
        ":443",
        ":0",
        ":65536",
        "example.com",
        ".example.com",
        "xn--",
        "ü",
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "localhost",
        "user:pw@",
        "@",
        "#",
        "\\",
        "/",
        "%2e",
        "%2f",
        "..",
        ".",
        "\n",
        "\t",
        "１",
        "。",
    ],
    smoke: 60_000,
    run,
};

const PATTERNS_MAX: usize = 8;

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let (first, second) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let patterns: Vec<&str> = lines.take(PATTERNS_MAX).collect();
    let list: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    let policy = HostPolicy::new(Some(&list));
    let Ok(url) = Url::parse(first) else {
        return;
    };
    let decision = policy.decide(&url);
    agree(&decision, url_rules::decide(&patterns, &url), &url);
    if let Some(address) = literal(&url) {
        assert_eq!(
            is_public(address),
            url_rules::is_public(address),
            "{address}"
        );
    }
    if let Ok(to) = url.join(second) {
        let expected = url_rules::decide_redirect(&patterns, &url, &to);
        agree(&policy.decide_redirect(&url, &to), expected, &to);
    }
    reach(
        first,
        &url,
        &policy,
        decision.map_err(|denied| denied.status()),
    );
}

fn agree(found: &Result<Grant, Denied>, expected: Result<Grant, Status>, url: &Url) {
    let status = found.as_ref().map(|grant| *grant).map_err(Denied::status);
    assert_eq!(status, expected, "{url}: {found:?}");
    if let Err(denied) = found {
        let text = denied.to_string();
        assert!(
            text.starts_with("HTTP request to ") && text.len() < 20_000,
            "{text}"
        );
        let shown = text["HTTP request to ".len()..]
            .split(" is not allowed")
            .next()
            .unwrap_or("");
        if let Ok(shown) = Url::parse(shown) {
            assert!(shown.password().is_none(), "a password in {text}");
        }
    }
}

fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    }
}

/// The client connects to the host that was decided on, at addresses its grant covers, or to nothing.
fn reach(text: &str, url: &Url, policy: &HostPolicy, decision: Result<Grant, Status>) {
    let addresses = [
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
        IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14)),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let network = MockNetwork::new(&addresses, []);
    let client = Client::new().with_network(network.clone());
    let request = Request {
        url: text,
        ..Request::default()
    };
    let error = client
        .send(request, &Rules::new(policy))
        .expect_err("nobody answers");
    let (resolved, connected) = (network.resolved(), network.connected());
    let grant = match decision {
        Ok(grant) => grant,
        Err(status) => {
            assert!(
                resolved.is_empty() && connected.is_empty(),
                "{url} was reached"
            );
            return assert_eq!(error.status(), status, "{url}");
        }
    };
    assert!(matches!(error, HttpError::Failed(_)), "{url}: {error:?}");
    let expected: Vec<IpAddr> = match literal(url) {
        Some(address) => {
            assert!(resolved.is_empty(), "{url} needs no name");
            vec![address]
        }
        None => {
            let host = url.host_str().unwrap_or("");
            let absolute = format!("{}.", host.trim_end_matches('.'));
            let wanted = match grant {
                Grant::AnyAddress => host,
                Grant::PublicOnly if host.ends_with('.') => host,
                Grant::PublicOnly => &absolute,
            };
            assert_eq!(resolved, [wanted], "{url}");
            let covered = |address: &IpAddr| {
                assert_eq!(
                    address_allowed(*address, Grant::PublicOnly),
                    is_public(*address)
                );
                grant == Grant::AnyAddress || url_rules::is_public(*address)
            };
            addresses.into_iter().filter(covered).collect()
        }
    };
    let ports = connected.iter().map(|address| address.port());
    assert!(
        ports
            .clone()
            .all(|port| Some(port) == url.port_or_known_default()),
        "{url}: {connected:?}"
    );
    let reached: Vec<IpAddr> = connected.iter().map(|address| address.ip()).collect();
    assert_eq!(reached, expected, "{url}");
}
