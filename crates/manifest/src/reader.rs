//! From a tree to a manifest: which fields there are, and what each may hold.
//!
//! Must not know JSON or TOML. Invariant: every fault names the field it is in. What it accepts is what the
//! published format accepts, plus two old names, minus repeated keys.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::fields::{Field, Form, Known};
use crate::memory::VAR_BYTES_DEFAULT;
use crate::node::Node;
use crate::place::{Place, Syntax};
use crate::{HttpRequest, Manifest, MemoryOptions, ParseError, ParseOptions, Wasm, WasmMetadata};

const MANIFEST: Known<6> = Known {
    names: [
        "wasm",
        "memory",
        "config",
        "allowed_hosts",
        "allowed_paths",
        "timeout_ms",
    ],
    alias: None,
    form: Form::NamedOrPositional,
};

const MEMORY: Known<3> = Known {
    names: ["max_pages", "max_http_response_bytes", "max_var_bytes"],
    alias: Some(("max", "max_pages")),
    form: Form::NamedOrPositional,
};

const MODULE: Known<7> = Known {
    names: ["path", "data", "url", "name", "hash", "method", "headers"],
    alias: Some(("header", "headers")),
    form: Form::Named,
};

const POINTER: Known<2> = Known {
    names: ["ptr", "len"],
    alias: None,
    form: Form::Named,
};

const REQUEST: Known<3> = Known {
    names: ["url", "headers", "method"],
    alias: Some(("header", "headers")),
    form: Form::NamedOrPositional,
};

const ONE_SOURCE: &str = "expected exactly one of path, data and url";

/// Reads a whole manifest.
pub(crate) fn manifest(
    node: Node,
    syntax: Syntax,
    options: &ParseOptions<'_>,
) -> Result<Manifest, ParseError> {
    let place = &Place::Root(syntax);
    let [wasm, memory_field, config, hosts, paths, timeout] = &mut MANIFEST.read(node, place)?;
    let modules = |node, at: &Place<'_>| modules(node, at, options);
    Ok(Manifest {
        wasm: Field::value(wasm, place, modules)?.unwrap_or_default(),
        memory: Field::value(memory_field, place, memory)?.unwrap_or_default(),
        config: Field::value(config, place, map_of_text)?.unwrap_or_default(),
        allowed_hosts: Field::nullable(hosts, place, hosts_list)?,
        allowed_paths: Field::nullable(paths, place, map_of_paths)?,
        timeout_ms: Field::nullable(timeout, place, whole_number::<u64>)?,
    })
}

/// Reads one entry of `wasm`.
pub(crate) fn module(
    node: Node,
    place: &Place<'_>,
    options: &ParseOptions<'_>,
) -> Result<Wasm, ParseError> {
    let [path, data, url, name, hash, method, headers] = &mut MODULE.read(node, place)?;
    let given = [&*path, data, url]
        .into_iter()
        .flatten()
        .map(Field::name)
        .collect::<Vec<_>>();
    match given[..] {
        [_] => {}
        [] => return Err(place.fault(format!("{ONE_SOURCE}, found none of them"))),
        _ => return Err(place.fault(format!("{ONE_SOURCE}, found {}", given.join(" and ")))),
    }
    if url.is_none()
        && let Some(stray) = method.as_ref().or(headers.as_ref())
    {
        let source = given.join("");
        return Err(place
            .field(stray.name())
            .fault(format!("only allowed beside url, not beside {source}")));
    }
    let meta = WasmMetadata {
        name: Field::nullable(name, place, text)?,
        hash: Field::nullable(hash, place, text)?,
    };
    if let Some(path) = Field::value(path, place, text)? {
        let path = path.into();
        return Ok(Wasm::File { path, meta });
    }
    if let Some(data) = Field::value(data, place, |node, at| bytes(node, at, options))? {
        return Ok(Wasm::Data { data, meta });
    }
    let req = HttpRequest {
        url: Field::value(url, place, text)?.expect("one source is given, and it is no other"),
        headers: Field::value(headers, place, map_of_text)?.unwrap_or_default(),
        method: Field::nullable(method, place, text)?,
    };
    Ok(Wasm::Url { req, meta })
}

/// Reads a request, where of a header given twice the later one counts.
pub(crate) fn request(node: Node, place: &Place<'_>) -> Result<HttpRequest, ParseError> {
    let [url, headers, method] = &mut REQUEST.read(node, place)?;
    let missing = || place.fault("missing field url");
    Ok(HttpRequest {
        url: Field::value(url, place, text)?.ok_or_else(missing)?,
        headers: Field::value(headers, place, last_of_each)?.unwrap_or_default(),
        method: Field::nullable(method, place, text)?,
    })
}

