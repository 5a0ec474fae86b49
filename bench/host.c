/* The benchmark: a program that uses what Extism 1.41 has and nothing more, so that it links with that library and with
 * this one. `cargo xtask bench` builds it once for each and runs the two in turn.
 *
 *   host time MILLISECONDS ROW...   measures rows, in loops of that length, and prints one JSON object per line
 *   host version                    prints the version of the library
 *   host repeat COUNT ROW           makes COUNT calls in counted_calls and prints nothing: for counting instructions
 *
 * It runs in a folder with published.wasm, ours.wasm and host_function.wasm.
 *
 * Must not know: which library it is linked with. Invariant: every call is checked to have succeeded, and the last call
 * of every timed loop to have given the right bytes. */

/* For the processor a thread runs on. */
#define _GNU_SOURCE

#include "harness.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fourteen bytes, four vowels. */
static const char TEXT[] = "this is a test";

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* How often host_function.wat calls the host function. */
#define CALLS_PER_CALL 1000

/* Plug-ins that are alive when their memory is measured. */
#define ALIVE_COUNT 1000

struct row {
  const char *name;
  void (*measure)(const struct row *row);
  /* The plug-in and what is called in it, where the row has one. */
  const char *module;
  const char *function;
  /* The bytes echoed; the other functions have an input of their own. */
  size_t echo_bytes;
};

/* ---- Plug-ins and calls -------------------------------------------------------------------- */

static ExtismPlugin *plugin_new(struct bytes module) {
  char *message = NULL;
  ExtismPlugin *plugin = extism_plugin_new(module.data, module.length, NULL, 0, false, &message);
  if (plugin == NULL) {
    fail("extism_plugin_new: %s", message);
  }
  return plugin;
}

static ExtismCompiledPlugin *compiled_new(struct bytes module) {
  char *message = NULL;
  ExtismCompiledPlugin *compiled =
      extism_compiled_plugin_new(module.data, module.length, NULL, 0, false, &message);
  if (compiled == NULL) {
    fail("extism_compiled_plugin_new: %s", message);
  }
  return compiled;
}

static ExtismPlugin *plugin_from(const ExtismCompiledPlugin *compiled) {
  char *message = NULL;
  ExtismPlugin *plugin = extism_plugin_new_from_compiled(compiled, &message);
  if (plugin == NULL) {
    fail("extism_plugin_new_from_compiled: %s", message);
  }
  return plugin;
}

/* A function of a plug-in with its input. */
/* Aligned so that two of them, used by two threads, never share a line of the processor's cache. */
struct call {
  _Alignas(128) ExtismPlugin *plugin;
  const char *function;
  struct bytes input;
  /* Calls made so far. */
  uint64_t made;
};

static struct bytes pattern(size_t length) {
  uint8_t *data = malloc(length);
  if (data == NULL) {
    fail("no memory for %zu bytes", length);
  }
  for (size_t at = 0; at < length; at++) {
    data[at] = (uint8_t)((at * 2654435761u) >> 16);
  }
  return (struct bytes){data, length};
}

static struct bytes input_of(const char *function, size_t echo_bytes) {
  if (strcmp(function, "echo") == 0) {
    return pattern(echo_bytes);
  }
  if (strncmp(function, "count_vowels", strlen("count_vowels")) == 0) {
    return (struct bytes){(const uint8_t *)TEXT, strlen(TEXT)};
  }
  return (struct bytes){NULL, 0};
}

