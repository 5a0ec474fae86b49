/* What a careless caller may pass: impossible lengths, bad text, the wrong kind of object. */
#include "support.h"
#include <pthread.h>

static void ignore_message(void *data, const uint8_t *plugin,
                           ExtismLogLevel level, const char *message,
                           ExtismSize length) {
  (void)data;
  (void)plugin;
  (void)level;
  (void)message;
  (void)length;
}

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

/* The output of a plug-in as its own next input: of a large call, and of one that is made anew. */
static void output_as_input(void) {
  static const char *text =
      "(module (import \"extism:host/env\" \"input_offset\" (func $at (result i64)))"
      "(import \"extism:host/env\" \"input_length\" (func $n (result i64)))"
      "(import \"extism:host/env\" \"alloc\" (func $alloc (param i64) (result i64)))"
      "(import \"extism:host/env\" \"output_set\" (func $out (param i64 i64)))"
      "(func $echo (export \"echo\") (call $out (call $at) (call $n)))"
      "(func (export \"large\") (drop (call $alloc (i64.const 40000000))) (call $echo))"
      "(func (export \"_start\") (call $echo)))";
  static const char *names[] = {"echo", "large", "_start"};
  size_t i, j;
  for (i = 0; i < 3; i++) {
    for (j = 0; j < 3; j++) {
      ExtismPlugin *plugin = from_text(text, NULL, 0);
      CHECK(call(plugin, names[i], "hello") == 0);
      CHECK(output_is(plugin, "hello"));
      CHECK(extism_plugin_call(plugin, names[j],
                               extism_plugin_output_data(plugin) + 1, 3) == 0);
      CHECK(output_is(plugin, "ell"));
      extism_plugin_free(plugin);
    }
  }
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

static void unknown_values(void) {
  ExtismOptions options;
  ExtismCompiledPlugin *compiled = NULL;
  ExtismError *error = NULL;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = UINT64_C(1) << 40;
  CHECK(extism_compile(&options, TEXT("(module)"), &compiled, &error) ==
        EXTISM_STATUS_INVALID_ARGUMENT);
  CHECK(compiled == NULL && extism_error_message(error) != NULL);
  extism_error_free(error);
  options.flags = 0;
  options.log_sink = ignore_message;
  options.log_level = 77;
  CHECK(extism_compile(&options, TEXT("(module)"), &compiled, NULL) ==
        EXTISM_STATUS_INVALID_ARGUMENT);
  CHECK(extism_status_name((ExtismStatus)12345) != NULL);
  CHECK(extism_status_description((ExtismStatus)-1) != NULL);
}

/* Undefined, as the header says; the library can tell with luck. */
#ifndef UNDER_A_CHECKER
static void freed_twice(void) {
  ExtismPlugin *plugin = load("echo.wat", NULL, 0);
  ExtismCompiledPlugin *compiled = compile("echo.wat");
  ExtismContext *context = extism_context_new();
  ExtismPlugin *out = NULL;
  ExtismFunction *function =
      extism_function_new("f", NULL, 0, NULL, 0,
                          (ExtismFunctionType)(void (*)(void))abort, NULL, NULL);
  const ExtismCancelHandle *handle = extism_plugin_cancel_handle(plugin);
  extism_plugin_free(plugin);
  extism_plugin_free(plugin);
  CHECK(call(plugin, "echo", "") == -1);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_plugin_output_length(plugin) == 0);
  (void)extism_plugin_cancel(handle);
  extism_compiled_plugin_free(compiled);
  extism_compiled_plugin_free(compiled);
  CHECK(extism_plugin_create(compiled, &out, NULL) ==
        EXTISM_STATUS_NULL_ARGUMENT);
  extism_function_free(function);
  extism_function_free(function);
  extism_context_free(context);
  extism_context_free(context);
  CHECK(extism_context_status(context, 0) != EXTISM_STATUS_OK);
}
#endif

static void after_a_failure(void) {
  char *errmsg = NULL;
  ExtismPlugin *plugin =
      extism_plugin_new(TEXT("(module"), NULL, 0, false, &errmsg);
  CHECK(plugin == NULL && errmsg != NULL);
  extism_plugin_new_error_free(errmsg);
  CHECK(call(plugin, "run", "") == -1);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_plugin_error(plugin) == NULL);
  extism_plugin_free(plugin);
}

/* What is in a buffer stays, whatever becomes of where it is from. */
static void outputs_that_are_kept(void) {
  ExtismPlugin *plugin = load("echo.wat", NULL, 0);
  ExtismBuffer *kept = NULL;
  CHECK(extism_plugin_var_set(plugin, TEXT("name"), TEXT("first")) ==
        EXTISM_STATUS_OK);
  CHECK(extism_plugin_var_get(plugin, TEXT("name"), &kept) ==
        EXTISM_STATUS_OK);
  CHECK(extism_plugin_var_set(plugin, TEXT("name"), TEXT("other")) ==
        EXTISM_STATUS_OK);
  CHECK(call(plugin, "echo", "long enough to be somewhere else") == 0);
  extism_plugin_free(plugin);
  CHECK(extism_buffer_length(kept) == 5);
  CHECK(memcmp(extism_buffer_data(kept), "first", 5) == 0);
  extism_buffer_free(kept);
}

