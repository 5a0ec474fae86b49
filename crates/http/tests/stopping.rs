//! The deadline and the caller's wish to stop, in every state an exchange can wait in.

mod common;

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{Server, ok, policy};
use extism_abi::Status;
use extism_http::{Client, HttpError, Network, Request, Response, Rules};

/// How late an exchange may notice; generous, because the machine may be busy.
const LATE_MAX: Duration = Duration::from_millis(1000);

/// Starts an exchange on another thread, waits until `reached` says it is where it should be, stops it
/// and returns its outcome.
fn stop_when_reached(
    client: &Client,
    url: &str,
    body: &[u8],
    reached: &Receiver<()>,
) -> Result<Response, HttpError> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            let policy = policy(&["127.0.0.1", "slow.test"]);
            let rules = Rules {
                interrupted: &|| stop.load(Ordering::SeqCst),
                ..Rules::new(&policy)
            };
            let request = Request {
                method: "POST",
                url,
                body: Some(body),
                ..Request::default()
            };
            client.send(request, &rules)
        });
        reached.recv().unwrap();
        stop.store(true, Ordering::SeqCst);
        let stopped_at = Instant::now();
        let outcome = call.join().unwrap();
        let late = stopped_at.elapsed();
        assert!(late < LATE_MAX, "noticed after {late:?}");
        outcome
    })
}

/// Keeps a connection open without a word until the peer closes it.
fn hold(mut stream: TcpStream) {
    let _ = io::copy(&mut stream, &mut io::sink());
}

#[track_caller]
fn check_interrupted(outcome: Result<Response, HttpError>) {
    let error = outcome.unwrap_err();
    assert_eq!(error, HttpError::Interrupted);
    assert_eq!(error.status(), Status::Cancelled);
}

#[test]
fn cancelled_while_the_server_is_silent() {
    let (sender, reached) = mpsc::channel();
    let server = Server::start(move |_, stream| {
        sender.send(()).unwrap();
        hold(stream.try_clone().unwrap());
    });
    let url = server.url("/");
    check_interrupted(stop_when_reached(&Client::new(), &url, b"", &reached));
}

#[test]
fn cancelled_in_the_middle_of_a_body() {
    let (sender, reached) = mpsc::channel();
    let server = Server::start(move |_, stream| {
        stream.write_all(&ok("hello")[..40]).unwrap();
        sender.send(()).unwrap();
        hold(stream.try_clone().unwrap());
    });
    let url = server.url("/");
    check_interrupted(stop_when_reached(&Client::new(), &url, b"", &reached));
}

#[test]
fn cancelled_while_sending_to_a_server_that_does_not_read() {
    let (sender, reached) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let server = Server::raw(move |stream| {
        sender.send(()).unwrap();
        let _ = released.lock().unwrap().recv();
        drop(stream);
    });
    let body = vec![0; 64 << 20];
    let url = server.url("/");
    check_interrupted(stop_when_reached(&Client::new(), &url, &body, &reached));
    drop(release);
}

#[test]
fn cancelled_in_a_handshake() {
    let (sender, reached) = mpsc::channel();
    let server = Server::raw(move |mut stream| {
        let mut hello = [0; 1];
        stream.read_exact(&mut hello).unwrap();
        sender.send(()).unwrap();
        hold(stream);
    });
    let url = server.url("/").replace("http:", "https:");
    check_interrupted(stop_when_reached(&Client::new(), &url, b"", &reached));
}

/// A network in which one operation reports that it was reached and then hangs until it is released.
#[derive(Debug)]
struct Hanging {
    in_resolve: bool,
    reached: Mutex<Sender<()>>,
    released: Mutex<Receiver<()>>,
}

impl Hanging {
    fn hang(&self) -> io::Error {
        self.reached.lock().unwrap().send(()).unwrap();
        let _ = self.released.lock().unwrap().recv();
        io::ErrorKind::TimedOut.into()
    }
}

impl Network for Hanging {
    fn resolve(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        match self.in_resolve {
            true => Err(self.hang()),
            false => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
        }
    }

    fn connect(&self, _address: SocketAddr, _timeout: Duration) -> io::Result<TcpStream> {
        Err(self.hang())
    }
}

#[test]
fn cancelled_while_looking_up_or_connecting() {
    for in_resolve in [true, false] {
        let (sender, reached) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let client = Client::new().with_network(Hanging {
            in_resolve,
            reached: Mutex::new(sender),
            released: Mutex::new(released),
        });
        let url = "http://slow.test/";
        check_interrupted(stop_when_reached(&client, url, b"", &reached));
        drop(release);
    }
}

#[test]
fn a_deadline_ends_a_look_up_that_hangs() {
    let (sender, _reached) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let client = Client::new().with_network(Hanging {
        in_resolve: true,
        reached: Mutex::new(sender),
        released: Mutex::new(released),
    });
    check_timeout(&client, "http://slow.test/", Duration::from_millis(60));
    drop(release);
}

/// Connecting ends by itself, so it does not count.
#[test]
fn connections_that_are_left_behind_do_not_count() {
    let (sender, reached) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let client = Client::new().with_network(Hanging {
        in_resolve: false,
        reached: Mutex::new(sender),
        released: Mutex::new(released),
    });
    for _ in 0..10 {
        check_interrupted(stop_when_reached(
            &client,
            "http://slow.test/",
            b"",
            &reached,
        ));
    }
    drop(release);
}

