//! Keeps a total in a store of the host. Shows: host functions, here `kv_read` and `kv_write` in
//! `extism:host/user`.

// snippet: kv
use extism_pdk::{FnResult, Json, ToBytes, host_fn, plugin_fn};

#[host_fn]
extern "ExtismHost" {
    /// The value for a key, empty if there is none.
    fn kv_read(key: String) -> Option<u32>;

    /// Sets the value for a key.
    fn kv_write(key: String, value: u32);
}

const KEY: &str = "count-vowels";

#[derive(serde::Serialize, ToBytes)]
#[encoding(Json)]
pub struct Report {
    count: u32,
    total: u32,
}

#[plugin_fn]
pub fn count_vowels(text: String) -> FnResult<Report> {
    let count = text
        .chars()
        .filter(|letter| "aAeEiIoOuU".contains(*letter))
        .count() as u32;
    // SAFETY: the host functions take blocks of the types declared above, and nothing else is shared with
    // them.
    let total = unsafe { kv_read(KEY.into()) }?
        .unwrap_or(0)
        .saturating_add(count);
    // SAFETY: as above.
    unsafe { kv_write(KEY.into(), total) }?;
    Ok(Report { count, total })
}
// end snippet
