/* What a careless caller may pass: impossible lengths, bad text, the wrong kind of object. */
#include "support.h"

static void lengths(void) {
  static const uint64_t impossible[] = {UINT64_MAX, (uint64_t)INT64_MAX + 1};
  ExtismPlugin *plugin = load("echo.wat", NULL, 0);
  ExtismBuffer *buffer = NULL;
  char *errmsg = NULL;
  uint8_t byte = 0;
  size_t i;
  for (i = 0; i < 2; i++) {
    CHECK(extism_plugin_call(plugin, "echo", &byte, impossible[i]) == -1);
    CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_INVALID_ARGUMENT);
    CHECK(!extism_plugin_config(plugin, &byte, impossible[i]));
    CHECK(extism_plugin_new(&byte, impossible[i], NULL, 0, false, &errmsg) ==
          NULL);
    CHECK(errmsg != NULL);
    extism_plugin_new_error_free(errmsg);
    CHECK(extism_inspect(NULL, &byte, impossible[i], &buffer, NULL) ==
          EXTISM_STATUS_INVALID_ARGUMENT);
  }
  /* No bytes are no bytes, wherever they are. */
  CHECK(extism_plugin_call(plugin, "echo", (const uint8_t *)1, 0) == 0);
  CHECK(extism_plugin_call(plugin, "echo", NULL, 1) == -1);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_plugin_new(NULL, 0, NULL, 0, false, &errmsg) == NULL);
  CHECK_TEXT(errmsg, "Unable to compile Extism plugin: No wasm files specified "
                     "in Extism manifest");
  extism_plugin_new_error_free(errmsg);
  CHECK(extism_plugin_new(NULL, 9, NULL, 0, false, &errmsg) == NULL);
  CHECK_TEXT(errmsg, "Cannot pass null pointer");
  extism_plugin_new_error_free(errmsg);
  CHECK(extism_plugin_new(NULL, 9, NULL, 0, false, NULL) == NULL);
  extism_plugin_free(plugin);
}

static void texts(void) {
  ExtismPlugin *plugin = load("echo.wat", NULL, 0);
  ExtismFunction *function;
  char *errmsg = NULL;
  /* The name of an import with a NUL in it, in an error message. */
  CHECK(extism_plugin_new(TEXT("(module (import \"a\\00b\" \"c\" (func)))"),
                          NULL, 0, false, &errmsg) == NULL);
  CHECK_TEXT(errmsg, "Unable to compile Extism plugin: unknown import: `a");
  extism_plugin_new_error_free(errmsg);
  CHECK(extism_plugin_call(plugin, "\xff", NULL, 0) == -1);
  CHECK_TEXT(extism_plugin_error(plugin),
             "invalid utf-8 sequence of 1 bytes from index 0");
  CHECK(extism_plugin_call(plugin, NULL, NULL, 0) == -1);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(!extism_plugin_function_exists(plugin, "\xff"));
  CHECK(!extism_plugin_function_exists(plugin, NULL));
  CHECK(extism_plugin_call(plugin, "", NULL, 0) == -1);
  CHECK_TEXT(extism_plugin_error(plugin), "Function not found: ");
  CHECK(!extism_log_file("\xff", NULL) && !extism_log_file("-", "\xff"));
  CHECK(!extism_log_custom("\xff"));
  extism_log_drain(NULL);
  function = extism_function_new("f", NULL, 0, NULL, 0,
                                 (ExtismFunctionType)(void (*)(void))abort,
                                 NULL, NULL);
  extism_function_set_namespace(function, NULL);
  extism_function_set_namespace(function, "\xff");
  extism_function_set_namespace(NULL, "a");
  extism_function_free(function);
  extism_plugin_free(plugin);
}

static void kinds(void) {
  ExtismPlugin *plugin = load("echo.wat", NULL, 0);
  ExtismCompiledPlugin *compiled = compile("echo.wat");
  ExtismContext *context = extism_context_new();
  ExtismPlugin *wrong = (ExtismPlugin *)(void *)compiled;
  ExtismPlugin *out = NULL;
  CHECK(call(wrong, "echo", "") == -1);
  CHECK(extism_plugin_error(wrong) == NULL);
  CHECK(extism_plugin_status(wrong) == EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_plugin_id(wrong) == NULL);
  extism_plugin_free(wrong);
  extism_plugin_free((ExtismPlugin *)(void *)context);
  extism_buffer_free((ExtismBuffer *)(void *)plugin);
  extism_error_free((ExtismError *)(void *)plugin);
  extism_pool_free((ExtismPool *)(void *)plugin);
  extism_function_free((ExtismFunction *)(void *)plugin);
  extism_context_free((ExtismContext *)(void *)plugin);
  extism_compiled_plugin_free((ExtismCompiledPlugin *)(void *)plugin);
  CHECK(extism_plugin_create((ExtismCompiledPlugin *)(void *)plugin, &out,
                             NULL) == EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_plugin_cancel((const ExtismCancelHandle *)(void *)plugin) ==
        false);
  CHECK(extism_current_plugin_memory((ExtismCurrentPlugin *)(void *)plugin) ==
        NULL);
  /* Everything is still there. */
  CHECK(call(plugin, "echo", "kind") == 0 && output_is(plugin, "kind"));
  extism_context_free(context);
  extism_compiled_plugin_free(compiled);
  extism_plugin_free(plugin);
}

static void test(void) {
  lengths();
  texts();
  kinds();
  check_nothing_alive();
}
