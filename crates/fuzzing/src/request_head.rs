//! What a plug-in puts into the head of a request: it is refused, or is one request on the wire.
//!
//! Input: a line with the method, one with the URL, then `name: value` lines; a line end inside a header is
//! written `\r`, `\n`.

use extism_http::{Client, HostPolicy, HttpError, Request, Rules};
use extism_policy::url::Url;
use extism_policy::{check_headers, check_method};

use crate::mock_network::MockNetwork;
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "request_head",
    about: "methods and headers a plug-in chooses, up to the bytes on the wire",
    bytes_max: 500,
    words: &[
        "GET\n",
        "post\n",
        "CONNECT\n",
        "PATCH /x HTTP/1.1\n",
        "http://a.test/",
        "http://a.test:81/?q#f",
        "host: ",
        "a.test",
        "a.test:80",
        "content-length: ",
        "4",
        "transfer-encoding: chunked",
        "te: ",
        "trailer: ",
        "connection: ",
        "close",
        "keep-alive",
        "upgrade: h2c",
        "expect: 100-continue",
        "proxy-authorization: x",
        "\\r\\n",
        "\\n",
        "\\r\\n\\r\\nGET / HTTP/1.1\\r\\n",
        ": ",
        "\n",
        "é",
        "\t",
        "\0",
        "accept: ",
        "authorization: ",
        "user-agent: ",
        "_",
        " ",
    ],
    smoke: 12_000,
    run,
};

const BODY: &[u8] = b"body";

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text
        .split('\n')
        .map(|line| line.replace("\\r", "\r").replace("\\n", "\n"));
    let method = lines.next().unwrap_or_default();
    let url = lines.next().unwrap_or_default();
    let headers: Vec<(String, String)> = lines
        .take(20)
        .filter_map(|line| {
            line.split_once(':')
                .map(|(n, v)| (n.to_string(), v.trim_start_matches(' ').to_string()))
        })
        .collect();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let Ok(parsed) = Url::parse(&url) else {
        return;
    };
    if parsed.scheme() != "http" || parsed.port() == Some(0) {
        return;
    }
    let is_sane = sane_method(&method) && headers.iter().all(|(name, value)| sane(name, value));
    let checked = check_headers(&headers, &parsed, BODY.len() as u64);
    let checked = checked.and_then(|kept| Ok((check_method(&method)?, kept)));
    if let Ok((upper, kept)) = &checked {
        assert!(is_sane, "{method:?} {headers:?}");
        assert_eq!(
            *upper,
            if method.is_empty() {
                "GET".to_string()
            } else {
                method.to_ascii_uppercase()
            }
        );
        for (name, value) in kept {
            assert!(
                !FRAMING.contains(&name.as_str()) && !name.starts_with("proxy-"),
                "{name}"
            );
            let given = headers
                .iter()
                .any(|(n, v)| n.eq_ignore_ascii_case(name) && v == value);
            assert!(given, "{name}: {value}");
        }
    }
    send(&method, &url, &parsed, &headers, checked.ok());
}

/// What belongs to the host.
const FRAMING: [&str; 9] = [
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "expect",
    "transfer-encoding",
    "trailer",
    "te",
    "upgrade",
];

fn sane_method(method: &str) -> bool {
    !method.eq_ignore_ascii_case("CONNECT") && method.chars().all(is_token)
}

fn sane(name: &str, value: &str) -> bool {
    let is_text = |c: char| c == '\t' || !(c < ' ' || c == '\u{7f}');
    !name.is_empty() && name.chars().all(is_token) && value.chars().all(is_text)
}

fn is_token(c: char) -> bool {
    c.is_ascii_graphic() && !"(),/:;<=>?@[\\]{}\"".contains(c)
}

type Checked = (String, Vec<(String, String)>);

fn send(method: &str, url: &str, parsed: &Url, headers: &[(&str, &str)], checked: Option<Checked>) {
    let host = parsed.host_str().unwrap_or_default().to_string();
    let policy = HostPolicy::new(Some(&[host]));
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec();
    let network = MockNetwork::new(&[[127, 0, 0, 1].into()], [answer]);
    let request = Request {
        method,
        url,
        headers,
        body: Some(BODY),
    };
    let result = Client::new()
        .with_network(network.clone())
        .send(request, &Rules::new(&policy));
    let received = network.received().expect("loopback works");
    let Some((method, kept)) = checked else {
        assert!(matches!(result, Err(HttpError::Invalid(_))), "{result:?}");
        return assert!(received.is_empty(), "something was sent");
    };
    let sent = match (&result, &received[..]) {
        (Ok(_), [sent]) => sent,
        // Beyond the rules there is what the protocol's own library refuses.
        (Err(HttpError::Invalid(_)), []) => return,
        (Err(HttpError::Invalid(_)), [sent]) if sent.is_empty() => return,
        (Err(HttpError::Denied(_)), []) => return,
        other => panic!("{other:?}"),
    };
    one_request(sent, &method, &kept);
}

/// Exactly one head, with the lines it should have, and exactly the body.
fn one_request(sent: &[u8], method: &str, kept: &[(String, String)]) {
    let end = sent
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("there is a head");
    assert_eq!(&sent[end + 4..], BODY);
    let head = &sent[..end];
    let mut lines: Vec<&[u8]> = Vec::new();
    let mut rest = head;
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    lines.push(rest);
    let stray = lines
        .iter()
        .flat_map(|line| line.iter())
        .find(|byte| b"\r\n\0".contains(byte));
    assert_eq!(stray, None, "{}", head.escape_ascii());
    let first = String::from_utf8_lossy(lines[0]).into_owned();
    let words: Vec<&str> = first.split(' ').collect();
    assert!(
        words.len() == 3 && words[0] == method && words[2] == "HTTP/1.1",
        "{first}"
    );
    let names: Vec<String> = lines[1..]
        .iter()
        .map(|line| line.split(|byte| *byte == b':').next().unwrap_or(b""))
        .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase())
        .collect();
    let count = |name: &str| names.iter().filter(|other| *other == name).count();
    for name in ["host", "content-length", "connection"] {
        assert_eq!(count(name), 1, "{name}: {}", head.escape_ascii());
    }
    assert_eq!(count("transfer-encoding"), 0);
    for (name, _) in kept {
        let times = kept.iter().filter(|(other, _)| other == name).count();
        assert_eq!(count(name), times, "{name}: {}", head.escape_ascii());
    }
    let own = ["accept", "accept-encoding", "user-agent", "authorization"];
    let defaults = own
        .iter()
        .filter(|name| kept.iter().all(|(other, _)| other != *name));
    let added: usize = defaults.map(|name| count(name)).sum();
    assert_eq!(
        names.len(),
        3 + kept.len() + added,
        "{}",
        head.escape_ascii()
    );
}
