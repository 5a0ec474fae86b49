/* Host functions: values of every type, namespaces, user data, failures, and calls from inside. */
#include "support.h"

static int released;

static void release(void *data) {
  CHECK(data != NULL);
  released++;
}

static void identity(ExtismCurrentPlugin *plugin, const ExtismVal *inputs,
                     ExtismSize n_inputs, ExtismVal *outputs,
                     ExtismSize n_outputs, void *data) {
  CHECK(plugin != NULL && n_inputs == 1 && n_outputs == 1);
  CHECK(inputs[0].t == outputs[0].t && outputs[0].v.i64 == 0);
  outputs[0] = inputs[0];
  if (data != NULL) {
    outputs[0].v.i32 = inputs[0].v.i32 + *(const int32_t *)data;
  }
}

static void many(ExtismCurrentPlugin *plugin, const ExtismVal *inputs,
                 ExtismSize n_inputs, ExtismVal *outputs, ExtismSize n_outputs,
                 void *data) {
  ExtismSize i;
  (void)plugin;
  (void)data;
  CHECK(n_inputs == 17 && n_outputs == 2);
  for (i = 0; i < n_inputs; i++) {
    switch (inputs[i].t) {
    case ExtismValType_I32:
      outputs[0].v.i32 += inputs[i].v.i32;
      break;
    case ExtismValType_I64:
      outputs[1].v.i64 += inputs[i].v.i64;
      break;
    case ExtismValType_F32:
      CHECK(inputs[i].v.f32 == 1.0f);
      break;
    case ExtismValType_F64:
      CHECK(inputs[i].v.f64 == 1.0);
      break;
    default:
      CHECK(!"a type that does not travel");
    }
  }
}

static ExtismFunction *one(const char *name, ExtismValType type, void *data) {
  ExtismFunction *function = extism_function_new(name, &type, 1, &type, 1,
                                                 identity, data, release);
  CHECK(function != NULL);
  return function;
}

static void every_type_and_namespace(void) {
  static int32_t more = 1;
  static const ExtismValType many_in[17] = {
      ExtismValType_I32, ExtismValType_I64, ExtismValType_F32,
      ExtismValType_F64, ExtismValType_I32, ExtismValType_I64,
      ExtismValType_F32, ExtismValType_F64, ExtismValType_I32,
      ExtismValType_I64, ExtismValType_F32, ExtismValType_F64,
      ExtismValType_I32, ExtismValType_I64, ExtismValType_F32,
      ExtismValType_F64, ExtismValType_I32};
  static const ExtismValType many_out[2] = {ExtismValType_I32,
                                            ExtismValType_I64};
  static const char *const names[] = {"i32", "i64",       "f32",
                                      "f64", "elsewhere", "many"};
  const ExtismFunction *list[6];
  ExtismFunction *functions[6];
  ExtismPlugin *plugin;
  size_t i;
  functions[0] = one("i32_id", ExtismValType_I32, NULL);
  functions[1] = one("i64_id", ExtismValType_I64, NULL);
  functions[2] = one("f32_id", ExtismValType_F32, NULL);
  functions[3] = one("f64_id", ExtismValType_F64, NULL);
  functions[4] = one("i32_id", ExtismValType_I32, &more);
  extism_function_set_namespace(functions[4], "elsewhere");
  functions[5] =
      extism_function_new("many", many_in, 17, many_out, 2, many, NULL, NULL);
  for (i = 0; i < 6; i++) {
    list[i] = functions[i];
  }
  released = 0;
  plugin = load("values.wat", list, 6);
  for (i = 0; i < 6; i++) {
    /* Too late to have an effect. */
    extism_function_set_namespace(functions[i], "nowhere");
    extism_function_free(functions[i]);
  }
  CHECK(released == 0);
  for (i = 0; i < 6; i++) {
    if (extism_plugin_call(plugin, names[i], NULL, 0) != 0) {
      fprintf(stderr, "%s: %s\n", names[i], extism_plugin_error(plugin));
      exit(1);
    }
  }
  extism_plugin_free(plugin);
  /* The user data of the others is NULL: there is nothing to release. */
  CHECK(released == 1);
  check_nothing_alive();
}

/* What the host function of `callback.wat` does. */
typedef void (*Deed)(ExtismCurrentPlugin *plugin, const ExtismVal *input,
                     ExtismVal *output);

