/* Options, limits, artefacts, inspection, fuel, variables and log sinks. */
#include "support.h"

static ExtismOptions options(void) {
  ExtismOptions value;
  memset(&value, 0, sizeof value);
  value.size = sizeof value;
  return value;
}

/* A plug-in made with options. */
static ExtismPlugin *with(const ExtismOptions *given, const char *text) {
  ExtismCompiledPlugin *compiled = NULL;
  ExtismPlugin *plugin = NULL;
  ExtismError *error = NULL;
  if (extism_compile(given, TEXT(text), &compiled, &error) !=
          EXTISM_STATUS_OK ||
      extism_plugin_create(compiled, &plugin, &error) != EXTISM_STATUS_OK) {
    fprintf(stderr, "%s\n", extism_error_report(error));
    exit(1);
  }
  CHECK(error == NULL);
  extism_compiled_plugin_free(compiled);
  return plugin;
}

static void errors_say_everything(void) {
  ExtismCompiledPlugin *compiled = (ExtismCompiledPlugin *)&compiled;
  ExtismError *error = NULL;
  CHECK(extism_compile(NULL, TEXT("(module (import \"a\" \"b\" (func)))"),
                       &compiled, &error) == EXTISM_STATUS_IMPORT_UNKNOWN);
  CHECK(compiled == NULL);
  CHECK(extism_error_status(error) == EXTISM_STATUS_IMPORT_UNKNOWN);
  CHECK(extism_error_guest_code(error) == 0);
  CHECK(strstr(extism_error_message(error),
               "unknown import: `a::b` has not been defined") ==
        extism_error_message(error));
  CHECK(strstr(extism_error_report(error), "unknown import") != NULL);
  extism_error_free(error);
  /* Who does not want to know passes NULL. */
  CHECK(extism_compile(NULL, TEXT("{}"), &compiled, NULL) ==
        EXTISM_STATUS_NO_MODULES);
  CHECK_TEXT(extism_status_name(EXTISM_STATUS_NO_MODULES), "NO_MODULES");
  CHECK_TEXT(extism_status_description(EXTISM_STATUS_NO_MODULES),
             "The manifest names no Wasm module.");
  CHECK_TEXT(extism_status_name((ExtismStatus)999), "UNKNOWN");
  CHECK(extism_status_description((ExtismStatus)999) != NULL);
}

static void calls_say_everything(void) {
  ExtismPlugin *plugin = load("results.wat", NULL, 0);
  ExtismError *error = NULL;
  int32_t code = 99;
  CHECK(extism_plugin_try_call(plugin, "none", 4, NULL, 0, NULL, &code,
                               &error) == EXTISM_STATUS_OK);
  CHECK(code == 0 && error == NULL);
  CHECK(extism_plugin_try_call(plugin, "seven", 5, NULL, 0, NULL, &code,
                               &error) == EXTISM_STATUS_GUEST_ERROR);
  CHECK(code == 7 && extism_error_guest_code(error) == 7);
  CHECK_TEXT(extism_error_message(error), "Returned non-zero exit code: 7");
  extism_error_free(error);
  CHECK(extism_plugin_guest_code(plugin) == 7);
  CHECK(extism_plugin_try_call(plugin, "error_zero", 10, NULL, 0, NULL, &code,
                               &error) == EXTISM_STATUS_GUEST_ERROR);
  CHECK(code == 0 && extism_error_guest_code(error) == 0);
  CHECK_TEXT(extism_error_message(error), "hi");
  extism_error_free(error);
  CHECK(extism_plugin_try_call(plugin, "trap", 4, NULL, 0, NULL, &code,
                               NULL) == EXTISM_STATUS_TRAP_UNREACHABLE);
  CHECK(code == 134 && extism_plugin_guest_code(plugin) == 0);
  CHECK(extism_plugin_try_call(plugin, "no", 2, NULL, 0, NULL, NULL, NULL) ==
        EXTISM_STATUS_FUNCTION_NOT_FOUND);
  CHECK(extism_plugin_try_call(plugin, "\xff", 1, NULL, 0, NULL, &code, NULL) ==
        EXTISM_STATUS_INVALID_UTF8);
  /* A NUL within a name is part of it. */
  CHECK(extism_plugin_try_call(plugin, "none\0more", 9, NULL, 0, NULL, &code,
                               NULL) == EXTISM_STATUS_FUNCTION_NOT_FOUND);
  extism_plugin_free(plugin);
}

