/*
 * A program written against Extism 1.41: it prints what the library answers,
 * one line each, so that the answers of two libraries can be compared.
 * drop_in.txt holds what they have to be. Of a text with causes the first line
 * counts.
 */
#include "published.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(text) (const uint8_t *)(text), (ExtismSize)strlen(text)

static const char *fixtures;
static char manifest_text[8192];

static const char *manifest(const char *name, const char *more) {
  snprintf(manifest_text, sizeof manifest_text,
           "{\"wasm\":[{\"path\":\"%s/%s\"}]%s}", fixtures, name, more);
  return manifest_text;
}

/* The first line of a text. A library may go on and say what is wrong with a manifest. */
static const char *line_of(const char *text) {
  static const char format[] = "Unknown manifest format";
  static char line[1024];
  char *found;
  snprintf(line, sizeof line, "%s", text == NULL ? "NULL" : text);
  line[strcspn(line, "\n")] = 0;
  found = strstr(line, format);
  if (found != NULL) {
    found[sizeof format - 1] = 0;
  }
  return line;
}

static void made(const char *what, const void *object, char *errmsg) {
  printf("%s | %s | %s\n", what, object == NULL ? "NULL" : "made",
         line_of(object == NULL ? errmsg : NULL));
  if (object == NULL) {
    extism_plugin_new_error_free(errmsg);
  }
}

static void create(const char *what, const char *text) {
  char *errmsg = NULL;
  ExtismPlugin *plugin =
      extism_plugin_new(TEXT(text), NULL, 0, false, &errmsg);
  made(what, plugin, errmsg);
  extism_plugin_free(plugin);
}

static ExtismPlugin *load(const char *text, bool with_wasi) {
  char *errmsg = NULL;
  ExtismPlugin *plugin =
      extism_plugin_new(TEXT(text), NULL, 0, with_wasi, &errmsg);
  if (plugin == NULL) {
    printf("%s\n", errmsg);
    exit(1);
  }
  return plugin;
}

static void call(ExtismPlugin *plugin, const char *name, const char *input) {
  int32_t code = extism_plugin_call(plugin, name, TEXT(input));
  printf("%s | %d | %s", name, code, line_of(extism_plugin_error(plugin)));
  if (extism_plugin_output_length(plugin) > 0) {
    printf(" | %.*s", (int)extism_plugin_output_length(plugin),
           (const char *)extism_plugin_output_data(plugin));
  }
  printf("\n");
}

static void the_table_of_codes(void) {
  static const char *const names[] = {
      "none",       "zero",        "seven",      "minus", "long", "two",
      "takes",      "nope",        "global",     "trap",  "none", "divide",
      "error_zero", "error_seven", "error_trap", "none"};
  ExtismPlugin *plugin = load(manifest("results.wat", ""), false);
  size_t i;
  printf("# results\n");
  for (i = 0; i < sizeof names / sizeof *names; i++) {
    call(plugin, names[i], "");
  }
  call(plugin, "http", "");
  call(plugin, "bad_handle", "");
  call(plugin, "none", "");
  printf("not UTF-8 | %d | ",
         extism_plugin_call(plugin, "\xff\xfe", NULL, 0));
  printf("%s\n", line_of(extism_plugin_error(plugin)));
  printf("exists: %d %d %d %d %d\n",
         extism_plugin_function_exists(plugin, "none"),
         extism_plugin_function_exists(plugin, "zero"),
         extism_plugin_function_exists(plugin, "long"),
         extism_plugin_function_exists(plugin, "takes"),
         extism_plugin_function_exists(plugin, "nope"));
  printf("after exists: %s\n", line_of(extism_plugin_error(plugin)));
  extism_plugin_free(plugin);
  printf("# exits\n");
  plugin = load(manifest("exit.wat", ""), true);
  call(plugin, "seven", "");
  call(plugin, "zero", "");
  call(plugin, "ok", "");
  extism_plugin_free(plugin);
}

static void limits(void) {
  char *errmsg = NULL;
  ExtismPlugin *plugin;
  static char large[1 << 20];
  printf("# limits\n");
  plugin = load(manifest("spin.wat", ",\"timeout_ms\":30"), false);
  call(plugin, "spin", "");
  call(plugin, "ok", "");
  extism_plugin_free(plugin);
  plugin = load(manifest("spin.wat", ",\"memory\":{\"max_pages\":8}"), false);
  call(plugin, "grow", "");
  call(plugin, "ok", "");
  memset(large, 'x', sizeof large - 1);
  call(plugin, "ok", large);
  extism_plugin_free(plugin);
  plugin = extism_plugin_new_with_fuel_limit(
      TEXT(manifest("spin.wat", "")), NULL, 0, false, 100000, &errmsg);
  made("fuel", plugin, errmsg);
  call(plugin, "spin", "");
  call(plugin, "ok", "");
  extism_plugin_free(plugin);
}

