/* Many threads: calls of one plug-in are serialised, different plug-ins run side by side. */
#include "support.h"
#include <pthread.h>

enum { THREADS = 8, CALLS = 250 };

static ExtismPlugin *shared;

static void *call_the_shared_one(void *unused) {
  int i;
  for (i = 0; i < CALLS; i++) {
    CHECK(call(shared, "echo", "hello") == 0);
    CHECK(extism_plugin_function_exists(shared, "echo"));
    CHECK(extism_plugin_config(shared, TEXT("{\"key\":\"value\"}")));
  }
  return unused;
}

static void *call_one_of_its_own(void *compiled) {
  int i;
  for (i = 0; i < CALLS; i++) {
    ExtismPlugin *plugin = NULL;
    CHECK(extism_plugin_create((const ExtismCompiledPlugin *)compiled, &plugin,
                               NULL) == EXTISM_STATUS_OK);
    CHECK(call(plugin, "echo", "mine") == 0 && output_is(plugin, "mine"));
    extism_plugin_free(plugin);
  }
  return NULL;
}

static void on_all_threads(void *(*run)(void *), void *argument) {
  pthread_t threads[THREADS];
  int i;
  for (i = 0; i < THREADS; i++) {
    CHECK(pthread_create(&threads[i], NULL, run, argument) == 0);
  }
  for (i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
}

/* A host function that says it is there and waits until it may go on. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int stage;

static void wait_for(int wanted) {
  pthread_mutex_lock(&mutex);
  while (stage < wanted) {
    pthread_cond_wait(&changed, &mutex);
  }
  pthread_mutex_unlock(&mutex);
}

static void reach(int next) {
  pthread_mutex_lock(&mutex);
  stage = next;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}

static void hold(ExtismCurrentPlugin *plugin, const ExtismVal *inputs,
                 ExtismSize n_inputs, ExtismVal *outputs, ExtismSize n_outputs,
                 void *data) {
  (void)inputs;
  (void)n_inputs;
  (void)outputs;
  (void)n_outputs;
  *(ExtismCurrentPlugin **)data = plugin;
  reach(1);
  wait_for(2);
}

static void *run_it(void *plugin) {
  CHECK(call((ExtismPlugin *)plugin, "run", "") == 0);
  return NULL;
}

static void *free_it(void *plugin) {
  extism_plugin_free((ExtismPlugin *)plugin);
  return NULL;
}

static void others_wait_or_are_told(void) {
  static ExtismCurrentPlugin *current;
  ExtismValType handle = EXTISM_PTR;
  ExtismFunction *function = extism_function_new(
      "callback", &handle, 1, &handle, 1, hold, &current, NULL);
  const ExtismFunction *list[1];
  ExtismPlugin *plugin;
  ExtismError *error = NULL;
  pthread_t runner, liberator;
  int32_t code = 0;
  list[0] = function;
  plugin = load("callback.wat", list, 1);
  extism_function_free(function);
  stage = 0;
  CHECK(pthread_create(&runner, NULL, run_it, plugin) == 0);
  wait_for(1);
  CHECK(extism_plugin_try_call(plugin, "again", 5, NULL, 0, NULL, &code,
                               &error) == EXTISM_STATUS_BUSY);
  CHECK(code == -1);
  CHECK_TEXT(extism_error_message(error),
             "another thread is calling the plugin");
  extism_error_free(error);
  /* These never wait. */
  CHECK(extism_plugin_id(plugin) != NULL);
  CHECK(extism_plugin_cancel_handle(plugin) != NULL);
  /* Another thread's current plug-in is nobody's. */
  CHECK(extism_current_plugin_memory(current) == NULL);
  /* Freeing waits for the call. */
  CHECK(pthread_create(&liberator, NULL, free_it, plugin) == 0);
  CHECK(alive().plugins == 1);
  reach(2);
  CHECK(pthread_join(runner, NULL) == 0);
  CHECK(pthread_join(liberator, NULL) == 0);
  check_nothing_alive();
}

static void test(void) {
  ExtismCompiledPlugin *compiled = compile("echo.wat");
  shared = load("echo.wat", NULL, 0);
  on_all_threads(call_the_shared_one, NULL);
  extism_plugin_free(shared);
  on_all_threads(call_one_of_its_own, compiled);
  extism_compiled_plugin_free(compiled);
  check_nothing_alive();
  others_wait_or_are_told();
}
