//! Answers of every framing, whole, cut short or damaged: what is reported as a response is the response.
//!
//! Input: bytes an answer is made from; where the first one says so, the rest is the answer itself.

use std::io::Write;
use std::time::{Duration, Instant};

use arbitrary::{Result, Unstructured};
use extism_http::{Client, HostPolicy, HttpError, Request, Response, Rules};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::mock_network::MockNetwork;
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "http_response",
    about: "answers of every framing and encoding, cut short and damaged",
    bytes_max: 4096,
    words: &[
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 200\r\n",
        "HTTP/1.1 204 x\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "content-length: 5\r\n",
        "content-length: 18446744073709551616\r\n",
        "transfer-encoding: chunked\r\n",
        "content-encoding: gzip\r\n",
        "connection: close\r\n",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "5\r\nhello\r\n",
        "0\r\n\r\n",
        "ffffffffffffffff\r\n",
        "a: b\r\n",
        " folded\r\n",
        "\u{1f}\u{8b}",
        "\0",
    ],
    smoke: 3_000,
    run,
};

const BODY_MAX: u64 = 2000;
const HEAD_MAX: u64 = 1000;

fn run(input: &[u8]) {
    let mut u = Unstructured::new(input);
    let _ = match u.arbitrary::<u8>() {
        Ok(0..64) => answered(u.take_rest()).map(drop).or(Ok(())),
        Ok(_) => made(&mut u),
        Err(error) => Err(error),
    };
}

/// The client's view of an answer.
fn answered(answer: &[u8]) -> std::result::Result<Response, HttpError> {
    let network = MockNetwork::new(&[[127, 0, 0, 1].into()], [answer.to_vec()]);
    let policy = HostPolicy::new(Some(&["peer.test".to_string()]));
    let rules = Rules {
        response_bytes_max: BODY_MAX,
        header_bytes_max: HEAD_MAX,
        deadline: Some(Instant::now() + Duration::from_secs(20)),
        ..Rules::new(&policy)
    };
    let request = Request {
        url: "http://peer.test/",
        ..Request::default()
    };
    let result = Client::new().with_network(network).send(request, &rules);
    match &result {
        Ok(response) => {
            assert!(
                response.body.len() as u64 <= BODY_MAX,
                "{} bytes",
                response.body.len()
            );
            let headers = response
                .headers
                .iter()
                .map(|(name, value)| name.len() + value.len());
            assert!(
                headers.sum::<usize>() as u64 <= HEAD_MAX,
                "{:?}",
                response.headers
            );
            for (name, value) in &response.headers {
                assert_eq!(*name, name.to_ascii_lowercase());
                assert!(
                    value
                        .bytes()
                        .all(|byte| byte == b'\t' || (0x20..0x7f).contains(&byte)),
                    "{value:?}"
                );
            }
        }
        Err(HttpError::TimedOut) => panic!("the answer is there, and the client waits"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    result
}

/// An answer whose meaning is known.
fn made(u: &mut Unstructured<'_>) -> Result<()> {
    let status: u16 = *u.choose(&[200, 201, 404, 500, 299, 599])?;
    let body: Vec<u8> = {
        let length = u.int_in_range(0..=2200)?;
        let pattern: u8 = u.arbitrary()?;
        (0..length)
            .map(|at: usize| (at as u8).wrapping_mul(pattern | 1))
            .collect()
    };
    let gzip: bool = u.arbitrary()?;
    let coded = if gzip {
        compressed(&body)
    } else {
        body.clone()
    };
    let framing = u.int_in_range(0..=2)?;
    let mut answer = format!("HTTP/1.1 {status} x\r\nx-Name: value\r\n").into_bytes();
    if gzip {
        answer.extend(b"content-encoding: gzip\r\n");
    }
    let head_end;
    match framing {
        0 => {
            answer.extend(format!("content-length: {}\r\n\r\n", coded.len()).bytes());
            head_end = answer.len();
            answer.extend(&coded);
        }
        1 => {
            answer.extend(b"transfer-encoding: chunked\r\n\r\n");
            head_end = answer.len();
            for chunk in coded.chunks(u.int_in_range(1..=700)?) {
                answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
                answer.extend(chunk);
                answer.extend(b"\r\n");
            }
            answer.extend(b"0\r\n\r\n");
        }
        _ => {
            answer.extend(b"\r\n");
            head_end = answer.len();
            answer.extend(&coded);
        }
    }
    let kept = if u.arbitrary()? {
        answer.len()
    } else {
        u.int_in_range(0..=answer.len())?
    };
    let is_whole = kept == answer.len();
    let result = answered(&answer[..kept]);
    match result {
        Ok(response) => {
            assert_eq!(response.status, status);
            assert_eq!(
                response.headers.get("x-name").map(String::as_str),
                Some("value")
            );
            assert!(!response.headers.contains_key("content-encoding"));
            // Without a length, the end of the connection is the end of the body, wherever that is.
            let by_close = framing == 2 && !gzip && kept >= head_end;
            let expected = if by_close {
                &body[..kept - head_end]
            } else {
                &body[..]
            };
            // Some servers announce a compression and send nothing at all.
            let nothing = gzip && framing == 2 && kept == head_end;
            assert!(
                response.body == expected || (nothing && response.body.is_empty()),
                "a short body"
            );
            let only_the_end_of_chunks = framing == 1 && kept + 4 >= answer.len();
            assert!(
                is_whole || by_close || nothing || only_the_end_of_chunks,
                "cut at {kept}"
            );
        }
        Err(HttpError::BodyTooLarge(_)) => {
            assert!(body.len() as u64 > BODY_MAX, "{} bytes", body.len())
        }
        Err(error) => assert!(!is_whole, "{error}"),
    }
    Ok(())
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(body)
        .and_then(|()| encoder.finish())
        .expect("writing to memory works")
}
