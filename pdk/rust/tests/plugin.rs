//! The kit as a plug-in uses it, against the host inside the test.

#![expect(
    missing_docs,
    reason = "the exported functions are the tests themselves"
)]

use extism_pdk::testing::{self, Failure};
use extism_pdk::*;

fn failure(code: i32, error: &str) -> Result<Vec<u8>, Failure> {
    Err(Failure {
        code,
        error: error.into(),
    })
}

#[plugin_fn]
pub fn echo(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(input)
}

#[plugin_fn]
pub fn nothing() -> FnResult<()> {
    Ok(())
}

#[test]
fn bytes_of_every_length_come_back() {
    for length in [0, 1, 7, 8, 9, 63, 64, 65, 100_000] {
        let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
        assert_eq!(testing::call(echo, &bytes), Ok(bytes));
    }
    assert_eq!(testing::call(nothing, "ignored"), Ok(vec![]));
}

#[plugin_fn]
pub fn number(input: Option<i64>) -> FnResult<i64> {
    Ok(input.unwrap_or(-1))
}

#[test]
fn an_input_of_the_wrong_form_is_the_error_of_the_call() {
    assert_eq!(
        testing::call(number, 5_i64.to_le_bytes()),
        Ok(5_i64.to_le_bytes().to_vec())
    );
    assert_eq!(
        testing::call(number, ""),
        Ok((-1_i64).to_le_bytes().to_vec())
    );
    let error =
        "expected 8 bytes of i64, got 3\n\nCaused by:\n    could not convert slice to array";
    assert_eq!(testing::call(number, "abc"), failure(-1, error));
}

#[plugin_fn]
pub fn fail(code: String) -> FnResult<()> {
    let code = code.parse()?;
    Err(WithReturnCode::new(Error::msg("refused"), code))
}

#[plugin_fn]
pub fn succeed_with_a_code() -> FnResult<WithReturnCode<&'static str>> {
    Ok(WithReturnCode::new("partly", 3))
}

#[plugin_fn]
pub fn panics(text: String) -> FnResult<()> {
    panic!("{text}");
}

#[test]
fn errors_codes_and_panics_reach_the_host() {
    assert_eq!(testing::call(fail, "7"), failure(7, "refused"));
    assert_eq!(
        testing::call(fail, "x"),
        failure(-1, "invalid digit found in string")
    );
    assert_eq!(testing::call(succeed_with_a_code, ""), failure(3, ""));
    assert_eq!(testing::call(panics, "ouch"), failure(-1, "panicked: ouch"));
}

#[plugin_fn]
pub unsafe fn unsafe_function(input: String) -> FnResult<String> {
    Ok(input)
}

#[test]
fn an_unsafe_function_is_exported_as_one() {
    extern "C" fn call() -> i32 {
        // SAFETY: the function needs nothing.
        unsafe { unsafe_function() }
    }
    assert_eq!(testing::call(call, "x"), Ok(b"x".to_vec()));
}

fn inner(text: String) -> FnResult<String> {
    Ok(text + "!")
}

#[plugin_fn]
pub fn calls_inner(text: String) -> FnResult<String> {
    inner(text)
}

/// The generated code is around the body: a function it is made of must not take the place of one of the
/// plug-in's.
#[test]
fn a_function_may_call_another_by_any_name() {
    assert_eq!(testing::call(calls_inner, "hi"), Ok(b"hi!".to_vec()));
}

extern "C" fn by_hand() -> i32 {
    let number: u32 = unwrap!(unwrap!(input::<String>()).parse());
    unwrap!(output(number + 1));
    0
}

#[test]
fn an_export_can_be_written_by_hand() {
    assert_eq!(
        testing::call(by_hand, "41"),
        Ok(42_u32.to_le_bytes().to_vec())
    );
    assert_eq!(
        testing::call(by_hand, "-1"),
        failure(-1, "ParseIntError { kind: InvalidDigit }")
    );
}

#[derive(ToBytes, FromBytes, serde::Serialize, serde::Deserialize, PartialEq, Debug)]
#[encoding(Json)]
struct Point {
    x: i32,
    y: i32,
}

#[plugin_fn]
pub fn mirror(Json(point): Json<Point>) -> FnResult<Point> {
    Ok(Point {
        x: point.y,
        y: point.x,
    })
}

