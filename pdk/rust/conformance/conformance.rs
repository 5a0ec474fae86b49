//! The conformance plug-in: the 24 functions that every kit builds, as `pdk/conformance.md` describes them.
//!
//! Must not know: what is newer than the published kit, with which it is built as well. Invariant: each
//! function goes through the kit the way a user would.

use extism_pdk::*;

#[host_fn]
extern "ExtismHost" {
    fn upper(text: String) -> String;
}

#[host_fn("conformance")]
extern "ExtismHost" {
    fn shout(text: &str) -> String;
}

mod host {
    #[link(wasm_import_module = "extism:host/user")]
    extern "C" {
        pub fn add_i64(left: i64, right: i64) -> i64;
        pub fn f64_id(number: f64) -> f64;
    }
}

/// `=value`, or `?` where there is none.
fn found(value: Option<impl AsRef<[u8]>>) -> Vec<u8> {
    match value {
        Some(value) => [b"=", value.as_ref()].concat(),
        None => b"?".to_vec(),
    }
}

#[plugin_fn]
pub fn echo(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(input)
}

#[derive(serde::Serialize, ToBytes)]
#[encoding(Json)]
struct Report {
    count: u32,
    total: u32,
    vowels: String,
}

#[plugin_fn]
pub fn count_vowels(text: String) -> FnResult<Report> {
    let vowels = config::get("vowels")?.unwrap_or_else(|| "aAeEiIoOuU".into());
    let is_vowel = |letter: &u8| vowels.as_bytes().contains(letter);
    let count = text.bytes().filter(is_vowel).count() as u32;
    let total = var::get("total")?.unwrap_or(0_u32) + count;
    var::set("total", total)?;
    Ok(Report {
        count,
        total,
        vowels,
    })
}

#[derive(serde::Deserialize)]
struct Pair {
    left: i32,
    right: i32,
}

#[derive(serde::Serialize)]
struct Sum {
    sum: i32,
}

#[plugin_fn]
pub fn json(Json(pair): Json<Pair>) -> FnResult<Json<Sum>> {
    let sum = pair.left.wrapping_add(pair.right);
    Ok(Json(Sum { sum }))
}

#[plugin_fn]
pub fn input_part() -> FnResult<Vec<u8>> {
    // SAFETY: the imports take numbers and give numbers.
    let length = unsafe { extism::input_length() };
    let inner = 1..length.max(1) - u64::from(length > 1);
    // SAFETY: as above.
    Ok(inner
        .map(|at| unsafe { extism::input_load_u8(at) })
        .collect())
}

#[plugin_fn]
pub fn output_twice() -> FnResult<&'static str> {
    output("first")?;
    Ok("second")
}

#[no_mangle]
pub extern "C" fn nothing() -> i32 {
    0
}

#[plugin_fn]
pub fn fail(text: String) -> FnResult<()> {
    Err(Error::msg(text).into())
}

#[plugin_fn]
pub fn fail_code(input: String) -> FnResult<()> {
    let (code, text) = input.split_once(' ').unwrap_or((&input, ""));
    Err(WithReturnCode::new(
        Error::msg(text.to_owned()),
        code.parse()?,
    ))
}

#[no_mangle]
pub extern "C" fn message() -> i32 {
    let text: String = unwrap!(input());
    let text = unwrap!(Memory::from_bytes(text));
    // SAFETY: the handle is that of a block.
    unsafe { extism::error_set(text.offset()) };
    unwrap!(output("done"));
    0
}

#[no_mangle]
pub extern "C" fn trap() -> i32 {
    // A panic would set an error message first.
    #[cfg(target_arch = "wasm32")]
    std::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort()
}

#[plugin_fn]
pub fn config_get(key: String) -> FnResult<Vec<u8>> {
    Ok(found(config::get(key)?))
}

#[plugin_fn]
pub fn var_get(name: String) -> FnResult<Vec<u8>> {
    Ok(found(var::get::<Vec<u8>>(name)?))
}

