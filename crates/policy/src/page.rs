//! URLs and hosts as a page's own parser takes them apart, for builds without the crate `url`.
//!
//! Must not know: how that parser works; [`install`] says whom to ask. A page builds its requests with
//! the parser it is asked with, so that a decision is taken on the very value that is then requested.
//!
//! Keeps: the types have the names and the meaning of those of `url`, as far as this crate uses them;
//! without a parser nothing parses, so that nothing is allowed.

use std::cell::Cell;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Who takes texts apart.
#[derive(Clone, Copy, Debug)]
pub struct Parser {
    /// The canonical form of a host: lower case, punycode, addresses as they are written.
    pub host: fn(&str) -> Option<String>,
    /// A URL by itself, or relative to another one.
    pub url: fn(&str, Option<&str>) -> Option<Url>,
}

thread_local! {
    /// A page has one thread.
    static PARSER: Cell<Option<Parser>> = const { Cell::new(None) };
}

/// Says who takes texts apart on this thread.
pub fn install(parser: Parser) {
    PARSER.set(Some(parser));
}

fn parser() -> Result<Parser, ParseError> {
    PARSER.get().ok_or(ParseError)
}

/// Why a text is no URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError;

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is not a valid URL")
    }
}

impl std::error::Error for ParseError {}

/// A host in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host<S = String> {
    /// A name.
    Domain(S),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
}

impl Host {
    /// Takes a host apart; a text with anything that ends a host in a URL is none.
    ///
    /// # Errors
    /// If it is no host.
    pub fn parse(text: &str) -> Result<Host, ParseError> {
        let bare = match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            Some(address) => return address.parse().map(Host::Ipv6).map_err(|_| ParseError),
            None => text,
        };
        let ends_a_host =
            |c: char| matches!(c, '/' | '\\' | '?' | '#' | '@' | ':') || c.is_control();
        if bare.is_empty() || bare.contains(ends_a_host) {
            return Err(ParseError);
        }
        let canonical = (parser()?.host)(bare).ok_or(ParseError)?;
        Ok(match kind(&canonical) {
            Host::Domain(_) => Host::Domain(canonical),
            Host::Ipv4(address) => Host::Ipv4(address),
            Host::Ipv6(address) => Host::Ipv6(address),
        })
    }
}

fn kind(canonical: &str) -> Host<&str> {
    let bracketed = canonical
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'));
    match (bracketed.map(str::parse), canonical.parse()) {
        (Some(Ok(address)), _) => Host::Ipv6(address),
        (_, Ok(address)) => Host::Ipv4(address),
        _ => Host::Domain(canonical),
    }
}

impl<S: AsRef<str>> fmt::Display for Host<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Domain(name) => f.write_str(name.as_ref()),
            Host::Ipv4(address) => address.fmt(f),
            Host::Ipv6(address) => write!(f, "[{address}]"),
        }
    }
}

/// A URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// All of it.
    pub href: String,
    /// All of it, without user name and password.
    pub shown: String,
    /// The scheme, without the colon.
    pub scheme: String,
    /// The host in its canonical form; empty if there is none.
    pub host: String,
    /// The port, if it is not the scheme's own.
    pub port: Option<u16>,
}

impl Url {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Url, ParseError> {
        (parser()?.url)(text, None).ok_or(ParseError)
    }

    /// The URL that a reference leads to from here.
    ///
    /// # Errors
    /// If it leads nowhere.
    pub fn join(&self, reference: &str) -> Result<Url, ParseError> {
        (parser()?.url)(reference, Some(&self.href)).ok_or(ParseError)
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.href
    }

    /// The scheme, without the colon.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host as a text.
    pub fn host_str(&self) -> Option<&str> {
        (!self.host.is_empty()).then_some(self.host.as_str())
    }

    /// The host.
    pub fn host(&self) -> Option<Host<&str>> {
        self.host_str().map(kind)
    }

    /// The port, if it is not the scheme's own.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port.
    pub fn port_or_known_default(&self) -> Option<u16> {
        self.port.or(match self.scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> Origin {
        let Url {
            scheme, host, port, ..
        } = self;
        Origin {
            scheme: scheme.clone(),
            host: host.clone(),
            port: *port,
        }
    }
}

/// Scheme, host and port of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Whether there is a host.
    pub fn is_tuple(&self) -> bool {
        !self.host.is_empty()
    }

    /// As a text.
    pub fn ascii_serialization(&self) -> String {
        match self.port {
            Some(port) => format!("{}://{}:{port}", self.scheme, self.host),
            None => format!("{}://{}", self.scheme, self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A parser that knows one URL and lower case.
    fn small_parser() -> Parser {
        Parser {
            host: |text| (text != "no").then(|| text.to_ascii_lowercase()),
            url: |text, base| {
                (text == "/next" || base.is_none()).then(|| Url {
                    href: format!("{}{text}", base.unwrap_or_default()),
                    shown: text.to_owned(),
                    scheme: "https".to_owned(),
                    host: "[::1]".to_owned(),
                    port: None,
                })
            },
        }
    }

    #[test]
    fn nothing_parses_before_there_is_a_parser_and_then_as_it_says() {
        assert_eq!(Host::parse("a"), Err(ParseError));
        assert_eq!(Url::parse("https://a"), Err(ParseError));
        install(small_parser());
        for (text, host) in [
            ("A.Example", Ok(Host::Domain("a.example".to_owned()))),
            ("127.0.0.1", Ok(Host::Ipv4(Ipv4Addr::LOCALHOST))),
            ("[::1]", Ok(Host::Ipv6(Ipv6Addr::LOCALHOST))),
            ("[::x]", Err(ParseError)),
            ("no", Err(ParseError)),
            ("", Err(ParseError)),
            ("a:1", Err(ParseError)),
            ("a/b", Err(ParseError)),
            ("a@b", Err(ParseError)),
            ("a\0", Err(ParseError)),
        ] {
            assert_eq!(Host::parse(text), host, "{text}");
        }
        let url = Url::parse("https://[::1]").expect("it knows one");
        assert_eq!(url.host(), Some(Host::Ipv6(Ipv6Addr::LOCALHOST)));
        assert_eq!(url.port_or_known_default(), Some(443));
        assert_eq!(url.origin().ascii_serialization(), "https://[::1]");
        let next = url.join("/next").map(|url| url.href);
        assert_eq!(next.as_deref(), Ok("https://[::1]/next"));
        assert_eq!(url.join("elsewhere"), Err(ParseError));
    }
}
