//! One request and its answer on an open connection.
//!
//! Must not know: names, addresses, redirects.
//!
//! Keeps: what is buffered of a head is bounded by the header limit, what is stored of a body by the
//! body limit, and an answer that ends too early is an error and never a short body.

use std::io::{self, Read, Write};

use ureq_proto::client::state::{RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvResponseResult, SendRequestResult};
use ureq_proto::{BodyMode, Error as ProtocolError, http};

use crate::body::{Body, Encoding};
use crate::connection::Connection;
use crate::error::HttpError;
use crate::hop::Hop;
use crate::request::{Response, Rules};

/// How much is read from a connection at a time.
const READ_BYTES: usize = 16 << 10;

/// How many bytes of framing a byte of body may cost before it counts against the header limit.
const FRAMING_PER_BYTE: u64 = 16;

/// An answer whose head has arrived.
pub(crate) struct Answer<'a> {
    head: http::Response<()>,
    call: Call<RecvResponse>,
    connection: Connection<'a>,
    inbox: Inbox,
    head_bytes: u64,
}

/// Sends a request and waits for the head of the answer.
pub(crate) fn exchange<'a>(
    hop: &Hop<'_>,
    mut connection: Connection<'a>,
    rules: &Rules<'_>,
) -> Result<Answer<'a>, HttpError> {
    let (head, call) = prepare(hop, rules)?;
    let body = hop.body.unwrap_or_default();
    let sent = send(&mut connection, &head, body);
    // A peer may answer and close before it has read everything: its answer says more than our error.
    let mut inbox = Inbox::default();
    let received = receive_head(call, &mut connection, &mut inbox, rules.header_bytes_max);
    let (head, call, head_bytes) = match (received, sent) {
        (Err(HttpError::Failed(_)), Err(error)) => {
            return Err(HttpError::from_io(error, "send the request"));
        }
        (received, _) => received?,
    };
    Ok(Answer {
        head,
        call,
        connection,
        inbox,
        head_bytes,
    })
}

impl Answer<'_> {
    pub(crate) fn status(&self) -> u16 {
        self.head.status().as_u16()
    }

    /// The value of `location`, if there is one; it may be any text.
    pub(crate) fn location(&self) -> Option<Result<&str, HttpError>> {
        let value = self.head.headers().get(http::header::LOCATION)?;
        let text = std::str::from_utf8(value.as_bytes());
        Some(text.map_err(|_| HttpError::Failed("redirect to a URL that is no text".to_string())))
    }

    /// Reads the body.
    pub(crate) fn into_response(self, rules: &Rules<'_>) -> Result<Response, HttpError> {
        let Answer {
            head,
            call,
            connection,
            inbox,
            head_bytes,
        } = self;
        let Some(RecvResponseResult::RecvBody(call)) = call.proceed() else {
            return Ok(Response {
                status: head.status().as_u16(),
                headers: header_map(head.headers(), Encoding::Plain),
                body: Vec::new(),
            });
        };
        let encoding = encoding(head.headers());
        let reader = BodyReader {
            call,
            connection,
            inbox,
            head_bytes,
            framing_bytes: 0,
        };
        Ok(Response {
            status: head.status().as_u16(),
            headers: header_map(head.headers(), encoding),
            body: reader.read(encoding, rules)?,
        })
    }
}

/// The bytes of the head, and the protocol's state once they and the body will have been sent.
fn prepare(hop: &Hop<'_>, rules: &Rules<'_>) -> Result<(Vec<u8>, Call<RecvResponse>), HttpError> {
    let (request, bytes_max) = hop.head()?;
    let mut call = Call::new(request).map_err(invalid)?;
    call.allow_non_standard_methods(true);
    if hop.body.is_some() {
        call.force_send_body();
    }
    let mut call = call.proceed();
    let mut head = vec![0; bytes_max];
    let mut written = 0_usize;
    while !call.can_proceed() {
        let room = head.get_mut(written..).unwrap_or_default();
        written = written.saturating_add(call.write(room).map_err(invalid)?);
    }
    head.truncate(written);
    if written as u64 > rules.header_bytes_max {
        return Err(HttpError::Invalid(format!(
            "HTTP request headers exceed the configured maximum number of bytes: {}",
            rules.header_bytes_max
        )));
    }
    let call = match call.proceed().map_err(invalid)? {
        Some(SendRequestResult::RecvResponse(call)) => Some(call),
        Some(SendRequestResult::SendBody(mut call)) => {
            let length = hop.body.map_or(0, <[u8]>::len);
            call.consume_direct_write(length).map_err(invalid)?;
            call.proceed()
        }
        Some(SendRequestResult::Await100(_)) | None => None,
    };
    let call = call.ok_or_else(|| HttpError::Invalid("HTTP request is incomplete".to_string()))?;
    Ok((head, call))
}

