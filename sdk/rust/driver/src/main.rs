//! The conformance driver of the Rust SDK (conformance/protocol.md): requests come in by lines, each is done
//! with the crate `extism` and answered by a line.
//!
//! Must not know: cases. Invariant: it decides nothing; every request is answered, whatever is in it.
#![forbid(unsafe_code)]

mod function;
mod message;
mod objects;
mod options;

use std::io::{BufRead, Write};

use extism::Error;
use message::{Request, hex};
use objects::Objects;

/// What this SDK has.
const FEATURES: &str = "cancel,compiled,context,fs,fuel,headers,host_context,http,inspect,limits,logs,namespace,\
                        nested,pool,precompile,reenter,renew,stats,threads,vars,wasi";

fn main() {
    let objects = Objects::default();
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let answer = match answer(&objects, &line) {
            Ok(Some(words)) if words.is_empty() => "OK".to_owned(),
            Ok(Some(words)) => format!("OK {words}"),
            Ok(None) => format!("CANNOT do {line}"),
            Err(error) => message::error(&error),
        };
        let written = writeln!(output, "{answer}").and_then(|()| output.flush());
        if written.is_err() || line == "BYE" {
            return;
        }
    }
}

/// What follows `OK`; `None` if there is no such request.
fn answer(objects: &Objects, line: &str) -> Result<Option<String>, Error> {
    let request = Request::parse(line)?;
    let text = |at| request.text(at);
    let id = request.word(1);
    Ok(Some(match request.word(0) {
        "HELLO" => format!(
            "sdk=rust version={} library={} features={FEATURES}",
            env!("CARGO_PKG_VERSION"),
            extism::extism_version()
        ),
        "COMPILE" => objects.compile(id, options::builder(&request, 2, objects)?)?,
        "NEW" if request.word(2).starts_with('c') => objects.instantiate(id, request.word(2))?,
        "NEW" => objects.make(id, &request, 2)?,
        "INSPECT" => hex(options::builder(&request, 1, objects)?
            .inspect()?
            .to_json()
            .as_bytes()),
        "PRECOMPILE" => hex(&options::builder(&request, 1, objects)?.precompile()?),
        "CALL" => objects.call(id, &request)?,
        "EXISTS" => u8::from(objects.exists(id, &text(2)?)?).to_string(),
        "CONFIG" => objects.configure(id, &text(2)?)?,
        "VAR" => objects.variable(id, &request)?,
        "RESET" => objects.with(id, |plugin| plugin.reset())?,
        "RENEW" => objects.with(id, |plugin| plugin.renew())?,
        "HEADERS" => objects.with(id, |plugin| {
            plugin.allow_http_response_headers();
            Ok(())
        })?,
        "CANCEL" => objects.cancel(id)?,
        "ID" => objects.with(id, |plugin| Ok(hex(plugin.id.as_bytes())))?,
        "FUEL" => objects.with(id, |plugin| {
            Ok(plugin
                .fuel_consumed()
                .map_or_else(|| "?".to_owned(), |fuel| fuel.to_string()))
        })?,
        "LOGS" => objects.logs(id)?,
        "CONTEXT" => objects.context(id),
        "CTXNEW" => objects.context_new(id, &request)?,
        "CTXUPDATE" => objects.context_update(id, &request)?,
        "CTXCALL" => objects.context_call(id, &request)?,
        "CTXEXISTS" => objects.context_with(id, &request, |plugin| {
            Ok(u8::from(plugin.function_exists(text(3)?)).to_string())
        })?,
        "CTXCONFIG" => {
            objects.context_with(id, &request, |plugin| objects::configure(plugin, &text(3)?))?
        }
        "CTXFREE" => objects.context_free(id, &request)?,
        "CTXRESET" => objects.context_reset(id)?,
        "POOL" => objects.pool(id, &request)?,
        "GET" => objects.borrow(id, &request)?,
        "POOLSTATS" => objects.pool_stats(id)?,
        "THREADS" => objects.threads(id, &request)?,
        "FREE" => objects.free(id),
        "GC" | "BYE" => String::new(),
        "STATS" => {
            let stats = extism::Stats::now();
            // Cancel handles are counted by their owners here, and freed with them.
            format!(
                "{} {} {} 0",
                stats.plugins, stats.compiled_plugins, stats.host_functions
            )
        }
        _ => return Ok(None),
    }))
}