fn last_of_each(node: Node, place: &Place<'_>) -> Result<BTreeMap<String, String>, ParseError> {
    let Node::Object(entries) = node else {
        return Err(place.expected(place.syntax().object(), &node));
    };
    let mut map = BTreeMap::new();
    for (key, value) in entries {
        let value = text(value, &place.field(&key))?;
        map.insert(key, value);
    }
    Ok(map)
}

fn modules(
    node: Node,
    place: &Place<'_>,
    options: &ParseOptions<'_>,
) -> Result<Vec<Wasm>, ParseError> {
    let items = array(node, place)?;
    let (found, most) = (items.len(), options.modules_max);
    if found > most {
        let message = format!("{found} modules, more than the limit of {most}");
        return Err(ParseError::too_large(Some("wasm"), message));
    }
    let read = |(index, item)| module(item, &place.item(index), options);
    items.into_iter().enumerate().map(read).collect()
}

fn memory(node: Node, place: &Place<'_>) -> Result<MemoryOptions, ParseError> {
    let [pages, response_bytes, var_bytes] = &mut MEMORY.read(node, place)?;
    let max_var_bytes = match var_bytes {
        None => Some(VAR_BYTES_DEFAULT),
        given => Field::nullable(given, place, whole_number::<u64>)?,
    };
    Ok(MemoryOptions {
        max_pages: Field::nullable(pages, place, whole_number::<u32>)?,
        max_http_response_bytes: Field::nullable(response_bytes, place, whole_number::<u64>)?,
        max_var_bytes,
    })
}

fn bytes(node: Node, place: &Place<'_>, options: &ParseOptions<'_>) -> Result<Vec<u8>, ParseError> {
    match node {
        Node::Text(text) => STANDARD
            .decode(text)
            .map_err(|error| place.fault(format!("expected padded standard base64: {error}"))),
        Node::Object(_) => pointer(node, place, options),
        other => Err(place.expected("a string of base64", &other)),
    }
}

/// Bytes that lie in the memory of the host process. Only the host process may say so.
fn pointer(
    node: Node,
    place: &Place<'_>,
    options: &ParseOptions<'_>,
) -> Result<Vec<u8>, ParseError> {
    let [ptr, len] = &mut POINTER.read(node, place)?;
    let missing = |name| place.fault(format!("expected ptr and len, found no {name}"));
    let ptr = Field::value(ptr, place, whole_number::<u64>)?.ok_or_else(|| missing("ptr"))?;
    let len = Field::value(len, place, whole_number::<u64>)?.ok_or_else(|| missing("len"))?;
    match options.read_pointer {
        Some(read) => read(ptr, len).map_err(|reason| place.fault(reason)),
        None => Err(place.fault(
            "a pointer is only accepted from the host process itself; give the bytes as base64",
        )),
    }
}

fn hosts_list(node: Node, place: &Place<'_>) -> Result<Vec<String>, ParseError> {
    let read = |(index, item)| text(item, &place.item(index));
    array(node, place)?
        .into_iter()
        .enumerate()
        .map(read)
        .collect()
}

fn array(node: Node, place: &Place<'_>) -> Result<Vec<Node>, ParseError> {
    match node {
        Node::Array(items) => Ok(items),
        other => Err(place.expected("an array", &other)),
    }
}

fn text(node: Node, place: &Place<'_>) -> Result<String, ParseError> {
    match node {
        Node::Text(text) => Ok(text),
        other => Err(place.expected("a string", &other)),
    }
}

fn map_of_paths(node: Node, place: &Place<'_>) -> Result<BTreeMap<String, PathBuf>, ParseError> {
    let mut paths = BTreeMap::new();
    for (key, path) in map_of_text(node, place)? {
        paths.insert(key, path.into());
    }
    Ok(paths)
}

fn map_of_text(node: Node, place: &Place<'_>) -> Result<BTreeMap<String, String>, ParseError> {
    let Node::Object(entries) = node else {
        return Err(place.expected(place.syntax().object(), &node));
    };
    let mut map = BTreeMap::new();
    for (key, value) in entries {
        let value = text(value, &place.field(&key))?;
        if map.contains_key(&key) {
            return Err(place.field(&key).fault("given twice"));
        }
        map.insert(key, value);
    }
    Ok(map)
}

/// A number of an unsigned type.
fn whole_number<T: Unsigned>(node: Node, place: &Place<'_>) -> Result<T, ParseError> {
    let expected = || format!("a whole number from 0 to {}", T::MOST);
    let out_of_range =
        |value: &dyn Display| place.fault(format!("expected {}, found {value}", expected()));
    match node {
        Node::Whole(value) => T::try_from(value).map_err(|_| out_of_range(&value)),
        Node::Negative(value) => Err(out_of_range(&value)),
        other => Err(place.expected(&expected(), &other)),
    }
}

trait Unsigned: TryFrom<u64> {
    const MOST: u64;
}

impl Unsigned for u32 {
    const MOST: u64 = u32::MAX as u64;
}

impl Unsigned for u64 {
    const MOST: u64 = u64::MAX;
}
