//! The two operations of the network that a policy has to stand between: look up a name, open a
//! connection.
//!
//! Must not know: policies, HTTP.
//!
//! Keeps: an implementation is asked for one thing at a time, so that what was looked up can be checked
//! before anything is connected to.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Where names and connections come from; [`SystemNetwork`] unless a program brings its own, to resolve
/// names in its own way or to test.
///
/// Both run on a helper thread, which goes on for at most one call after its exchange was given up.
///
/// ```
/// use std::net::IpAddr;
///
/// #[derive(Debug)]
/// struct Loopback;
///
/// impl extism_http::Network for Loopback {
///     fn resolve(&self, _name: &str) -> std::io::Result<Vec<IpAddr>> {
///         Ok(vec![IpAddr::from([127, 0, 0, 1])])
///     }
/// }
///
/// let client = extism_http::Client::new().with_network(Loopback);
/// # let _ = client;
/// ```
pub trait Network: std::fmt::Debug + Send + Sync + 'static {
    /// All addresses of a name. The name is ASCII, and ends with a dot if no search domain may be
    /// appended to it.
    ///
    /// # Errors
    ///
    /// If the name is unknown or cannot be looked up.
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;

    /// Opens a connection to an address that was allowed.
    ///
    /// # Errors
    ///
    /// If nobody answers within `timeout`, or somebody refuses.
    fn connect(&self, address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&address, timeout)
    }
}

/// The name service and the sockets of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNetwork;

impl Network for SystemNetwork {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = (name, 0).to_socket_addrs()?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
