//! From a URL and a grant to a connection: look up the name once, check every address, connect to one
//! that passed.
//!
//! Must not know: HTTP, TLS.
//!
//! Keeps: no connection is opened to an address the grant does not cover, and the caller is never stuck
//! in the operating system: the two calls that cannot be interrupted run on a helper thread, which is
//! left behind if the exchange is given up and ends by itself soon after.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use extism_policy::url::{Host, Url};
use extism_policy::{Denied, Grant, address_allowed};

use crate::error::HttpError;
use crate::helper::{Helper, Share};
use crate::network::Network;
use crate::watch::Watch;

/// The longest an attempt to connect to one address takes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many addresses of one name are tried.
const ADDRESSES_MAX: usize = 16;

/// Enough for the name service of the operating system and what it loads.
const HELPER_STACK_BYTES: usize = 512 << 10;

pub(crate) fn dial(
    network: &Arc<dyn Network>,
    share: &Share,
    url: &Url,
    grant: Grant,
    watch: &Watch<'_>,
) -> Result<TcpStream, HttpError> {
    watch.check()?;
    let (helper, _waiting) = share.enter()?;
    let call = Dial {
        network: Arc::clone(network),
        url: url.clone(),
        grant,
        deadline: watch.deadline,
        helper,
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    let run = move || {
        let outcome = call.run();
        drop(call);
        // Fails if nobody waits any more; a connection is closed by that.
        let _ = sender.send(outcome);
    };
    thread::Builder::new()
        .name("extism-dial".to_string())
        .stack_size(HELPER_STACK_BYTES)
        .spawn(run)
        .map_err(|error| HttpError::Failed(format!("no thread to connect with: {error}")))?;
    loop {
        match receiver.recv_timeout(watch.slice()) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Timeout) => watch.check()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(HttpError::Failed("the name service panicked".to_string()));
            }
        }
    }
}

/// Everything the helper thread needs, owned by it.
struct Dial {
    network: Arc<dyn Network>,
    url: Url,
    grant: Grant,
    deadline: Option<Instant>,
    helper: Helper,
}

impl Dial {
    fn run(&self) -> Result<TcpStream, HttpError> {
        let addresses = self.allowed_addresses()?;
        self.helper.looked_up();
        let port = self.url.port_or_known_default().unwrap_or_default();
        let mut last_error = HttpError::Failed("no address to connect to".to_string());
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            if self.helper.is_given_up() {
                break;
            }
            let timeout = self.timeout(left);
            left = left.saturating_sub(1);
            match self
                .network
                .connect(SocketAddr::new(address, port), timeout)
            {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    last_error = HttpError::Failed(format!("connect to {address}: {error}"));
                }
            }
        }
        Err(last_error)
    }

    /// A fair share of the time left for each address, so that a dead one does not use it all up.
    fn timeout(&self, addresses_left: u32) -> Duration {
        let left = self.deadline.map_or(CONNECT_TIMEOUT, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        left.checked_div(addresses_left)
            .unwrap_or(left)
            .clamp(Duration::from_millis(10), CONNECT_TIMEOUT)
    }

    fn allowed_addresses(&self) -> Result<Vec<IpAddr>, HttpError> {
        let found = match self.url.host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            Some(Host::Domain(name)) => self.resolve(name)?,
            None => Vec::new(),
        };
        let allowed: Vec<IpAddr> = found
            .iter()
            .copied()
            .filter(|address| address_allowed(*address, self.grant))
            .take(ADDRESSES_MAX)
            .collect();
        if allowed.is_empty() && !found.is_empty() {
            return Err(Denied::addresses(&self.url, &found).into());
        }
        Ok(allowed)
    }

    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, HttpError> {
        // A wildcard speaks of names in the public name space: a search domain of this machine must not
        // complete them. A name written out in the allow-list means what it means on this machine.
        let absolute = match self.grant {
            Grant::PublicOnly if !name.ends_with('.') => &format!("{name}."),
            Grant::PublicOnly | Grant::AnyAddress => name,
        };
        let found = self
            .network
            .resolve(absolute)
            .map_err(|error| HttpError::Failed(format!("look up {name}: {error}")))?;
        if found.is_empty() {
            return Err(HttpError::Failed(format!("look up {name}: no address")));
        }
        Ok(found)
    }
}
