/* The benchmark of precompiled artefacts, which the published library does not have:
 *
 *   artefact time MILLISECONDS ROW    measures the row, in loops of that length, and prints one JSON object
 *
 * It runs in a folder with published.wasm.
 *
 * Must not know: what an artefact contains. Invariant: as in host.c; what is loaded has been called. */

#include "harness.h"

#include <stdio.h>
#include <string.h>

static void check(ExtismStatus status, const ExtismError *error) {
  if (status != EXTISM_STATUS_OK) {
    fail("%s", extism_error_report(error));
  }
}

/* An artefact, and the options to load it with. */
struct artefact {
  const ExtismBuffer *buffer;
  ExtismOptions options;
};

static void call(ExtismPlugin *plugin) {
  int32_t code = extism_plugin_call(plugin, "noop", NULL, 0);
  if (code != 0 || extism_plugin_output_length(plugin) != 0) {
    fail("noop answered %d", (int)code);
  }
}

/* From bytes to a plug-in that can be called, and back. */
static void loads(void *state, uint64_t count) {
  const struct artefact *artefact = state;
  for (uint64_t at = 0; at < count; at++) {
    ExtismError *error = NULL;
    ExtismCompiledPlugin *compiled = NULL;
    check(extism_compile(&artefact->options, extism_buffer_data(artefact->buffer),
                         extism_buffer_length(artefact->buffer), &compiled, &error),
          error);
    ExtismPlugin *plugin = NULL;
    check(extism_plugin_create(compiled, &plugin, &error), error);
    if (at + 1 == count) {
      call(plugin);
    }
    extism_plugin_free(plugin);
    extism_compiled_plugin_free(compiled);
  }
}

int main(int argc, char **argv) {
  if (argc != 4 || strcmp(argv[1], "time") != 0) {
    fail("usage: artefact time MILLISECONDS ROW");
  }
  sample_ns = (double)number(argv[2]) * 1e6;

  struct bytes module = read_file("published.wasm");
  ExtismError *error = NULL;
  ExtismBuffer *buffer = NULL;
  check(extism_precompile(NULL, module.data, module.length, &buffer, &error), error);
  struct artefact artefact = {buffer, {.size = sizeof(ExtismOptions)}};
  /* Without the cache every load takes the machine code from the artefact. */
  artefact.options.flags = EXTISM_OPTION_TRUST_ARTEFACTS | EXTISM_OPTION_NO_CACHE;
  print_row(argv[3], "ns", ns_per_operation(loads, &artefact), 0);
  extism_buffer_free(buffer);
  return 0;
}
