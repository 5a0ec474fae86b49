/* Objects live as long as the header says, and nothing is left behind. */
#include "support.h"

static void plugins_outlive_what_they_were_made_from(void) {
  ExtismCompiledPlugin *compiled = compile("echo.wat");
  char *errmsg = NULL;
  ExtismPlugin *one = extism_plugin_new_from_compiled(compiled, &errmsg);
  ExtismPlugin *two = NULL;
  CHECK(one != NULL && errmsg == NULL);
  CHECK(extism_plugin_create(compiled, &two, NULL) == EXTISM_STATUS_OK);
  extism_compiled_plugin_free(compiled);
  CHECK(call(one, "echo", "one") == 0 && call(two, "echo", "two") == 0);
  CHECK(output_is(one, "one") && output_is(two, "two"));
  CHECK(memcmp(extism_plugin_id(one), extism_plugin_id(two), 16) != 0);
  CHECK(extism_plugin_id(one)[6] >> 4 == 4);
  extism_plugin_free(one);
  CHECK(output_is(two, "two"));
  extism_plugin_free(two);
  check_nothing_alive();
}

static void input_is_copied_and_output_bounded(void) {
  Bytes wasm = fixture("echo.wat");
  char *errmsg = NULL;
  ExtismPlugin *plugin =
      extism_plugin_new(wasm.data, wasm.length, NULL, 0, false, &errmsg);
  char input[] = "input";
  CHECK(plugin != NULL);
  memset(wasm.data, 0, (size_t)wasm.length);
  free(wasm.data);
  CHECK(extism_plugin_output_length(plugin) == 0);
  CHECK(extism_plugin_output_data(plugin) != NULL);
  CHECK(call(plugin, "echo", input) == 0);
  memset(input, 0, sizeof input);
  CHECK(output_is(plugin, "input"));
  CHECK(extism_plugin_call(plugin, "echo", (const uint8_t *)"a\0b", 3) == 0);
  CHECK(extism_plugin_output_length(plugin) == 3);
  CHECK(memcmp(extism_plugin_output_data(plugin), "a\0b", 3) == 0);
  CHECK(extism_plugin_call(plugin, "echo", NULL, 0) == 0);
  CHECK(output_is(plugin, ""));
  CHECK(call(plugin, "nothing", "input") == 0);
  CHECK(output_is(plugin, "") && extism_plugin_output_data(plugin) != NULL);
  /* An output that is not within kernel memory is none. */
  extism_plugin_call(plugin, "beyond", NULL, 0);
  CHECK(extism_plugin_output_length(plugin) == 0);
  CHECK(extism_plugin_reset(plugin));
  CHECK(output_is(plugin, ""));
  CHECK(call(plugin, "echo", "again") == 0 && output_is(plugin, "again"));
  extism_plugin_free(plugin);
  check_nothing_alive();
}

/* What runs when a plug-in is made may free what it is made from. */
static void let_go(ExtismCurrentPlugin *plugin, const ExtismVal *inputs,
                   ExtismSize n_inputs, ExtismVal *outputs,
                   ExtismSize n_outputs, void *data) {
  ExtismCompiledPlugin **compiled = (ExtismCompiledPlugin **)data;
  (void)plugin, (void)inputs, (void)n_inputs, (void)outputs, (void)n_outputs;
  extism_compiled_plugin_free(*compiled);
  *compiled = NULL;
}

static void a_start_function_may_free_the_compiled_plugin(void) {
  const char *wasm = "(module (import \"extism:host/user\" \"let_go\" (func $f))"
                     "  (start $f)"
                     "  (func (export \"seven\") (result i32) i32.const 7))";
  int way;
  for (way = 0; way < 4; way++) {
    ExtismContext *context = extism_context_new();
    ExtismCompiledPlugin *compiled = NULL;
    ExtismPlugin *plugin = NULL;
    int32_t number = -1;
    char *errmsg = NULL;
    ExtismFunction *function = extism_function_new("let_go", NULL, 0, NULL, 0,
                                                   let_go, &compiled, NULL);
    const ExtismFunction *functions[1];
    functions[0] = function;
    compiled =
        extism_compiled_plugin_new(TEXT(wasm), functions, 1, false, &errmsg);
    CHECK(compiled != NULL);
    extism_function_free(function);
    if (way == 0) {
      CHECK(extism_plugin_create(compiled, &plugin, NULL) == EXTISM_STATUS_OK);
    } else if (way == 1) {
      plugin = extism_plugin_new_from_compiled(compiled, &errmsg);
    } else if (way == 2) {
      CHECK(extism_context_plugin_create(context, compiled, &number, NULL) ==
            EXTISM_STATUS_OK);
    } else {
      number = extism_context_plugin_new(context, TEXT("(module)"), NULL, 0,
                                         false);
      CHECK(extism_context_plugin_replace(context, number, compiled, NULL) ==
            EXTISM_STATUS_OK);
    }
    CHECK(compiled == NULL && (plugin != NULL) == (number == -1));
    CHECK((plugin != NULL ? call(plugin, "seven", "")
                          : extism_context_plugin_call(context, number, "seven",
                                                       NULL, 0, NULL)) == 7);
    extism_plugin_free(plugin);
    extism_context_free(context);
    check_nothing_alive();
  }
}

