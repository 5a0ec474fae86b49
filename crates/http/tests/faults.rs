//! Every step of an exchange may fail, once or from then on: looking a name up, connecting, and the bytes
//! that come back. What fails is told, and the next exchange is answered.

mod common;

use std::io;
use std::io::Write;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Server, Table, ok, policy, redirect};
use extism_abi::Status;
use extism_http::{Client, HttpError, Network, Request, Response, Rules};

/// Which steps fail.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Resolve,
    Connect,
    /// The connection is cut before a byte is sent.
    Send,
}

/// Which of them do.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Once,
    FromThenOn,
}

/// A network in which one kind of step fails at the nth time.
#[derive(Clone, Debug)]
struct Faulty {
    table: Table,
    step: Step,
    mode: Mode,
    nth: usize,
    counted: Arc<AtomicUsize>,
}

impl Faulty {
    fn fails(&self, step: Step) -> bool {
        if step != self.step {
            return false;
        }
        let count = self.counted.fetch_add(1, Ordering::Relaxed);
        match self.mode {
            Mode::Once => count == self.nth,
            Mode::FromThenOn => count >= self.nth,
        }
    }
}

impl Network for Faulty {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        match self.fails(Step::Resolve) {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => self.table.resolve(name),
        }
    }

    fn connect(&self, address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if self.fails(Step::Connect) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let stream = self.table.connect(address, timeout)?;
        if self.fails(Step::Send) {
            stream.shutdown(Shutdown::Both)?;
        }
        Ok(stream)
    }
}

/// How many redirects there are before the end.
const HOPS: usize = 3;

/// The server leads from `a0.test` to `a1.test` and so on.
fn server() -> Server {
    Server::start(|seen, stream| {
        let at: usize = seen.path().trim_start_matches('/').parse().unwrap();
        let port = seen.header("host").unwrap().rsplit(':').next().unwrap();
        let next = at + 1;
        let _ = stream.write_all(&match at {
            HOPS => ok("end"),
            _ => redirect(302, &format!("http://a{next}.test:{port}/{next}")),
        });
    })
}

fn names() -> Table {
    (0..=HOPS).fold(Table::default(), |table, at| {
        // Two addresses each, of which the first may be passed over.
        table.name(&format!("a{at}.test"), &[&["127.0.0.1", "127.0.0.2"]])
    })
}

fn send(client: &Client, server: &Server) -> Result<Response, HttpError> {
    let policy = policy(&["a0.test", "a1.test", "a2.test", "a3.test"]);
    let url = server.url_of("a0.test", "/0");
    let request = Request {
        url: &url,
        ..Request::default()
    };
    client.send(request, &Rules::new(&policy))
}

#[test]
fn every_lookup_and_every_connection_may_fail() {
    let server = server();
    for step in [Step::Resolve, Step::Connect, Step::Send] {
        for mode in [Mode::Once, Mode::FromThenOn] {
            let mut failures = 0;
            for nth in 0.. {
                let network = Faulty {
                    table: names(),
                    step,
                    mode,
                    nth,
                    counted: Arc::default(),
                };
                let counted = Arc::clone(&network.counted);
                let outcome = send(&Client::new().with_network(network), &server);
                let there = counted.load(Ordering::Relaxed);
                if let Err(error) = &outcome {
                    let told = (error.status(), error.to_string());
                    assert_eq!(
                        told.0,
                        Status::HttpFailed,
                        "{step:?} {mode:?} {nth}: {}",
                        told.1
                    );
                    failures += 1;
                } else {
                    // The second address of a name makes up for one connection that is refused.
                    let mended = matches!((step, mode), (Step::Connect, Mode::Once));
                    assert!(
                        nth >= there || mended,
                        "{step:?} {mode:?} {nth}: nothing was told"
                    );
                }
                let again = send(&Client::new().with_network(names()), &server);
                assert_eq!(again.expect("nothing fails any more").body, b"end");
                if nth >= there {
                    assert_eq!(outcome.unwrap().body, b"end");
                    break;
                }
            }
            let expected = match (step, mode) {
                (Step::Connect, Mode::Once) => 0,
                _ => HOPS + 1,
            };
            assert!(
                failures >= expected,
                "{step:?} {mode:?}: {failures} failures"
            );
        }
    }
}

#[test]
fn every_byte_of_an_answer_may_be_the_last() {
    let whole = ok("0123456789");
    for (end, _) in whole.iter().enumerate() {
        let server = Server::fixed(&whole[..end]);
        let error = common::get(&server.url("/")).expect_err("it is cut");
        assert_eq!(error.status(), Status::HttpFailed, "{end}: {error}");
    }
    let server = Server::fixed(whole);
    assert_eq!(common::get(&server.url("/")).unwrap().body, b"0123456789");
}
