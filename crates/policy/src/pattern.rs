//! One entry of `allowed_hosts`: a host with optional scheme and port.
//!
//! Must not know: address classes, redirects, messages.
//!
//! Keeps: an entry is compared with what the URL parser made of a URL (lower case, punycode, canonical
//! addresses), and was brought into the same form itself. What is no valid pattern matches only a host
//! that is the same text.

use std::net::Ipv6Addr;

use crate::glob::Glob;
use crate::url::Host;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    pub(crate) scheme: Option<Scheme>,
    host: HostRule,
    port: PortRule,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostRule {
    Exact(String),
    Wildcard(Glob),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PortRule {
    Any,
    Only(u16),
}

/// How far a URL fits a pattern; a later variant fits better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    Nothing,
    Host,
    HostAndScheme,
    Everything,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Pattern {
        Pattern::parse(text).unwrap_or_else(|| Pattern {
            text: text.to_string(),
            scheme: None,
            host: HostRule::Exact(text.to_string()),
            port: PortRule::Any,
        })
    }

    fn parse(text: &str) -> Option<Pattern> {
        if text.parse::<Ipv6Addr>().is_ok() {
            return Pattern::parse(&format!("[{text}]"));
        }
        let (scheme, rest) = match split_scheme(text) {
            Some((scheme, rest)) => (
                Some(Scheme::parse(scheme)?),
                rest.strip_suffix('/').unwrap_or(rest),
            ),
            None => (None, text),
        };
        let (host, port) = split_port(rest)?;
        let port = match (port, scheme) {
            (Some(port), _) => port,
            (None, Some(scheme)) => PortRule::Only(scheme.default_port()),
            (None, None) => PortRule::Any,
        };
        let host = match Host::parse(host) {
            _ if has_wildcard(host) => HostRule::Wildcard(Glob::parse(&canonical_labels(host))?),
            Ok(host) => HostRule::Exact(host.to_string()),
            Err(_) => return None,
        };
        let text = text.to_string();
        Some(Pattern {
            text,
            scheme,
            host,
            port,
        })
    }

    /// Whether the host part names one host, so that the host owner meant exactly that one.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self.host, HostRule::Exact(_))
    }

    pub(crate) fn fit(&self, scheme: Scheme, host: &str, port: u16) -> Fit {
        let host_fits = match &self.host {
            HostRule::Exact(exact) => exact == host,
            HostRule::Wildcard(glob) => glob.matches(host),
        };
        let scheme_fits = self.scheme.is_none_or(|only| only == scheme);
        let port_fits = match self.port {
            PortRule::Any => true,
            PortRule::Only(only) => only == port,
        };
        match (host_fits, scheme_fits, port_fits) {
            (false, ..) => Fit::Nothing,
            (true, false, _) => Fit::Host,
            (true, true, false) => Fit::HostAndScheme,
            (true, true, true) => Fit::Everything,
        }
    }
}

impl Scheme {
    pub(crate) fn parse(text: &str) -> Option<Scheme> {
        if text.eq_ignore_ascii_case("http") {
            Some(Scheme::Http)
        } else if text.eq_ignore_ascii_case("https") {
            Some(Scheme::Https)
        } else {
            None
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// Splits `scheme://rest`. By the colon, since looking for a longer text is a large piece of code in the core for
/// pages.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let mut colons = text.match_indices(':');
    colons.find_map(|(at, _)| {
        let (scheme, rest) = text.split_at_checked(at)?;
        Some((scheme, rest.strip_prefix("://")?))
    })
}

/// Splits `host`, `host:8443`, `host:*` or `[::1]:80`; `None` if the port is not one.
fn split_port(text: &str) -> Option<(&str, Option<PortRule>)> {
    if let Some((address, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        && address.parse::<Ipv6Addr>().is_ok()
    {
        let host = text.strip_suffix(after)?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(PortRule::parse(port)?))),
            None if after.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match text.rsplit_once(':') {
        Some((host, port)) => Some((host, Some(PortRule::parse(port)?))),
        None => Some((text, None)),
    }
}

impl PortRule {
    fn parse(text: &str) -> Option<PortRule> {
        match text {
            "*" => Some(PortRule::Any),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                let port = text.parse().ok().filter(|port| *port != 0)?;
                Some(PortRule::Only(port))
            }
            _ => None,
        }
    }
}

/// A wildcard in the host, as opposed to the brackets of an IPv6 address or a `*` for the port.
fn has_wildcard(host: &str) -> bool {
    let is_address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    !is_address && host.contains(['*', '?', '['])
}

/// Lower case, and punycode for each label that is a whole name. Of labels with a wildcard, only ASCII gets
/// lower case: other letters in them match nothing, as hosts are ASCII.
fn canonical_labels(host: &str) -> String {
    if host.is_ascii() {
        return host.to_ascii_lowercase();
    }
    let label = |label: &str| match Host::parse(label) {
        Ok(Host::Domain(name)) if !has_wildcard(label) => name,
        _ => label.to_ascii_lowercase(),
    };
    let mut canonical = String::new();
    for part in host.split('.') {
        canonical.push_str(&label(part));
        canonical.push('.');
    }
    canonical.pop();
    canonical
}