/* A plug-in may say which of its functions is next, in its output or in its error. */
static void what_a_plugin_said_is_a_name(void) {
  ExtismPlugin *plugin = load("echo.wat", NULL, 0);
  int32_t code = 1;
  CHECK(extism_plugin_call(plugin, "echo", (const uint8_t *)"echo", 5) == 0);
  CHECK(call(plugin, (const char *)extism_plugin_output_data(plugin),
             "no function") == 0);
  CHECK(output_is(plugin, "no function"));
  CHECK(call(plugin, "echo", "nothing") == 0);
  CHECK(extism_plugin_try_call(
            plugin, (const char *)extism_plugin_output_data(plugin), 7,
            TEXT("no function"), NULL, &code, NULL) == EXTISM_STATUS_OK);
  CHECK(code == 0 && output_is(plugin, ""));
  extism_plugin_free(plugin);
  plugin = from_text(
      "(module"
      "  (import \"extism:host/env\" \"alloc\" (func $alloc (param i64) (result i64)))"
      "  (import \"extism:host/env\" \"store_u64\" (func $store (param i64 i64)))"
      "  (import \"extism:host/env\" \"error_set\" (func $error (param i64)))"
      "  (func (export \"nextnext\") (result i32) (local $p i64)"
      "    (local.set $p (call $alloc (i64.const 8)))"
      "    (call $store (local.get $p) (i64.const 0x7478656e7478656e))"
      "    (call $error (local.get $p))"
      "    i32.const 1))",
      NULL, 0);
  CHECK(call(plugin, "nextnext", "") == 1);
  CHECK_TEXT(extism_plugin_error(plugin), "nextnext");
  CHECK(call(plugin, extism_plugin_error(plugin), "") == 1);
  CHECK(extism_plugin_function_exists(plugin, extism_plugin_error(plugin)));
  extism_plugin_free(plugin);
  check_nothing_alive();
}

static void large_bytes_pass(void) {
  ExtismPlugin *plugin = load("echo.wat", NULL, 0);
  size_t length = (size_t)32 << 20;
  uint8_t *data = (uint8_t *)malloc(length);
  size_t i;
  for (i = 0; i < length; i++) {
    data[i] = (uint8_t)(i * 7);
  }
  CHECK(extism_plugin_call(plugin, "echo", data, length) == 0);
  CHECK(extism_plugin_output_length(plugin) == length);
  CHECK(memcmp(extism_plugin_output_data(plugin), data, length) == 0);
  free(data);
  extism_plugin_free(plugin);
}

static void renewed_plugins_keep_their_identity(void) {
  ExtismPlugin *plugin = load("store.wat", NULL, 0);
  const ExtismCancelHandle *handle = extism_plugin_cancel_handle(plugin);
  uint8_t id[16];
  memcpy(id, extism_plugin_id(plugin), 16);
  CHECK(call(plugin, "set", "value") == 0);
  CHECK(call(plugin, "get", "name") == 0 && output_is(plugin, "value"));
  CHECK(extism_plugin_renew(plugin, NULL) == EXTISM_STATUS_OK);
  CHECK(call(plugin, "get", "name") == 0 && output_is(plugin, ""));
  CHECK(memcmp(id, extism_plugin_id(plugin), 16) == 0);
  CHECK(extism_plugin_cancel_handle(plugin) == handle);
  CHECK(extism_plugin_cancel(handle));
  extism_plugin_free(plugin);
  check_nothing_alive();
}

static void test(void) {
  int i;
  CHECK(extism_abi_version() == EXTISM_ABI_VERSION);
  CHECK_TEXT(extism_version(), "1.42.0");
  for (i = 0; i < 50; i++) {
    plugins_outlive_what_they_were_made_from();
  }
  input_is_copied_and_output_bounded();
  a_start_function_may_free_the_compiled_plugin();
  what_a_plugin_said_is_a_name();
  large_bytes_pass();
  renewed_plugins_keep_their_identity();
}
