/* A host written against the published header. `cargo xtask published` builds it against the published library, runs
 * it, replaces the library's file with this project's, and runs the very same program again: the two must print the
 * same. Usage: host MODULE, where MODULE is fixtures/plugins/published_host.wasm. */

#include <extism.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int released;

static void release(void *data) {
  (void)data;
  released += 1;
}

static void hello_world(ExtismCurrentPlugin *plugin, const ExtismVal *inputs, ExtismSize n_inputs,
                        ExtismVal *outputs, ExtismSize n_outputs, void *data) {
  (void)n_inputs;
  (void)n_outputs;
  uint8_t *memory = extism_current_plugin_memory(plugin);
  ExtismMemoryHandle text = (ExtismMemoryHandle)inputs[0].v.i64;
  ExtismSize length = extism_current_plugin_memory_length(plugin, text);
  const char *greeting = data;
  const char *context = extism_current_plugin_host_context(plugin);
  char answer[256];
  int written = snprintf(answer, sizeof answer, "%s %.*s%s", greeting, (int)length, (char *)memory + text,
                         context == NULL ? "" : context);
  extism_current_plugin_memory_free(plugin, text);
  ExtismMemoryHandle block = extism_current_plugin_memory_alloc(plugin, (ExtismSize)written);
  memcpy(extism_current_plugin_memory(plugin) + block, answer, (size_t)written);
  outputs[0].t = ExtismValType_I64;
  outputs[0].v.i64 = (int64_t)block;
}

static void add(ExtismCurrentPlugin *plugin, const ExtismVal *inputs, ExtismSize n_inputs,
                ExtismVal *outputs, ExtismSize n_outputs, void *data) {
  (void)plugin;
  (void)n_inputs;
  (void)n_outputs;
  (void)data;
  outputs[0].v.i64 = inputs[0].v.i64 + inputs[1].v.i64;
}

static void show(ExtismPlugin *plugin, const char *name, const char *input, int32_t code) {
  const char *error = extism_plugin_error(plugin);
  printf("%s(%s) = %d", name, input, code);
  if (error != NULL) {
    /* Only the first line: what follows differs, backtraces for one. */
    printf(" error \"%.*s\"", (int)strcspn(error, "\n"), error);
  } else {
    printf(" output \"%.*s\"", (int)extism_plugin_output_length(plugin),
           (const char *)extism_plugin_output_data(plugin));
  }
  printf("\n");
}

static void call(ExtismPlugin *plugin, const char *name, const char *input) {
  int32_t code = extism_plugin_call(plugin, name, (const uint8_t *)input, strlen(input));
  show(plugin, name, input, code);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    return 2;
  }
  char manifest[4096];
  snprintf(manifest, sizeof manifest,
           "{\"wasm\": [{\"path\": \"%s\"}], \"config\": {\"colour\": \"red\"}, \"timeout_ms\": 2000}", argv[1]);
  ExtismValType one[] = {ExtismValType_I64};
  ExtismValType two[] = {ExtismValType_I64, ExtismValType_I64};
  ExtismFunction *functions[] = {
      extism_function_new("hello_world", one, 1, one, 1, hello_world, "hello", release),
      extism_function_new("add", two, 2, one, 1, add, NULL, NULL),
  };
  extism_function_set_namespace(functions[1], "extism:host/user");
  char *error = NULL;
  ExtismCompiledPlugin *compiled = extism_compiled_plugin_new(
      (const uint8_t *)manifest, strlen(manifest), (const ExtismFunction **)functions, 2, false, &error);
  if (compiled == NULL) {
    printf("compile: %s\n", error);
    return 1;
  }
  ExtismPlugin *plugin = extism_plugin_new_from_compiled(compiled, &error);
  extism_compiled_plugin_free(compiled);
  if (plugin == NULL) {
    printf("create: %s\n", error);
    return 1;
  }
  printf("exists %d %d %d\n", extism_plugin_function_exists(plugin, "echo"),
         extism_plugin_function_exists(plugin, "nope"), extism_plugin_id(plugin) != NULL);
  call(plugin, "count_vowels", "this is a test");
  call(plugin, "count_vowels", "this is a test");
  call(plugin, "echo", "");
  call(plugin, "echo", "bytes");
  call(plugin, "config", "colour");
  const char *change = "{\"colour\": null, \"size\": \"large\"}";
  printf("config %d\n", extism_plugin_config(plugin, (const uint8_t *)change, strlen(change)));
  printf("config %d\n", extism_plugin_config(plugin, (const uint8_t *)"[", 1));
  call(plugin, "config", "colour");
  call(plugin, "config", "size");
  call(plugin, "var_set", "key=value");
  call(plugin, "var_get", "key");
  call(plugin, "call_host", "world");
  call(plugin, "add_host", "-3 45");
  int32_t code = extism_plugin_call_with_host_context(plugin, "call_host", (const uint8_t *)"world", 5, "!");
  show(plugin, "call_host with context", "world", code);
  call(plugin, "fail", "the reason");
  call(plugin, "fail_code", "the reason");
  call(plugin, "nope", "");
  call(plugin, "http_get", "http://127.0.0.1:1/");
  call(plugin, "echo", "still here");
  printf("reset %d\n", extism_plugin_reset(plugin));
  extism_plugin_free(plugin);
  printf("released before the function is freed: %d\n", released);
  extism_function_free(functions[0]);
  extism_function_free(functions[1]);
  printf("released after: %d\n", released);
  const char *bad[] = {"{}", "nonsense", "{\"wasm\": [{\"path\": \"/nonexist.wasm\"}]}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ExtismPlugin *none = extism_plugin_new((const uint8_t *)bad[i], strlen(bad[i]), NULL, 0, false, &error);
    /* This library says more behind the published text. */
    printf("%s: %d \"%.56s\"\n", bad[i], none == NULL, error);
    extism_plugin_new_error_free(error);
  }
  return 0;
}
