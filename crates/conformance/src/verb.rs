//! The verbs of the protocol and the runner's own: what each takes, and what an SDK needs for it.
//!
//! Must not know: how a step is written or sent. Invariant: the table has every request of protocol.md that
//! a case may make.

/// What a verb takes at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The name of something the driver keeps.
    Id,
    /// A module or a manifest.
    Source,
    /// As `Source`, or the name of a compiled plug-in.
    SourceOrCompiled,
    /// Bytes or text.
    Bytes,
    /// As `Bytes`; empty where it is left out. Only at the end.
    Input,
    /// As `Bytes`, where it may be left out altogether. Only at the end.
    Value,
    /// A decimal number.
    Number,
    /// A word of the protocol.
    Word,
}

/// A request, or something the runner does itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) takes: &'static [Kind],
    /// What an SDK that lacks it cannot do.
    pub(crate) feature: Option<&'static str>,
    /// Whether the runner answers it.
    pub(crate) local: bool,
}

/// The verb of this name.
pub(crate) fn find(name: &str) -> Option<&'static Verb> {
    TABLE.iter().find(|verb| verb.name == name)
}

impl Verb {
    /// Whether it makes the object that its first argument names.
    pub(crate) fn makes(&self, at: usize) -> bool {
        match self.name {
            "COMPILE" | "NEW" | "CONTEXT" | "POOL" => at == 0,
            "GET" => at == 1,
            _ => false,
        }
    }
}

use Kind::{Bytes, Id, Input, Number, Source, SourceOrCompiled, Value, Word};

const fn verb(name: &'static str, takes: &'static [Kind]) -> Verb {
    Verb {
        name,
        takes,
        feature: None,
        local: false,
    }
}

const fn needs(feature: &'static str, verb: Verb) -> Verb {
    Verb {
        feature: Some(feature),
        ..verb
    }
}

const fn local(verb: Verb) -> Verb {
    Verb {
        local: true,
        ..verb
    }
}

const TABLE: &[Verb] = &[
    needs("compiled", verb("COMPILE", &[Id, Source])),
    verb("NEW", &[Id, SourceOrCompiled]),
    needs("inspect", verb("INSPECT", &[Source])),
    needs("precompile", verb("PRECOMPILE", &[Source])),
    verb("CALL", &[Id, Bytes, Input]),
    verb("EXISTS", &[Id, Bytes]),
    verb("CONFIG", &[Id, Bytes]),
    needs("vars", verb("VAR", &[Id, Word, Bytes, Value])),
    verb("RESET", &[Id]),
    needs("renew", verb("RENEW", &[Id])),
    verb("CANCEL", &[Id]),
    needs("headers", verb("HEADERS", &[Id])),
    verb("ID", &[Id]),
    needs("fuel", verb("FUEL", &[Id])),
    needs("logs", verb("LOGS", &[Id])),
    needs("context", verb("CONTEXT", &[Id])),
    needs("context", verb("CTXNEW", &[Id, Source])),
    needs("context", verb("CTXUPDATE", &[Id, Number, Source])),
    needs("context", verb("CTXCALL", &[Id, Number, Bytes, Input])),
    needs("context", verb("CTXEXISTS", &[Id, Number, Bytes])),
    needs("context", verb("CTXCONFIG", &[Id, Number, Bytes])),
    needs("context", verb("CTXFREE", &[Id, Number])),
    needs("context", verb("CTXRESET", &[Id])),
    needs("pool", verb("POOL", &[Id, Id, Number])),
    needs("pool", verb("GET", &[Id, Id, Number])),
    needs("pool", verb("POOLSTATS", &[Id])),
    needs(
        "threads",
        verb("THREADS", &[Id, Number, Number, Bytes, Input]),
    ),
    verb("FREE", &[Id]),
    verb("GC", &[]),
    needs("stats", verb("STATS", &[])),
    // How many requests the servers have got since the case began.
    local(needs("http", verb("HITS", &[]))),
    // The contents of a file; `?` if there is none.
    local(needs("fs", verb("FILE", &[Bytes]))),
    // Whether anything in the folder of the case has changed.
    local(needs("fs", verb("TREE", &[]))),
];

/// What an SDK needs for an option of a request.
pub(crate) fn feature_of_option(name: &str) -> Option<&'static str> {
    Some(match name {
        "wasi" | "arg" | "env" => "wasi",
        "namespace" => "namespace",
        "fuel" => "fuel",
        "limits" => "limits",
        "headers" => "headers",
        "log" => "logs",
        "trust" => "precompile",
        "context" => "host_context",
        "cancel_ms" => "cancel",
        name if name.starts_with("limit.") => "limits",
        _ => return None,
    })
}

/// The options whose values are bytes.
pub(crate) const BYTES_OPTIONS: &[&str] = &["namespace", "arg", "env", "context"];

/// The options whose values are bare.
pub(crate) const PLAIN_OPTIONS: &[&str] = &[
    "wasi",
    "functions",
    "fuel",
    "limits",
    "rewrite",
    "headers",
    "trust",
    "cache",
    "log",
    "cancel_ms",
];
