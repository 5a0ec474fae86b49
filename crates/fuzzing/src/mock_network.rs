//! A network without peers: names resolve to what a test says, and what a connection will be answered is
//! written into it before the client has sent anything.
//!
//! Must not know: HTTP. Invariant: no thread, no waiting, and nothing leaves the machine.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use extism_http::Network;

/// The other end of every connection. Clones are the same network.
#[derive(Clone, Debug, Default)]
pub struct MockNetwork(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    addresses: Vec<IpAddr>,
    answers: VecDeque<Vec<u8>>,
    resolved: Vec<String>,
    connected: Vec<SocketAddr>,
    peers: Vec<TcpStream>,
}

impl MockNetwork {
    /// A network where every name has these addresses, and connections are answered in this order. When there
    /// is no answer left, a connection is refused.
    pub fn new(addresses: &[IpAddr], answers: impl IntoIterator<Item = Vec<u8>>) -> MockNetwork {
        MockNetwork(Arc::new(Mutex::new(State {
            addresses: addresses.to_vec(),
            answers: answers.into_iter().collect(),
            ..State::default()
        })))
    }

    /// The names that were asked for.
    pub fn resolved(&self) -> Vec<String> {
        self.state().resolved.clone()
    }

    /// The addresses that were connected to.
    pub fn connected(&self) -> Vec<SocketAddr> {
        self.state().connected.clone()
    }

    /// What was sent on each connection. The client must have closed them.
    ///
    /// # Errors
    ///
    /// If the system fails.
    pub fn received(&self) -> io::Result<Vec<Vec<u8>>> {
        let peers = std::mem::take(&mut self.state().peers);
        let read = |mut peer: TcpStream| {
            let mut bytes = Vec::new();
            match peer.read_to_end(&mut bytes) {
                // The client went away before it had read all of the answer.
                Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
                _ => Ok(bytes),
            }
        };
        peers.into_iter().map(read).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Network for MockNetwork {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut state = self.state();
        state.resolved.push(name.to_string());
        Ok(state.addresses.clone())
    }

    fn connect(&self, address: SocketAddr, _: Duration) -> io::Result<TcpStream> {
        let mut state = self.state();
        state.connected.push(address);
        let Some(answer) = state.answers.pop_front() else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let near = TcpStream::connect(listener.local_addr()?)?;
        let (mut far, _) = listener.accept()?;
        // What does not fit into the system's buffers would wait for a reader that is not there yet.
        far.set_nonblocking(true)?;
        if far.write(&answer)? < answer.len() {
            return Err(io::Error::other("the answer is too long for a mock"));
        }
        far.set_nonblocking(false)?;
        far.shutdown(Shutdown::Write)?;
        state.peers.push(far);
        Ok(near)
    }
}