#[plugin_fn]
pub fn var_set(input: Vec<u8>) -> FnResult<()> {
    let mut parts = input.splitn(2, |byte| *byte == b'=');
    let name = std::str::from_utf8(parts.next().unwrap_or_default())?;
    var::set(name, parts.next().unwrap_or_default())?;
    Ok(())
}

#[plugin_fn]
pub fn var_remove(name: String) -> FnResult<()> {
    var::remove(name)?;
    Ok(())
}

#[plugin_fn]
pub fn count() -> FnResult<String> {
    let count = var::get("count")?.unwrap_or(0_u64) + 1;
    var::set("count", count)?;
    Ok(count.to_string())
}

#[plugin_fn]
pub fn log_all(text: String) -> FnResult<()> {
    trace!("trace {text}");
    debug!("debug {text}");
    info!("info {text}");
    warn!("warn {text}");
    error!("error {text}");
    Ok(())
}

#[plugin_fn]
pub fn log_level() -> FnResult<String> {
    // SAFETY: the import takes nothing and gives a number.
    Ok(unsafe { extism::get_log_level() }.to_string())
}

#[plugin_fn]
pub fn http_send(input: String) -> FnResult<Vec<u8>> {
    let (request, body) = match input.split_once('\n') {
        Some((request, body)) => (request, Some(body)),
        None => (input.as_str(), None),
    };
    let request: HttpRequest = json::from_str(request)?;
    let response = http::request(&request, body)?;
    Ok([
        format!("{}\n", response.status_code()).into_bytes(),
        response.body(),
    ]
    .concat())
}

#[plugin_fn]
pub fn http_header(input: String) -> FnResult<Vec<u8>> {
    let (name, url) = input.split_once(' ').unwrap_or((&input, ""));
    let response = http::request::<()>(&HttpRequest::new(url), None)?;
    Ok(found(response.header(name)))
}

#[plugin_fn]
pub fn host_text(text: String) -> FnResult<String> {
    // SAFETY: the host function takes and gives text.
    Ok(unsafe { upper(text)? })
}

#[plugin_fn]
pub fn host_number(input: Vec<u8>) -> FnResult<Vec<u8>> {
    let word = |at: usize| {
        let bytes = input
            .get(at..at + 8)
            .ok_or_else(|| Error::msg("three numbers"))?;
        Ok::<_, Error>(u64::from_bytes(bytes)?)
    };
    let (left, right, number) = (word(0)? as i64, word(8)? as i64, f64::from_bits(word(16)?));
    // SAFETY: the host functions take and give numbers.
    let (sum, same) = unsafe { (host::add_i64(left, right), host::f64_id(number)) };
    Ok([sum.to_le_bytes(), same.to_le_bytes()].concat())
}

#[plugin_fn]
pub fn host_module(text: String) -> FnResult<String> {
    // SAFETY: the function of the other module takes and gives text.
    Ok(unsafe { shout(&text)? })
}

#[plugin_fn]
pub fn block(input: Vec<u8>) -> FnResult<String> {
    let block = Memory::from_bytes(&input)?;
    let offset = block.offset();
    let same = u8::from(Memory::find(offset).is_some_and(|found| found.to_vec() == input));
    // SAFETY: the import takes any number.
    let length_of = |offset| unsafe { extism::length(offset) };
    let (length, inside) = (length_of(offset), length_of(offset + 1));
    block.free();
    // SAFETY: as above.
    let (freed, none) = (length_of(offset), unsafe { extism::alloc(0) });
    Ok(format!(
        "length={length} same={same} inside={inside} freed={freed} none={none}"
    ))
}

#[plugin_fn]
pub fn blocks(count: String) -> FnResult<String> {
    let count: u64 = count.parse()?;
    let made: Result<Vec<Memory>, Error> = (0..count).map(|number| Memory::new(&number)).collect();
    let mut sum = 0;
    for block in made? {
        sum += block.to::<u64>()?;
        block.free();
    }
    Ok(sum.to_string())
}