static void check_output(const struct call *call) {
  char report[128];
  struct bytes expected = {(const uint8_t *)report, 0};
  if (strcmp(call->function, "echo") == 0) {
    expected = call->input;
  } else if (strcmp(call->function, "count_vowels") == 0) {
    expected.length = (size_t)snprintf(report, sizeof report, "{\"count\":4}");
  } else if (strcmp(call->function, "count_vowels_total") == 0) {
    /* The total shows that no call was lost. */
    expected.length = (size_t)snprintf(report, sizeof report,
                                       "{\"count\":4,\"total\":%" PRIu32 ",\"vowels\":\"aAeEiIoOuU\"}",
                                       (uint32_t)(4 * call->made));
  }
  ExtismSize length = extism_plugin_output_length(call->plugin);
  const uint8_t *output = extism_plugin_output_data(call->plugin);
  if (length != expected.length || (length != 0 && memcmp(output, expected.data, length) != 0)) {
    fail("%s gave %" PRIu64 " bytes that are not the %zu expected", call->function, length, expected.length);
  }
}

static void call_once(struct call *call) {
  int32_t code = extism_plugin_call(call->plugin, call->function, call->input.data, call->input.length);
  if (code != 0) {
    fail("%s answered %d: %s", call->function, (int)code, extism_plugin_error(call->plugin));
  }
  call->made += 1;
}

static void calls(void *state, uint64_t count) {
  struct call *call = state;
  for (uint64_t at = 0; at < count; at++) {
    call_once(call);
  }
  check_output(call);
}

static struct call call_of(const struct row *row, ExtismPlugin *plugin) {
  return (struct call){plugin, row->function, input_of(row->function, row->echo_bytes), 0};
}

/* ---- Calls --------------------------------------------------------------------------------- */

static void measure_calls_of(const struct row *row, ExtismPlugin *plugin) {
  struct call call = call_of(row, plugin);
  print_row(row->name, "ns", ns_per_operation(calls, &call), 0);
  extism_plugin_free(plugin);
}

static void measure_calls(const struct row *row) {
  measure_calls_of(row, plugin_new(read_file(row->module)));
}

static void measure_calls_with_timeout(const struct row *row) {
  char manifest[128];
  int length = snprintf(manifest, sizeof manifest, "{\"wasm\":[{\"path\":\"%s\"}],\"timeout_ms\":1000}", row->module);
  measure_calls_of(row, plugin_new((struct bytes){(const uint8_t *)manifest, (size_t)length}));
}

static void measure_calls_with_cancel_handle(const struct row *row) {
  ExtismPlugin *plugin = plugin_new(read_file(row->module));
  if (extism_plugin_cancel_handle(plugin) == NULL) {
    fail("there is no cancel handle");
  }
  measure_calls_of(row, plugin);
}

static void identity(ExtismCurrentPlugin *plugin, const ExtismVal *inputs, ExtismSize n_inputs, ExtismVal *outputs,
                     ExtismSize n_outputs, void *data) {
  (void)plugin;
  (void)n_inputs;
  (void)n_outputs;
  (void)data;
  outputs[0].v.i64 = inputs[0].v.i64;
}

/* The time of the calls, less that of the same loop without them. */
static void measure_host_function(const struct row *row) {
  ExtismValType type = ExtismValType_I64;
  ExtismFunction *function = extism_function_new("identity", &type, 1, &type, 1, identity, NULL, NULL);
  const ExtismFunction *functions[] = {function};
  struct bytes module = read_file(row->module);
  char *message = NULL;
  ExtismPlugin *plugin = extism_plugin_new(module.data, module.length, functions, 1, false, &message);
  if (plugin == NULL) {
    fail("extism_plugin_new: %s", message);
  }
  struct call with = {plugin, "calls", {NULL, 0}, 0};
  struct call without = {plugin, "loops", {NULL, 0}, 0};
  double loop_ns = ns_per_operation(calls, &without);
  double ns = ns_per_operation(calls, &with) - loop_ns;
  print_row(row->name, "ns", ns / CALLS_PER_CALL, 0);
  extism_plugin_free(plugin);
  extism_function_free(function);
}

/* ---- Instances ----------------------------------------------------------------------------- */

/* What instances are made from, and what each is called with. */
struct maker {
  const ExtismCompiledPlugin *compiled;
  struct call call;
};

