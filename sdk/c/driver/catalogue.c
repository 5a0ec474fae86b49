/* The catalogue of host functions. Every call has a `Call` as its host context. */
#define _POSIX_C_SOURCE 200809L
#include "driver.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HOST_FUNCTION(name)                                                                        \
  static void name(ExtismCurrentPlugin *plugin, const ExtismVal *in, ExtismSize n_in,              \
                   ExtismVal *out, ExtismSize n_out, void *data)

#define UNUSED (void)plugin, (void)in, (void)n_in, (void)out, (void)n_out, (void)data

static Bytes text_of(ExtismCurrentPlugin *plugin, ExtismVal handle) {
  Bytes text;
  ExtismSize length = 0;
  text.data = extism_current_plugin_memory_block(plugin, (uint64_t)handle.v.i64, &length);
  text.length = length;
  return text;
}

/* A copy with a NUL behind it, for what has to outlive the next allocation. */
static Bytes copy_of(ExtismCurrentPlugin *plugin, ExtismVal handle) {
  Bytes text = text_of(plugin, handle);
  uint8_t *copy = scratch(text.length + 1);
  if (text.length > 0) {
    memcpy(copy, text.data, text.length);
  }
  copy[text.length] = 0;
  text.data = copy;
  return text;
}

static void put(ExtismCurrentPlugin *plugin, ExtismVal *out, const void *data, size_t length) {
  ExtismMemoryHandle handle = extism_current_plugin_memory_alloc(plugin, length);
  uint8_t *block = extism_current_plugin_memory_block(plugin, handle, NULL);
  if (block != NULL) {
    memcpy(block, data, length);
  }
  out->v.i64 = (int64_t)handle;
}

HOST_FUNCTION(upper) {
  Bytes text = copy_of(plugin, in[0]);
  size_t i;
  UNUSED;
  for (i = 0; i < text.length; i++) {
    if (text.data[i] >= 'a' && text.data[i] <= 'z') {
      text.data[i] = (uint8_t)(text.data[i] - 'a' + 'A');
    }
  }
  put(plugin, out, text.data, text.length);
}

HOST_FUNCTION(concat) {
  Bytes first = copy_of(plugin, in[0]), second = copy_of(plugin, in[1]);
  uint8_t *both = scratch(first.length + second.length);
  UNUSED;
  memcpy(both, first.data, first.length);
  memcpy(both + first.length, second.data, second.length);
  put(plugin, out, both, first.length + second.length);
}

HOST_FUNCTION(add_i64) {
  UNUSED;
  out->v.i64 = (int64_t)((uint64_t)in[0].v.i64 + (uint64_t)in[1].v.i64);
}

HOST_FUNCTION(add_i32) {
  UNUSED;
  out->v.i32 = (int32_t)((uint32_t)in[0].v.i32 + (uint32_t)in[1].v.i32);
}

HOST_FUNCTION(mul_f32) {
  UNUSED;
  out->v.f32 = in[0].v.f32 * in[1].v.f32;
}

HOST_FUNCTION(f64_id) {
  UNUSED;
  out->v = in[0].v;
}

HOST_FUNCTION(mix) {
  UNUSED;
  out->v.f64 = (double)in[0].v.i32 + (double)in[1].v.i64 + (double)in[2].v.f32 + in[3].v.f64;
}

HOST_FUNCTION(nothing) { UNUSED; }

HOST_FUNCTION(throw_) {
  Bytes text = text_of(plugin, in[0]);
  UNUSED;
  extism_current_plugin_fail(plugin, text.data, text.length);
}

HOST_FUNCTION(ctx_get) {
  const Call *call = extism_current_plugin_host_context(plugin);
  UNUSED;
  if (call->bytes.data != NULL) {
    put(plugin, out, call->bytes.data, call->bytes.length);
  }
}

HOST_FUNCTION(reenter) {
  const Call *call = extism_current_plugin_host_context(plugin);
  Bytes name = copy_of(plugin, in[0]);
  ExtismStatus status;
  char decimal[16];
  UNUSED;
  if (call->plugin != NULL) {
    status = extism_plugin_try_call(call->plugin, (const char *)name.data, name.length, NULL, 0,
                                    NULL, NULL, NULL);
  } else {
    extism_context_plugin_call(call->context, call->number, (const char *)name.data, NULL, 0, NULL);
    status = extism_context_status(call->context, call->number);
  }
  put(plugin, out, decimal, (size_t)snprintf(decimal, sizeof decimal, "%d", (int)status));
}

HOST_FUNCTION(nested) {
  Bytes name = copy_of(plugin, in[0]), input = copy_of(plugin, in[1]);
  Call call = {find_plugin("p2"), NULL, 0, {NULL, 0}};
  ExtismError *error = NULL;
  UNUSED;
  if (extism_plugin_try_call(call.plugin, (const char *)name.data, name.length, input.data,
                             input.length, &call, NULL, &error) == EXTISM_STATUS_OK) {
    put(plugin, out, extism_plugin_output_data(call.plugin),
        extism_plugin_output_length(call.plugin));
  } else {
    const char *message = extism_error_report(error);
    extism_current_plugin_fail(plugin, (const uint8_t *)message, strlen(message));
  }
  extism_error_free(error);
}

HOST_FUNCTION(wait_) {
  const int64_t step_ms = 5;
  int64_t left_ms = in[0].v.i64 < 10000 ? in[0].v.i64 : 10000;
  UNUSED;
  for (; left_ms > 0 && out->v.i64 == 0; left_ms -= step_ms) {
    struct timespec step = {0, 0};
    step.tv_nsec = (long)(left_ms < step_ms ? left_ms : step_ms) * 1000000;
    nanosleep(&step, NULL);
    out->v.i64 = extism_current_plugin_must_stop(plugin);
  }
}

HOST_FUNCTION(bad_handle) {
  UNUSED;
  out->v.i64 = (int64_t)1 << 40;
}

/* Types as letters: i and l are integers of 32 and 64 bits, f and d numbers of 32 and 64. */
static const struct {
  const char *name, *inputs, *outputs;
  ExtismFunctionType function;
} catalogue[] = {
    {"upper", "l", "l", upper},       {"concat", "ll", "l", concat},
    {"add_i64", "ll", "l", add_i64},  {"add_i32", "ii", "i", add_i32},
    {"mul_f32", "ff", "f", mul_f32},  {"f64_id", "d", "d", f64_id},
    {"mix", "ilfd", "d", mix},        {"nothing", "", "", nothing},
    {"throw", "l", "l", throw_},      {"ctx_get", "", "l", ctx_get},
    {"reenter", "l", "l", reenter},   {"nested", "ll", "l", nested},
    {"wait", "l", "l", wait_},        {"bad_handle", "", "l", bad_handle},
};

static ExtismSize types(const char *letters, ExtismValType *list) {
  static const char all[] = "ilfd";
  ExtismSize count = 0;
  for (; *letters != '\0'; letters++) {
    list[count++] = (ExtismValType)(strchr(all, *letters) - all);
  }
  return count;
}

ExtismFunction *catalogue_function(const char *name) {
  size_t i;
  for (i = 0; i < sizeof catalogue / sizeof *catalogue; i++) {
    if (strcmp(catalogue[i].name, name) == 0) {
      ExtismValType inputs[4], outputs[4];
      ExtismSize n_inputs = types(catalogue[i].inputs, inputs);
      ExtismSize n_outputs = types(catalogue[i].outputs, outputs);
      return extism_function_new(name, inputs, n_inputs, outputs, n_outputs,
                                 catalogue[i].function, NULL, NULL);
    }
  }
  return NULL;
}