fn send(connection: &mut Connection<'_>, head: &[u8], body: &[u8]) -> io::Result<()> {
    connection.write_all(head)?;
    connection.write_all(body)?;
    connection.flush()
}

fn receive_head(
    mut call: Call<RecvResponse>,
    connection: &mut Connection<'_>,
    inbox: &mut Inbox,
    header_bytes_max: u64,
) -> Result<(http::Response<()>, Call<RecvResponse>, u64), HttpError> {
    let mut head_bytes = 0_u64;
    let too_large = |bytes: u64| bytes > header_bytes_max;
    loop {
        if let Some(found) = inbox.head_bytes() {
            let (used, head) = match call.try_response(inbox.unread(), false) {
                // Headers are not usual there, and allowed.
                Err(ProtocolError::HeadersWith100) => (found, None),
                parsed => parsed.map_err(malformed)?,
            };
            inbox.consume(used);
            head_bytes = head_bytes.saturating_add(used as u64);
            if too_large(head_bytes) {
                return Err(HttpError::HeadersTooLarge(header_bytes_max));
            }
            if let Some(head) = head {
                return Ok((head, call, head_bytes));
            }
            if used > 0 {
                // An interim answer; the real one follows.
                continue;
            }
        }
        let unread = inbox.unread();
        if too_large(head_bytes.saturating_add(unread.len() as u64)) {
            return Err(HttpError::HeadersTooLarge(header_bytes_max));
        }
        if unread.len() >= b"HTTP/".len() && !unread.starts_with(b"HTTP/") {
            return Err(HttpError::Failed("the answer is not HTTP/1.1".to_string()));
        }
        if inbox.fill(connection)? == 0 {
            return Err(closed_early());
        }
    }
}

struct BodyReader<'a> {
    call: Call<RecvBody>,
    connection: Connection<'a>,
    inbox: Inbox,
    head_bytes: u64,
    framing_bytes: u64,
}

impl BodyReader<'_> {
    fn read(mut self, encoding: Encoding, rules: &Rules<'_>) -> Result<Vec<u8>, HttpError> {
        let announced_bytes = match (self.call.body_mode(), encoding) {
            (BodyMode::LengthDelimited(bytes), Encoding::Plain) => Some(bytes),
            _ => None,
        };
        if announced_bytes.is_some_and(|bytes| bytes > rules.response_bytes_max) {
            return Err(HttpError::BodyTooLarge(rules.response_bytes_max));
        }
        let mut body = Body::new(encoding, rules.response_bytes_max);
        let mut piece = vec![0; READ_BYTES];
        while let Some(bytes) = self.next_piece(&mut piece, &body, rules)? {
            body.push(piece.get(..bytes).unwrap_or_default())?;
            if let Some(progress) = rules.progress {
                progress(body.decoded_bytes(), announced_bytes);
            }
        }
        body.finish()
    }

    /// Reads some of the body, still compressed; `None` at its end.
    fn next_piece(
        &mut self,
        piece: &mut [u8],
        body: &Body,
        rules: &Rules<'_>,
    ) -> Result<Option<usize>, HttpError> {
        let ends_by_closing = self.call.body_mode() == BodyMode::CloseDelimited;
        loop {
            if self.call.can_proceed() && !ends_by_closing {
                return Ok(None);
            }
            let unread = self.inbox.unread();
            let (used, bytes) = self.call.read(unread, piece).map_err(malformed)?;
            self.inbox.consume(used);
            if bytes > 0 {
                return Ok(Some(bytes));
            }
            self.framing_bytes = self.framing_bytes.saturating_add(used as u64);
            if used > 0 {
                continue;
            }
            // An endless line or endless trailers would otherwise fill our memory, or take for ever.
            let pending = self.inbox.unread().len() as u64;
            let paid_for = body.raw_bytes.saturating_mul(FRAMING_PER_BYTE);
            let framing = self.framing_bytes.saturating_sub(paid_for);
            let head_bytes = self
                .head_bytes
                .saturating_add(framing)
                .saturating_add(pending);
            if head_bytes > rules.header_bytes_max {
                return Err(HttpError::HeadersTooLarge(rules.header_bytes_max));
            }
            if self.inbox.fill(&mut self.connection)? == 0 {
                return if ends_by_closing || self.call.is_ended_chunked() {
                    Ok(None)
                } else {
                    Err(closed_early())
                };
            }
        }
    }
}