static void instances(void *state, uint64_t count) {
  struct maker *maker = state;
  for (uint64_t at = 0; at < count; at++) {
    maker->call.plugin = plugin_from(maker->compiled);
    call_once(&maker->call);
    if (at + 1 == count) {
      check_output(&maker->call);
    }
    extism_plugin_free(maker->call.plugin);
  }
}

static void measure_instances(const struct row *row) {
  ExtismCompiledPlugin *compiled = compiled_new(read_file(row->module));
  struct maker maker = {compiled, call_of(row, NULL)};
  print_row(row->name, "ns", ns_per_operation(instances, &maker), 0);
  extism_compiled_plugin_free(compiled);
}

/* A module with a number at its end, in a custom section: other bytes, the same plug-in. */
struct numbered {
  struct bytes module;
  uint8_t *number;
  struct call call;
};

#define NUMBER_BYTES 8

static struct numbered numbered_of(const struct row *row) {
  static const uint8_t head[] = {0, 2 + NUMBER_BYTES, 1, 'n'};
  struct bytes module = read_file(row->module);
  uint8_t *data = malloc(module.length + sizeof head + NUMBER_BYTES);
  if (data == NULL) {
    fail("no memory for a module");
  }
  memcpy(data, module.data, module.length);
  memcpy(data + module.length, head, sizeof head);
  struct bytes longer = {data, module.length + sizeof head + NUMBER_BYTES};
  return (struct numbered){longer, data + module.length + sizeof head, call_of(row, NULL)};
}

static void load(struct numbered *numbered, bool check) {
  numbered->call.plugin = plugin_new(numbered->module);
  if (check) {
    call_once(&numbered->call);
    check_output(&numbered->call);
  }
  extism_plugin_free(numbered->call.plugin);
}

static void loads_of_new_bytes(void *state, uint64_t count) {
  struct numbered *numbered = state;
  for (uint64_t at = 0; at < count; at++) {
    /* The time: no cache that outlives the process has seen it either. */
    uint64_t nonce = (uint64_t)now_ns();
    memcpy(numbered->number, &nonce, NUMBER_BYTES);
    load(numbered, at + 1 == count);
  }
}

static void loads_of_known_bytes(void *state, uint64_t count) {
  for (uint64_t at = 0; at < count; at++) {
    load(state, at + 1 == count);
  }
}

static void measure_loads_of_new_bytes(const struct row *row) {
  struct numbered numbered = numbered_of(row);
  print_row(row->name, "ns", ns_per_operation(loads_of_new_bytes, &numbered), 0);
}

static void measure_loads_of_known_bytes(const struct row *row) {
  struct numbered numbered = numbered_of(row);
  memset(numbered.number, 0, NUMBER_BYTES);
  print_row(row->name, "ns", ns_per_operation(loads_of_known_bytes, &numbered), 0);
}

/* ---- Threads ------------------------------------------------------------------------------- */

#define THREADS 2

struct worker {
  pthread_t thread;
  operation_t operation;
  void *state;
  uint64_t count;
  /* Which of the workers this is, how many there are, and how many have arrived. */
  int nth;
  int of;
  atomic_int *arrived;
  double start_ns;
  double end_ns;
};

/* Each worker gets a processor of its own where the system can be told so: left to itself it takes as long
   as a measurement to move one of them away from the other. */
static void pin(int nth) {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    return;
  }
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(cpu, &allowed) && nth-- == 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      pthread_setaffinity_np(pthread_self(), sizeof one, &one);
      return;
    }
  }
#else
  (void)nth;
#endif
}

static void *work(void *argument) {
  struct worker *worker = argument;
  pin(worker->nth);
  atomic_fetch_add(worker->arrived, 1);
  while (atomic_load(worker->arrived) < worker->of) {
    sched_yield();
  }
  worker->start_ns = now_ns();
  worker->operation(worker->state, worker->count);
  worker->end_ns = now_ns();
  return NULL;
}