#[test]
fn structures_cross_by_their_encoding() {
    assert_eq!(
        testing::call(mirror, r#"{"x":1,"y":2}"#),
        Ok(br#"{"x":2,"y":1}"#.to_vec())
    );
    let error = "missing field `y` at line 1 column 7";
    assert_eq!(testing::call(mirror, r#"{"x":1}"#), failure(-1, error));
}

#[plugin_fn]
pub fn logs(text: String) -> FnResult<()> {
    trace!("plain");
    debug!("{text}");
    info!("{}", text.len());
    warn!("{text:?}");
    error!("{0}{0}", text);
    log!(LogLevel::Info, "");
    Ok(())
}

#[test]
fn messages_are_logged_at_their_levels() {
    assert_eq!(testing::call(logs, "ab"), Ok(vec![]));
    let expected = [
        (LogLevel::Trace, "plain"),
        (LogLevel::Debug, "ab"),
        (LogLevel::Info, "2"),
        (LogLevel::Warn, "\"ab\""),
        (LogLevel::Error, "abab"),
        (LogLevel::Info, ""),
    ];
    assert_eq!(
        testing::take_log(),
        expected.map(|(level, text)| (level, text.to_owned()))
    );
}

#[plugin_fn]
pub fn count() -> FnResult<i64> {
    let count = var::get("count")?.unwrap_or(0_i64) + 1;
    var::set("count", count)?;
    Ok(count)
}

#[plugin_fn]
pub fn churn() -> FnResult<()> {
    for round in 0..10_000 {
        set_var!("round", "number {round}")?;
        let text: Option<String> = var::get("round")?;
        assert_eq!(text, Some(format!("number {round}")));
        assert_eq!(config::get("absent")?, None);
    }
    var::remove("round")?;
    assert!(var::get::<String>("round")?.is_none());
    Ok(())
}

#[test]
fn variables_last_and_leave_no_blocks_behind() {
    for expected in 1..4_i64 {
        assert_eq!(
            testing::call(count, ""),
            Ok(expected.to_le_bytes().to_vec())
        );
    }
    assert_eq!(testing::call(churn, "x"), Ok(vec![]));
    assert_eq!(testing::block_count(), 1, "only the input's");
}

#[host_fn("extism:host/user")]
extern "ExtismHost" {
    /// Both texts, one behind the other.
    fn join(left: String, right: &str) -> String;
    fn forget(point: Point);
    fn r#match(text: &str) -> String;
}

#[plugin_fn]
pub fn call_match(text: String) -> FnResult<String> {
    // SAFETY: the host of the test takes and gives blocks of text.
    Ok(unsafe { r#match(&text)? })
}

#[test]
fn a_host_function_may_have_the_name_of_a_keyword() {
    testing::set_host_function("extism:host/user", "match", |blocks| {
        let text = Memory::from(blocks[0]).to_string().unwrap();
        Memory::from_bytes(text.to_uppercase()).unwrap().offset()
    });
    assert_eq!(testing::call(call_match, "hi"), Ok(b"HI".to_vec()));
}

#[plugin_fn]
pub fn call_host(text: String) -> FnResult<String> {
    // SAFETY: the host of the test takes and gives blocks of text.
    let joined = unsafe { join(text, "!")? };
    // SAFETY: as above.
    unsafe { forget(Point { x: 1, y: 2 })? };
    Ok(joined)
}

#[test]
fn host_functions_take_and_give_values() {
    testing::set_host_function("extism:host/user", "join", |blocks| {
        let text: Vec<_> = blocks
            .iter()
            .map(|block| Memory::from(*block).to_string().unwrap())
            .collect();
        Memory::from_bytes(text.concat()).unwrap().offset()
    });
    testing::set_host_function("extism:host/user", "forget", |blocks| {
        let point: Point = Memory::from(blocks[0]).to().unwrap();
        assert_eq!(point, Point { x: 1, y: 2 });
        0
    });
    assert_eq!(testing::call(call_host, "hi"), Ok(b"hi!".to_vec()));
    assert_eq!(testing::block_count(), 2, "the input's and the output's");
}

#[shared_fn]
pub fn shout(text: String, mark: String) -> SharedFnResult<String> {
    Ok(text.to_uppercase() + &mark)
}

#[shared_fn]
pub fn remember(text: String) -> SharedFnResult<()> {
    var::set("remembered", text)
}

/// Without a result type a function may give a result all the same.
#[shared_fn]
pub fn drop_variable(name: String) {
    var::remove(name)?;
    Ok(())
}

#[shared_fn]
pub fn keep_last(text: String) {
    for letter in text.chars() {
        var::set("last", letter.to_string())?;
    }
}

#[shared_fn]
pub fn keep_long(text: String) {
    if text.len() > 3 {
        var::set("long", text)?;
    }
}

#[shared_fn]
pub fn share_nothing() {}

#[test]
fn shared_functions_may_have_no_result() {
    let pointer = |text: &str| {
        let block = Memory::from_bytes(text).unwrap();
        // SAFETY: the handle is that of a block of text.
        unsafe { MemoryPointer::<String>::new(block.offset()) }
    };
    let last = || var::get::<String>("last").unwrap();
    keep_last(pointer("ab"));
    assert_eq!(last().as_deref(), Some("b"));
    drop_variable(pointer("last"));
    assert_eq!(last(), None);
    keep_long(pointer("short"));
    keep_long(pointer("no"));
    let long = var::get::<String>("long").unwrap();
    assert_eq!(long.as_deref(), Some("short"));
    share_nothing();
}

#[shared_fn]
pub fn length(text: String) -> SharedFnResult<u32> {
    Ok(text.len() as u32)
}

/// A block of no bytes has the handle 0.
#[test]
fn shared_functions_take_empty_values() {
    // SAFETY: 0 is no block.
    let empty = unsafe { MemoryPointer::<String>::new(0) };
    assert_eq!(Memory::from(length(empty)).to::<u32>().unwrap(), 0);
    // SAFETY: as above.
    let number = unsafe { MemoryPointer::<u32>::new(0) };
    assert!(number.get().is_err());
}

#[test]
fn shared_functions_take_and_give_blocks() {
    let block = |text: &str| Memory::from_bytes(text).unwrap().offset();
    // SAFETY: the handles are those of blocks of text.
    let (text, mark) = unsafe {
        (
            MemoryPointer::new(block("hi")),
            MemoryPointer::new(block("?")),
        )
    };
    assert_eq!(
        Memory::from(shout(text.clone(), mark)).to_string().unwrap(),
        "HI?"
    );
    remember(text);
    assert_eq!(
        var::get::<String>("remembered").unwrap().as_deref(),
        Some("hi")
    );
    // SAFETY: `get` checks that there is no such block.
    let nowhere = unsafe { MemoryPointer::<String>::new(12) };
    assert_eq!(
        nowhere.get().unwrap_err().to_string(),
        "Invalid pointer offset 12"
    );
}

#[test]
#[cfg(feature = "http")]
fn a_response_has_status_and_body() {
    testing::set_http(|request, body| {
        assert_eq!(
            request,
            br#"{"url":"http://a/","headers":{},"method":"PUT"}"#
        );
        (404, [b"got ", body].concat())
    });
    let request = HttpRequest::new("http://a/").with_method("PUT");
    let response = http::request(&request, Some("x")).unwrap();
    assert_eq!(
        (response.status_code(), response.body()),
        (404, b"got x".to_vec())
    );
    assert_eq!((response.headers().len(), response.header("x")), (0, None));
    assert_eq!(
        response.json::<u8>().unwrap_err().to_string(),
        "expected value at line 1 column 1"
    );
}

#[test]
#[cfg(feature = "http")]
fn what_answers_a_request_may_use_the_host() {
    testing::set_http(|_, _| {
        info!("asked");
        var::set("asked", true).unwrap();
        (200, vec![])
    });
    http::request::<()>(&HttpRequest::new("http://a/"), None).unwrap();
    assert_eq!(testing::take_log(), [(LogLevel::Info, "asked".to_owned())]);
    assert_eq!(var::get("asked").unwrap(), Some(true));
}

#[test]
fn a_block_that_does_not_fit_is_an_error() {
    assert_eq!(memory::internal::memory_alloc(u64::MAX).offset, 0);
    let managed = ManagedMemory::new(Memory::from_bytes("abc").unwrap());
    let handle = managed.offset();
    let mut short = [0; 2];
    memory::internal::load(managed.as_ref().0, &mut short);
    assert_eq!(&short, b"ab");
    memory::internal::store(managed.as_ref().0, b"xyz and more");
    assert_eq!(managed.as_ref().to_vec(), b"xyz");
    drop(managed);
    assert!(Memory::find(handle).is_none());
}
