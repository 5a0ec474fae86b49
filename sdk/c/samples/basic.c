/*
 * Loads a plug-in, calls it twice, and shows what an error looks like.
 *
 *     cc -o basic basic.c $(pkg-config --cflags --libs extism)
 *
 * Run it at the root of the repository.
 */
#include <extism.h>
#include <stdio.h>
#include <string.h>

/* snippet: basic */
static int count_vowels(ExtismPlugin *plugin, const char *text) {
  int32_t code = extism_plugin_call(plugin, "count_vowels", (const uint8_t *)text, strlen(text));
  if (code != EXTISM_SUCCESS) {
    fprintf(stderr, "%s\n", extism_plugin_error(plugin));
    return 1;
  }
  printf("%.*s\n", (int)extism_plugin_output_length(plugin),
         (const char *)extism_plugin_output_data(plugin));
  return 0;
}

static ExtismPlugin *load(const char *manifest) {
  char *errmsg = NULL;
  ExtismPlugin *plugin =
      extism_plugin_new((const uint8_t *)manifest, strlen(manifest), NULL, 0, false, &errmsg);
  if (plugin == NULL) {
    fprintf(stderr, "%s\n", errmsg);
    extism_plugin_new_error_free(errmsg);
  }
  return plugin;
}
/* end snippet */

int main(void) {
  ExtismPlugin *plugin =
      load("{\"wasm\": [{\"path\": \"examples/plugins/count_vowels.wasm\"}]}");
  int failed;
  if (plugin == NULL) {
    return 1;
  }
  failed = count_vowels(plugin, "this is a test") || count_vowels(plugin, "Hello, World!");

  if (extism_plugin_call(plugin, "no_such_function", NULL, 0) != EXTISM_SUCCESS) {
    ExtismStatus status = extism_plugin_status(plugin);
    printf("%s: %s\n", extism_status_name(status), extism_plugin_error(plugin));
  }
  extism_plugin_free(plugin);
  return failed;
}