static void bytes_and_config(void) {
  ExtismPlugin *plugin = load(manifest("echo.wat", ""), false);
  ExtismCompiledPlugin *compiled;
  char *errmsg = NULL;
  printf("# bytes and configuration\n");
  call(plugin, "echo", "hello");
  call(plugin, "echo", "");
  call(plugin, "nothing", "hello");
  printf("reset: %d\n", extism_plugin_reset(plugin));
  call(plugin, "echo", "again");
  printf("cancel: %d\n",
         extism_plugin_cancel(extism_plugin_cancel_handle(plugin)));
  call(plugin, "echo", "after a cancel");
  extism_plugin_free(plugin);
  plugin = load(manifest("store.wat", ",\"config\":{\"a\":\"1\"}"), false);
  call(plugin, "config", "a");
  call(plugin, "config", "b");
  printf("config: %d %d %d\n",
         extism_plugin_config(plugin, TEXT("{\"a\":null,\"b\":\"2\"}")),
         extism_plugin_config(plugin, TEXT("{\"a\":1}")),
         extism_plugin_config(plugin, TEXT("[")));
  call(plugin, "config", "a");
  call(plugin, "config", "b");
  call(plugin, "set", "value");
  call(plugin, "get", "name");
  extism_plugin_free(plugin);
  compiled = extism_compiled_plugin_new(TEXT(manifest("store.wat", "")), NULL,
                                        0, false, &errmsg);
  made("compiled", compiled, errmsg);
  plugin = extism_plugin_new_from_compiled(compiled, &errmsg);
  extism_compiled_plugin_free(compiled);
  call(plugin, "get", "name");
  extism_plugin_free(plugin);
}

static int released;

static void release(void *data) { released += *(int *)data; }

static void callback(ExtismCurrentPlugin *plugin, const ExtismVal *inputs,
                     ExtismSize n_inputs, ExtismVal *outputs,
                     ExtismSize n_outputs, void *data) {
  ExtismMemoryHandle input = (ExtismMemoryHandle)inputs[0].v.i64;
  ExtismSize length = extism_current_plugin_memory_length(plugin, input);
  ExtismMemoryHandle block = extism_current_plugin_memory_alloc(plugin, length);
  uint8_t *memory = extism_current_plugin_memory(plugin);
  const char *context =
      (const char *)extism_current_plugin_host_context(plugin);
  ExtismSize i;
  for (i = 0; i < length; i++) {
    memory[block + i] = memory[input + length - 1 - i];
  }
  outputs[0].v.i64 = (int64_t)block;
  printf("callback: %d in, %d out, types %d %d, data %d, context %s\n",
         (int)n_inputs, (int)n_outputs, inputs[0].t, outputs[0].t, *(int *)data,
         context == NULL ? "NULL" : context);
}

static void host_functions(void) {
  ExtismValType handle = EXTISM_PTR;
  int data = 1;
  char context[] = "given";
  char *errmsg = NULL;
  ExtismFunction *function = extism_function_new(
      "callback", &handle, 1, &handle, 1, callback, &data, release);
  const ExtismFunction *list[1];
  ExtismPlugin *plugin, *plugin_again;
  list[0] = function;
  printf("# host functions\n");
  plugin = extism_plugin_new(TEXT(manifest("callback.wat", "")), list, 1, false,
                             &errmsg);
  made("with functions", plugin, errmsg);
  call(plugin, "run", "abc");
  printf("with context: %d\n", extism_plugin_call_with_host_context(
                                   plugin, "run", TEXT("abc"), context));
  plugin_again = extism_plugin_new(TEXT(manifest("callback.wat", "")), list, 1,
                                   false, &errmsg);
  made("again", plugin_again, errmsg);
  extism_function_free(function);
  printf("released: %d\n", released);
  extism_plugin_free(plugin);
  printf("released: %d\n", released);
  list[0] = NULL;
  plugin_again = extism_plugin_new(TEXT(manifest("callback.wat", "")), list, 1,
                                   false, &errmsg);
  made("null", plugin_again, errmsg);
  printf("bad name: %s\n", extism_function_new("\xff", NULL, 0, NULL, 0,
                                               callback, NULL, NULL) == NULL
                               ? "NULL"
                               : "made");
}

static void errors_of_creation(void) {
  printf("# creation\n");
  create("empty object", "{}");
  create("empty", "");
  create("not a manifest", "hello");
  create("unknown key", "{\"wasm\":[],\"extra\":1}");
  create("cut short", "(module");
  create("no such file", "{\"wasm\":[{\"path\":\"/nonexist.wasm\"}]}");
  create("a good one", manifest("echo.wat", ",\"memory\":{}"));
  create("unknown import",
         "(module (import \"extism:host/user\" \"kv_read\" (func)))");
  create("unknown kernel import",
         "(module (import \"extism:host/env\" \"nope\" (func (result i32))))");
  create("start traps", "(module (func $f unreachable) (start $f))");
  create("duplicate", "{\"wasm\":[{\"data\":\"AGFzbQEAAAA=\",\"name\":\"a\"},"
                      "{\"data\":\"AGFzbQEAAAA=\",\"name\":\"a\"},"
                      "{\"data\":\"AGFzbQEAAAA=\"}]}");
  create("invalid module", "{\"wasm\":[{\"data\":\"AGFzbQ==\"}]}");
}

static void null(void) {
  printf("# NULL\n");
  extism_plugin_free(NULL);
  extism_compiled_plugin_free(NULL);
  extism_function_free(NULL);
  extism_plugin_new_error_free(NULL);
  printf("%d %d %d %d %s\n", extism_plugin_call(NULL, "f", NULL, 0),
         extism_plugin_config(NULL, NULL, 0),
         extism_plugin_function_exists(NULL, "f"),
         (int)extism_plugin_output_length(NULL),
         line_of(extism_plugin_error(NULL)));
}

int main(int argc, char **argv) {
  if (argc < 2) {
    return 1;
  }
  fixtures = argv[1];
  the_table_of_codes();
  limits();
  bytes_and_config();
  host_functions();
  errors_of_creation();
  null();
  return 0;
}
