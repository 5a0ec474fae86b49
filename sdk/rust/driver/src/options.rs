//! The options of everything that takes a source, as a builder of the SDK.
//!
//! Must not know: defaults; what is not said is left to the library. Invariant: an option that is not known
//! is an error.

use std::sync::PoisonError;
use std::time::Duration;

use extism::{CallError, Error, Level, Limits, PluginBuilder, Rewriting, Status};

use crate::function;
use crate::message::{Request, number, text};
use crate::objects::Objects;

/// A builder for the source at a place and the options behind it.
pub(crate) fn builder(
    request: &Request<'_>,
    at: usize,
    objects: &Objects,
) -> Result<PluginBuilder<'static>, Error> {
    let mut builder = PluginBuilder::new(request.bytes(at)?);
    let (mut arguments, mut environment) = (Vec::new(), Vec::new());
    let mut limits = match request.option("limits") {
        Some("untrusted") => Limits::untrusted(),
        _ => Limits::default(),
    };
    let namespace = request.option("namespace").map(text).transpose()?;
    for (name, value) in request.options() {
        builder = match name {
            "wasi" => builder.with_wasi(value == "1"),
            "functions" => {
                let functions = value.split(',').map(|name| function::make(name, objects));
                let functions = functions.collect::<Result<Vec<_>, _>>()?;
                builder.with_functions(functions.into_iter().map(|function| match &namespace {
                    Some(namespace) => function.with_namespace(namespace),
                    None => function,
                }))
            }
            "fuel" => builder.with_fuel_limit(number(value)?),
            "rewrite" if value == "0" => builder.with_rewriting(Rewriting::Off),
            "headers" => builder.with_http_response_headers(value == "1"),
            "trust" => builder.with_precompiled(value == "1"),
            "cache" if value == "0" => builder.with_cache_disabled(),
            "log" => {
                let logs = objects.log_of(request.word(1));
                builder.with_log_sink(level(value)?, move |record| {
                    let line = (record.level as u8, record.message.to_owned());
                    logs.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(line);
                })
            }
            "arg" => {
                arguments.push(text(value)?);
                builder
            }
            "env" => {
                let variable = text(value)?;
                let (name, value) = variable.split_once('=').unwrap_or((&variable, ""));
                environment.push((name.to_owned(), value.to_owned()));
                builder
            }
            "limits" | "namespace" | "rewrite" | "cache" => builder,
            name => {
                let name = name.strip_prefix("limit.").unwrap_or(name);
                set_limit(&mut limits, name, number(value)?)?;
                builder
            }
        };
    }
    let builder = builder.with_limits(limits);
    Ok(builder.with_wasi_args(arguments).with_wasi_env(environment))
}

fn level(word: &str) -> Result<Level, Error> {
    let levels = [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
    ];
    let level = levels.get(number::<usize>(word)?);
    level.copied().ok_or_else(|| unknown(word))
}

fn unknown(name: &str) -> Error {
    CallError::new(Status::InvalidArgument, format!("no option {name}")).into()
}

fn set_limit(limits: &mut Limits, name: &str, value: u64) -> Result<(), Error> {
    let count = || usize::try_from(value).unwrap_or(usize::MAX);
    let number = || u32::try_from(value).unwrap_or(u32::MAX);
    match name {
        "call_time_ms_max" => limits.call_time_max = Some(Duration::from_millis(value)),
        "memory_bytes_max" => limits.memory_bytes_max = Some(value),
        "kernel_bytes_max" => limits.kernel_bytes_max = value,
        "blocks_max" => limits.blocks_max = number(),
        "table_elements_max" => limits.table_elements_max = value,
        "instances_max" => limits.instances_max = count(),
        "memories_max" => limits.memories_max = count(),
        "tables_max" => limits.tables_max = count(),
        "stack_bytes_max" => limits.stack_bytes_max = count(),
        "call_depth_max" => limits.call_depth_max = number(),
        "output_bytes_max" => limits.output_bytes_max = value,
        "error_bytes_max" => limits.error_bytes_max = value,
        "log_line_bytes_max" => limits.log_line_bytes_max = value,
        "log_call_bytes_max" => limits.log_call_bytes_max = value,
        "log_call_lines_max" => limits.log_call_lines_max = value,
        "vars_bytes_max" => limits.vars_bytes_max = value,
        "vars_count_max" => limits.vars_count_max = count(),
        "var_name_bytes_max" => limits.var_name_bytes_max = value,
        "http_response_bytes_max" => limits.http_response_bytes_max = value,
        "http_header_bytes_max" => limits.http_header_bytes_max = value,
        "http_redirects_max" => limits.http_redirects_max = number(),
        "http_requests_max" => limits.http_requests_max = number(),
        "manifest_bytes_max" => limits.manifest_bytes_max = value,
        "modules_max" => limits.modules_max = count(),
        "module_bytes_max" => limits.module_bytes_max = value,
        "download_time_ms_max" => limits.download_time_max = Duration::from_millis(value),
        name => return Err(unknown(name)),
    }
    Ok(())
}
