//! A driver's reply.
//!
//! Must not know: what was asked. Invariant: a line is one of the three replies of protocol.md, or refused.

use std::fmt;

use extism_abi::Status;

use crate::hex;

/// One line of a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It worked; the words that follow.
    Done(Vec<String>),
    /// The SDK reported an error.
    Failed {
        /// The status, one of the table or not.
        status: u32,
        /// What the guest returned or exited with.
        guest_code: i32,
        /// The whole message.
        message: Vec<u8>,
    },
    /// There is no such thing in this SDK.
    Cannot(String),
}

impl Reply {
    /// Reads a line; `None` if it is no reply.
    pub fn parse(line: &str) -> Option<Reply> {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = || rest.split(' ').filter(|word| !word.is_empty());
        match first {
            "OK" => Some(Reply::Done(words().map(str::to_owned).collect())),
            "ERR" => {
                let words: Vec<&str> = words().collect();
                let [status, guest_code, message] = words[..] else {
                    return None;
                };
                Some(Reply::Failed {
                    status: status.parse().ok()?,
                    guest_code: guest_code.parse().ok()?,
                    message: hex::decode(message)?,
                })
            }
            "CANNOT" => Some(Reply::Cannot(rest.to_owned())),
            _ => None,
        }
    }
}

/// How much of a text is shown to people.
const SHOWN_BYTES_MAX: usize = 2_000;

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Done(words) => {
                write!(f, "OK")?;
                words
                    .iter()
                    .try_for_each(|word| write!(f, " {}", shown(word)))
            }
            Reply::Failed {
                status,
                guest_code,
                message,
            } => {
                match Status::from_code(*status) {
                    Some(status) => write!(f, "{status} {guest_code}")?,
                    None => write!(f, "status {status} {guest_code}")?,
                }
                write!(f, " {}", quoted(message))
            }
            Reply::Cannot(reason) => write!(f, "CANNOT {reason}"),
        }
    }
}

/// A word as people read it: those that are bytes as text, too.
fn shown(word: &str) -> String {
    let (head, tail) = match word.split_once(':') {
        Some((head, tail)) => (format!("{head}:"), tail),
        None => (String::new(), word),
    };
    let number = head.is_empty() && tail.len() < 9 && tail.parse::<u32>().is_ok();
    match hex::decode(tail) {
        Some(bytes) if number && bytes.iter().all(u8::is_ascii_graphic) => {
            format!("{tail} or {}", quoted(&bytes))
        }
        Some(bytes) if !bytes.is_empty() && !number => head + &quoted(&bytes),
        _ => word.to_owned(),
    }
}

/// Bytes as a text in quotes.
pub fn quoted(bytes: &[u8]) -> String {
    let cut = bytes.get(..SHOWN_BYTES_MAX).unwrap_or(bytes);
    let rest = bytes.len() - cut.len();
    let text = cut.escape_ascii().to_string().replace("\\\"", "\"");
    match rest {
        0 => format!("'{text}'"),
        _ => format!("'{text}' and {rest} bytes more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_and_what_is_none() {
        let done =
            |words: &[&str]| Some(Reply::Done(words.iter().map(|w| (*w).to_owned()).collect()));
        assert_eq!(Reply::parse("OK"), done(&[]));
        assert_eq!(Reply::parse("OK 61 1"), done(&["61", "1"]));
        let failed = Reply::parse("ERR 402 -7 6869").unwrap();
        assert_eq!(failed.to_string(), "GUEST_ERROR -7 'hi'");
        assert_eq!(
            Reply::parse("ERR 7 0 -").unwrap().to_string(),
            "status 7 0 ''"
        );
        assert_eq!(
            Reply::parse("CANNOT no such thing").unwrap(),
            Reply::Cannot("no such thing".to_owned())
        );
        for line in [
            "",
            "ok",
            "ERR 1",
            "ERR x 0 -",
            "ERR 1 0 zz",
            "ERR 1 0 61 62",
            "hello",
        ] {
            assert_eq!(Reply::parse(line), None, "{line}");
        }
    }

    #[test]
    fn words_are_shown_as_people_read_them() {
        let shown = Reply::parse("OK 68656c6c6f 12 2:68c3 - ?")
            .unwrap()
            .to_string();
        assert_eq!(shown, "OK 'hello' 12 2:'h\\xc3' - ?");
        assert_eq!(
            Reply::parse("OK 3633").unwrap().to_string(),
            "OK 3633 or '63'"
        );
        assert_eq!(
            quoted(&[b'a'; 2_003]),
            format!("'{}' and 3 bytes more", "a".repeat(2_000))
        );
    }
}
