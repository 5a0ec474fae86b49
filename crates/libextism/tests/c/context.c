/* Contexts: numbers for plug-ins, errors of plug-ins and of the context, and freeing while something runs. */
#include "support.h"
#include <pthread.h>

static void numbers_are_given_out_once(void) {
  ExtismContext *context = extism_context_new();
  const char *text = manifest("echo.wat", "");
  int32_t first = extism_context_plugin_new(context, TEXT(text), NULL, 0, false);
  int32_t second =
      extism_context_plugin_new(context, TEXT(text), NULL, 0, false);
  CHECK(context != NULL && first == 0 && second == 1);
  CHECK(extism_context_plugin_call(context, first, "echo", TEXT("first"),
                                   NULL) == 0);
  CHECK(extism_context_plugin_call(context, second, "echo", TEXT("second"),
                                   NULL) == 0);
  CHECK(extism_context_plugin_output_length(context, first) == 5);
  CHECK(memcmp(extism_context_plugin_output_data(context, first), "first", 5) ==
        0);
  CHECK(extism_context_plugin_function_exists(context, first, "echo"));
  CHECK(!extism_context_plugin_function_exists(context, first, "nope"));
  extism_context_plugin_free(context, first);
  CHECK(extism_context_plugin_call(context, first, "echo", NULL, 0, NULL) ==
        -1);
  CHECK_TEXT(extism_context_error(context, first), "Plugin does not exist: 0");
  CHECK(extism_context_status(context, first) == EXTISM_STATUS_BAD_HANDLE);
  CHECK(extism_context_status(context, -1) == EXTISM_STATUS_BAD_HANDLE);
  CHECK(extism_context_plugin_output_length(context, first) == 0);
  CHECK(extism_context_plugin_output_data(context, first) == NULL);
  CHECK(extism_context_plugin_cancel_handle(context, first) == NULL);
  CHECK(!extism_context_plugin_config(context, first, TEXT("{}")));
  CHECK(!extism_context_plugin_update(context, first, TEXT(text), NULL, 0,
                                      false));
  extism_context_reset(context);
  CHECK(alive().plugins == 0);
  CHECK(extism_context_plugin_new(context, TEXT(text), NULL, 0, false) == 2);
  extism_context_free(context);
  check_nothing_alive();
}

static void *ask_for_another(void *context) {
  const char *text;
  CHECK(extism_context_plugin_new((ExtismContext *)context, TEXT("{}"), NULL, 0,
                                  false) == -1);
  text = extism_context_error((ExtismContext *)context, -1);
  CHECK_TEXT(text, "No wasm files specified in Extism manifest");
  return NULL;
}

static void errors_are_the_plugins_or_the_contexts(void) {
  ExtismContext *context = extism_context_new();
  const char *text = manifest("results.wat", "");
  int32_t plugin;
  CHECK(extism_context_error(context, -1) == NULL);
  CHECK(extism_context_status(context, -1) == EXTISM_STATUS_OK);
  CHECK(extism_context_plugin_new(context, TEXT("{}"), NULL, 0, false) == -1);
  CHECK_TEXT(extism_context_error(context, -1),
             "No wasm files specified in Extism manifest");
  CHECK(extism_context_status(context, -1) == EXTISM_STATUS_NO_MODULES);
  plugin = extism_context_plugin_new(context, TEXT(text), NULL, 0, false);
  CHECK(plugin == 0 && extism_context_error(context, plugin) == NULL);
  CHECK(extism_context_plugin_call(context, plugin, "error_seven", NULL, 0,
                                   NULL) == 7);
  CHECK_TEXT(extism_context_error(context, plugin), "hi");
  CHECK(extism_context_status(context, plugin) == EXTISM_STATUS_GUEST_ERROR);
  CHECK(extism_context_plugin_call(context, plugin, "nope", NULL, 0, NULL) ==
        -1);
  CHECK_TEXT(extism_context_error(context, plugin), "Function not found: nope");
  CHECK(extism_context_plugin_call(context, plugin, "none", NULL, 0, NULL) ==
        0);
  CHECK(extism_context_error(context, plugin) == NULL);
  CHECK(extism_context_status(context, plugin) == EXTISM_STATUS_OK);
  extism_context_free(context);
}

/* Who asks about a plug-in that is gone, twice, keeps what the first answer was. */
static void texts_last_while_others_are_asked_for(void) {
  ExtismContext *context = extism_context_new();
  const char *text = extism_context_error(context, 7);
  char copy[256];
  CHECK(text != NULL && strlen(text) < sizeof copy);
  strcpy(copy, text);
  CHECK(extism_context_status(context, 7) == EXTISM_STATUS_BAD_HANDLE);
  CHECK(extism_context_plugin_output_length(context, 7) == 0);
  CHECK(extism_context_error(context, 7) == text);
  CHECK_TEXT(text, copy);
  /* So does another thread's. */
  {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, ask_for_another, context) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  CHECK_TEXT(text, copy);
  CHECK(extism_context_error(context, -1) == text);
  extism_context_free(context);
}

