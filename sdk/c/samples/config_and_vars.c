/*
 * Configures a plug-in, and reads and writes the variables it keeps between calls.
 *
 *     cc -o config_and_vars config_and_vars.c $(pkg-config --cflags --libs extism)
 *
 * Run it at the root of the repository.
 */
#include <extism.h>
#include <stdio.h>
#include <string.h>

static void count_vowels(ExtismPlugin *plugin, const char *text) {
  if (extism_plugin_call(plugin, "count_vowels", (const uint8_t *)text, strlen(text)) != 0) {
    printf("failed: %s\n", extism_plugin_error(plugin));
    return;
  }
  printf("%.*s\n", (int)extism_plugin_output_length(plugin),
         (const char *)extism_plugin_output_data(plugin));
}

/* snippet: config_and_vars */
/* Values are text; null removes a key. */
static bool configure(ExtismPlugin *plugin, const char *json) {
  return extism_plugin_config(plugin, (const uint8_t *)json, strlen(json));
}

/* The plug-in keeps its total in a variable of four bytes, the lowest first. */
static uint32_t read_total(ExtismPlugin *plugin) {
  uint32_t total = 0;
  ExtismBuffer *value = NULL;
  extism_plugin_var_get(plugin, (const uint8_t *)"total", 5, &value);
  if (extism_buffer_length(value) == 4) {
    const uint8_t *bytes = extism_buffer_data(value);
    total = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
  }
  extism_buffer_free(value);
  return total;
}

static void write_total(ExtismPlugin *plugin, uint8_t total) {
  const uint8_t value[4] = {total, 0, 0, 0};
  extism_plugin_var_set(plugin, (const uint8_t *)"total", 5, value, sizeof value);
}
/* end snippet */

int main(void) {
  static const char manifest[] =
      "{\"wasm\": [{\"path\": \"examples/plugins/count_vowels.wasm\"}],"
      " \"config\": {\"vowels\": \"aeiouyAEIOUY\"}}";
  ExtismPlugin *plugin =
      extism_plugin_new((const uint8_t *)manifest, strlen(manifest), NULL, 0, false, NULL);
  count_vowels(plugin, "Yellow, World!");
  configure(plugin, "{\"vowels\": \"o\"}");
  count_vowels(plugin, "Yellow, World!");
  printf("total: %u\n", read_total(plugin));

  write_total(plugin, 100);
  configure(plugin, "{\"vowels\": null}");
  count_vowels(plugin, "Yellow, World!");

  extism_plugin_var_remove(plugin, (const uint8_t *)"total", 5);
  count_vowels(plugin, "Yellow, World!");
  printf("not a configuration: %s\n", configure(plugin, "[1, 2]") ? "taken" : "refused");
  extism_plugin_free(plugin);
  return 0;
}
