//! From bytes to a manifest: size, encoding, and which of JSON and TOML the text is.
//!
//! Must not know the fields. Invariant: a fault is reported for the language the author was writing.

use std::fmt;

use extism_abi::Status;
#[cfg(feature = "toml")]
use toml_parser::Source;

use crate::node::{Budget, Node};
use crate::place::Syntax;
use crate::{Manifest, ParseError, Position, json, reader};

/// How many TOML tokens there may be for each value: `key = value` with its spaces and line end are six.
#[cfg(feature = "toml")]
const TOKENS_PER_VALUE: usize = 8;

/// What the parser allows.
///
/// ```
/// use extism_manifest::{Manifest, ParseOptions};
///
/// let options = ParseOptions { modules_max: 1, ..ParseOptions::default() };
/// let text = br#"{"wasm": [{"path": "a.wasm"}, {"path": "b.wasm"}]}"#;
/// let error = Manifest::parse(text, &options).unwrap_err();
/// assert_eq!(error.to_string(), "Unknown manifest format: wasm: 2 modules, more than the limit of 1");
/// ```
#[derive(Clone, Copy)]
pub struct ParseOptions<'a> {
    /// The largest text, in bytes. Default 256 MiB: modules may be part of it.
    pub manifest_bytes_max: usize,

    /// The most entries of `wasm`. Default 1,024.
    pub modules_max: usize,

    /// The most values (strings, numbers, arrays, objects) in the whole text. Default 1,048,576. It bounds
    /// the memory that many small values take, which is far more than the text does.
    pub values_max: usize,

    /// Reads `{"data": {"ptr": address, "len": bytes}}`, a module in the memory of the host process: gets
    /// address and length, answers the bytes or why not. Default `None`: such a source is refused. Only give
    /// it for a manifest that the host process itself made.
    pub read_pointer: Option<ReadPointer<'a>>,
}

type ReadPointer<'a> = &'a dyn Fn(u64, u64) -> Result<Vec<u8>, String>;

impl Default for ParseOptions<'_> {
    fn default() -> Self {
        ParseOptions {
            manifest_bytes_max: 256 * 1024 * 1024,
            modules_max: 1024,
            values_max: 1024 * 1024,
            read_pointer: None,
        }
    }
}

impl fmt::Debug for ParseOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParseOptions")
            .field("manifest_bytes_max", &self.manifest_bytes_max)
            .field("modules_max", &self.modules_max)
            .field("values_max", &self.values_max)
            .field("read_pointer", &self.read_pointer.is_some())
            .finish()
    }
}

impl Manifest {
    /// Reads a manifest written in JSON or TOML, whichever it is.
    ///
    /// # Errors
    /// `ManifestSyntax` if it is neither, with the line and column; `ManifestField` if a field is unknown,
    /// given twice or holds the wrong thing, with its path; `TooLarge` if a limit of `options` is exceeded.
    pub fn parse(bytes: &[u8], options: &ParseOptions<'_>) -> Result<Manifest, ParseError> {
        let text = decode(bytes, options)?;
        // JSON has no comments and its manifests are objects or arrays; no TOML text begins with a brace.
        match text.trim_start().as_bytes().first() {
            Some(b'{') => read_json(text, options),
            Some(b'[') => read_either(text, options),
            _ => read_toml(text, options),
        }
    }

    /// Reads a manifest written in JSON.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_json(bytes: &[u8], options: &ParseOptions<'_>) -> Result<Manifest, ParseError> {
        read_json(decode(bytes, options)?, options)
    }

    /// Reads a manifest written in TOML (feature `toml`).
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    #[cfg(feature = "toml")]
    pub fn from_toml(bytes: &[u8], options: &ParseOptions<'_>) -> Result<Manifest, ParseError> {
        read_toml(decode(bytes, options)?, options)
    }
}