typedef struct Host {
  ExtismPlugin *plugin;
  Deed deed;
  int calls;
} Host;

static Host host;
static ExtismCurrentPlugin *kept;

static void callback(ExtismCurrentPlugin *plugin, const ExtismVal *inputs,
                     ExtismSize n_inputs, ExtismVal *outputs,
                     ExtismSize n_outputs, void *data) {
  CHECK(n_inputs == 1 && n_outputs == 1 && data == &host);
  host.calls++;
  host.deed(plugin, inputs, outputs);
}

static ExtismFunction *callback_function(void) {
  ExtismValType handle = EXTISM_PTR;
  ExtismFunction *function = extism_function_new(
      "callback", &handle, 1, &handle, 1, callback, &host, release);
  CHECK(function != NULL);
  return function;
}

static ExtismPlugin *callback_plugin(Deed deed) {
  ExtismFunction *function = callback_function();
  const ExtismFunction *list[1];
  list[0] = function;
  host.plugin = load("callback.wat", list, 1);
  host.deed = deed;
  host.calls = 0;
  released = 0;
  extism_function_free(function);
  return host.plugin;
}

static void answer_upper_case(ExtismCurrentPlugin *plugin,
                              const ExtismVal *input, ExtismVal *output) {
  ExtismMemoryHandle handle = (ExtismMemoryHandle)input->v.i64;
  ExtismSize length = extism_current_plugin_memory_length(plugin, handle);
  ExtismMemoryHandle block = extism_current_plugin_memory_alloc(plugin, length);
  uint8_t *memory = extism_current_plugin_memory(plugin);
  ExtismSize i;
  CHECK(length == 5 && block != 0 && memory != NULL);
  CHECK(extism_current_plugin_host_context(plugin) == &kept);
  CHECK(!extism_current_plugin_must_stop(plugin));
  for (i = 0; i < length; i++) {
    memory[block + i] = (uint8_t)(memory[handle + i] - 32);
  }
  {
    ExtismSize checked = 0;
    CHECK(extism_current_plugin_memory_block(plugin, block, &checked) ==
          memory + block);
    CHECK(checked == length);
    CHECK(extism_current_plugin_memory_block(plugin, 1 << 30, &checked) ==
          NULL);
    CHECK(checked == 0);
  }
  /* Handles that name no block. */
  CHECK(extism_current_plugin_memory_length(plugin, 0) == 0);
  CHECK(extism_current_plugin_memory_length(plugin, block + 1) == 0);
  CHECK(extism_current_plugin_memory_length(plugin, UINT64_MAX) == 0);
  CHECK(extism_current_plugin_memory_alloc(plugin, UINT64_MAX) == 0);
  CHECK(extism_current_plugin_memory_alloc(plugin, 0) == 0);
  extism_current_plugin_memory_free(plugin, UINT64_MAX);
  {
    ExtismMemoryHandle freed = extism_current_plugin_memory_alloc(plugin, 3);
    CHECK(extism_current_plugin_memory_length(plugin, freed) == 3);
    extism_current_plugin_memory_free(plugin, freed);
    CHECK(extism_current_plugin_memory_length(plugin, freed) == 0);
  }
  output->v.i64 = (int64_t)block;
  kept = plugin;
}

static void memory_and_host_context(void) {
  ExtismPlugin *plugin = callback_plugin(answer_upper_case);
  CHECK(extism_plugin_call_with_host_context(plugin, "run", TEXT("hello"),
                                             &kept) == 0);
  CHECK(output_is(plugin, "HELLO") && host.calls == 1);
  /* The pointer is no good any more. */
  CHECK(extism_current_plugin_memory(kept) == NULL);
  CHECK(extism_current_plugin_host_context(kept) == NULL);
  CHECK(extism_current_plugin_memory_alloc(kept, 8) == 0);
  CHECK(extism_current_plugin_memory_length(kept, 64) == 0);
  CHECK(extism_current_plugin_fail(kept, TEXT("late")) ==
        EXTISM_STATUS_NULL_ARGUMENT);
  extism_plugin_free(plugin);
  CHECK(released == 1);
}

static void fail_with_a_message(ExtismCurrentPlugin *plugin,
                                const ExtismVal *input, ExtismVal *output) {
  (void)input;
  (void)output;
  CHECK(extism_current_plugin_host_context(plugin) == NULL);
  CHECK(extism_current_plugin_fail(plugin, TEXT("no such key")) ==
        EXTISM_STATUS_OK);
}