static void limits_limit(void) {
  ExtismOptions given = options();
  ExtismLimits limits;
  ExtismPlugin *plugin;
  memset(&limits, 0, sizeof limits);
  CHECK(extism_limits_default(&limits) == EXTISM_STATUS_INVALID_ARGUMENT);
  limits.size = sizeof limits;
  CHECK(extism_limits_untrusted(&limits) == EXTISM_STATUS_OK);
  CHECK(limits.call_time_ms_max == 30000);
  CHECK(limits.memory_bytes_max == (uint64_t)256 << 20);
  CHECK(extism_limits_default(&limits) == EXTISM_STATUS_OK);
  CHECK(limits.size == sizeof limits);
  CHECK(limits.call_time_ms_max == EXTISM_UNLIMITED);
  CHECK(limits.download_time_ms_max == 300000);
  limits.call_time_ms_max = 20;
  limits.memory_bytes_max = (uint64_t)4 << 20;
  given.limits = &limits;
  plugin = with(&given, manifest("spin.wat", ""));
  CHECK(call(plugin, "spin", "") == 134);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_TIMEOUT);
  CHECK(call(plugin, "grow", "") == -1);
  CHECK_TEXT(extism_plugin_error(plugin), "oom");
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_MEMORY);
  CHECK(call(plugin, "ok", "") == 0);
  extism_plugin_free(plugin);
  /* A caller compiled when the struct was smaller: the fields it does not know of keep their default. */
  limits.size = 2 * sizeof(uint64_t);
  limits.memory_bytes_max = 1;
  plugin = with(&given, manifest("spin.wat", ""));
  CHECK(call(plugin, "spin", "") == 134);
  extism_plugin_free(plugin);
  limits.kernel_bytes_max = 77;
  CHECK(extism_limits_default(&limits) == EXTISM_STATUS_OK);
  CHECK(limits.call_time_ms_max == EXTISM_UNLIMITED);
  CHECK(limits.kernel_bytes_max == 77);
}

static void structs_of_other_sizes(void) {
  struct {
    ExtismOptions known;
    uint64_t unknown;
  } newer;
  ExtismCompiledPlugin *compiled = NULL;
  Bytes wasm = fixture("echo.wat");
  static const uint64_t bad[] = {0, 1, 7, 17, 4104, UINT64_MAX};
  size_t i;
  memset(&newer, 0, sizeof newer);
  newer.known.size = sizeof newer;
  CHECK(extism_compile(&newer.known, wasm.data, wasm.length, &compiled, NULL) ==
        EXTISM_STATUS_OK);
  extism_compiled_plugin_free(compiled);
  newer.unknown = 1;
  CHECK(extism_compile(&newer.known, wasm.data, wasm.length, &compiled, NULL) ==
        EXTISM_STATUS_INVALID_ARGUMENT);
  newer.known.size = 2 * sizeof(uint64_t);
  /* Beyond the stated size. */
  newer.known.n_functions = 5;
  CHECK(extism_compile(&newer.known, wasm.data, wasm.length, &compiled, NULL) ==
        EXTISM_STATUS_OK);
  extism_compiled_plugin_free(compiled);
  newer.known.flags = (uint64_t)1 << 40;
  CHECK(extism_compile(&newer.known, wasm.data, wasm.length, &compiled, NULL) ==
        EXTISM_STATUS_INVALID_ARGUMENT);
  newer.known.flags = 0;
  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    newer.known.size = bad[i];
    CHECK(extism_compile(&newer.known, wasm.data, wasm.length, &compiled,
                         NULL) == EXTISM_STATUS_INVALID_ARGUMENT);
    CHECK(extism_stats((ExtismStats *)(void *)&newer) ==
          EXTISM_STATUS_INVALID_ARGUMENT);
  }
  free(wasm.data);
}

