//! TLS on the loopback: who is trusted, and what a refusal says.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc;

use common::{Server, Table, check_error, policy};
use extism_abi::Status;
use extism_http::{Client, HttpError, Request, Response, Rules};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// An authority of our own.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    let name = "an authority of this test";
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate for these names, which answers `answer` and closes as `close` says.
fn server(names: &[&str], issuer: &CertifiedIssuer<'_, KeyPair>, answer: &'static str) -> Server {
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, issuer)
        .unwrap();
    serve(certificate.der().clone(), key, answer)
}

fn serve(certificate: CertificateDer<'static>, key: KeyPair, answer: &'static str) -> Server {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    Server::raw(move |stream| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(session, stream);
        let _ = answer_one(&mut stream, answer);
    })
}

fn answer_one(
    stream: &mut StreamOwned<ServerConnection, TcpStream>,
    answer: &str,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let sni = stream.conn.server_name().unwrap_or("none").to_string();
    stream.write_all(answer.replace("SNI", &sni).as_bytes())?;
    if answer.contains("clean") {
        stream.conn.send_close_notify();
    }
    stream.flush()
}

fn get(client: &Client, url: &str) -> Result<Response, HttpError> {
    let policy = policy(&["127.0.0.1", "[::1]:*", "a.test", "b.test", "http://a.test"]);
    let request = Request {
        url,
        ..Request::default()
    };
    client.send(request, &Rules::new(&policy))
}

fn https_of(server: &Server, name: &str) -> String {
    server.url_of(name, "/").replace("http:", "https:")
}

const CLEAN: &str = "HTTP/1.1 200 OK\r\nx: clean\r\n\r\nhello SNI";

fn network() -> Table {
    Table::default()
        .name("a.test", &[&["127.0.0.1"]])
        .name("b.test", &[&["127.0.0.1"]])
}

#[test]
fn a_trusted_server_by_name_and_by_address() {
    let authority = authority();
    let server = server(&["a.test", "127.0.0.1", "::1"], &authority, CLEAN);
    let client = network()
        .client()
        .with_root_certificates(&[authority.der()])
        .unwrap();
    for (host, sni) in [
        ("a.test", "a.test"),
        ("127.0.0.1", "none"),
        ("[::1]", "none"),
    ] {
        let response = get(&client, &https_of(&server, host)).unwrap();
        assert_eq!(
            String::from_utf8(response.body).unwrap(),
            format!("hello {sni}")
        );
    }
}

#[test]
fn servers_that_are_not_trusted() {
    let ours = authority();
    let trusting = network()
        .client()
        .with_root_certificates(&[ours.der()])
        .unwrap();
    let by_default = network().client();

    let good = server(&["a.test"], &ours, CLEAN);
    let url = https_of(&good, "a.test");
    let unknown = "TLS handshake with a.test: invalid peer certificate: UnknownIssuer";
    check_error(get(&by_default, &url), Status::HttpFailed, unknown);
    check_error(
        get(&trusting, &https_of(&good, "b.test")),
        Status::HttpFailed,
        "TLS handshake with b.test: invalid peer certificate: certificate not valid for name \"b.test\"",
    );

    let theirs = server(&["a.test"], &authority(), CLEAN);
    let outcome = get(&trusting, &https_of(&theirs, "a.test"));
    check_error(
        outcome,
        Status::HttpFailed,
        "TLS handshake with a.test: invalid peer certificate: ",
    );

    let self_signed = rcgen::generate_simple_self_signed(vec!["a.test".to_string()]).unwrap();
    let own = serve(
        self_signed.cert.der().clone(),
        self_signed.signing_key,
        CLEAN,
    );
    for client in [&by_default, &trusting] {
        let outcome = get(client, &https_of(&own, "a.test"));
        check_error(outcome, Status::HttpFailed, unknown);
    }
}

#[test]
fn a_server_that_speaks_no_tls() {
    let server = Server::raw(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let outcome = get(&network().client(), &https_of(&server, "a.test"));
    check_error(outcome, Status::HttpFailed, "TLS handshake with a.test: ");
}

#[test]
fn an_answer_that_was_cut_off_is_an_error() {
    let authority = authority();
    let client = network()
        .client()
        .with_root_certificates(&[authority.der()])
        .unwrap();
    let cut = "HTTP/1.1 200 OK\r\n\r\nhello";
    let ends_by_closing = server(&["a.test"], &authority, cut);
    let outcome = get(&client, &https_of(&ends_by_closing, "a.test"));
    check_error(
        outcome,
        Status::HttpFailed,
        "read the response: peer closed connection without",
    );
    // With a length of its own a response is whole without the farewell.
    let with_length = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let server = server(&["a.test"], &authority, with_length);
    assert_eq!(
        get(&client, &https_of(&server, "a.test")).unwrap().body,
        b"hello"
    );
}

#[test]
fn from_https_to_http_only_where_a_pattern_says_so() {
    let authority = authority();
    let client = network()
        .client()
        .with_root_certificates(&[authority.der()])
        .unwrap();
    let location = "HTTP/1.1 302 Found\r\nlocation: http://b.test:1/\r\ncontent-length: 0\r\n\r\n";
    let server = server(&["a.test"], &authority, location);
    check_error(
        get(&client, &https_of(&server, "a.test")),
        Status::RedirectDenied,
        "from https to http, and no pattern for the host says http://",
    );
}

#[test]
fn bytes_that_are_no_certificate() {
    let outcome = Client::new().with_root_certificates(&[b"nonsense"]);
    assert_eq!(outcome.unwrap_err().status(), Status::HttpRequestInvalid);
}

#[test]
fn a_client_is_shared_between_threads() {
    let authority = authority();
    let server = server(&["a.test"], &authority, CLEAN);
    let client = network()
        .client()
        .with_root_certificates(&[authority.der()])
        .unwrap();
    let url = https_of(&server, "a.test");
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let (client, url, sender) = (client.clone(), &url, sender.clone());
            scope.spawn(move || sender.send(get(&client, url).map(|response| response.status)));
        }
    });
    drop(sender);
    assert_eq!(results.iter().collect::<Vec<_>>(), vec![Ok(200); 8]);
}
