//! A request through scripted redirects: each hop is one the written rules allow, and carries what it may.
//!
//! Input: a line with the method, one with the URL, one with patterns separated by blanks, then answers:
//! `status location`.

use extism_abi::Status;
use extism_http::{Client, HostPolicy, Request, Rules};
use extism_policy::url::Url;

use crate::mock_network::MockNetwork;
use crate::target::Target;
use crate::url_rules;

pub(crate) const TARGET: Target = Target {
    name: "redirect_chain",
    about: "requests through scripted redirects over a mock network",
    bytes_max: 600,
    words: &[
        "GET\n",
        "POST\n",
        "HEAD\n",
        "PUT\n",
        "DELETE\n",
        "301 ",
        "302 ",
        "303 ",
        "307 ",
        "308 ",
        "304 ",
        "200\n",
        "http://a.test/",
        "http://b.test/",
        "http://a.test:81/",
        "https://a.test/",
        "http://*.test",
        "a.test",
        "*",
        "//b.test/",
        "/path",
        "?q",
        "#f",
        "..",
        "http://u:p@a.test/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://",
        "javascript:",
        "%00",
        "\\",
        "@",
        "\n",
    ],
    smoke: 6_000,
    run,
};

/// A public address, so that names which only a wildcard covers can be reached.
const ADDRESS: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 215, 14));

const REDIRECTS_MAX: u32 = 5;

const BODY: &[u8] = b"the body";

/// What a plug-in sends along: which may go to another origin, which may not, which describe a body.
const HEADERS: [(&str, &str); 7] = [
    ("accept-language", "en"),
    ("authorization", "secret-1"),
    ("cookie", "secret-2"),
    ("x-api-key", "secret-3"),
    ("my-session-id", "secret-4"),
    ("content-type", "text/plain"),
    ("content-language", "en"),
];
const SECRETS: [&str; 4] = ["authorization", "cookie", "x-api-key", "my-session-id"];
const OF_BODY: [&str; 2] = ["content-type", "content-language"];

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.lines();
    let method = lines.next().unwrap_or("");
    let known = ["POST", "PUT", "HEAD", "DELETE"].contains(&method);
    let method = if known { method } else { "GET" };
    let url = lines.next().unwrap_or("");
    let patterns: Vec<&str> = lines
        .next()
        .unwrap_or("")
        .split_whitespace()
        .take(6)
        .collect();
    let answers: Vec<Answer> = lines.filter_map(Answer::read).take(8).collect();
    let Ok(first) = Url::parse(url) else {
        return;
    };
    let expected = Chain::follow(method, first, &patterns, &answers);

    let list: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    let policy = HostPolicy::new(Some(&list));
    let mut scripted: Vec<Vec<u8>> = answers.iter().map(Answer::bytes).collect();
    scripted.resize(
        10,
        Answer {
            status: 200,
            location: None,
        }
        .bytes(),
    );
    let network = MockNetwork::new(&[ADDRESS], scripted);
    let rules = Rules {
        redirects_max: REDIRECTS_MAX,
        ..Rules::new(&policy)
    };
    let request = Request {
        method,
        url,
        headers: &HEADERS,
        body: Some(BODY),
    };
    let client = Client::new().with_network(network.clone());
    let found = client.send(request, &rules).map(|response| response.status);

    let requests = network.received().expect("loopback works");
    assert_eq!(
        found.as_ref().map_err(|error| error.status()),
        expected.end.as_ref().map_err(|s| *s),
        "{found:?}"
    );
    assert_eq!(requests.len(), expected.hops.len(), "{:?}", expected.hops);
    for (sent, hop) in requests.iter().zip(&expected.hops) {
        hop.check(sent);
    }
}

/// A line of the script.
struct Answer<'a> {
    status: u16,
    location: Option<&'a str>,
}