/* The time in which each of `of` threads does `count` operations. */
static double timed_on(int of, operation_t operation, void *states[THREADS], uint64_t count) {
  struct worker workers[THREADS];
  atomic_int arrived = 0;
  for (int at = 0; at < of; at++) {
    workers[at] = (struct worker){.operation = operation, .state = states[at], .count = count, .nth = at, .of = of,
                                  .arrived = &arrived};
    if (pthread_create(&workers[at].thread, NULL, work, &workers[at]) != 0) {
      fail("cannot start a thread");
    }
  }
  double start_ns = 0;
  double end_ns = 0;
  for (int at = 0; at < of; at++) {
    pthread_join(workers[at].thread, NULL);
    start_ns = at == 0 || workers[at].start_ns < start_ns ? workers[at].start_ns : start_ns;
    end_ns = workers[at].end_ns > end_ns ? workers[at].end_ns : end_ns;
  }
  return end_ns - start_ns;
}

/* Operations per second on two threads over those on one. */
static void print_scaling(const struct row *row, operation_t operation, void *states[THREADS]) {
  uint64_t count = calibrate(operation, states[0]);
  calibrate(operation, states[1]);
  double ratios[3];
  for (int at = 0; at < 3; at++) {
    double one_ns = timed_on(1, operation, states, count);
    ratios[at] = THREADS * one_ns / timed_on(THREADS, operation, states, count);
  }
  print_row(row->name, "ratio", median_of_three(ratios[0], ratios[1], ratios[2]), 0);
}

static void measure_calls_on_threads(const struct row *row) {
  struct call each[THREADS];
  void *states[THREADS];
  for (int at = 0; at < THREADS; at++) {
    each[at] = call_of(row, plugin_new(read_file(row->module)));
    states[at] = &each[at];
  }
  print_scaling(row, calls, states);
}

static void measure_instances_on_threads(const struct row *row) {
  ExtismCompiledPlugin *compiled = compiled_new(read_file(row->module));
  struct maker each[THREADS];
  void *states[THREADS];
  for (int at = 0; at < THREADS; at++) {
    each[at] = (struct maker){compiled, call_of(row, NULL)};
    states[at] = &each[at];
  }
  print_scaling(row, instances, states);
  extism_compiled_plugin_free(compiled);
}

/* ---- Memory -------------------------------------------------------------------------------- */

/* The memory of this process that is in RAM; -1 where the system does not say. */
static double resident_bytes(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) {
    return -1;
  }
  uint64_t pages = 0;
  int fields = fscanf(file, "%*u %" SCNu64, &pages);
  fclose(file);
  return fields == 1 ? (double)pages * (double)sysconf(_SC_PAGESIZE) : -1;
}

static void print_growth(const char *row, double before, uint64_t count) {
  if (before >= 0) {
    print_row(row, "bytes", (resident_bytes() - before) / (double)count, count);
  }
}

static void measure_memory(const struct row *row) {
  static ExtismPlugin *alive[ALIVE_COUNT];
  ExtismCompiledPlugin *compiled = compiled_new(read_file(row->module));
  struct maker maker = {compiled, call_of(row, NULL)};
  /* What the first instance brings for all of them is not counted. */
  instances(&maker, 1);
  double before = resident_bytes();
  for (int at = 0; at < ALIVE_COUNT; at++) {
    alive[at] = plugin_from(compiled);
  }
  print_growth("memory, made", before, ALIVE_COUNT);
  for (int at = 0; at < ALIVE_COUNT; at++) {
    maker.call.plugin = alive[at];
    call_once(&maker.call);
    check_output(&maker.call);
  }
  print_growth("memory, called", before, ALIVE_COUNT);
  for (int at = 0; at < ALIVE_COUNT; at++) {
    extism_plugin_free(alive[at]);
  }
  extism_compiled_plugin_free(compiled);
}

/* As many as a sample times this allows, and no more than the maximum. */
#define CREATE_SAMPLES 100
#define CREATE_COUNT_MAX 100000

