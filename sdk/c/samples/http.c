/*
 * Lets a plug-in fetch a page, but only from the host its manifest allows.
 *
 *     cc -o http http.c $(pkg-config --cflags --libs extism)
 *
 * Run it at the root of the repository, with the address of a page on 127.0.0.1.
 */
#include <extism.h>
#include <stdio.h>
#include <string.h>

/* snippet: http */
static void fetch(ExtismPlugin *plugin, const char *url) {
  if (extism_plugin_call(plugin, "fetch", (const uint8_t *)url, strlen(url)) != EXTISM_SUCCESS) {
    printf("%s\n", extism_status_name(extism_plugin_status(plugin)));
    return;
  }
  printf("%.*s", (int)extism_plugin_output_length(plugin),
         (const char *)extism_plugin_output_data(plugin));
}

static const char manifest[] = "{\"wasm\": [{\"path\": \"examples/plugins/http.wasm\"}],"
                               " \"allowed_hosts\": [\"127.0.0.1\"]}";
/* end snippet */

int main(int argc, char **argv) {
  ExtismPlugin *plugin;
  if (argc != 2) {
    fprintf(stderr, "which page?\n");
    return 2;
  }
  plugin = extism_plugin_new((const uint8_t *)manifest, strlen(manifest), NULL, 0, false, NULL);
  fetch(plugin, argv[1]);
  fetch(plugin, "http://somewhere.example/");
  extism_plugin_free(plugin);
  return 0;
}