impl<'a> Answer<'a> {
    fn read(line: &'a str) -> Option<Answer<'a>> {
        let (status, location) = line
            .split_once(' ')
            .map_or((line, None), |(s, l)| (s, Some(l)));
        let status = status
            .parse()
            .ok()
            .filter(|status| (200..600).contains(status))?;
        // What is no value of a header could not have come over the wire as one.
        let location = location.filter(|text| text.chars().all(|c| !c.is_control()));
        Some(Answer {
            status,
            location: location.map(str::trim),
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let location = self
            .location
            .map(|to| format!("location: {to}\r\n"))
            .unwrap_or_default();
        format!(
            "HTTP/1.1 {} x\r\n{location}content-length: 0\r\n\r\n",
            self.status
        )
        .into_bytes()
    }
}

/// What has to happen.
struct Chain {
    hops: Vec<Hop>,
    end: Result<u16, Status>,
}

#[derive(Debug)]
struct Hop {
    /// Where the request goes. Over TLS it does not come to a request: the mock has no certificate.
    url: Url,
    method: String,
    has_secrets: bool,
    has_body: bool,
}

impl Chain {
    fn follow(method: &str, url: Url, patterns: &[&str], answers: &[Answer<'_>]) -> Chain {
        let mut hop = Hop {
            url,
            method: method.to_string(),
            has_secrets: true,
            has_body: true,
        };
        let mut hops: Vec<Hop> = Vec::new();
        let mut decision = url_rules::decide(patterns, &hop.url).map(drop);
        let end = loop {
            if let Err(status) = decision {
                break Err(status);
            }
            let is_tls = hop.url.scheme() == "https";
            let answer = answers.get(hops.len());
            hops.push(hop.copy());
            if is_tls {
                break Err(Status::HttpFailed);
            }
            let Some(answer) = answer else {
                break Ok(200);
            };
            let (true, Some(location)) = (redirects(answer.status), answer.location) else {
                break Ok(answer.status);
            };
            if hops.len() > REDIRECTS_MAX as usize {
                break Err(Status::RedirectDenied);
            }
            let Ok(to) = hop.url.join(location) else {
                break Err(Status::HttpFailed);
            };
            decision = url_rules::decide_redirect(patterns, &hop.url, &to).map(drop);
            hop = hop.next(to, answer.status);
        };
        Chain { hops, end }
    }
}

fn redirects(status: u16) -> bool {
    [301, 302, 303, 307, 308].contains(&status)
}

impl Hop {
    fn copy(&self) -> Hop {
        Hop {
            url: self.url.clone(),
            method: self.method.clone(),
            ..*self
        }
    }

    fn next(self, to: Url, status: u16) -> Hop {
        let becomes_get = match status {
            301 | 302 => self.method == "POST",
            303 => !["GET", "HEAD"].contains(&self.method.as_str()),
            _ => false,
        };
        let place = |url: &Url| {
            let host = url.host_str().map(str::to_string);
            (url.scheme().to_string(), host, url.port_or_known_default())
        };
        Hop {
            has_secrets: self.has_secrets && place(&self.url) == place(&to),
            has_body: self.has_body && !becomes_get,
            method: if becomes_get {
                "GET".to_string()
            } else {
                self.method
            },
            url: to,
        }
    }

    fn check(&self, sent: &[u8]) {
        if self.url.scheme() == "https" {
            // The first byte of a TLS handshake, or nothing.
            return assert!(
                sent.first().is_none_or(|byte| *byte == 0x16),
                "{:?}",
                self.url
            );
        }
        let text = String::from_utf8_lossy(sent);
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no head: {text}"));
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or("");
        assert!(first.starts_with(&format!("{} /", self.method)), "{first}");
        assert!(first.ends_with(" HTTP/1.1"), "{first}");
        let mut host = self.url.host_str().unwrap_or("").to_string();
        if let Some(port) = self.url.port() {
            host = format!("{host}:{port}");
        }
        let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
        let values = |name: &str| -> Vec<&str> {
            headers
                .iter()
                .filter(|(other, _)| other.eq_ignore_ascii_case(name))
                .map(|(_, v)| *v)
                .collect()
        };
        assert_eq!(values("host"), [host.as_str()], "{text}");
        assert_eq!(values("accept-language"), ["en"], "{text}");
        for name in SECRETS {
            // A name and password in the first URL do not replace a header the plug-in has set.
            assert_eq!(
                values(name).len(),
                usize::from(self.has_secrets),
                "{name}: {text}"
            );
        }
        for name in OF_BODY {
            assert_eq!(
                values(name).len(),
                usize::from(self.has_body),
                "{name}: {text}"
            );
        }
        assert_eq!(
            body.as_bytes(),
            if self.has_body { BODY } else { b"" },
            "{text}"
        );
    }
}
