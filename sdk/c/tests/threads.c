/* Threads: of one plug-in, of many, and one that stops another. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"
#include <pthread.h>
#include <time.h>

enum { CALLS = 1000 };

typedef struct Counts {
  ExtismPlugin *plugin;
  int done, busy;
} Counts;

static void *try_often(void *data) {
  Counts *counts = data;
  int i;
  for (i = 0; i < CALLS; i++) {
    ExtismStatus status =
        extism_plugin_try_call(counts->plugin, "echo", 4, TEXT("hello"), NULL, NULL, NULL);
    counts->done += status == EXTISM_STATUS_OK;
    counts->busy += status == EXTISM_STATUS_BUSY;
  }
  return NULL;
}

static void *call_often(void *data) {
  Counts *counts = data;
  int i;
  for (i = 0; i < CALLS; i++) {
    counts->done += call(counts->plugin, "echo", "hello") == 0;
  }
  return NULL;
}

static Counts on_two_threads(void *(*run)(void *), ExtismPlugin *plugin) {
  Counts first = {plugin, 0, 0}, second = {plugin, 0, 0};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, run, &first) == 0);
  run(&second);
  CHECK(pthread_join(thread, NULL) == 0);
  first.done += second.done;
  first.busy += second.busy;
  return first;
}

static void g08_two_threads_are_told_or_wait(void) {
  ExtismPlugin *plugin = load(FIXTURE("echo.wat"), NULL, NULL, NULL);
  Counts counts = on_two_threads(try_often, plugin);
  CHECK(counts.done > 0 && counts.done + counts.busy == 2 * CALLS);
  counts = on_two_threads(call_often, plugin);
  CHECK(counts.done == 2 * CALLS);
  extism_plugin_free(plugin);
  check_nothing_alive();
}

/* Says that it is there, and waits until it may go on. */
typedef struct Gate {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int stage;
} Gate;

static void reach(Gate *gate, int stage) {
  pthread_mutex_lock(&gate->mutex);
  gate->stage = stage;
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->mutex);
}

static void wait_for(Gate *gate, int stage) {
  pthread_mutex_lock(&gate->mutex);
  while (gate->stage < stage) {
    pthread_cond_wait(&gate->changed, &gate->mutex);
  }
  pthread_mutex_unlock(&gate->mutex);
}

HOST_FUNCTION(hold) {
  UNUSED;
  reach(data, 1);
  wait_for(data, 2);
}

static void *run(void *plugin) {
  CHECK(call(plugin, "run", "") == 0);
  return NULL;
}

static void g09_a_call_holds_nobody_else_up(void) {
  Gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
  ExtismPlugin *held = load(FIXTURE("callback.wat"), hold, &gate, NULL);
  pthread_t thread;
  int i;
  CHECK(pthread_create(&thread, NULL, run, held) == 0);
  wait_for(&gate, 1);
  CHECK(extism_plugin_try_call(held, "again", 5, NULL, 0, NULL, NULL, NULL) == EXTISM_STATUS_BUSY);
  for (i = 0; i < 100; i++) {
    ExtismPlugin *other = load(FIXTURE("echo.wat"), NULL, NULL, NULL);
    CHECK(call(other, "echo", "meanwhile") == 0 && output_is(other, "meanwhile"));
    extism_plugin_free(other);
  }
  reach(&gate, 2);
  CHECK(pthread_join(thread, NULL) == 0);
  extism_plugin_free(held);
  check_nothing_alive();
}

static const char forever[] = "(module (import \"extism:host/user\" \"callback\""
                              " (func $begun (param i64) (result i64)))"
                              " (func (export \"forever\") (result i32)"
                              " (drop (call $begun (i64.const 0))) (loop $again (br $again))"
                              " (i32.const 0)) (func (export \"ok\") (result i32) (i32.const 0)))";

HOST_FUNCTION(begin) {
  UNUSED;
  reach(data, 1);
}

typedef struct Victim {
  Gate gate;
  const ExtismCancelHandle *handle;
  struct timespec cancelled;
} Victim;

static void *cancel(void *data) {
  Victim *victim = data;
  wait_for(&victim->gate, 1);
  clock_gettime(CLOCK_MONOTONIC, &victim->cancelled);
  CHECK(extism_plugin_cancel(victim->handle));
  return NULL;
}

static void g10_another_thread_cancels_a_call(void) {
  Victim victim = {{PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}, NULL, {0, 0}};
  ExtismPlugin *plugin = load(forever, begin, &victim.gate, NULL);
  struct timespec ended;
  pthread_t thread;
  int64_t ms;
  victim.handle = extism_cancel_handle_clone(extism_plugin_cancel_handle(plugin));
  CHECK(pthread_create(&thread, NULL, cancel, &victim) == 0);
  CHECK(call(plugin, "forever", "") == 134);
  clock_gettime(CLOCK_MONOTONIC, &ended);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_CANCELLED);
  ms = (int64_t)(ended.tv_sec - victim.cancelled.tv_sec) * 1000 +
       (ended.tv_nsec - victim.cancelled.tv_nsec) / 1000000;
  CHECK(ms <= 250);
  CHECK(call(plugin, "ok", "") == 0);
  extism_plugin_free(plugin);
  CHECK(extism_plugin_cancel(victim.handle));
  extism_cancel_handle_free(victim.handle);
  check_nothing_alive();
}

int main(void) {
  RUN(g08_two_threads_are_told_or_wait);
  RUN(g09_a_call_holds_nobody_else_up);
  RUN(g10_another_thread_cancels_a_call);
  SKIP("g11_async", "C has no event loop of its own");
  return 0;
}
