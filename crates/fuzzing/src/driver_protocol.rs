//! The lines between the conformance runner and a driver: every line is read or refused, and what was read
//! and is written again reads the same.
//!
//! Input: a line.

use extism_conformance::hex;
use extism_conformance::reply::Reply;
use extism_conformance::word::{Word, split};

use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "driver_protocol",
    about: "the lines between the conformance runner and a driver",
    bytes_max: 300,
    words: &[
        "OK ",
        "ERR ",
        "CANNOT ",
        "402 ",
        "-7 ",
        "-",
        "6869",
        "61*3",
        " ",
        "'",
        "\"",
        "\\x41",
        "\\n",
        "\\",
        "*",
        "2:",
        "name=",
        "'a'",
        "->",
        "$a",
        "@m",
        "CALL p1 echo",
    ],
    smoke: 100_000,
    run,
};

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let line = text.lines().next().unwrap_or("");
    assert_eq!(hex::decode(&hex::encode(input)).as_deref(), Some(input));
    if let Some(bytes) = hex::decode(line) {
        assert_eq!(hex::encode(&bytes), line);
    }
    if let Some(reply) = Reply::parse(line) {
        assert_eq!(
            Reply::parse(&written(&reply)),
            Some(reply.clone()),
            "{line}"
        );
        assert!(!reply.to_string().is_empty());
    }
    if let Ok(words) = split(line) {
        let again: Vec<String> = words.iter().map(quoted).collect();
        let again = again.join(" ");
        assert_eq!(split(&again).ok(), Some(words), "{line} and {again}");
    }
}

/// A reply as protocol.md has it.
fn written(reply: &Reply) -> String {
    match reply {
        Reply::Done(words) => ["OK"]
            .into_iter()
            .chain(words.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" "),
        Reply::Failed {
            status,
            guest_code,
            message,
        } => {
            format!("ERR {status} {guest_code} {}", hex::encode(message))
        }
        Reply::Cannot(reason) if reason.is_empty() => "CANNOT".to_string(),
        Reply::Cannot(reason) => format!("CANNOT {reason}"),
    }
}

/// A word as a case file writes it, every byte of a text as an escape.
fn quoted(word: &Word) -> String {
    let text = |bytes: &[u8]| -> String {
        let escaped: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        format!("'{escaped}'")
    };
    match word {
        Word::Bare(word) => word.clone(),
        Word::Text { bytes, times: 1 } => text(bytes),
        Word::Text { bytes, times } => format!("{}*{times}", text(bytes)),
        Word::Named { name, bytes } => format!("{name}{}", text(bytes)),
    }
}
