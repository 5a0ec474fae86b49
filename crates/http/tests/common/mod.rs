//! A server on the loopback that answers byte for byte what a test tells it to, and a network that
//! resolves and connects as a table says.
#![allow(dead_code, reason = "each test file uses another part")]

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use extism_abi::Status;
use extism_http::{Client, HostPolicy, HttpError, Network, Request, Response, Rules};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn path(&self) -> &str {
        self.line().split(' ').nth(1).unwrap_or_default()
    }
}

/// A server on a free port; ends when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Calls `answer` for each request, on a thread of its own; closes the connection after it.
    pub(crate) fn start(answer: impl Fn(&Seen, &mut TcpStream) + Send + Sync + 'static) -> Server {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        Server::raw_with(seen, move |mut stream| {
            if let Some(request) = read_request(&mut stream) {
                log.lock().unwrap().push(request.clone());
                answer(&request, &mut stream);
            }
        })
    }

    /// Calls `serve` for each connection.
    pub(crate) fn raw(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Server {
        Server::raw_with(Arc::default(), serve)
    }

    /// Answers every request with these bytes.
    pub(crate) fn fixed(answer: impl Into<Vec<u8>>) -> Server {
        let answer = answer.into();
        Server::start(move |_, stream| {
            let _ = stream.write_all(&answer);
        })
    }

    fn raw_with(
        seen: Arc<Mutex<Vec<Seen>>>,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let serve = Arc::new(serve);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let serve = Arc::clone(&serve);
                if let Ok(stream) = stream {
                    std::thread::spawn(move || serve(stream));
                }
            }
        });
        Server {
            address,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A URL that reaches this server by a name.
    pub(crate) fn url_of(&self, name: &str, path: &str) -> String {
        format!("http://{name}:{}{path}", self.address.port())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let mut seen = Seen {
        head: String::from_utf8(bytes).unwrap(),
        body: Vec::new(),
    };
    let length = seen
        .header("content-length")
        .map_or(0, |n| n.parse().unwrap());
    seen.body = vec![0; length];
    stream.read_exact(&mut seen.body).ok()?;
    Some(seen)
}

/// A response with a body and its length.
pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(crate) fn redirect(status: u16, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Go\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
        .into_bytes()
}

/// What the network was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Resolve(String),
    Connect(SocketAddr),
}

/// A network in which names have the addresses of a table, one row per look-up, the last row for ever,
/// and connections to any address lead to the loopback.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    names: Arc<Mutex<HashMap<String, Vec<Vec<IpAddr>>>>>,
    events: Arc<Mutex<Vec<Event>>>,
    refused: Arc<Mutex<Vec<IpAddr>>>,
}

impl Table {
    pub(crate) fn name(self, name: &str, answers: &[&[&str]]) -> Table {
        let parse = |row: &&[&str]| row.iter().map(|text| text.parse().unwrap()).collect();
        let answers = answers.iter().map(parse).collect();
        self.names.lock().unwrap().insert(name.to_string(), answers);
        self
    }

    /// Makes connections to an address fail.
    pub(crate) fn refuse(self, address: &str) -> Table {
        self.refused.lock().unwrap().push(address.parse().unwrap());
        self
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new().with_network(self.clone())
    }
}

impl Network for Table {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.events
            .lock()
            .unwrap()
            .push(Event::Resolve(name.to_string()));
        let mut names = self.names.lock().unwrap();
        let answers = names
            .get_mut(name)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name"))?;
        match answers.len() {
            1 => Ok(answers[0].clone()),
            _ => Ok(answers.remove(0)),
        }
    }

    fn connect(&self, address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        self.events.lock().unwrap().push(Event::Connect(address));
        if self.refused.lock().unwrap().contains(&address.ip()) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
        TcpStream::connect_timeout(&loopback, timeout)
    }
}

pub(crate) fn policy(patterns: &[&str]) -> HostPolicy {
    let patterns: Vec<String> = patterns.iter().map(|text| text.to_string()).collect();
    HostPolicy::new(Some(&patterns))
}

/// A GET of a URL on the loopback under the default rules.
pub(crate) fn get(url: &str) -> Result<Response, HttpError> {
    let policy = policy(&["127.0.0.1"]);
    let request = Request {
        url,
        ..Request::default()
    };
    Client::new().send(request, &Rules::new(&policy))
}

#[track_caller]
pub(crate) fn check_error(outcome: Result<Response, HttpError>, status: Status, text: &str) {
    let error = outcome.expect_err("the exchange must fail");
    assert_eq!(error.status(), status, "{error}");
    assert!(
        error.to_string().contains(text),
        "{error} should say {text}"
    );
}
