//! What the benchmarks call: one export per kind of work.
//!
//! Must not know: which kit it is built with. Invariant: an export does what its comment says and nothing
//! else, so that a row of the table stands for one thing.

use extism_pdk::*;

/// Nothing: no input read, no output set.
#[plugin_fn]
pub fn noop() -> FnResult<()> {
    Ok(())
}

/// The input.
#[plugin_fn]
pub fn echo(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(input)
}

#[derive(serde::Serialize, ToBytes)]
#[encoding(Json)]
pub struct Count {
    count: u32,
}

/// The number of vowels of a text as JSON; no configuration and no variable.
#[plugin_fn]
pub fn count_vowels(text: String) -> FnResult<Count> {
    Ok(Count {
        count: count(&text, VOWELS),
    })
}

#[derive(serde::Serialize, ToBytes)]
#[encoding(Json)]
pub struct Report {
    count: u32,
    total: u32,
    vowels: String,
}

/// The vowels of a text as JSON: of this call, of all calls (variable `total`), and which letters count
/// (config `vowels`).
#[plugin_fn]
pub fn count_vowels_total(text: String) -> FnResult<Report> {
    let vowels = config::get("vowels")?.unwrap_or_else(|| VOWELS.into());
    let count = count(&text, &vowels);
    let total = var::get("total")?.unwrap_or(0_u32).wrapping_add(count);
    var::set("total", total)?;
    Ok(Report {
        count,
        total,
        vowels,
    })
}

const VOWELS: &str = "aAeEiIoOuU";

fn count(text: &str, vowels: &str) -> u32 {
    text.chars()
        .map(|letter| u32::from(vowels.contains(letter)))
        .sum()
}