static int answered;

static void answer_with(ExtismCurrentPlugin *plugin, const ExtismVal *inputs,
                        ExtismSize n_inputs, ExtismVal *outputs,
                        ExtismSize n_outputs, void *data) {
  CHECK(plugin != NULL && n_inputs == 1 && n_outputs == 1);
  answered = *(const int *)data;
  outputs[0].v.i64 = inputs[0].v.i64;
}

static void two_of_one_name(void) {
  static int numbers[2] = {1, 2};
  ExtismValType handle = EXTISM_PTR;
  const ExtismFunction *list[2];
  ExtismFunction *functions[2];
  ExtismPlugin *plugin;
  int i;
  for (i = 0; i < 2; i++) {
    functions[i] = extism_function_new("callback", &handle, 1, &handle, 1,
                                       answer_with, &numbers[i], NULL);
    list[i] = functions[i];
  }
  plugin = load("callback.wat", list, 2);
  CHECK(call(plugin, "run", "x") == 0 && answered == 2);
  extism_plugin_free(plugin);
  extism_function_free(functions[0]);
  extism_function_free(functions[1]);
}

static void a_value_that_is_null(void) {
  ExtismPlugin *plugin = load("store.wat", NULL, 0);
  CHECK(extism_plugin_config(plugin, TEXT("{\"key\":\"value\"}")));
  CHECK(call(plugin, "config", "key") == 0 && output_is(plugin, "value"));
  CHECK(extism_plugin_config(plugin, TEXT("{\"key\":null,\"other\":null}")));
  CHECK(call(plugin, "config", "key") == 0 && output_is(plugin, ""));
  CHECK(!extism_plugin_config(plugin, TEXT("{\"key\":1}")));
  CHECK(!extism_plugin_config(plugin, TEXT("[\"key\"]")));
  CHECK(!extism_plugin_config(plugin, TEXT("{\"key\":\"val")));
  CHECK(call(plugin, "config", "key") == 0 && output_is(plugin, ""));
  extism_plugin_free(plugin);
}

/* A name as long as a module may have it, in a message as long as it has to be. */
static void long_names(void) {
  static char text[120000];
  char *errmsg = NULL;
  int length = snprintf(text, sizeof text, "(module (import \"a\" \"");
  memset(text + length, 'n', 99000);
  strcpy(text + length + 99000, "\\07\\1b[2J\" (func)))");
  CHECK(extism_plugin_new(TEXT(text), NULL, 0, false, &errmsg) == NULL);
  CHECK(strlen(errmsg) > 0 && strlen(errmsg) < 200000);
  extism_plugin_new_error_free(errmsg);
}

static ExtismPlugin *deep;

static void *call_the_deep_one(void *unused) {
  CHECK(call(deep, "some", "") == 0);
  CHECK(call(deep, "deep", "") == 134);
  CHECK(extism_plugin_status(deep) == EXTISM_STATUS_TRAP_STACK);
  CHECK(call(deep, "some", "") == 0);
  return unused;
}

/* On a thread with little stack, of which the plug-in may have a part. */
static void little_stack(void) {
  ExtismLimits limits;
  ExtismOptions options;
  ExtismCompiledPlugin *compiled = NULL;
  pthread_attr_t attributes;
  pthread_t thread;
  limits.size = sizeof limits;
  CHECK(extism_limits_default(&limits) == EXTISM_STATUS_OK);
  limits.stack_bytes_max = 64 * 1024;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.limits = &limits;
  CHECK(extism_compile(&options,
                       TEXT("(module"
                            " (func $f (param i64) (result i64)"
                            "  (if (result i64) (i64.eqz (local.get 0))"
                            "   (then (i64.const 0))"
                            "   (else (i64.add (call $f (i64.sub (local.get 0)"
                            "    (i64.const 1))) (i64.const 1)))))"
                            " (func (export \"some\")"
                            "  (drop (call $f (i64.const 100))))"
                            " (func (export \"deep\")"
                            "  (drop (call $f (i64.const -1)))))"),
                       &compiled, NULL) == EXTISM_STATUS_OK);
  CHECK(extism_plugin_create(compiled, &deep, NULL) == EXTISM_STATUS_OK);
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, 512 * 1024) == 0);
  CHECK(pthread_create(&thread, &attributes, call_the_deep_one, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  pthread_attr_destroy(&attributes);
  extism_plugin_free(deep);
  extism_compiled_plugin_free(compiled);
}

static void test(void) {
  lengths();
  output_as_input();
  texts();
  kinds();
  unknown_values();
#ifndef UNDER_A_CHECKER
  freed_twice();
#endif
  after_a_failure();
  outputs_that_are_kept();
  two_of_one_name();
  a_value_that_is_null();
  long_names();
  little_stack();
  check_nothing_alive();
}
