//! Why a manifest was refused: the status, the place, and a sentence.
//!
//! Must not know how manifests are read. Invariant: the text begins with `Unknown manifest format`, which
//! published SDKs match on, is one line, and holds no value of the manifest that could be a secret.

use std::fmt;

use extism_abi::Status;

const PREFIX: &str = "Unknown manifest format";

/// Why a text is not a manifest.
///
/// ```
/// use extism_abi::Status;
/// use extism_manifest::{Manifest, ParseOptions};
///
/// let error = Manifest::parse(b"[memory]\nmax_page = 4", &ParseOptions::default()).unwrap_err();
/// assert_eq!(error.status(), Status::ManifestField);
/// assert_eq!(error.field(), Some("memory.max_page"));
/// assert!(error.to_string().starts_with(
///     "Unknown manifest format: memory.max_page: unknown field, did you mean max_pages?"
/// ));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    status: Status,
    field: Option<String>,
    position: Option<Position>,
    message: String,
}

/// A place in a text; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl ParseError {
    /// What kind of fault it is: `ManifestSyntax`, `ManifestField` or `TooLarge`.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The field at fault, such as `wasm[0].hash` or `memory.max_pages`; `None` if it is the manifest as a
    /// whole.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Where a fault of syntax is; `None` for other faults.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The reason alone, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn field_fault(field: String, message: String) -> ParseError {
        let field = (!field.is_empty()).then_some(field);
        let (status, position) = (Status::ManifestField, None);
        ParseError {
            status,
            field,
            position,
            message,
        }
    }

    pub(crate) fn too_large(field: Option<&str>, message: String) -> ParseError {
        let field = field.map(str::to_owned);
        let (status, position) = (Status::TooLarge, None);
        ParseError {
            status,
            field,
            position,
            message,
        }
    }

    pub(crate) fn syntax(position: Position, message: &str) -> ParseError {
        // A parser's message may quote the text, line ends and all.
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let (status, position) = (Status::ManifestSyntax, Some(position));
        ParseError {
            status,
            field: None,
            position,
            message,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}: ")?;
        if let Some(Position { line, column }) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}