static void change_the_type(ExtismCurrentPlugin *plugin,
                            const ExtismVal *input, ExtismVal *output) {
  (void)plugin;
  (void)input;
  output->t = ExtismValType_F32;
}

static void failures_end_the_call(void) {
  ExtismPlugin *plugin = callback_plugin(fail_with_a_message);
  const char *text;
  CHECK(call(plugin, "run", "") == -1);
  text = extism_plugin_error(plugin);
  CHECK(strstr(text, "error while executing at wasm backtrace:") == text);
  CHECK(strstr(text, "\n\nCaused by:\n    no such key") != NULL);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_HOST_FUNCTION);
  host.deed = change_the_type;
  CHECK(call(plugin, "run", "") == -1);
  text = extism_plugin_error(plugin);
  CHECK(strstr(text, "host function answered result 0 with type 2") != NULL);
  CHECK(call(plugin, "again", "") == 0 && extism_plugin_error(plugin) == NULL);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_OK);
  extism_plugin_free(plugin);
  CHECK(released == 1);
}

static void use_it_from_inside(ExtismCurrentPlugin *current,
                               const ExtismVal *input, ExtismVal *output) {
  ExtismPlugin *plugin = host.plugin;
  ExtismBuffer *value = NULL;
  ExtismError *error = NULL;
  int32_t number = 0;
  int32_t code = 0;
  ExtismContext *context = extism_context_new();
  (void)current;
  (void)input;
  (void)output;
  CHECK(call(plugin, "again", "") == -1);
  CHECK_TEXT(extism_plugin_error(plugin),
             "cannot make reentrant calls into plugin");
  CHECK_TEXT(extism_error(plugin), "cannot make reentrant calls into plugin");
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_BUSY);
  CHECK(extism_plugin_try_call(plugin, "again", 5, NULL, 0, NULL, &code,
                               &error) == EXTISM_STATUS_BUSY);
  CHECK(code == -1);
  CHECK(extism_error_status(error) == EXTISM_STATUS_BUSY);
  CHECK_TEXT(extism_error_message(error),
             "cannot make reentrant calls into plugin");
  extism_error_free(error);
  CHECK(!extism_plugin_config(plugin, TEXT("{}")));
  CHECK(!extism_plugin_reset(plugin));
  CHECK(!extism_plugin_function_exists(plugin, "again"));
  CHECK(extism_plugin_output_length(plugin) == 0);
  CHECK(extism_plugin_output_data(plugin) != NULL);
  CHECK(extism_plugin_renew(plugin, NULL) == EXTISM_STATUS_BUSY);
  CHECK(extism_plugin_var_get(plugin, TEXT("a"), &value) ==
        EXTISM_STATUS_BUSY);
  CHECK(extism_plugin_var_set(plugin, TEXT("a"), TEXT("b")) ==
        EXTISM_STATUS_BUSY);
  CHECK(extism_plugin_set_log_sink(plugin, EXTISM_LOG_INFO, NULL, NULL, NULL) ==
        EXTISM_STATUS_BUSY);
  CHECK(extism_context_plugin_insert(context, plugin, &number, NULL) ==
        EXTISM_STATUS_BUSY);
  CHECK(number == -1);
  extism_plugin_allow_http_response_headers(plugin);
  CHECK(extism_plugin_id(plugin) != NULL);
  CHECK(extism_plugin_cancel_handle(plugin) != NULL);
  extism_context_free(context);
}

static void calls_from_inside_are_refused(void) {
  ExtismPlugin *plugin = callback_plugin(use_it_from_inside);
  CHECK(call(plugin, "run", "") == 0 && host.calls == 1);
  CHECK(extism_plugin_error(plugin) == NULL);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_OK);
  CHECK(call(plugin, "again", "") == 0);
  extism_plugin_free(plugin);
  CHECK(released == 1);
}

static ExtismCurrentPlugin *kept_current;