static void fuel_runs_out(void) {
  ExtismOptions given = options();
  ExtismPlugin *plugin = load("spin.wat", NULL, 0);
  ExtismCompiledPlugin *compiled = NULL;
  uint64_t used = 99;
  char *errmsg = NULL;
  CHECK(call(plugin, "ok", "") == 0);
  CHECK(!extism_plugin_fuel_consumed(plugin, &used) && used == 0);
  extism_plugin_free(plugin);
  given.fuel = 1000;
  plugin = with(&given, manifest("spin.wat", ""));
  CHECK(call(plugin, "ok", "") == 0);
  CHECK(extism_plugin_fuel_consumed(plugin, &used));
  CHECK(used > 0 && used < 100);
  CHECK(call(plugin, "spin", "") == -1);
  CHECK_TEXT(extism_plugin_error(plugin), "plugin ran out of fuel");
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_FUEL);
  extism_plugin_free(plugin);
  plugin = extism_plugin_new_with_fuel_limit(TEXT(manifest("spin.wat", "")),
                                             NULL, 0, false, 1000, &errmsg);
  CHECK(plugin != NULL && call(plugin, "spin", "") == -1);
  extism_plugin_free(plugin);
  given.fuel = 0;
  given.fuel_for_start = 5;
  CHECK(extism_compile(&given, TEXT("(module)"), &compiled, NULL) ==
        EXTISM_STATUS_INVALID_ARGUMENT);
}

static void pointers_in_manifests_need_a_flag(void) {
  Bytes wasm = fixture("echo.wat");
  ExtismOptions given = options();
  ExtismCompiledPlugin *compiled = NULL;
  ExtismPlugin *plugin;
  char text[256];
  snprintf(text, sizeof text,
           "{\"wasm\":[{\"data\":{\"ptr\":%llu,\"len\":%llu}}]}",
           (unsigned long long)(uintptr_t)wasm.data,
           (unsigned long long)wasm.length);
  CHECK(extism_compile(&given, TEXT(text), &compiled, NULL) != EXTISM_STATUS_OK);
  given.flags = EXTISM_OPTION_DATA_POINTERS;
  plugin = with(&given, text);
  CHECK(call(plugin, "echo", "pointed") == 0 && output_is(plugin, "pointed"));
  extism_plugin_free(plugin);
  plugin = from_text(text, NULL, 0);
  extism_plugin_free(plugin);
  CHECK(extism_plugin_new(
            TEXT("{\"wasm\":[{\"data\":{\"ptr\":0,\"len\":8}}]}"), NULL, 0,
            false, NULL) == NULL);
  free(wasm.data);
}

static void artefacts_load(void) {
  ExtismOptions given = options();
  ExtismBuffer *artefact = NULL;
  ExtismCompiledPlugin *compiled = NULL;
  ExtismPlugin *plugin = NULL;
  Bytes wasm = fixture("echo.wat");
  int trusted;
  CHECK(extism_precompile(&given, wasm.data, wasm.length, &artefact, NULL) ==
        EXTISM_STATUS_OK);
  CHECK(extism_buffer_length(artefact) > 8);
  CHECK(memcmp(extism_buffer_data(artefact), "\0asm", 4) == 0);
  for (trusted = 0; trusted < 2; trusted++) {
    given.flags = EXTISM_OPTION_NO_CACHE;
    given.flags |= trusted != 0 ? EXTISM_OPTION_TRUST_ARTEFACTS : 0;
    CHECK(extism_compile(&given, extism_buffer_data(artefact),
                         extism_buffer_length(artefact), &compiled,
                         NULL) == EXTISM_STATUS_OK);
    CHECK(extism_plugin_create(compiled, &plugin, NULL) == EXTISM_STATUS_OK);
    CHECK(call(plugin, "echo", "ahead") == 0 && output_is(plugin, "ahead"));
    extism_plugin_free(plugin);
    extism_compiled_plugin_free(compiled);
  }
  extism_buffer_free(artefact);
  CHECK(extism_precompile(NULL, TEXT("(module"), &artefact, NULL) ==
        EXTISM_STATUS_MODULE_INVALID);
  CHECK(artefact == NULL);
  free(wasm.data);
}

