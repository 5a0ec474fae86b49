//! Counts the vowels of a text: this call's in `count`, those of all calls so far in `total`.
//!
//! Shows: structured output, a variable that lasts between calls, and a config key, `vowels`, that says
//! which letters count.

// snippet: count_vowels
use extism_pdk::{FnResult, Json, ToBytes, config, plugin_fn, var};

const VOWELS: &str = "aAeEiIoOuU";

#[derive(serde::Serialize, ToBytes)]
#[encoding(Json)]
pub struct Report {
    count: u32,
    total: u32,
    vowels: String,
}

#[plugin_fn]
pub fn count_vowels(text: String) -> FnResult<Report> {
    let vowels = config::get("vowels")?.unwrap_or_else(|| VOWELS.into());
    let count = text
        .chars()
        .filter(|letter| vowels.contains(*letter))
        .count() as u32;
    let total = var::get("total")?.unwrap_or(0_u32).saturating_add(count);
    var::set("total", total)?;
    Ok(Report {
        count,
        total,
        vowels,
    })
}
// end snippet
