/* Cancelling and timing out: the running call, nothing else, and handles that outlive their plug-in. */
#include "support.h"
#include <pthread.h>
#include <sched.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool over;

static bool is_over(void) {
  bool result;
  pthread_mutex_lock(&mutex);
  result = over;
  pthread_mutex_unlock(&mutex);
  return result;
}

static void set_over(bool value) {
  pthread_mutex_lock(&mutex);
  over = value;
  pthread_mutex_unlock(&mutex);
}

/* A cancel before the call begins does nothing, so it is repeated until the call has ended. */
static void *cancel_until_over(void *handle) {
  while (!is_over()) {
    extism_plugin_cancel((const ExtismCancelHandle *)handle);
    sched_yield();
  }
  return NULL;
}

static void cancelled_calls_end(void) {
  ExtismPlugin *plugin = load("spin.wat", NULL, 0);
  ExtismPlugin *other = load("spin.wat", NULL, 0);
  const ExtismCancelHandle *handle = extism_plugin_cancel_handle(plugin);
  int i;
  CHECK(handle != NULL && handle == extism_plugin_cancel_handle(plugin));
  CHECK(handle != extism_plugin_cancel_handle(other));
  for (i = 0; i < 20; i++) {
    pthread_t thread;
    set_over(false);
    CHECK(pthread_create(&thread, NULL, cancel_until_over, (void *)handle) ==
          0);
    CHECK(call(plugin, "spin", "") == 134);
    set_over(true);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_TEXT(extism_plugin_error(plugin), "timeout");
    CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_CANCELLED);
    /* Cancelling when nothing runs does not hit the next call. */
    CHECK(extism_plugin_cancel(handle));
    CHECK(call(plugin, "ok", "") == 0);
    CHECK(call(other, "ok", "") == 0);
  }
  extism_plugin_free(other);
  extism_plugin_free(plugin);
  check_nothing_alive();
}

static void handles_outlive_their_plugin(void) {
  const ExtismCancelHandle *stale[100];
  size_t i, j;
  for (i = 0; i < 100; i++) {
    ExtismPlugin *plugin = load("spin.wat", NULL, 0);
    stale[i] = extism_plugin_cancel_handle(plugin);
    for (j = 0; j < i; j++) {
      CHECK(stale[j] != stale[i]);
      CHECK(!extism_plugin_cancel(stale[j]));
    }
    CHECK(extism_plugin_cancel(stale[i]));
    extism_plugin_free(plugin);
    CHECK(!extism_plugin_cancel(stale[i]));
  }
  check_nothing_alive();
}

static void copies_are_the_callers(void) {
  ExtismPlugin *plugin = load("spin.wat", NULL, 0);
  const ExtismCancelHandle *handle = extism_plugin_cancel_handle(plugin);
  const ExtismCancelHandle *copy = extism_cancel_handle_clone(handle);
  const ExtismCancelHandle *second = extism_cancel_handle_clone(copy);
  pthread_t thread;
  CHECK(copy != NULL && copy != handle && second != copy);
  extism_cancel_handle_free(copy);
  CHECK(!extism_plugin_cancel(copy));
  extism_cancel_handle_free(copy);
  /* The plug-in's own cannot be freed. */
  extism_cancel_handle_free(handle);
  set_over(false);
  CHECK(pthread_create(&thread, NULL, cancel_until_over, (void *)second) == 0);
  CHECK(call(plugin, "spin", "") == 134);
  set_over(true);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(alive().cancel_handles == 2);
  extism_plugin_free(plugin);
  /* It may be used, and does nothing. */
  CHECK(extism_plugin_cancel(second));
  CHECK(extism_cancel_handle_clone(handle) == NULL);
  extism_cancel_handle_free(second);
  check_nothing_alive();
}

static void time_is_limited(void) {
  ExtismPlugin *plugin =
      from_text(manifest("spin.wat", ",\"timeout_ms\":30"), NULL, 0);
  CHECK(call(plugin, "spin", "") == 134);
  CHECK_TEXT(extism_plugin_error(plugin), "timeout");
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_TIMEOUT);
  CHECK(call(plugin, "ok", "") == 0);
  extism_plugin_free(plugin);
}

static void test(void) {
  cancelled_calls_end();
  handles_outlive_their_plugin();
  copies_are_the_callers();
  time_is_limited();
}