static void plugins_are_inspected(void) {
  ExtismBuffer *json = NULL;
  ExtismSize length;
  char text[65536];
  CHECK(extism_inspect(NULL, TEXT(manifest("callback.wat", "")), &json, NULL) ==
        EXTISM_STATUS_OK);
  length = extism_buffer_length(json);
  CHECK(length > 2 && length < sizeof text);
  memcpy(text, extism_buffer_data(json), (size_t)length);
  text[length] = 0;
  CHECK(text[0] == '{' && strstr(text, "\"callback\"") != NULL);
  CHECK(strstr(text, "\"run\"") != NULL);
  extism_buffer_free(json);
}

static void variables_are_read_and_written(void) {
  ExtismPlugin *plugin = load("store.wat", NULL, 0);
  ExtismBuffer *value = (ExtismBuffer *)&value;
  CHECK(extism_plugin_var_get(plugin, TEXT("name"), &value) ==
        EXTISM_STATUS_OK);
  CHECK(value == NULL);
  CHECK(call(plugin, "set", "from inside") == 0);
  CHECK(extism_plugin_var_get(plugin, TEXT("name"), &value) ==
        EXTISM_STATUS_OK);
  CHECK(extism_buffer_length(value) == 11);
  CHECK(memcmp(extism_buffer_data(value), "from inside", 11) == 0);
  extism_buffer_free(value);
  CHECK(extism_plugin_var_set(plugin, TEXT("name"), TEXT("from outside")) ==
        EXTISM_STATUS_OK);
  CHECK(call(plugin, "get", "name") == 0 && output_is(plugin, "from outside"));
  CHECK(extism_plugin_var_set(plugin, TEXT("name"), NULL, 0) ==
        EXTISM_STATUS_OK);
  CHECK(extism_plugin_var_get(plugin, TEXT("name"), &value) ==
        EXTISM_STATUS_OK);
  CHECK(value != NULL && extism_buffer_length(value) == 0);
  CHECK(extism_buffer_data(value) != NULL);
  extism_buffer_free(value);
  CHECK(extism_plugin_var_remove(plugin, TEXT("name")) == EXTISM_STATUS_OK);
  CHECK(extism_plugin_var_get(plugin, TEXT("name"), &value) ==
        EXTISM_STATUS_OK);
  CHECK(value == NULL);
  CHECK(extism_plugin_var_get(plugin, TEXT("\xff"), &value) ==
        EXTISM_STATUS_INVALID_UTF8);
  extism_plugin_free(plugin);
}

typedef struct Heard {
  int messages;
  int released;
  ExtismLogLevel level;
  char text[256];
  uint8_t id[16];
} Heard;

static void hear(void *user_data, const uint8_t *plugin_id,
                 ExtismLogLevel level, const char *message,
                 ExtismSize length) {
  Heard *heard = (Heard *)user_data;
  heard->messages++;
  heard->level = level;
  CHECK(strlen(message) == length && length < sizeof heard->text);
  strcpy(heard->text, message);
  memcpy(heard->id, plugin_id, 16);
}

static void forget(void *user_data) { ((Heard *)user_data)->released++; }