static void know_the_plugin(ExtismCurrentPlugin *current,
                            const ExtismVal *input, ExtismVal *output) {
  uint8_t id[16];
  ExtismBuffer *value = (ExtismBuffer *)&value;
  (void)input;
  (void)output;
  kept_current = current;
  CHECK(extism_current_plugin_id(current, id) == EXTISM_STATUS_OK);
  CHECK(memcmp(id, extism_plugin_id(host.plugin), 16) == 0);
  CHECK(extism_current_plugin_time_remaining_ms(current) == UINT64_MAX);
  CHECK(extism_current_plugin_var_get(current, TEXT("name"), &value) ==
        EXTISM_STATUS_OK);
  CHECK(value == NULL);
  CHECK(extism_current_plugin_var_set(current, TEXT("name"), TEXT("value")) ==
        EXTISM_STATUS_OK);
  CHECK(extism_current_plugin_var_get(current, TEXT("name"), &value) ==
        EXTISM_STATUS_OK);
  CHECK(extism_buffer_length(value) == 5);
  CHECK(memcmp(extism_buffer_data(value), "value", 5) == 0);
  extism_buffer_free(value);
  CHECK(extism_current_plugin_var_set(current, TEXT("gone"), NULL, 0) ==
        EXTISM_STATUS_OK);
  CHECK(extism_current_plugin_var_remove(current, TEXT("gone")) ==
        EXTISM_STATUS_OK);
  CHECK(extism_current_plugin_var_get(current, TEXT("gone"), &value) ==
        EXTISM_STATUS_OK);
  CHECK(value == NULL);
  CHECK(extism_current_plugin_var_set(current, TEXT("\xff"), TEXT("x")) ==
        EXTISM_STATUS_INVALID_UTF8);
  CHECK(extism_current_plugin_set_error(current, TEXT("not this")) ==
        EXTISM_STATUS_OK);
  CHECK(extism_current_plugin_set_error(current, NULL, 0) == EXTISM_STATUS_OK);
  if (host.calls > 1) {
    CHECK(extism_current_plugin_set_error(current, TEXT("but this")) ==
          EXTISM_STATUS_OK);
  }
}

static void host_functions_know_their_plugin(void) {
  ExtismPlugin *plugin = callback_plugin(know_the_plugin);
  ExtismBuffer *value = NULL;
  uint8_t id[16];
  CHECK(call(plugin, "run", "") == 0);
  CHECK(extism_plugin_error(plugin) == NULL);
  CHECK(extism_plugin_var_get(plugin, TEXT("name"), &value) ==
        EXTISM_STATUS_OK);
  CHECK(extism_buffer_length(value) == 5);
  extism_buffer_free(value);
  CHECK(extism_plugin_var_remove(plugin, TEXT("name")) == EXTISM_STATUS_OK);
  CHECK(call(plugin, "run", "") == 0);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_GUEST_ERROR);
  CHECK_TEXT(extism_plugin_error(plugin), "but this");
  /* It has returned. */
  CHECK(extism_current_plugin_id(kept_current, id) ==
        EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_current_plugin_time_remaining_ms(kept_current) == 0);
  CHECK(extism_current_plugin_set_error(kept_current, TEXT("late")) ==
        EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_current_plugin_var_set(kept_current, TEXT("a"), TEXT("b")) ==
        EXTISM_STATUS_NULL_ARGUMENT);
  extism_plugin_free(plugin);
  CHECK(released == 1);
}

static void free_it_from_inside(ExtismCurrentPlugin *current,
                                const ExtismVal *input, ExtismVal *output) {
  ExtismMemoryHandle block;
  (void)input;
  extism_plugin_free(host.plugin);
  CHECK(released == 0);
  extism_plugin_free(host.plugin);
  /* It goes on until the call ends. */
  CHECK(call(host.plugin, "again", "") == -1);
  block = extism_current_plugin_memory_alloc(current, 8);
  CHECK(block != 0);
  output->v.i64 = (int64_t)block;
}

static void freed_from_inside_it_ends_with_the_call(void) {
  ExtismPlugin *plugin = callback_plugin(free_it_from_inside);
  CHECK(call(plugin, "run", "") == 0);
  CHECK(released == 1 && host.calls == 1);
  check_nothing_alive();
  host.deed = fail_with_a_message;
}

static ExtismPlugin *inner;

static void call_another(ExtismCurrentPlugin *current, const ExtismVal *input,
                         ExtismVal *output) {
  ExtismMemoryHandle block;
  CHECK(call(inner, "echo", "inner") == 0 && output_is(inner, "inner"));
  block = extism_current_plugin_memory_alloc(current, 5);
  memcpy(extism_current_plugin_memory(current) + block,
         extism_plugin_output_data(inner), 5);
  (void)input;
  output->v.i64 = (int64_t)block;
}

