//! Every exported function panics once: the process survives, the caller is told, the object is
//! marked.

use std::fmt::Write as _;

use crate::generated;
use crate::header;
use crate::library;
use crate::prototype::Prototype;

/// Functions that answer something else than NULL when they fail.
const NEVER_NULL: &[&str] = &[
    "extism_status_name",
    "extism_status_description",
    "extism_version",
    "extism_plugin_output_data",
];

/// Functions that do not go through the plug-in's lock, or after which there is no plug-in.
const UNLOCKED: &[&str] = &[
    "extism_plugin_id",
    "extism_plugin_free",
    "extism_plugin_cancel_handle",
    "extism_context_plugin_insert",
];

/// Functions that use a plug-in of a context.
const IN_CONTEXT: &[&str] = &[
    "extism_context_plugin_config",
    "extism_context_plugin_function_exists",
    "extism_context_plugin_call",
    "extism_context_plugin_output_length",
    "extism_context_plugin_output_data",
    "extism_context_error",
    "extism_context_status",
];

/// What a function that panicked has to have answered.
fn answer(prototype: &Prototype, call: &str) -> String {
    let name = prototype.name.as_str();
    match prototype.returns.as_str() {
        "void" => format!("{call};"),
        "ExtismStatus" => format!("CHECK({call} == EXTISM_STATUS_PANIC);"),
        "bool" => format!("CHECK(!{call});"),
        "int32_t" if name.ends_with("guest_code") => format!("CHECK({call} == 0);"),
        "int32_t" => format!("CHECK({call} == -1);"),
        returns if returns.contains('*') && NEVER_NULL.contains(&name) => {
            format!("CHECK({call} != NULL);")
        }
        returns if returns.contains('*') => format!("CHECK({call} == NULL);"),
        _ => format!("CHECK({call} == 0);"),
    }
}

fn program() -> String {
    let mut text = String::from(
        "#include \"objects.h\"\n\nvoid extism_test_panic_in(const char *function);\n\n\
         static void generated(void) {\n",
    );
    for prototype in header::ours() {
        let name = &prototype.name;
        let takes = |ty: &str| {
            let mut types = prototype
                .parameters
                .iter()
                .map(|parameter| parameter.ty.as_str());
            types.any(|other| other == ty)
        };
        // Arguments are made first: making them calls functions, too.
        let mut call = generated::call(&prototype, None);
        for (object, variable) in [("plugin()", "last_plugin"), ("context()", "last_context")] {
            if call.contains(object) {
                writeln!(text, "  {object};").expect("a string");
                call = call.replace(object, variable);
            }
        }
        writeln!(text, "  puts(\"{name}\");\n  fflush(stdout);").expect("a string");
        writeln!(text, "  extism_test_panic_in(\"{name}\");").expect("a string");
        writeln!(text, "  {}", answer(&prototype, &call)).expect("a string");
        if takes("ExtismPlugin*") && !UNLOCKED.contains(&name.as_str()) {
            let check = "CHECK(extism_plugin_status(last_plugin) == EXTISM_STATUS_POISONED)";
            let free = "extism_plugin_free(last_plugin)";
            writeln!(text, "  {check};\n  {free};").expect("a string");
        }
        if IN_CONTEXT.contains(&name.as_str()) {
            let check = "CHECK(extism_context_status(last_context, 0) == EXTISM_STATUS_POISONED)";
            let free = "extism_context_free(last_context)";
            writeln!(text, "  {check};\n  {free};").expect("a string");
        }
    }
    text + "}\n"
}

#[test]
fn every_function_survives_a_panic() {
    let lines = library::run_text(&program());
    assert_eq!(lines, header::ours().len());
}

/// A pool lends nobody a plug-in in which a call panicked.
#[test]
fn a_plugin_that_was_lent_is_replaced_after_a_panic() {
    library::run_text(
        r#"#include "support.h"

void extism_test_panic_in(const char *function);

static ExtismPoolStats stats(const ExtismPool *pool) {
  ExtismPoolStats value;
  memset(&value, 0, sizeof value);
  value.size = sizeof value;
  CHECK(extism_pool_stats(pool, &value) == EXTISM_STATUS_OK);
  return value;
}

static void test(void) {
  ExtismCompiledPlugin *compiled = compile("echo.wat");
  ExtismPoolOptions options;
  ExtismPool *pool = NULL;
  uint64_t lent;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.instances_max = 1;
  CHECK(extism_pool_new(compiled, &options, &pool, NULL) == EXTISM_STATUS_OK);
  extism_compiled_plugin_free(compiled);
  for (lent = 1; lent <= 3; lent++) {
    ExtismPlugin *plugin = NULL;
    CHECK(extism_pool_get(pool, 0, &plugin, NULL) == EXTISM_STATUS_OK);
    CHECK(call(plugin, "echo", "fine") == 0 && output_is(plugin, "fine"));
    extism_test_panic_in("extism_plugin_call");
    CHECK(call(plugin, "echo", "not") == -1);
    CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_POISONED);
    extism_plugin_free(plugin);
    CHECK(stats(pool).alive == 0 && stats(pool).idle == 0);
    CHECK(stats(pool).replaced == lent && stats(pool).made == lent);
  }
  extism_pool_free(pool);
  check_nothing_alive();
}
"#,
    );
}