static void sinks_hear_their_plugin(void) {
  ExtismOptions given = options();
  Heard of_options, of_plugin;
  ExtismPlugin *plugin;
  ExtismCompiledPlugin *compiled = NULL;
  memset(&of_options, 0, sizeof of_options);
  memset(&of_plugin, 0, sizeof of_plugin);
  given.log_level = EXTISM_LOG_ERROR;
  given.log_sink = hear;
  given.log_user_data = &of_options;
  given.free_log_user_data = forget;
  CHECK(extism_compile(&given, TEXT("(module"), &compiled, NULL) ==
        EXTISM_STATUS_MODULE_INVALID);
  CHECK(of_options.released == 0);
  plugin = with(&given, manifest("log.wat", ""));
  CHECK(call(plugin, "info", "not heard") == 0 && of_options.messages == 0);
  CHECK(call(plugin, "error", "a\x1b[31m") == 0 && of_options.messages == 1);
  CHECK_TEXT(of_options.text, "a\\u{1b}[31m");
  CHECK(of_options.level == EXTISM_LOG_ERROR);
  CHECK(memcmp(of_options.id, extism_plugin_id(plugin), 16) == 0);
  CHECK(extism_plugin_set_log_sink(plugin, (ExtismLogLevel)5, hear, &of_plugin,
                                   forget) == EXTISM_STATUS_INVALID_ARGUMENT);
  CHECK(of_plugin.released == 0);
  CHECK(extism_plugin_set_log_sink(plugin, EXTISM_LOG_INFO, hear, &of_plugin,
                                   forget) == EXTISM_STATUS_OK);
  CHECK(call(plugin, "info", "heard") == 0);
  CHECK_TEXT(of_plugin.text, "heard");
  CHECK(of_options.messages == 1 && of_plugin.messages == 1);
  CHECK(extism_plugin_set_log_sink(plugin, EXTISM_LOG_INFO, NULL, NULL, NULL) ==
        EXTISM_STATUS_OK);
  CHECK(of_plugin.released == 1);
  CHECK(call(plugin, "info", "nobody") == 0 && of_plugin.messages == 1);
  extism_plugin_free(plugin);
  CHECK(of_options.released == 1 && of_plugin.released == 1);
}

static void wasi_gets_what_it_is_given(void) {
  static const char *const args[] = {"program", "one"};
  static const char *const env[] = {"NAME=value", "EMPTY"};
  static const char *const bad[] = {"fine", NULL};
  ExtismOptions given = options();
  ExtismCompiledPlugin *compiled = NULL;
  ExtismPlugin *plugin;
  CHECK(extism_compile(&given, TEXT(manifest("exit.wat", "")), &compiled,
                       NULL) == EXTISM_STATUS_IMPORT_UNKNOWN);
  given.flags = EXTISM_OPTION_WASI;
  given.wasi_args = args;
  given.n_wasi_args = 2;
  given.wasi_env = env;
  given.n_wasi_env = 2;
  plugin = with(&given, manifest("exit.wat", ""));
  CHECK(call(plugin, "seven", "") == 7);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_GUEST_EXIT);
  CHECK(extism_plugin_guest_code(plugin) == 7);
  CHECK(call(plugin, "zero", "") == 0 && extism_plugin_error(plugin) == NULL);
  extism_plugin_free(plugin);
  given.wasi_args = bad;
  CHECK(extism_compile(&given, TEXT(manifest("exit.wat", "")), &compiled,
                       NULL) == EXTISM_STATUS_NULL_ARGUMENT);
  given.wasi_args = NULL;
  CHECK(extism_compile(&given, TEXT(manifest("exit.wat", "")), &compiled,
                       NULL) == EXTISM_STATUS_NULL_ARGUMENT);
}

static void test(void) {
  errors_say_everything();
  calls_say_everything();
  limits_limit();
  structs_of_other_sizes();
  fuel_runs_out();
  pointers_in_manifests_need_a_flag();
  artefacts_load();
  plugins_are_inspected();
  variables_are_read_and_written();
  sinks_hear_their_plugin();
  wasi_gets_what_it_is_given();
  check_nothing_alive();
}
