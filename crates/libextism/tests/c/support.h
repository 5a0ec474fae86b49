/*
 * What every test program needs: checks that say where they failed, and plug-
 * ins from the folder of fixtures.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <extism.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Ends the program if something is not so. */
#define CHECK(what)                                                            \
  do {                                                                         \
    if (!(what)) {                                                             \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);       \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

/** Ends the program if a text is not the one expected. */
#define CHECK_TEXT(found, expected)                                            \
  check_text(__FILE__, __LINE__, found, expected)

/** Bytes of a text, and how many. */
#define TEXT(text) (const uint8_t *)(text), (ExtismSize)strlen(text)

typedef struct Bytes {
  uint8_t *data;
  ExtismSize length;
} Bytes;

/** Where the fixtures are, and where the program may write. */
static const char *fixtures;
static const char *scratch;

/** What a program tests. */
static void test(void);

int main(int argc, char **argv) {
  CHECK(argc == 3);
  fixtures = argv[1];
  scratch = argv[2];
  test();
  return 0;
}

static inline void check_text(const char *file, int line, const char *found,
                              const char *expected) {
  if (found == NULL || strcmp(found, expected) != 0) {
    fprintf(stderr, "%s:%d: `%s` is not `%s`\n", file, line,
            found == NULL ? "(NULL)" : found, expected);
    exit(1);
  }
}

/** A file of the fixtures. */
static inline Bytes fixture(const char *name) {
  char path[4096];
  Bytes bytes;
  long length;
  FILE *file;
  snprintf(path, sizeof path, "%s/%s", fixtures, name);
  file = fopen(path, "rb");
  CHECK(file != NULL);
  CHECK(fseek(file, 0, SEEK_END) == 0);
  length = ftell(file);
  CHECK(length > 0 && fseek(file, 0, SEEK_SET) == 0);
  bytes.length = (ExtismSize)length;
  bytes.data = (uint8_t *)malloc((size_t)length);
  CHECK(fread(bytes.data, 1, (size_t)length, file) == (size_t)length);
  fclose(file);
  return bytes;
}

/** A manifest of one fixture with more fields, such as `,"timeout_ms":50`. The text is static. */
static inline const char *manifest(const char *name, const char *more) {
  static char text[8192];
  snprintf(text, sizeof text, "{\"wasm\":[{\"path\":\"%s/%s\"}]%s}", fixtures,
           name, more);
  return text;
}

/** A plug-in from a manifest's text or a module's. */
static inline ExtismPlugin *from_text(const char *text,
                                      const ExtismFunction **functions,
                                      ExtismSize n_functions) {
  char *errmsg = NULL;
  ExtismPlugin *plugin =
      extism_plugin_new(TEXT(text), functions, n_functions, true, &errmsg);
  if (plugin == NULL) {
    fprintf(stderr, "%s\n", errmsg);
    exit(1);
  }
  return plugin;
}

/** A plug-in from a fixture. */
static inline ExtismPlugin *load(const char *name,
                                 const ExtismFunction **functions,
                                 ExtismSize n_functions) {
  return from_text(manifest(name, ""), functions, n_functions);
}

/** A compiled plug-in from a fixture. */
static inline ExtismCompiledPlugin *compile(const char *name) {
  ExtismCompiledPlugin *compiled = NULL;
  ExtismStatus status =
      extism_compile(NULL, TEXT(manifest(name, "")), &compiled, NULL);
  CHECK(status == EXTISM_STATUS_OK && compiled != NULL);
  return compiled;
}

/** Calls a function with a text. */
static inline int32_t call(ExtismPlugin *plugin, const char *name,
                           const char *input) {
  return extism_plugin_call(plugin, name, TEXT(input));
}

/** Whether the output of the last call is this text. */
static inline bool output_is(ExtismPlugin *plugin, const char *expected) {
  ExtismSize length = extism_plugin_output_length(plugin);
  return length == strlen(expected) &&
         memcmp(extism_plugin_output_data(plugin), expected, (size_t)length) ==
             0;
}

/** What is alive in this process. */
static inline ExtismStats alive(void) {
  ExtismStats stats;
  memset(&stats, 0, sizeof stats);
  stats.size = sizeof stats;
  CHECK(extism_stats(&stats) == EXTISM_STATUS_OK);
  return stats;
}

/** Ends the program if anything is still alive. */
static inline void check_nothing_alive(void) {
  ExtismStats stats = alive();
  CHECK(stats.plugins == 0);
  CHECK(stats.compiled_plugins == 0);
  CHECK(stats.host_functions == 0);
  CHECK(stats.cancel_handles == 0);
}

#endif
