/* Bytes, numbers and errors: what goes in comes out. */
#define _DEFAULT_SOURCE
#include "support.h"
#include <sys/mman.h>

static void round_trip(ExtismPlugin *plugin, const uint8_t *data, ExtismSize length) {
  CHECK(extism_plugin_call(plugin, "echo", data, length) == 0);
  CHECK(extism_plugin_output_length(plugin) == length);
  CHECK(extism_plugin_output_data(plugin) != NULL);
  CHECK(length == 0 || memcmp(extism_plugin_output_data(plugin), data, length) == 0);
}

static void g12_bytes_are_bytes(void) {
  static const uint8_t odd[] = {0, 'a', 0, 0xff, 0xfe, 0xc3, 0x28, 0};
  const ExtismSize large = (ExtismSize)64 << 20;
  uint8_t *data = malloc(large);
  ExtismBuffer *value = NULL;
  ExtismSize i;
  ExtismPlugin *plugin = load(FIXTURE("echo.wat"), NULL, NULL, NULL);
  CHECK(data != NULL);
  for (i = 0; i < large; i++) {
    data[i] = (uint8_t)(i * 2654435761u >> 13);
  }
  round_trip(plugin, odd, sizeof odd);
  round_trip(plugin, NULL, 0);
  round_trip(plugin, odd, 0);
  round_trip(plugin, data, large);
  free(data);
  /* Empty is not absent. */
  CHECK(extism_plugin_var_set(plugin, TEXT("empty"), NULL, 0) == EXTISM_STATUS_OK);
  CHECK(extism_plugin_var_get(plugin, TEXT("empty"), &value) == EXTISM_STATUS_OK);
  CHECK(value != NULL && extism_buffer_length(value) == 0 && extism_buffer_data(value) != NULL);
  extism_buffer_free(value);
  CHECK(extism_plugin_var_get(plugin, TEXT("absent"), &value) == EXTISM_STATUS_OK);
  CHECK(value == NULL);
  CHECK(extism_plugin_var_set(plugin, odd, sizeof odd, odd, sizeof odd) ==
        EXTISM_STATUS_INVALID_UTF8);
  extism_plugin_free(plugin);
}

static void g13_buffers_are_copies(void) {
  ExtismPlugin *plugin = load(FIXTURE("echo.wat"), NULL, NULL, NULL);
  ExtismBuffer *first = NULL;
  CHECK(extism_plugin_var_set(plugin, TEXT("name"), TEXT("first")) == EXTISM_STATUS_OK);
  CHECK(extism_plugin_var_get(plugin, TEXT("name"), &first) == EXTISM_STATUS_OK);
  CHECK(extism_plugin_var_set(plugin, TEXT("name"), TEXT("other")) == EXTISM_STATUS_OK);
  CHECK(call(plugin, "echo", "something") == 0);
  CHECK(memcmp(extism_buffer_data(first), "first", 5) == 0);
  extism_buffer_free(first);
  extism_plugin_free(plugin);
}

HOST_FUNCTION(identity) {
  UNUSED;
  outputs[0] = inputs[0];
}

HOST_FUNCTION(one_more) {
  UNUSED;
  outputs[0].v.i32 = inputs[0].v.i32 + 1;
}

HOST_FUNCTION(sums) {
  ExtismSize i;
  UNUSED;
  for (i = 0; i < n_inputs; i++) {
    if (inputs[i].t == ExtismValType_I32) {
      outputs[0].v.i32 += inputs[i].v.i32;
    } else if (inputs[i].t == ExtismValType_I64) {
      outputs[1].v.i64 += inputs[i].v.i64;
    }
  }
}