static void measure_creation(const struct row *row) {
  ExtismCompiledPlugin *compiled = compiled_new(read_file(row->module));
  struct maker maker = {compiled, call_of(row, NULL)};
  uint64_t count = CREATE_SAMPLES * calibrate(instances, &maker);
  count = count > CREATE_COUNT_MAX ? CREATE_COUNT_MAX : count;
  double before = resident_bytes();
  double start = now_ns();
  instances(&maker, count);
  print_row("create and free", "ns", (now_ns() - start) / (double)count, count);
  print_growth("create and free, growth", before, count);
  extism_compiled_plugin_free(compiled);
}

/* ---- The rows ------------------------------------------------------------------------------ */

#define PUBLISHED "published.wasm"
#define OURS "ours.wasm"

static const struct row ROWS[] = {
    {"no-op", measure_calls, PUBLISHED, "noop", 0},
    {"count_vowels", measure_calls, PUBLISHED, "count_vowels", 0},
    {"count_vowels_total", measure_calls, PUBLISHED, "count_vowels_total", 0},
    {"echo 64 KiB", measure_calls, PUBLISHED, "echo", 64 * KIB},
    {"echo 1 MiB", measure_calls, PUBLISHED, "echo", MIB},
    {"echo 16 MiB", measure_calls, PUBLISHED, "echo", 16 * MIB},
    {"echo 64 KiB, our kit", measure_calls, OURS, "echo", 64 * KIB},
    {"echo 1 MiB, our kit", measure_calls, OURS, "echo", MIB},
    {"echo 16 MiB, our kit", measure_calls, OURS, "echo", 16 * MIB},
    {"host function", measure_host_function, "host_function.wasm", NULL, 0},
    {"no-op, time limit", measure_calls_with_timeout, PUBLISHED, "noop", 0},
    {"no-op, cancel handle", measure_calls_with_cancel_handle, PUBLISHED, "noop", 0},
    {"instance", measure_instances, PUBLISHED, "noop", 0},
    {"load again", measure_loads_of_known_bytes, PUBLISHED, "noop", 0},
    {"load first", measure_loads_of_new_bytes, PUBLISHED, "noop", 0},
    {"calls on 2 threads", measure_calls_on_threads, PUBLISHED, "noop", 0},
    {"instances on 2 threads", measure_instances_on_threads, PUBLISHED, "noop", 0},
    {"memory", measure_memory, PUBLISHED, "count_vowels", 0},
    {"create and free", measure_creation, PUBLISHED, "noop", 0},
};

static const struct row *row_of(const char *name) {
  for (size_t at = 0; at < sizeof ROWS / sizeof ROWS[0]; at++) {
    if (strcmp(ROWS[at].name, name) == 0) {
      return &ROWS[at];
    }
  }
  fail("there is no row %s", name);
}

/* The one function whose instructions are counted, by this name. */
void counted_calls(struct call *call, uint64_t count);

__attribute__((noinline)) void counted_calls(struct call *call, uint64_t count) {
  calls(call, count);
}

static void repeat(const struct row *row, uint64_t count) {
  if (row->measure != measure_calls) {
    fail("%s is not a row of calls", row->name);
  }
  struct call call = call_of(row, plugin_new(read_file(row->module)));
  /* What is done at the first calls alone is not counted. */
  calls(&call, 2);
  counted_calls(&call, count);
  extism_plugin_free(call.plugin);
}

int main(int argc, char **argv) {
  if (argc >= 4 && strcmp(argv[1], "time") == 0) {
    sample_ns = (double)number(argv[2]) * 1e6;
    for (int at = 3; at < argc; at++) {
      const struct row *row = row_of(argv[at]);
      row->measure(row);
    }
    return 0;
  }
  if (argc == 2 && strcmp(argv[1], "version") == 0) {
    printf("%s\n", extism_version());
    return 0;
  }
  if (argc == 4 && strcmp(argv[1], "repeat") == 0) {
    repeat(row_of(argv[3]), number(argv[2]));
    return 0;
  }
  fail("usage: host time MILLISECONDS ROW... | host version | host repeat COUNT ROW");
}
