/*
 * One good argument of every type, for programs that are generated from the
 * header. They run within a host function.
 */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "support.h"

/** The calls that were generated. */
static void generated(void);

static const char wasm_text[] =
    "(module (func (export \"name\") (result i32) i32.const 0))";
static ExtismCurrentPlugin *current;
static ExtismVal value;
static int user_data;
static uint64_t number;
static int32_t small;
static ExtismSize length;
static uint8_t id_out[16];
static char *errmsg;
static ExtismPlugin *plugin_out;
static ExtismCompiledPlugin *compiled_out;
static ExtismPool *pool_out;
static ExtismBuffer *buffer_out;
static ExtismError *error_out;
static const ExtismValType type = ExtismValType_I32;
static ExtismLimits limits;
static ExtismStats stats;
static ExtismPoolStats pool_stats;
static ExtismPoolOptions pool_options;
static ExtismOptions options;
static const ExtismFunction *list[1];
static ExtismPlugin *last_plugin;
static ExtismContext *last_context;

static inline ExtismCompiledPlugin *compiled(void) {
  ExtismCompiledPlugin *made = NULL;
  CHECK(extism_compile(NULL, TEXT(wasm_text), &made, NULL) == EXTISM_STATUS_OK);
  return made;
}

static inline ExtismPlugin *plugin(void) {
  last_plugin = from_text(wasm_text, NULL, 0);
  return last_plugin;
}

static inline ExtismContext *context(void) {
  last_context = extism_context_new();
  CHECK(extism_context_plugin_new(last_context, TEXT(wasm_text), NULL, 0,
                                  false) == 0);
  return last_context;
}

static inline ExtismPool *pool(void) {
  ExtismPool *made = NULL;
  CHECK(extism_pool_new(compiled(), NULL, &made, NULL) == EXTISM_STATUS_OK);
  return made;
}

static inline ExtismBuffer *buffer(void) {
  ExtismBuffer *made = NULL;
  CHECK(extism_inspect(NULL, TEXT(wasm_text), &made, NULL) ==
        EXTISM_STATUS_OK);
  return made;
}

static inline ExtismError *error(void) {
  ExtismError *made = NULL;
  ExtismCompiledPlugin *none = NULL;
  CHECK(extism_compile(NULL, TEXT("{}"), &none, &made) ==
        EXTISM_STATUS_NO_MODULES);
  return made;
}

static inline char *error_text(void) {
  char *text = NULL;
  CHECK(extism_plugin_new(TEXT("{}"), NULL, 0, false, &text) == NULL);
  return text;
}

static inline const ExtismCancelHandle *handle(void) {
  return extism_plugin_cancel_handle(plugin());
}

static inline void release(void *data) { (void)data; }

static inline void host_function(ExtismCurrentPlugin *plugin_,
                                 const ExtismVal *inputs, ExtismSize n_inputs,
                                 ExtismVal *outputs, ExtismSize n_outputs,
                                 void *data) {
  (void)inputs;
  (void)n_inputs;
  (void)outputs;
  (void)n_outputs;
  if (data == &current) {
    current = plugin_;
    generated();
  }
}

static inline void log_line(const char *data, ExtismSize size) {
  CHECK(data != NULL && size > 0);
}

static inline void log_message(void *data, const uint8_t *plugin_id,
                               ExtismLogLevel level, const char *message,
                               ExtismSize size) {
  (void)data;
  (void)level;
  CHECK(plugin_id != NULL && message != NULL && strlen(message) == size);
}

static inline ExtismFunction *function(void) {
  return extism_function_new("f", &type, 1, &type, 1, host_function, &user_data,
                             release);
}

static inline const ExtismFunction **functions(void) {
  list[0] = function();
  return list;
}

static void test(void) {
  ExtismValType memory_handle = EXTISM_PTR;
  const ExtismFunction *callback[1];
  ExtismPlugin *caller;
  limits.size = sizeof limits;
  stats.size = sizeof stats;
  pool_stats.size = sizeof pool_stats;
  pool_options.size = sizeof pool_options;
  options.size = sizeof options;
  /* Some of these are not used by every program. */
  (void)value, (void)number, (void)small, (void)length, (void)errmsg;
  (void)plugin_out, (void)compiled_out, (void)pool_out, (void)buffer_out;
  (void)error_out, (void)last_context;
  callback[0] =
      extism_function_new("callback", &memory_handle, 1, &memory_handle, 1,
                          host_function, &current, NULL);
  caller = load("callback.wat", callback, 1);
  /* One of the functions makes it fail. */
  call(caller, "run", "input");
  CHECK(current != NULL);
}

#endif