/// The text, without the byte order mark that some editors put in front.
fn decode<'t>(bytes: &'t [u8], options: &ParseOptions<'_>) -> Result<&'t str, ParseError> {
    let (found, most) = (bytes.len(), options.manifest_bytes_max);
    if found > most {
        let message = format!("{found} bytes, more than the limit of {most}");
        return Err(ParseError::too_large(None, message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let valid = std::str::from_utf8(valid).unwrap_or_default();
        ParseError::syntax(position(valid, valid.len()), "not UTF-8 text")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A text that begins with a bracket: the header of a TOML table, or a JSON array with the fields in order.
/// `["memory"]` is both; TOML comes first.
fn read_either(text: &str, options: &ParseOptions<'_>) -> Result<Manifest, ParseError> {
    let as_toml = match read_toml(text, options) {
        Ok(manifest) => return Ok(manifest),
        Err(error) => error,
    };
    let as_json = match read_json(text, options) {
        Ok(manifest) => return Ok(manifest),
        Err(error) => error,
    };
    let is_syntax = |error: &ParseError| error.status() == Status::ManifestSyntax;
    let json_was_meant = match (is_syntax(&as_toml), is_syntax(&as_json)) {
        (true, false) => true,
        (true, true) => {
            let inner = text.trim_start_matches(|c: char| c == '[' || c.is_whitespace());
            inner.starts_with(['{', ']'])
        }
        (false, _) => false,
    };
    Err(if json_was_meant { as_json } else { as_toml })
}

fn read_json(text: &str, options: &ParseOptions<'_>) -> Result<Manifest, ParseError> {
    reader::manifest(read_tree(text, options)?, Syntax::Json, options)
}

/// Reads JSON, whatever it means.
pub(crate) fn json_tree(bytes: &[u8], options: &ParseOptions<'_>) -> Result<Node, ParseError> {
    read_tree(decode(bytes, options)?, options)
}

fn read_tree(text: &str, options: &ParseOptions<'_>) -> Result<Node, ParseError> {
    let budget = Budget::new(options.values_max);
    json::read(text, &budget).map_err(|fault| {
        if budget.is_exceeded() {
            return too_many_values(options);
        }
        let mut place = position(text, fault.at);
        if fault.at == text.len() {
            // Nothing is there: what is named is the character before.
            place.column = place.column.saturating_sub(1).max(1);
        }
        syntax_fault(Syntax::Json, place, fault.message)
    })
}

#[cfg(feature = "toml")]
fn read_toml(text: &str, options: &ParseOptions<'_>) -> Result<Manifest, ParseError> {
    let budget = Budget::new(options.values_max);
    // The parser stores every token before anything is read from it, so they are counted first.
    let tokens_max = options.values_max.saturating_mul(TOKENS_PER_VALUE);
    if Source::new(text).lex().nth(tokens_max).is_some() {
        return Err(too_many_values(options));
    }
    let parsed = toml::Deserializer::parse(text).and_then(|deserializer| budget.read(deserializer));
    let node = parsed.map_err(|error| {
        if budget.is_exceeded() {
            return too_many_values(options);
        }
        let offset = error.span().map_or(0, |span| span.start);
        syntax_fault(Syntax::Toml, position(text, offset), error.message())
    })?;
    reader::manifest(node, Syntax::Toml, options)
}

/// A build without the parser of TOML takes every text for JSON.
#[cfg(not(feature = "toml"))]
fn read_toml(text: &str, options: &ParseOptions<'_>) -> Result<Manifest, ParseError> {
    read_json(text, options)
}

fn syntax_fault(syntax: Syntax, position: Position, message: &str) -> ParseError {
    ParseError::syntax(position, &format!("not valid {}: {message}", syntax.name()))
}

fn too_many_values(options: &ParseOptions<'_>) -> ParseError {
    let message = format!("more values than the limit of {}", options.values_max);
    ParseError::too_large(None, message)
}

/// Line and column of a byte offset.
fn position(text: &str, offset: usize) -> Position {
    let offset = text.floor_char_boundary(offset);
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}