static void plugins_can_be_exchanged(void) {
  ExtismBuffer *copy = NULL;
  ExtismContext *context = extism_context_new();
  ExtismCompiledPlugin *compiled = compile("echo.wat");
  ExtismPlugin *loose = load("store.wat", NULL, 0);
  ExtismError *error = NULL;
  const ExtismCancelHandle *handle;
  int32_t plugin = 7;
  int32_t inserted = 7;
  CHECK(extism_context_plugin_create(context, compiled, &plugin, &error) ==
        EXTISM_STATUS_OK);
  CHECK(plugin == 0 && error == NULL);
  CHECK(extism_plugin_config(loose, TEXT("{\"key\":\"kept\"}")));
  CHECK(extism_context_plugin_insert(context, loose, &inserted, &error) ==
        EXTISM_STATUS_OK);
  CHECK(inserted == 1 && error == NULL);
  CHECK(extism_context_plugin_call(context, inserted, "config", TEXT("key"),
                                   NULL) == 0);
  CHECK(extism_context_plugin_output_length(context, inserted) == 4);
  CHECK(extism_context_plugin_config(context, inserted,
                                     TEXT("{\"key\":\"other\"}")));
  CHECK(!extism_context_plugin_config(context, inserted, TEXT("{")));
  CHECK(extism_context_plugin_call(context, inserted, "config", TEXT("key"),
                                   NULL) == 0);
  CHECK(extism_context_plugin_output_length(context, inserted) == 5);
  CHECK(extism_context_plugin_output(context, inserted, NULL) ==
        EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_context_plugin_output(context, 1000, &copy) ==
        EXTISM_STATUS_BAD_HANDLE);
  CHECK(copy == NULL);
  CHECK(extism_context_plugin_output(context, inserted, &copy) ==
        EXTISM_STATUS_OK);
  CHECK(extism_buffer_length(copy) == 5);
  CHECK(memcmp(extism_buffer_data(copy), "other", 5) == 0);
  extism_buffer_free(copy);
  handle = extism_context_plugin_cancel_handle(context, plugin);
  CHECK(handle != NULL && extism_plugin_cancel(handle));
  CHECK(!extism_context_plugin_update(context, plugin, TEXT("(module"), NULL, 0,
                                      false));
  CHECK(extism_context_plugin_function_exists(context, plugin, "echo"));
  CHECK(extism_context_plugin_update(context, plugin,
                                     TEXT(manifest("results.wat", "")), NULL, 0,
                                     false));
  CHECK(!extism_context_plugin_function_exists(context, plugin, "echo"));
  CHECK(extism_context_plugin_function_exists(context, plugin, "seven"));
  CHECK(!extism_plugin_cancel(handle));
  CHECK(extism_context_plugin_cancel_handle(context, plugin) != handle);
  CHECK(extism_context_plugin_create(context, compiled, NULL, &error) ==
        EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_error_status(error) == EXTISM_STATUS_NULL_ARGUMENT);
  extism_error_free(error);
  CHECK(extism_context_plugin_replace(context, plugin, NULL, &error) ==
        EXTISM_STATUS_NULL_ARGUMENT);
  extism_error_free(error);
  CHECK(extism_context_plugin_replace(NULL, plugin, compiled, NULL) ==
        EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_context_plugin_replace(context, 1000, compiled, NULL) ==
        EXTISM_STATUS_BAD_HANDLE);
  CHECK(extism_context_plugin_function_exists(context, plugin, "seven"));
  CHECK(extism_context_plugin_replace(context, plugin, compiled, &error) ==
        EXTISM_STATUS_OK);
  CHECK(error == NULL);
  CHECK(extism_context_plugin_function_exists(context, plugin, "echo"));
  extism_compiled_plugin_free(compiled);
  extism_context_free(context);
  check_nothing_alive();
}

static ExtismContext *arena;
static int32_t running;
static int released;

static void release(void *data) {
  CHECK(data == &released);
  released++;
}

static void free_the_context(ExtismCurrentPlugin *current,
                             const ExtismVal *inputs, ExtismSize n_inputs,
                             ExtismVal *outputs, ExtismSize n_outputs,
                             void *data) {
  CHECK(current != NULL && inputs != NULL && n_inputs == 1);
  CHECK(outputs != NULL && n_outputs == 1 && data == &released);
  CHECK(extism_context_plugin_call(arena, running, "again", NULL, 0, NULL) ==
        -1);
  CHECK(extism_context_status(arena, running) == EXTISM_STATUS_BUSY);
  CHECK_TEXT(extism_context_error(arena, running), "Plugin is in use: 0");
  CHECK(extism_context_plugin_cancel_handle(arena, running) != NULL);
  extism_context_plugin_free(arena, running);
  extism_context_free(arena);
  CHECK(released == 0 && alive().plugins == 1);
}

static void what_runs_is_freed_when_it_has_ended(void) {
  ExtismValType handle = EXTISM_PTR;
  ExtismFunction *function =
      extism_function_new("callback", &handle, 1, &handle, 1, free_the_context,
                          &released, release);
  const ExtismFunction *list[1];
  list[0] = function;
  arena = extism_context_new();
  running = extism_context_plugin_new(
      arena, TEXT(manifest("callback.wat", "")), list, 1, false);
  extism_function_free(function);
  CHECK(running == 0);
  CHECK(extism_context_plugin_call(arena, running, "run", NULL, 0, NULL) == 0);
  CHECK(released == 1);
  check_nothing_alive();
}

static void test(void) {
  numbers_are_given_out_once();
  errors_are_the_plugins_or_the_contexts();
  texts_last_while_others_are_asked_for();
  plugins_can_be_exchanged();
  what_runs_is_freed_when_it_has_ended();
}
