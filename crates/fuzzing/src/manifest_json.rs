//! Manifests and almost-manifests made from bytes.
//!
//! Must not know: the parser. Invariant: all fields, all kinds of source and all kinds of value come up.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use extism_manifest::{HttpRequest, Manifest, MemoryOptions, Wasm, WasmMetadata};
use serde_json::{Map, Value};

/// Pieces of text that something might read as more than text.
const PIECES: [&str; 15] = [
    "", "a", "é", "\0", "\n", "\"", "\\", "'", "'''", "\u{7f}", "😀", "\u{feff}", "a.b", "$#[{=",
    "ro:",
];

/// Numbers at which something ends.
const NUMBERS: [u64; 9] = [
    0,
    1,
    255,
    u32::MAX as u64,
    1 << 32,
    1 << 53,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// A manifest; what is printed of it can be read back.
///
/// # Errors
///
/// None that matter: bytes that are used up become zeros.
pub fn manifest(u: &mut Unstructured<'_>) -> Result<Manifest> {
    let wasm: Vec<Wasm> = several(u, wasm)?;
    Ok(Manifest {
        wasm,
        memory: MemoryOptions {
            max_pages: maybe(u, |u| u.arbitrary())?,
            max_http_response_bytes: maybe(u, number)?,
            max_var_bytes: maybe(u, number)?,
        },
        config: texts(u)?,
        allowed_hosts: maybe(u, |u| several(u, text))?,
        allowed_paths: maybe(u, |u| {
            let paths = texts(u)?.into_iter().map(|(from, to)| (from, to.into()));
            Ok(paths.collect())
        })?,
        timeout_ms: maybe(u, number)?,
    })
}

fn wasm(u: &mut Unstructured<'_>) -> Result<Wasm> {
    let mut wasm = match u.int_in_range(0..=2)? {
        0 => Wasm::file(text(u)?),
        1 => Wasm::data(several(u, |u| u.arbitrary::<u8>())?),
        _ => Wasm::http(HttpRequest {
            url: text(u)?,
            headers: texts(u)?,
            method: maybe(u, text)?,
        }),
    };
    *wasm.meta_mut() = WasmMetadata {
        name: maybe(u, text)?,
        hash: maybe(u, text)?,
    };
    Ok(wasm)
}

/// A JSON text that is a manifest, nearly: each field may be missing, or hold a value of another kind.
///
/// # Errors
///
/// As [`manifest`].
pub fn nearly(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut fields = Map::new();
    if u.ratio(2, 3)? {
        let modules = (0..u.int_in_range(0..=3)?)
            .map(|_| nearly_wasm(u))
            .collect::<Result<Vec<_>>>()?;
        put(u, &mut fields, "wasm", modules.into())?;
    }
    if u.ratio(1, 2)? {
        let mut memory = Map::new();
        for name in [
            "max_pages",
            "max",
            "max_http_response_bytes",
            "max_var_bytes",
        ] {
            if u.ratio(1, 3)? {
                let bytes = number(u)?.into();
                put(u, &mut memory, name, bytes)?;
            }
        }
        put(u, &mut fields, "memory", memory.into())?;
    }
    for name in ["config", "allowed_paths"] {
        if u.ratio(1, 2)? {
            let entries = nearly_texts(u)?;
            put(u, &mut fields, name, entries)?;
        }
    }
    if u.ratio(1, 2)? {
        let hosts = (0..u.int_in_range(0..=2)?)
            .map(|_| Ok(text(u)?.into()))
            .collect::<Result<Vec<Value>>>()?;
        put(u, &mut fields, "allowed_hosts", hosts.into())?;
    }
    if u.ratio(1, 2)? {
        let time = number(u)?.into();
        put(u, &mut fields, "timeout_ms", time)?;
    }
    if u.ratio(1, 16)? {
        fields.insert(text(u)?, any(u, 2)?);
    }
    Ok(fields.into())
}

fn nearly_wasm(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut fields = Map::new();
    let likely = u.int_in_range(0..=2)?;
    for (at, name) in ["path", "data", "url"].into_iter().enumerate() {
        if if at == likely {
            u.ratio(15, 16)?
        } else {
            u.ratio(1, 16)?
        } {
            let value = match name {
                "data" if u.ratio(1, 4)? => {
                    let mut place = Map::new();
                    for name in ["ptr", "len"] {
                        let address = number(u)?.into();
                        put(u, &mut place, name, address)?;
                    }
                    place.into()
                }
                "data" => u
                    .choose(&["", "AA==", "AAAA", "-", "A"])?
                    .to_string()
                    .into(),
                _ => text(u)?.into(),
            };
            put(u, &mut fields, name, value)?;
        }
    }
    for name in ["name", "hash", "method"] {
        if u.ratio(1, 5)? {
            let value = text(u)?.into();
            put(u, &mut fields, name, value)?;
        }
    }
    for name in ["headers", "header"] {
        if u.ratio(1, 6)? {
            let entries = nearly_texts(u)?;
            put(u, &mut fields, name, entries)?;
        }
    }
    Ok(fields.into())
}

fn nearly_texts(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut entries = Map::new();
    for _ in 0..u.int_in_range(0..=3)? {
        let (name, value) = (text(u)?, text(u)?.into());
        put(u, &mut entries, &name, value)?;
    }
    Ok(entries.into())
}

/// Puts the value, or now and then null or something else.
fn put(
    u: &mut Unstructured<'_>,
    fields: &mut Map<String, Value>,
    name: &str,
    value: Value,
) -> Result<()> {
    let value = match u.int_in_range(0..=23)? {
        0 => Value::Null,
        1 => any(u, 2)?,
        _ => value,
    };
    fields.insert(name.to_string(), value);
    Ok(())
}

fn any(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    Ok(match u.int_in_range(0..=if depth == 0 { 5 } else { 7 })? {
        0 => Value::Null,
        1 => u.arbitrary::<bool>()?.into(),
        2 => text(u)?.into(),
        3 => number(u)?.into(),
        4 => u.arbitrary::<i64>()?.into(),
        // A float with a fraction: whether 1.0 is an integer, JSON and the schema see differently.
        5 => (f64::from(u.arbitrary::<u16>()?) + 0.5).into(),
        6 => vec![any(u, depth - 1)?].into(),
        _ => Map::from_iter([(text(u)?, any(u, depth - 1)?)]).into(),
    })
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    (0..u.int_in_range(0..=3)?)
        .map(|_| u.choose(&PIECES).copied())
        .collect()
}

fn texts(u: &mut Unstructured<'_>) -> Result<BTreeMap<String, String>> {
    (0..u.int_in_range(0..=3)?)
        .map(|_| Ok((text(u)?, text(u)?)))
        .collect()
}

fn number(u: &mut Unstructured<'_>) -> Result<u64> {
    u.choose(&NUMBERS).copied()
}

fn maybe<T>(
    u: &mut Unstructured<'_>,
    make: impl FnOnce(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Option<T>> {
    if u.arbitrary()? {
        make(u).map(Some)
    } else {
        Ok(None)
    }
}

fn several<'u, T>(
    u: &mut Unstructured<'u>,
    make: impl Fn(&mut Unstructured<'u>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..u.int_in_range(0..=4)?).map(|_| make(u)).collect()
}
