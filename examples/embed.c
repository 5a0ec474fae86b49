/* The example of README.md, to the letter below this line. Run it at the root of the repository. */

#include <extism.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  const char *manifest = "{\"wasm\": [{\"path\": \"examples/plugins/count_vowels.wasm\"}]}";
  ExtismPlugin *plugin = extism_plugin_new((const uint8_t *)manifest, strlen(manifest), NULL, 0, false, NULL);
  extism_plugin_call(plugin, "count_vowels", (const uint8_t *)"this is a test", 14);
  printf("%.*s\n", (int)extism_plugin_output_length(plugin), (const char *)extism_plugin_output_data(plugin));
  extism_plugin_free(plugin);
}
