/*
 * What every test program needs: checks that say where they failed, plug-ins, and the counts of what is alive.
 *
 * Must not know: any guarantee. Invariant: a program prints `ok name` for each test that held, and ends with 1
 * at the first that did not.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <extism.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                                \
  do {                                                                                             \
    if (!(what)) {                                                                                 \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);                           \
      exit(1);                                                                                     \
    }                                                                                              \
  } while (0)

/* Runs a test and says that it held. */
#define RUN(test)                                                                                  \
  do {                                                                                             \
    test();                                                                                        \
    printf("ok %s\n", #test);                                                                      \
    fflush(stdout);                                                                                \
  } while (0)

#define SKIP(test, reason) printf("skip %s: %s\n", test, reason)

/* Bytes of a text, and how many. */
#define TEXT(text) (const uint8_t *)(text), (ExtismSize)strlen(text)

/* A manifest of one fixture. Programs run at the root of the repository. */
#define FIXTURE(name) "{\"wasm\": [{\"path\": \"fixtures/wat/" name "\"}]}"

#define HOST_FUNCTION(name)                                                                        \
  static void name(ExtismCurrentPlugin *plugin, const ExtismVal *inputs, ExtismSize n_inputs,      \
                   ExtismVal *outputs, ExtismSize n_outputs, void *data)

#define UNUSED (void)plugin, (void)inputs, (void)n_inputs, (void)outputs, (void)n_outputs, (void)data

/* A plug-in of which one host function, `callback`, is given; NULL: none. */
static inline ExtismPlugin *load(const char *source, ExtismFunctionType callback, void *user_data,
                                 void (*free_user_data)(void *)) {
  const ExtismValType handle = EXTISM_PTR;
  const ExtismFunction *functions[1];
  char *errmsg = NULL;
  ExtismPlugin *plugin;
  ExtismFunction *function = extism_function_new("callback", &handle, 1, &handle, 1, callback,
                                                 user_data, free_user_data);
  functions[0] = function;
  plugin = extism_plugin_new(TEXT(source), functions, callback != NULL, true, &errmsg);
  if (plugin == NULL) {
    fprintf(stderr, "%s\n", errmsg);
    exit(1);
  }
  extism_function_free(function);
  return plugin;
}

static inline ExtismCompiledPlugin *compile(const char *source) {
  ExtismCompiledPlugin *compiled = NULL;
  CHECK(extism_compile(NULL, TEXT(source), &compiled, NULL) == EXTISM_STATUS_OK);
  return compiled;
}

static inline int32_t call(ExtismPlugin *plugin, const char *name, const char *input) {
  return extism_plugin_call(plugin, name, TEXT(input));
}

static inline bool output_is(ExtismPlugin *plugin, const char *expected) {
  ExtismSize length = extism_plugin_output_length(plugin);
  const uint8_t *data = extism_plugin_output_data(plugin);
  return length == strlen(expected) && memcmp(data, expected, length) == 0;
}

static inline ExtismStats alive(void) {
  ExtismStats stats = {sizeof stats, 0, 0, 0, 0, 0};
  CHECK(extism_stats(&stats) == EXTISM_STATUS_OK);
  return stats;
}

static inline void check_nothing_alive(void) {
  ExtismStats stats = alive();
  CHECK(stats.plugins == 0 && stats.compiled_plugins == 0);
  CHECK(stats.host_functions == 0 && stats.cancel_handles == 0);
}

#endif
