//! The allow-list of hosts: may a plug-in send a request to this URL, and to which addresses.
//!
//! Must not know: sockets or name servers; the caller asks [`crate::address_allowed`] for each address
//! it found.
//!
//! Keeps: no list, or an empty one, allows nothing; several patterns that match allow what the most
//! generous of them allows.

use std::net::IpAddr;

use extism_abi::Status;

use crate::address::{Grant, address_allowed};
use crate::denied::Denied;
use crate::pattern::{Fit, Pattern, Scheme};
use crate::url::{Host, Url};

/// No name that a name server can know is longer.
const HOST_BYTES_MAX: usize = 255;

/// How many patterns a message lists.
const PATTERNS_SHOWN_MAX: usize = 8;

/// The hosts a plug-in may send HTTP requests to: the manifest's `allowed_hosts`.
///
/// ```
/// use extism_policy::{Grant, HostPolicy};
///
/// let allowed = ["api.example.com", "*.example.org", "http://127.0.0.1:*"].map(String::from);
/// let policy = HostPolicy::new(Some(&allowed));
/// let decide = |url: &str| policy.decide(&url.parse().unwrap());
///
/// assert_eq!(decide("https://api.example.com/v1"), Ok(Grant::AnyAddress));
/// assert_eq!(decide("https://cdn.example.org/"), Ok(Grant::PublicOnly));
/// assert_eq!(decide("http://127.0.0.1:8080/"), Ok(Grant::AnyAddress));
/// assert!(decide("https://127.0.0.1:8080/").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPolicy {
    hosts: Hosts,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    Listed(Vec<Pattern>),
    All,
}

impl HostPolicy {
    /// A policy from `allowed_hosts`; `None` and an empty list deny everything.
    pub fn new(allowed_hosts: Option<&[String]>) -> HostPolicy {
        let patterns = allowed_hosts.unwrap_or_default();
        HostPolicy {
            hosts: Hosts::Listed(patterns.iter().map(|text| Pattern::new(text)).collect()),
        }
    }

    /// A policy for requests that the host makes itself, such as the download of a module: every host
    /// at every address, still http and https only, and never from https back to http.
    pub fn unrestricted() -> HostPolicy {
        HostPolicy { hosts: Hosts::All }
    }

    /// Decides a request.
    ///
    /// # Errors
    ///
    /// [`Status::SchemeDenied`] for a scheme other than http and https, or one that the patterns for
    /// this host exclude; [`Status::HostDenied`] for a host or port that no pattern covers;
    /// [`Status::AddressDenied`] for a literal address that only a wildcard covers and that is not
    /// public.
    pub fn decide(&self, url: &Url) -> Result<Grant, Denied> {
        self.decide_among(url, |_| true)
    }

    /// Decides a redirect from one URL to another; the first must have been allowed before.
    ///
    /// # Errors
    ///
    /// [`Status::RedirectDenied`] if `to` is not allowed by itself, or leads from https to http while no
    /// pattern that covers it says `http://`.
    pub fn decide_redirect(&self, from: &Url, to: &Url) -> Result<Grant, Denied> {
        let is_downgrade = from.scheme() == "https" && to.scheme() == "http";
        let decision = self.decide(to).and_then(|grant| {
            if !is_downgrade {
                return Ok(grant);
            }
            self.decide_among(to, |pattern| pattern.scheme == Some(Scheme::Http))
                .map_err(|_| {
                    let reason = "from https to http, and no pattern for the host says http://";
                    Denied::new(Status::RedirectDenied, to, reason)
                })
        });
        decision.map_err(|denied| denied.redirected_from(from))
    }

    fn decide_among(&self, url: &Url, counts: impl Fn(&Pattern) -> bool) -> Result<Grant, Denied> {
        let (scheme, host, port) = parts(url)?;
        let patterns = match &self.hosts {
            Hosts::Listed(patterns) => patterns,
            Hosts::All if counts(&Pattern::new("*")) => return Ok(Grant::AnyAddress),
            Hosts::All => &Vec::new(),
        };
        let fitting = |pattern: &&Pattern| {
            counts(pattern) && pattern.fit(scheme, host, port) == Fit::Everything
        };
        let mut fitting = patterns.iter().filter(fitting).peekable();
        let Some(first) = fitting.peek() else {
            return Err(refusal(url, patterns, scheme, host, port));
        };
        let grant = if first.is_exact() || fitting.any(|pattern| pattern.is_exact()) {
            Grant::AnyAddress
        } else {
            Grant::PublicOnly
        };
        match literal_address(url) {
            Some(address) if !address_allowed(address, grant) => {
                Err(Denied::addresses(url, &[address]))
            }
            _ => Ok(grant),
        }
    }
}

/// The parts of a URL a decision rests on, or the refusal of one that can be in no allow-list.
fn parts(url: &Url) -> Result<(Scheme, &str, u16), Denied> {
    let Some(scheme) = Scheme::parse(url.scheme()) else {
        let reason = format!("scheme {} is neither http nor https", url.scheme());
        return Err(Denied::new(Status::SchemeDenied, url, reason));
    };
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() || host.len() > HOST_BYTES_MAX {
        let reason = "its host is not a name of 1 to 255 bytes";
        return Err(Denied::new(Status::HostDenied, url, reason));
    }
    match url.port_or_known_default() {
        None | Some(0) => Err(Denied::new(Status::HostDenied, url, "port 0 is no port")),
        Some(port) => Ok((scheme, host, port)),
    }
}

fn refusal(url: &Url, patterns: &[Pattern], scheme: Scheme, host: &str, port: u16) -> Denied {
    let best = patterns
        .iter()
        .map(|pattern| pattern.fit(scheme, host, port))
        .max()
        .unwrap_or(Fit::Nothing);
    let (status, reason) = match best {
        Fit::Nothing if patterns.is_empty() => {
            (Status::HostDenied, "allowed_hosts is empty".to_string())
        }
        Fit::Nothing => (
            Status::HostDenied,
            format!("host {host} is not in allowed_hosts ({})", list(patterns)),
        ),
        Fit::Host => (
            Status::SchemeDenied,
            format!(
                "scheme {} of host {host} is not in allowed_hosts ({})",
                url.scheme(),
                list(patterns)
            ),
        ),
        Fit::HostAndScheme | Fit::Everything => (
            Status::HostDenied,
            format!(
                "port {port} of host {host} is not in allowed_hosts ({})",
                list(patterns)
            ),
        ),
    };
    Denied::new(status, url, reason)
}

fn list(patterns: &[Pattern]) -> String {
    let mut shown: Vec<&str> = patterns
        .iter()
        .take(PATTERNS_SHOWN_MAX)
        .map(|pattern| pattern.text.as_str())
        .collect();
    if patterns.len() > shown.len() {
        shown.push("…");
    }
    shown.join(", ")
}

fn literal_address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    }
}
