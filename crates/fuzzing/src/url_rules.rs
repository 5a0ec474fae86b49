//! The rules of `docs/http-policy.md` a second time: slow, simple, and written without a look at the first.
//!
//! Must not know: the code of `extism-policy`; it shares with it the URL parser alone, since that is parsed
//! once by design. Invariant: what is unclear in the document is not decided here but written into it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use extism_abi::Status;
use extism_policy::Grant;
use extism_policy::url::{Host, Url};

/// What the list allows of a URL: which addresses, or why not.
///
/// # Errors
///
/// The status of the refusal.
pub fn decide(patterns: &[&str], url: &Url) -> Result<Grant, Status> {
    decide_by(
        &patterns
            .iter()
            .map(|text| Pattern::read(text))
            .collect::<Vec<_>>(),
        url,
    )
}

/// The same for a redirect.
///
/// # Errors
///
/// Always [`Status::RedirectDenied`].
pub fn decide_redirect(patterns: &[&str], from: &Url, to: &Url) -> Result<Grant, Status> {
    let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::read(text)).collect();
    let denied = |_| Status::RedirectDenied;
    let grant = decide_by(&patterns, to).map_err(denied)?;
    if from.scheme() == "https" && to.scheme() == "http" {
        let says_http = |pattern: &Pattern| pattern.scheme.as_deref() == Some("http");
        let patterns: Vec<Pattern> = patterns.into_iter().filter(says_http).collect();
        return decide_by(&patterns, to).map_err(denied);
    }
    Ok(grant)
}

fn decide_by(patterns: &[Pattern], url: &Url) -> Result<Grant, Status> {
    let (scheme, host) = (url.scheme(), url.host_str().unwrap_or(""));
    if scheme != "http" && scheme != "https" {
        return Err(Status::SchemeDenied);
    }
    let port = url
        .port()
        .unwrap_or(if scheme == "http" { 80 } else { 443 });
    if host.is_empty() || host.len() > 255 || port == 0 {
        return Err(Status::HostDenied);
    }
    let of_host: Vec<&Pattern> = patterns.iter().filter(|p| p.covers_host(host)).collect();
    let of_scheme: Vec<&Pattern> = of_host
        .iter()
        .copied()
        .filter(|p| p.scheme.as_deref().is_none_or(|only| only == scheme))
        .collect();
    let of_port: Vec<&Pattern> = of_scheme
        .iter()
        .copied()
        .filter(|p| p.port.is_none_or(|only| only == port))
        .collect();
    if of_port.is_empty() {
        let only_the_scheme_differs = !of_host.is_empty() && of_scheme.is_empty();
        return Err(if only_the_scheme_differs {
            Status::SchemeDenied
        } else {
            Status::HostDenied
        });
    }
    if of_port.iter().any(|pattern| pattern.wildcard.is_none()) {
        return Ok(Grant::AnyAddress);
    }
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    match literal {
        Some(address) if !is_public(address) => Err(Status::AddressDenied),
        _ => Ok(Grant::PublicOnly),
    }
}

/// One entry of the list.
struct Pattern {
    scheme: Option<String>,
    /// The host in canonical form.
    host: String,
    /// The host as a wildcard, if it is one.
    wildcard: Option<Vec<Piece>>,
    port: Option<u16>,
}

/// One place of a wildcard.
enum Piece {
    /// `*`
    Any,
    /// One character for which this holds: in one of the ranges, or in none.
    One {
        ranges: Vec<(char, char)>,
        inside: bool,
    },
}

impl Pattern {
    /// A text that is no valid pattern matches only a host that is exactly that text.
    fn read(text: &str) -> Pattern {
        Pattern::valid(text).unwrap_or_else(|| Pattern {
            scheme: None,
            host: text.to_string(),
            wildcard: None,
            port: None,
        })
    }

    fn valid(text: &str) -> Option<Pattern> {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Some(Pattern {
                scheme: None,
                host: format!("[{address}]"),
                wildcard: None,
                port: None,
            });
        }
        let (scheme, rest) = match text.find("://") {
            None => (None, text),
            Some(at) => {
                let rest = &text[at + 3..];
                (
                    Some(text[..at].to_ascii_lowercase()),
                    rest.strip_suffix('/').unwrap_or(rest),
                )
            }
        };
        let usual_port = match scheme.as_deref() {
            None => None,
            Some("http") => Some(80),
            Some("https") => Some(443),
            Some(_) => return None,
        };
        let (host, port) = host_and_port(rest, usual_port)?;
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_address = address.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
        if !is_address && host.contains(['*', '?', '[']) {
            let wildcard = pieces(&canonical(host))?;
            let host = String::new();
            return Some(Pattern {
                scheme,
                host,
                wildcard: Some(wildcard),
                port,
            });
        }
        let host = Host::parse(host).ok()?.to_string();
        Some(Pattern {
            scheme,
            host,
            wildcard: None,
            port,
        })
    }

    fn covers_host(&self, host: &str) -> bool {
        match &self.wildcard {
            None => self.host == host,
            Some(pieces) => fits(pieces, host),
        }
    }
}

