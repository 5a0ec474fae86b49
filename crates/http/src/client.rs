//! The client: follows a request through its redirects to a response.
//!
//! Must not know: plug-ins; the caller decides what a failure means for one.
//!
//! Keeps: every hop is decided from the top, on the URL it then connects to. Connections are not kept:
//! one that was opened under one plug-in's policy can never serve another's.

use std::sync::{Arc, OnceLock};

use extism_policy::url::Url;
use extism_policy::{Denied, Follow, Grant, display_url, follow};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::connection::Connection;
use crate::dial::dial;
use crate::error::HttpError;
use crate::exchange::{Answer, exchange};
use crate::helper::Share;
use crate::hop::Hop;
use crate::network::{Network, SystemNetwork};
use crate::request::{Request, Response, Rules};
use crate::watch::Watch;

/// Sends requests. Cheap to make, to clone and to share; reads no environment variable, so no proxy.
///
/// A look-up that is given up goes on by itself. A client, with its clones, that has left eight such behind
/// opens no connection until one of them has ended, so whoever shall not suffer from another has a client of
/// its own.
///
/// ```
/// use extism_http::{Client, HostPolicy, Request, Rules};
///
/// let policy = HostPolicy::new(Some(&["*.example.com".to_string()]));
/// let request = Request { url: "http://localhost:8080/", ..Request::default() };
/// let error = Client::new().send(request, &Rules::new(&policy)).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "HTTP request to http://localhost:8080/ is not allowed: \
///      host localhost is not in allowed_hosts (*.example.com)"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    network: Arc<dyn Network>,
    /// `None` is the configuration that the whole process shares.
    tls: Option<Arc<ClientConfig>>,
    share: Share,
}

impl Default for Client {
    fn default() -> Client {
        Client::new()
    }
}

impl Client {
    /// A client that uses the operating system's name service, and trusts the certificate authorities
    /// that browsers trust.
    pub fn new() -> Client {
        Client {
            network: Arc::new(SystemNetwork),
            tls: None,
            share: Share::new(),
        }
    }

    /// The same client with another network.
    #[must_use]
    pub fn with_network(mut self, network: impl Network) -> Client {
        self.network = Arc::new(network);
        self
    }

    /// The same client trusting these certificate authorities, DER-encoded, and no others.
    ///
    /// # Errors
    ///
    /// [`HttpError::Invalid`] if one of them is not a certificate.
    pub fn with_root_certificates(mut self, authorities: &[&[u8]]) -> Result<Client, HttpError> {
        let mut roots = RootCertStore::empty();
        for der in authorities {
            roots
                .add(CertificateDer::from(der.to_vec()))
                .map_err(|error| HttpError::Invalid(format!("root certificate: {error}")))?;
        }
        self.tls = Some(tls_config(roots));
        Ok(self)
    }

    /// Sends a request and returns the last answer, whatever its status code: one outside 200 to 299 is
    /// no error.
    ///
    /// # Errors
    ///
    /// Every variant of [`HttpError`]. With [`HttpError::Denied`] on the first hop, nothing was sent or
    /// even looked up, except for a name whose addresses the policy refuses.
    pub fn send(&self, request: Request<'_>, rules: &Rules<'_>) -> Result<Response, HttpError> {
        let mut hop = Hop::first(&request)?;
        let mut grant = rules.policy.decide(&hop.url)?;
        let mut followed = 0_u32;
        loop {
            let step = self.step(&hop, grant, followed, rules);
            match step.map_err(|error| explain(error, &hop.url))? {
                Step::Respond(response) => return Ok(response),
                Step::Follow(redirect) => {
                    grant = redirect.grant;
                    hop = hop.redirected(redirect.to, redirect.how);
                    followed = followed.saturating_add(1);
                }
            }
        }
    }

    fn step(
        &self,
        hop: &Hop<'_>,
        grant: Grant,
        followed: u32,
        rules: &Rules<'_>,
    ) -> Result<Step, HttpError> {
        let connection = self.connect(hop, grant, Watch::new(rules))?;
        let answer = exchange(hop, connection, rules)?;
        match redirect(hop, &answer, followed, rules)? {
            Some(redirect) => Ok(Step::Follow(Box::new(redirect))),
            None => answer.into_response(rules).map(Step::Respond),
        }
    }

    fn connect<'a>(
        &self,
        hop: &Hop<'_>,
        grant: Grant,
        watch: Watch<'a>,
    ) -> Result<Connection<'a>, HttpError> {
        let stream =
            dial(&self.network, &self.share, &hop.url, grant, &watch).map_err(|error| {
                match (error, &hop.from) {
                    (HttpError::Denied(denied), Some(from)) => denied.redirected_from(from).into(),
                    (error, _) => error,
                }
            })?;
        if hop.url.scheme() == "http" {
            return Connection::clear(stream, watch);
        }
        let config = self.tls.as_ref().unwrap_or_else(|| shared_tls_config());
        let host = hop.url.host_str().unwrap_or_default();
        Connection::tls(stream, watch, config, host)
    }
}

enum Step {
    Respond(Response),
    Follow(Box<Redirect>),
}

struct Redirect {
    to: Url,
    how: Follow,
    grant: Grant,
}

/// Where an answer leads, if it leads anywhere and that is allowed.
fn redirect(
    hop: &Hop<'_>,
    answer: &Answer<'_>,
    followed: u32,
    rules: &Rules<'_>,
) -> Result<Option<Redirect>, HttpError> {
    let (Some(how), Some(location)) = (follow(answer.status(), &hop.method), answer.location())
    else {
        return Ok(None);
    };
    if rules.redirects_max == 0 {
        return Ok(None);
    }
    if followed >= rules.redirects_max {
        return Err(Denied::too_many_redirects(&hop.url, rules.redirects_max).into());
    }
    let to = hop
        .url
        .join(location?)
        .map_err(|error| HttpError::Failed(format!("redirect to an invalid URL: {error}")))?;
    let grant = rules.policy.decide_redirect(&hop.url, &to)?;
    Ok(Some(Redirect { to, how, grant }))
}

/// Completes an error with the request it is about.
fn explain(error: HttpError, url: &Url) -> HttpError {
    match error {
        HttpError::Failed(reason) => HttpError::Failed(format!(
            "HTTP request to {} failed: {reason}",
            display_url(url)
        )),
        error => error,
    }
}

/// Built once, at the first request that needs it: reading the certificate authorities takes a while.
fn shared_tls_config() -> &'static Arc<ClientConfig> {
    static SHARED: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    SHARED.get_or_init(|| {
        tls_config(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        })
    })
}

fn tls_config(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for the versions we enabled")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
