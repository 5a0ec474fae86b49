//! HTTP under an allow-list, against a server on the loopback interface.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use extism::convert::Json;
use extism::{ErrorExt, Manifest, Plugin, PluginBuilder, Status, Wasm};

use crate::support::{example, fixture};

/// Answers `requests` requests with the method and the body it was sent, then ends.
fn server(requests: usize) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/path", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        for _ in 0..requests {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                lines.push(line.trim().to_ascii_lowercase());
            }
            let length = lines
                .iter()
                .find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            reader.read_exact(&mut body).unwrap();
            let method = lines[0].split(' ').next().unwrap().to_owned();
            let answer = format!("{method} {}", String::from_utf8(body).unwrap());
            let length = answer.len();
            let head =
                format!("HTTP/1.1 201 Created\r\nx-test: yes\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all((head + &answer).as_bytes()).unwrap();
        }
    });
    (url, thread)
}

fn allowed(wasm: Wasm) -> Manifest {
    Manifest::new([wasm]).with_allowed_host("127.0.0.1")
}

#[test]
fn requests_to_allowed_hosts() {
    let (url, thread) = server(3);
    let mut plugin = Plugin::new(allowed(example("http")), [], false).unwrap();
    assert_eq!(plugin.call::<_, &str>("fetch", &url).unwrap(), "get ");
    let mut plugin = Plugin::new(allowed(fixture("published")), [], false).unwrap();
    assert_eq!(plugin.call::<_, &str>("http_get", &url).unwrap(), "get ");
    let exchange = serde_json::json!({"request": {"url": url, "method": "POST"}, "body": "hello"});
    let Json(answer): Json<serde_json::Value> = plugin.call("http_send", Json(&exchange)).unwrap();
    assert_eq!(
        answer,
        serde_json::json!({"status": 201, "headers": {}, "body": "post hello"})
    );
    thread.join().unwrap();
}

#[test]
fn response_headers_are_opt_in() {
    let (url, thread) = server(1);
    let mut plugin = PluginBuilder::new(allowed(fixture("published")))
        .with_http_response_headers(true)
        .build()
        .unwrap();
    let exchange = serde_json::json!({"request": {"url": url}});
    let Json(answer): Json<serde_json::Value> = plugin.call("http_send", Json(&exchange)).unwrap();
    assert_eq!(answer["headers"]["x-test"], "yes");
    thread.join().unwrap();
}

#[test]
fn hosts_that_are_not_allowed() {
    for manifest in [
        Manifest::new([fixture("published")]),
        Manifest::new([fixture("published")]).with_allowed_host("example.com"),
    ] {
        let mut plugin = Plugin::new(&manifest, [], false).unwrap();
        let (error, code) = plugin
            .call_get_error_code::<_, ()>("http_get", "http://127.0.0.1:9/x")
            .unwrap_err();
        assert_eq!((code, error.status()), (-1, Some(Status::HostDenied)));
        let text = error.root_cause().to_string();
        assert!(
            text.starts_with("HTTP request to http://127.0.0.1:9/x is not allowed"),
            "{text}"
        );
    }
}