/// A plug-in that asks for a name that nobody answers for, and is stopped each time, again and again.
#[test]
fn look_ups_that_are_left_behind_are_bounded() {
    let (sender, reached) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let client = Client::new().with_network(Hanging {
        in_resolve: true,
        reached: Mutex::new(sender),
        released: Mutex::new(released),
    });
    let url = "http://slow.test/";
    for _ in 0..8 {
        check_interrupted(stop_when_reached(&client, url, b"", &reached));
    }
    let policy = policy(&["slow.test"]);
    let request = Request {
        url,
        ..Request::default()
    };
    let rules = Rules::new(&policy);
    for client in [&client, &client.clone()] {
        let text = "HTTP request to http://slow.test/ failed: \
                    too many look-ups that were given up have not ended";
        common::check_error(client.send(request, &rules), Status::HttpFailed, text);
    }
    let other = common::Table::default().client();
    common::check_error(
        other.send(request, &rules),
        Status::HttpFailed,
        "no such name",
    );
    drop(release);
    // Each is told that nobody answers, sooner or later.
    let begun = Instant::now();
    while !client
        .send(request, &rules)
        .is_err_and(|error| error.to_string().contains("look up slow.test"))
    {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::yield_now();
    }
}

#[track_caller]
fn check_timeout(client: &Client, url: &str, limit: Duration) {
    let policy = policy(&["127.0.0.1", "slow.test"]);
    let start = Instant::now();
    let rules = Rules {
        deadline: Some(start + limit),
        ..Rules::new(&policy)
    };
    let request = Request {
        url,
        ..Request::default()
    };
    let error = client.send(request, &rules).unwrap_err();
    let took = start.elapsed();
    assert_eq!(error, HttpError::TimedOut);
    assert_eq!(error.status(), Status::Timeout);
    assert_eq!(error.to_string(), "timeout");
    assert!(took >= limit && took < limit + LATE_MAX, "took {took:?}");
}

#[test]
fn a_deadline_ends_a_silent_server() {
    let server = Server::start(|_, stream| hold(stream.try_clone().unwrap()));
    check_timeout(&Client::new(), &server.url("/"), Duration::from_millis(150));
}

/// A server that drips: every byte comes long before anybody would call the peer dead.
fn dripping(beginning: &'static str, piece: &'static str) -> (Server, Sender<()>) {
    let (stop, stopped) = mpsc::channel::<()>();
    let stopped = Mutex::new(stopped);
    let server = Server::start(move |_, stream| {
        let _ = stream.write_all(beginning.as_bytes());
        let pause = Duration::from_millis(10);
        let stopped = stopped.lock().unwrap();
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout)
            && stream.write_all(piece.as_bytes()).is_ok()
        {}
    });
    (server, stop)
}

#[test]
fn a_deadline_ends_a_dripping_server() {
    let table = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", "x"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "1\r\nx\r\n",
        ),
        ("HTTP/1.1 200 OK\r\n", "a: b\r\n"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ];
    for (beginning, piece) in table {
        let (server, _stop) = dripping(beginning, piece);
        check_timeout(&Client::new(), &server.url("/"), Duration::from_millis(150));
    }
}

#[test]
fn a_deadline_covers_all_redirects() {
    let hops = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hops);
    let server = Server::start(
        move |_, stream| match count.fetch_add(1, Ordering::SeqCst) {
            0..3 => stream.write_all(&common::redirect(302, "/again")).unwrap(),
            _ => hold(stream.try_clone().unwrap()),
        },
    );
    check_timeout(&Client::new(), &server.url("/"), Duration::from_millis(200));
    assert_eq!(hops.load(Ordering::SeqCst), 4);
}

#[test]
fn nothing_starts_after_the_deadline_or_a_cancel() {
    let server = Server::fixed(ok(""));
    let policy = policy(&["127.0.0.1"]);
    let url = server.url("/");
    let request = Request {
        url: &url,
        ..Request::default()
    };
    let late = Rules {
        deadline: Some(Instant::now()),
        ..Rules::new(&policy)
    };
    let cancelled = Rules {
        interrupted: &|| true,
        ..Rules::new(&policy)
    };
    assert_eq!(Client::new().send(request, &late), Err(HttpError::TimedOut));
    assert_eq!(
        Client::new().send(request, &cancelled),
        Err(HttpError::Interrupted)
    );
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn a_deadline_that_is_kept_changes_nothing() {
    let server = Server::fixed(ok("in time"));
    let policy = policy(&["127.0.0.1"]);
    let url = server.url("/");
    for limit_s in [60, 1 << 40] {
        let rules = Rules {
            deadline: Instant::now().checked_add(Duration::from_secs(limit_s)),
            ..Rules::new(&policy)
        };
        let request = Request {
            url: &url,
            ..Request::default()
        };
        assert_eq!(
            Client::new().send(request, &rules).unwrap().body,
            b"in time"
        );
    }
}

#[test]
fn a_network_that_panics_is_an_error() {
    #[derive(Debug)]
    struct Panics;
    impl Network for Panics {
        fn resolve(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
            panic!("as the test wants it");
        }
    }
    let policy = policy(&["slow.test"]);
    let request = Request {
        url: "http://slow.test/",
        ..Request::default()
    };
    let client = Client::new().with_network(Panics);
    common::check_error(
        client.send(request, &Rules::new(&policy)),
        Status::HttpFailed,
        "the name service panicked",
    );
}
