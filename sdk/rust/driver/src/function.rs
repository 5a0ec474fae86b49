//! The catalogue of host functions.
//!
//! Must not know: who imports them. Invariant: every function does what protocol.md says of its name.

use std::time::{Duration, Instant};

use extism::{CallError, CurrentPlugin, Error, ErrorExt, Function, Status};

use crate::objects::Objects;

/// The function of this name.
pub(crate) fn make(name: &str, objects: &Objects) -> Result<Function, Error> {
    let objects = objects.clone();
    Ok(match name {
        "upper" => Function::typed(name, |plugin: &mut CurrentPlugin, text: i64| {
            let text = bytes(plugin, text)?.to_ascii_uppercase();
            block(plugin, &text)
        }),
        "concat" => Function::typed(
            name,
            |plugin: &mut CurrentPlugin, first: i64, second: i64| {
                let both = [bytes(plugin, first)?, bytes(plugin, second)?].concat();
                block(plugin, &both)
            },
        ),
        "add_i64" => Function::typed(name, |_: &mut CurrentPlugin, a: i64, b: i64| {
            Ok(a.wrapping_add(b))
        }),
        "add_i32" => Function::typed(name, |_: &mut CurrentPlugin, a: i32, b: i32| {
            Ok(a.wrapping_add(b))
        }),
        "mul_f32" => Function::typed(name, |_: &mut CurrentPlugin, a: f32, b: f32| Ok(a * b)),
        "f64_id" => Function::typed(name, |_: &mut CurrentPlugin, value: f64| Ok(value)),
        "mix" => Function::typed(
            name,
            |_: &mut CurrentPlugin, a: i32, b: i64, c: f32, d: f64| {
                Ok(f64::from(a) + b as f64 + f64::from(c) + d)
            },
        ),
        "nothing" => Function::typed(name, |_: &mut CurrentPlugin| Ok(())),
        "throw" => Function::typed(
            name,
            |plugin: &mut CurrentPlugin, text: i64| -> Result<i64, Error> {
                let text = bytes(plugin, text)?;
                Err(Error::msg(String::from_utf8_lossy(&text).into_owned()))
            },
        ),
        "ctx_get" => Function::typed(name, |plugin: &mut CurrentPlugin| {
            match plugin.host_context::<Vec<u8>>() {
                Ok(context) => {
                    let context = context.clone();
                    block(plugin, &context)
                }
                Err(_) => Ok(0),
            }
        }),
        "reenter" => Function::typed(name, move |plugin: &mut CurrentPlugin, function: i64| {
            let function = text(plugin, function)?;
            let called = objects.call_running(plugin.id().as_bytes(), &function);
            let status = called
                .err()
                .and_then(|error| error.status())
                .map_or(0, Status::code);
            block(plugin, status.to_string().as_bytes())
        }),
        "nested" => Function::typed(
            name,
            move |plugin: &mut CurrentPlugin, function: i64, input: i64| {
                let (function, input) = (text(plugin, function)?, bytes(plugin, input)?);
                let output: Result<Vec<u8>, Error> = objects.plain_call("p2", &function, &input);
                let output = output.map_err(|error| Error::msg(format!("{error:#}")))?;
                block(plugin, &output)
            },
        ),
        "wait" => Function::typed(name, |plugin: &mut CurrentPlugin, time_ms: i64| {
            let end =
                Instant::now() + Duration::from_millis(time_ms.clamp(0, 10_000).unsigned_abs());
            while Instant::now() < end {
                if plugin.must_stop() {
                    return Ok(1_i64);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            Ok(i64::from(plugin.must_stop()))
        }),
        "bad_handle" => Function::typed(name, |_: &mut CurrentPlugin| Ok(1_i64 << 40)),
        name => {
            let text = format!("no host function {name}");
            return Err(CallError::new(Status::InvalidArgument, text).into());
        }
    })
}

fn bytes(plugin: &mut CurrentPlugin<'_>, handle: i64) -> Result<Vec<u8>, Error> {
    plugin.memory_get_val(&extism::Val::I64(handle))
}

fn text(plugin: &mut CurrentPlugin<'_>, handle: i64) -> Result<String, Error> {
    Ok(String::from_utf8(bytes(plugin, handle)?)?)
}

fn block(plugin: &mut CurrentPlugin<'_>, bytes: &[u8]) -> Result<i64, Error> {
    Ok(plugin.memory_new(bytes)?.offset() as i64)
}