static ExtismPlugin *load_values(void) {
  static const ExtismValType all[4] = {ExtismValType_I32, ExtismValType_I64, ExtismValType_F32,
                                       ExtismValType_F64};
  static const char *const names[4] = {"i32_id", "i64_id", "f32_id", "f64_id"};
  ExtismValType many[17];
  const ExtismFunction *functions[6];
  ExtismFunction *owned[6];
  ExtismPlugin *plugin;
  char *errmsg = NULL;
  size_t i;
  for (i = 0; i < 17; i++) {
    many[i] = all[i % 4];
  }
  for (i = 0; i < 4; i++) {
    owned[i] = extism_function_new(names[i], &all[i], 1, &all[i], 1, identity, NULL, NULL);
  }
  owned[4] = extism_function_new("i32_id", all, 1, all, 1, one_more, NULL, NULL);
  extism_function_set_namespace(owned[4], "elsewhere");
  owned[5] = extism_function_new("many", many, 17, all, 2, sums, NULL, NULL);
  for (i = 0; i < 6; i++) {
    functions[i] = owned[i];
  }
  plugin = extism_plugin_new(TEXT(FIXTURE("values.wat")), functions, 6, false, &errmsg);
  CHECK(plugin != NULL);
  for (i = 0; i < 6; i++) {
    extism_function_free(owned[i]);
  }
  return plugin;
}

static void g14_numbers_keep_every_bit(void) {
  static const char *const functions[] = {"i32", "i64", "f32", "f64", "elsewhere", "many"};
  ExtismPlugin *plugin = load_values();
  const size_t huge = ((size_t)1 << 32) + 1;
  void *pages;
  size_t i;
  for (i = 0; i < sizeof functions / sizeof *functions; i++) {
    CHECK(call(plugin, functions[i], "") == 0);
  }
  extism_plugin_free(plugin);
  /* An input of more than 4 GiB is refused, and not cut to the one byte above. */
  pages = mmap(NULL, huge, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(pages != MAP_FAILED);
  plugin = load(FIXTURE("echo.wat"), NULL, NULL, NULL);
  CHECK(extism_plugin_call(plugin, "echo", pages, huge) == -1);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_MEMORY);
  CHECK(call(plugin, "echo", "small") == 0 && output_is(plugin, "small"));
  extism_plugin_free(plugin);
  CHECK(munmap(pages, huge) == 0);
}

static void fails(const char *source, const char *function, ExtismStatus expected,
                  int32_t expected_code, const char *part) {
  ExtismPlugin *plugin = load(source, NULL, NULL, NULL);
  ExtismError *error = NULL;
  ExtismStatus status = extism_plugin_try_call(plugin, function, strlen(function), TEXT("oh no"),
                                               NULL, NULL, &error);
  CHECK(status == expected && extism_error_status(error) == expected);
  CHECK(extism_plugin_status(plugin) == expected);
  CHECK(extism_error_guest_code(error) == expected_code);
  CHECK(extism_plugin_guest_code(plugin) == expected_code);
  CHECK(strstr(extism_error_report(error), part) != NULL);
  extism_error_free(error);
  extism_plugin_free(plugin);
}

static void g17_errors_say_what_happened(void) {
  static const char ours[] = "{\"wasm\": [{\"path\": \"fixtures/plugins/ours.wasm\"}]}";
  static const char limited[] =
      "{\"wasm\": [{\"path\": \"fixtures/wat/spin.wat\"}], \"timeout_ms\": 20}";
  fails(ours, "fail", EXTISM_STATUS_GUEST_ERROR, -1, "oh no");
  fails(ours, "fail_code", EXTISM_STATUS_GUEST_ERROR, 7, "oh no");
  fails(FIXTURE("exit.wat"), "seven", EXTISM_STATUS_GUEST_EXIT, 7, "7");
  fails(FIXTURE("spin.wat"), "absent", EXTISM_STATUS_FUNCTION_NOT_FOUND, 0, "absent");
  fails(limited, "spin", EXTISM_STATUS_TIMEOUT, 0, "timeout");
  CHECK(strcmp(extism_status_name(EXTISM_STATUS_TIMEOUT), "TIMEOUT") == 0);
  CHECK(strcmp(extism_status_name((ExtismStatus)12345), "UNKNOWN") == 0);
  check_nothing_alive();
}

int main(void) {
  RUN(g12_bytes_are_bytes);
  RUN(g13_buffers_are_copies);
  RUN(g14_numbers_keep_every_bit);
  RUN(g17_errors_say_what_happened);
  return 0;
}
