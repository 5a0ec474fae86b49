//! Guarantees 6 and 7: host functions.

use std::sync::{Arc, Mutex};

use extism::convert::MemoryHandle;
use extism::{CurrentPlugin, Error, ErrorExt, Function, Plugin, Status};

const RUN: &str = r#"(module (import "extism:host/user" "host" (func $host (result i64)))
    (func (export "run") (drop (call $host))))"#;

#[derive(Debug, PartialEq)]
struct Mine(u32);

impl std::fmt::Display for Mine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "mine: {}", self.0)
    }
}

impl std::error::Error for Mine {}

#[test]
fn g06_a_failure_is_the_calls_error() {
    let host = Function::typed("host", |_: &mut CurrentPlugin| -> Result<i64, Error> {
        Err(Mine(7).into())
    });
    let mut plugin = Plugin::new(RUN, [host], false).unwrap();
    let error = plugin.call::<_, ()>("run", ()).unwrap_err();
    assert_eq!(error.status(), Some(Status::HostFunction));
    assert_eq!(
        error.find(),
        Some(&Mine(7)),
        "the very same error comes out"
    );
    assert_eq!(error.root_cause().to_string(), "mine: 7");

    let host = Function::typed("host", |_: &mut CurrentPlugin| -> Result<i64, Error> {
        panic!("on purpose")
    });
    let mut plugin = Plugin::new(RUN, [host], false).unwrap();
    let error = plugin.call::<_, ()>("run", ()).unwrap_err();
    assert_eq!(error.status(), Some(Status::HostPanic));
    assert!(
        error.root_cause().to_string().contains("on purpose"),
        "{error:#}"
    );
}

/// A `CurrentPlugin` cannot be kept, the compiler sees to that; a handle can, and names nothing afterwards.
#[test]
fn g07_the_current_plugin_ends_with_its_function() {
    let kept: Arc<Mutex<Option<MemoryHandle>>> = Arc::default();
    let place = Arc::clone(&kept);
    let host = Function::typed("host", move |plugin: &mut CurrentPlugin| {
        let mut place = place.lock().unwrap();
        Ok(match place.take() {
            None => {
                *place = Some(plugin.memory_alloc(100)?);
                0_i64
            }
            Some(handle) => plugin.memory_length(handle.offset())? as i64,
        })
    });
    let wat = r#"(module (import "extism:host/user" "host" (func $host (result i64)))
        (func (export "run") (result i32) (i32.wrap_i64 (call $host))))"#;
    let mut plugin = Plugin::new(wat, [host], false).unwrap();
    plugin.call::<_, ()>("run", ()).unwrap();
    plugin.call::<_, ()>("run", ()).unwrap();
    assert!(kept.lock().unwrap().is_none());
}