/// `host`, `host:*`, `host:80`, the host an IPv6 address in brackets or something without a colon at
/// its end. Without a port, the usual one of the scheme.
fn host_and_port(rest: &str, usual: Option<u16>) -> Option<(&str, Option<u16>)> {
    let bracket = rest.starts_with('[').then(|| rest.find(']')).flatten();
    let is_address = |end: usize| rest[1..end].parse::<Ipv6Addr>().is_ok();
    let colon = match bracket.filter(|end| is_address(*end)) {
        Some(end) if rest.len() == end + 1 => None,
        Some(end) if rest[end + 1..].starts_with(':') => Some(end + 1),
        Some(_) => return None,
        None => rest.rfind(':'),
    };
    let Some(colon) = colon else {
        return Some((rest, usual));
    };
    let (host, port) = (&rest[..colon], &rest[colon + 1..]);
    if port == "*" {
        return Some((host, None));
    }
    let is_number = !port.is_empty() && port.chars().all(|digit| digit.is_ascii_digit());
    let number: u16 = is_number.then(|| port.parse().ok()).flatten()?;
    (number != 0).then_some((host, Some(number)))
}

/// Lower case; in names that are not ASCII, punycode for each label that is a whole name.
fn canonical(host: &str) -> String {
    if host.is_ascii() {
        return host.to_ascii_lowercase();
    }
    let labels = host.split('.').map(|label| match Host::parse(label) {
        Ok(Host::Domain(name)) if !label.contains(['*', '?', '[']) => name,
        _ => label.to_ascii_lowercase(),
    });
    labels.collect::<Vec<_>>().join(".")
}

/// `None` where the text is no wildcard: two `*` together (but for `**` alone), a `[` that is not closed.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    if text == "**" {
        return Some(vec![Piece::Any]);
    }
    let all: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < all.len() {
        match all[at] {
            '*' if matches!(pieces.last(), Some(Piece::Any)) => return None,
            '*' => pieces.push(Piece::Any),
            '?' => pieces.push(Piece::One {
                ranges: Vec::new(),
                inside: false,
            }),
            '[' => {
                let negated = all.get(at + 1) == Some(&'!');
                let first = at + 1 + usize::from(negated);
                // A bracket that stands first is a member.
                let length = all.get(first + 1..)?.iter().position(|c| *c == ']')? + 1;
                let members = &all[first..first + length];
                pieces.push(Piece::One {
                    ranges: ranges(members),
                    inside: !negated,
                });
                at = first + length;
            }
            one => pieces.push(Piece::One {
                ranges: vec![(one, one)],
                inside: true,
            }),
        }
        at += 1;
    }
    Some(pieces)
}

fn ranges(members: &[char]) -> Vec<(char, char)> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < members.len() {
        let is_range = members.get(at + 1) == Some(&'-') && at + 2 < members.len();
        let last = if is_range { at + 2 } else { at };
        ranges.push((members[at], members[last]));
        at = last + 1;
    }
    ranges
}

/// Which places of the wildcard can be reached, character by character.
fn fits(pieces: &[Piece], host: &str) -> bool {
    let mut reached = vec![false; pieces.len() + 1];
    reached[0] = true;
    skip_runs(pieces, &mut reached);
    for character in host.chars() {
        let mut next = vec![false; pieces.len() + 1];
        for (at, piece) in pieces.iter().enumerate().filter(|(at, _)| reached[*at]) {
            match piece {
                Piece::Any => next[at] = true,
                Piece::One { ranges, inside } => {
                    let is_inside = ranges
                        .iter()
                        .any(|(low, high)| *low <= character && character <= *high);
                    if is_inside == *inside {
                        next[at + 1] = true;
                    }
                }
            }
        }
        skip_runs(pieces, &mut next);
        reached = next;
    }
    reached[pieces.len()]
}

fn skip_runs(pieces: &[Piece], reached: &mut [bool]) {
    for (at, piece) in pieces.iter().enumerate() {
        if reached[at] && matches!(piece, Piece::Any) {
            reached[at + 1] = true;
        }
    }
}

/// Whether an address is of the public Internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || [(192, 0, 0), (192, 31, 196), (192, 88, 99)].contains(&(a, b, c));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let text: Vec<u16> = address.segments().to_vec();
    let v4 = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Ipv4Addr::new(a, b, c, d)
    };
    if text[..6] == [0, 0, 0, 0, 0, 0xffff] || text[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_public_v4(v4(text[6], text[7]));
    }
    if text[0] == 0x2002 {
        return is_public_v4(v4(text[1], text[2]));
    }
    if text[..2] == [0x2001, 0] {
        return is_public_v4(v4(text[2], text[3])) && is_public_v4(v4(!text[6], !text[7]));
    }
    let documentation = text[..2] == [0x2001, 0xdb8] || (text[0] == 0x3fff && text[1] < 0x1000);
    let protocols = text[0] == 0x2001 && text[1] < 0x200;
    (0x2000..0x4000).contains(&text[0]) && !documentation && !protocols
}