/// What has been read from a connection and not yet used.
#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    used: usize,
    /// How much of the unread bytes is known to hold no end of a head.
    scanned: usize,
}

impl Inbox {
    fn unread(&self) -> &[u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    fn consume(&mut self, bytes: usize) {
        self.used = self.used.saturating_add(bytes).min(self.bytes.len());
        if bytes > 0 {
            self.scanned = 0;
        }
    }

    /// How long the head is that the unread bytes begin with, the empty line at its end included; `None` as
    /// long as there is no such line. Parsing only then keeps the work linear, however small the pieces a
    /// head comes in.
    fn head_bytes(&mut self) -> Option<usize> {
        let unread = self.bytes.get(self.used..).unwrap_or_default();
        let fresh = unread.get(self.scanned..).unwrap_or_default();
        let end_of = |line_ends: &[u8]| {
            let at = fresh
                .windows(line_ends.len())
                .position(|w| w == line_ends)?;
            self.scanned.checked_add(at)?.checked_add(line_ends.len())
        };
        let found = end_of(b"\n\n").into_iter().chain(end_of(b"\n\r\n")).min();
        if found.is_none() {
            self.scanned = unread.len().saturating_sub(2);
        }
        found
    }

    /// Reads more, waiting for it; 0 means the peer has closed the connection.
    fn fill(&mut self, connection: &mut Connection<'_>) -> Result<usize, HttpError> {
        self.bytes.drain(..self.used);
        self.used = 0;
        let filled = self.bytes.len();
        self.bytes.resize(filled.saturating_add(READ_BYTES), 0);
        let room = self.bytes.get_mut(filled..).unwrap_or_default();
        let outcome = connection.read(room);
        let read = outcome.as_ref().map_or(0, |read| *read);
        self.bytes.truncate(filled.saturating_add(read));
        outcome.map_err(|error| HttpError::from_io(error, "read the response"))
    }
}

fn encoding(headers: &http::HeaderMap) -> Encoding {
    let value = headers
        .get(http::header::CONTENT_ENCODING)
        .map_or(&b""[..], |value| value.as_bytes());
    if value.eq_ignore_ascii_case(b"gzip") || value.eq_ignore_ascii_case(b"x-gzip") {
        Encoding::Gzip
    } else {
        Encoding::Plain
    }
}

fn header_map(
    headers: &http::HeaderMap,
    encoding: Encoding,
) -> std::collections::BTreeMap<String, String> {
    let describes_the_transfer = |name: &str| {
        encoding == Encoding::Gzip && matches!(name, "content-encoding" | "content-length")
    };
    headers
        .iter()
        .filter(|(name, _)| !describes_the_transfer(name.as_str()))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_string())))
        .collect()
}

fn invalid(error: ProtocolError) -> HttpError {
    HttpError::Invalid(format!("HTTP request: {error}"))
}

fn malformed(error: ProtocolError) -> HttpError {
    HttpError::Failed(format!("the answer is malformed: {error}"))
}

fn closed_early() -> HttpError {
    HttpError::Failed("the connection was closed before the end of the response".to_string())
}
