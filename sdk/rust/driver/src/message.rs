//! Lines of the protocol: words, bytes in hexadecimal, errors.
//!
//! Must not know: requests. Invariant: every line can be read, or the SDK's kind of error says why not.

use extism::{CallError, Error, ErrorExt, Status};

/// A request: its words, and its options.
pub(crate) struct Request<'a> {
    words: Vec<&'a str>,
    options: Vec<(&'a str, &'a str)>,
}

impl<'a> Request<'a> {
    pub(crate) fn parse(line: &'a str) -> Result<Request<'a>, Error> {
        let (options, words): (Vec<&str>, Vec<&str>) =
            line.split(' ').partition(|word| word.contains('='));
        let options = options
            .into_iter()
            .filter_map(|option| option.split_once('='));
        Ok(Request {
            words,
            options: options.collect(),
        })
    }

    /// The word at a place; empty if there is none.
    pub(crate) fn word(&self, at: usize) -> &'a str {
        self.words.get(at).copied().unwrap_or("")
    }

    pub(crate) fn options(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.options.iter().copied()
    }

    pub(crate) fn option(&self, name: &str) -> Option<&'a str> {
        self.options()
            .find(|(given, _)| *given == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn bytes(&self, at: usize) -> Result<Vec<u8>, Error> {
        unhex(self.word(at))
    }

    pub(crate) fn text(&self, at: usize) -> Result<String, Error> {
        text(self.word(at))
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, at: usize) -> Result<T, Error> {
        number(self.word(at))
    }
}

pub(crate) fn number<T: std::str::FromStr>(word: &str) -> Result<T, Error> {
    word.parse()
        .map_err(|_| wrong(&format!("{word} is no number")))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| DIGITS[usize::from(digit)] as char)
        .collect()
}

/// The bytes of a word: `-`, `6869`, or `61*3`.
pub(crate) fn unhex(word: &str) -> Result<Vec<u8>, Error> {
    let (digits, times) = match word.split_once('*') {
        Some((digits, times)) => (digits, number(times)?),
        None => (word, 1),
    };
    if digits == "-" {
        return Ok(Vec::new());
    }
    let pairs = digits.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let bytes = bytes.collect::<Option<Vec<u8>>>();
    Ok(bytes
        .ok_or_else(|| wrong("no hexadecimal word"))?
        .repeat(times))
}

/// The text of a word. Functions of the crate take text, so what is none is refused before they see it.
pub(crate) fn text(word: &str) -> Result<String, Error> {
    let not_text = |_| CallError::new(Status::InvalidUtf8, "not UTF-8").into();
    String::from_utf8(unhex(word)?).map_err(not_text)
}

fn wrong(text: &str) -> Error {
    CallError::new(Status::InvalidArgument, text).into()
}

/// The line for an error: its status, the guest's code, and its message with all causes.
pub(crate) fn error(error: &Error) -> String {
    let status = error.status().map_or(0, Status::code);
    let message = format!("{error:#}");
    format!(
        "ERR {status} {} {}",
        error.guest_code().unwrap_or(0),
        hex(message.as_bytes())
    )
}