static void plugins_call_each_other(void) {
  ExtismPlugin *plugin = callback_plugin(call_another);
  inner = load("echo.wat", NULL, 0);
  CHECK(call(plugin, "run", "outer") == 0 && output_is(plugin, "inner"));
  extism_plugin_free(inner);
  extism_plugin_free(plugin);
  check_nothing_alive();
}

static void lists_are_taken_whole_or_not_at_all(void) {
  ExtismFunction *function = callback_function();
  ExtismFunction *second = callback_function();
  const ExtismFunction *list[3];
  const char *text = manifest("callback.wat", "");
  char *errmsg = NULL;
  ExtismPlugin *plugin;
  released = 0;
  list[0] = function;
  list[1] = NULL;
  CHECK(extism_plugin_new(TEXT(text), list, 2, false, &errmsg) == NULL);
  CHECK_TEXT(errmsg, "Cannot pass null pointer");
  extism_plugin_new_error_free(errmsg);
  list[1] = second;
  list[2] = function;
  CHECK(extism_plugin_new(TEXT(text), list, 3, false, &errmsg) == NULL);
  CHECK_TEXT(errmsg,
             "Function cannot be registered with multiple different Plugins");
  extism_plugin_new_error_free(errmsg);
  CHECK(extism_plugin_new(TEXT(text), list, UINT64_MAX, false, NULL) == NULL);
  /* Nothing was taken: the first is as good as new. */
  plugin = from_text(text, list, 1);
  extism_plugin_free(plugin);
  CHECK(released == 1);
  /* Once taken, always taken; nor does freeing the shell release a second time. */
  CHECK(extism_plugin_new(TEXT(text), list, 1, false, NULL) == NULL);
  extism_function_free(function);
  CHECK(released == 1);
  extism_function_free(second);
  CHECK(released == 2);
  check_nothing_alive();
}

static void what_failed_is_released_once(void) {
  ExtismFunction *function = callback_function();
  const ExtismFunction *list[1];
  ExtismCompiledPlugin *compiled = NULL;
  ExtismOptions options;
  list[0] = function;
  released = 0;
  /* The published functions take the list even if the plug-in cannot be made. */
  CHECK(extism_plugin_new(TEXT("(module"), list, 1, false, NULL) == NULL);
  CHECK(released == 1);
  extism_function_free(function);
  CHECK(released == 1);
  /* The new ones do not. */
  function = callback_function();
  list[0] = function;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.functions = list;
  options.n_functions = 1;
  CHECK(extism_compile(&options, TEXT("(module"), &compiled, NULL) ==
        EXTISM_STATUS_MODULE_INVALID);
  CHECK(released == 1 && compiled == NULL);
  CHECK(extism_compile(&options, TEXT(manifest("callback.wat", "")), &compiled,
                       NULL) == EXTISM_STATUS_OK);
  extism_function_free(function);
  CHECK(released == 1);
  extism_compiled_plugin_free(compiled);
  CHECK(released == 2);
  check_nothing_alive();
}

static void impossible_functions_are_refused(void) {
  static const ExtismValType types[] = {
      ExtismValType_V128, ExtismValType_FuncRef, ExtismValType_ExternRef};
  ExtismValType i32 = ExtismValType_I32;
  size_t i;
  released = 0;
  for (i = 0; i < 3; i++) {
    CHECK(extism_function_new("f", &types[i], 1, NULL, 0, identity, &host,
                              release) == NULL);
    CHECK(extism_function_new("f", NULL, 0, &types[i], 1, identity, &host,
                              release) == NULL);
  }
  CHECK(extism_function_new("\xff", NULL, 0, NULL, 0, identity, &host,
                            release) == NULL);
  CHECK(extism_function_new("f", &i32, UINT64_MAX, NULL, 0, identity, &host,
                            release) == NULL);
  CHECK(extism_function_new("f", NULL, 0, NULL, 0, NULL, &host, release) ==
        NULL);
  CHECK(released == 0);
  check_nothing_alive();
}

static void test(void) {
  every_type_and_namespace();
  memory_and_host_context();
  failures_end_the_call();
  calls_from_inside_are_refused();
  host_functions_know_their_plugin();
  freed_from_inside_it_ends_with_the_call();
  plugins_call_each_other();
  lists_are_taken_whole_or_not_at_all();
  what_failed_is_released_once();
  impossible_functions_are_refused();
}
