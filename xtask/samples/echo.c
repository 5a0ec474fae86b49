/* Loads a plug-in that answers with its input, and calls it. Compiled and run against every installation. */
#include <extism.h>
#include <stdio.h>
#include <string.h>

static const char plugin_source[] =
    "(module"
    "  (import \"extism:host/env\" \"input_offset\" (func $input_offset (result i64)))"
    "  (import \"extism:host/env\" \"input_length\" (func $input_length (result i64)))"
    "  (import \"extism:host/env\" \"output_set\" (func $output_set (param i64 i64)))"
    "  (func (export \"echo\") (result i32)"
    "    (call $output_set (call $input_offset) (call $input_length))"
    "    (i32.const 0)))";

int main(void) {
  const char *input = "hello";
  char *error = NULL;
  ExtismPlugin *plugin = extism_plugin_new((const uint8_t *)plugin_source, sizeof plugin_source - 1,
                                           NULL, 0, false, &error);
  if (plugin == NULL) {
    fprintf(stderr, "extism_plugin_new: %s\n", error);
    extism_plugin_new_error_free(error);
    return 1;
  }
  if (extism_plugin_call(plugin, "echo", (const uint8_t *)input, strlen(input)) != 0) {
    fprintf(stderr, "extism_plugin_call: %s\n", extism_plugin_error(plugin));
    extism_plugin_free(plugin);
    return 1;
  }
  printf("%s %.*s\n", extism_version(), (int)extism_plugin_output_length(plugin),
         (const char *)extism_plugin_output_data(plugin));
  extism_plugin_free(plugin);
  return 0;
}
