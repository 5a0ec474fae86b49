//! Programs generated from the header: every pointer parameter of every function is NULL once.
//!
//! The other arguments are good ones, so that each NULL gets as far as it can. A new function of a
//! new type needs a line in [`argument`].

use std::fmt::Write as _;

use crate::header;
use crate::library;
use crate::prototype::{Parameter, Prototype};

/// What is passed for a parameter, as an expression of C. `objects.h` declares the names.
pub(crate) fn argument(parameter: &Parameter) -> &'static str {
    match (parameter.ty.as_str(), parameter.name.as_str()) {
        ("ExtismPlugin*" | "const ExtismPlugin*", _) => "plugin()",
        ("ExtismCurrentPlugin*", _) => "current",
        ("ExtismCompiledPlugin*" | "const ExtismCompiledPlugin*", _) => "compiled()",
        ("ExtismFunction*", _) => "function()",
        ("const ExtismFunction**", _) => "functions()",
        ("ExtismContext*", _) => "context()",
        ("ExtismPool*" | "const ExtismPool*", _) => "pool()",
        ("ExtismError*" | "const ExtismError*", _) => "error()",
        ("ExtismBuffer*" | "const ExtismBuffer*", _) => "buffer()",
        ("const ExtismCancelHandle*", _) => "handle()",
        ("ExtismLimits*", _) => "&limits",
        ("ExtismStats*", _) => "&stats",
        ("ExtismPoolStats*", _) => "&pool_stats",
        ("const ExtismPoolOptions*", _) => "&pool_options",
        ("const ExtismOptions*", _) => "&options",
        ("ExtismPlugin**", _) => "&plugin_out",
        ("ExtismCompiledPlugin**", _) => "&compiled_out",
        ("ExtismPool**", _) => "&pool_out",
        ("ExtismBuffer**", _) => "&buffer_out",
        ("ExtismError**", _) => "&error_out",
        ("char**", _) => "&errmsg",
        ("char*", "err") => "error_text()",
        ("const char*", "filename") => "\"stderr\"",
        ("const char*", "log_level") => "\"off\"",
        ("const char*", _) => "\"name\"",
        ("const uint8_t*", "wasm") => "(const uint8_t *)wasm_text",
        ("const uint8_t*", "json") => "(const uint8_t *)\"{}\"",
        ("const uint8_t*", _) => "(const uint8_t *)\"name\"",
        ("uint8_t*", "id") => "id_out",
        ("ExtismSize*", _) => "&length",
        ("uint64_t*", _) => "&number",
        ("int32_t*", _) => "&small",
        ("void*", _) => "&user_data",
        ("Release*", _) => "release",
        ("ExtismFunctionType", _) => "host_function",
        ("ExtismLogSinkFunctionType", _) => "log_message",
        ("ExtismLogDrainFunctionType", _) => "log_line",
        ("const ExtismValType*", _) => "&type",
        ("bool", _) => "false",
        ("ExtismStatus", _) => "EXTISM_STATUS_OK",
        ("ExtismLogLevel", _) => "EXTISM_LOG_INFO",
        ("ExtismSize", "wasm_size") => "sizeof wasm_text - 1",
        ("ExtismSize", "json_size") => "2",
        ("ExtismSize", "n_functions" | "n_inputs" | "n_outputs") => "1",
        ("ExtismSize" | "ExtismMemoryHandle", _) => "4",
        ("uint64_t", _) => "100000",
        ("int32_t", "plugin") => "0",
        (ty, name) => panic!("no argument is known for `{ty} {name}`"),
    }
}

/// A call of a function with good arguments but, if given, one NULL.
pub(crate) fn call(prototype: &Prototype, null: Option<usize>) -> String {
    let arguments: Vec<&str> = prototype
        .parameters
        .iter()
        .enumerate()
        .map(|(at, parameter)| {
            if null == Some(at) {
                "NULL"
            } else {
                argument(parameter)
            }
        })
        .collect();
    format!("{}({})", prototype.name, arguments.join(", "))
}

/// Parameters that may be NULL: results nobody wants, and what need not be given.
const OPTIONAL: &[&str] = &[
    "error",
    "options",
    "host_context",
    "user_data",
    "free_user_data",
    "log_sink",
    "code",
];

fn program() -> String {
    let mut text = String::from("#include \"objects.h\"\n\nstatic void generated(void) {\n");
    for prototype in header::ours() {
        for (at, parameter) in prototype.parameters.iter().enumerate() {
            if !parameter.is_pointer() {
                continue;
            }
            let (name, call) = (&prototype.name, call(&prototype, Some(at)));
            let place = format!("{name}, {}", parameter.name);
            writeln!(text, "  puts(\"{place}\");\n  fflush(stdout);").expect("a string");
            let optional = OPTIONAL.contains(&parameter.name.as_str());
            match prototype.returns.as_str() {
                "ExtismStatus" if optional && parameter.ty != "const ExtismError*" => {
                    writeln!(text, "  CHECK({call} == EXTISM_STATUS_OK);")
                }
                "ExtismStatus" => {
                    writeln!(text, "  CHECK({call} == EXTISM_STATUS_NULL_ARGUMENT);")
                }
                "void" => writeln!(text, "  {call};"),
                _ => writeln!(text, "  (void){call};"),
            }
            .expect("a string");
        }
    }
    text + "}\n"
}

#[test]
fn every_pointer_may_be_null() {
    // Each line names the function and the parameter that is tried next.
    let lines = library::run_text(&program());
    assert!(lines > 100, "{lines} parameters were tried");
}
