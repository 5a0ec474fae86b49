/* Pools: never too many, always as new, and alive as long as somebody has one of theirs. */
#include "support.h"
#include <pthread.h>

static ExtismPool *pool_of(ExtismCompiledPlugin *compiled,
                           uint64_t instances_max) {
  ExtismPool *pool = NULL;
  ExtismPoolOptions options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.instances_max = instances_max;
  CHECK(extism_pool_new(compiled, &options, &pool, NULL) == EXTISM_STATUS_OK);
  extism_compiled_plugin_free(compiled);
  return pool;
}

static ExtismPool *new_pool(const char *name, uint64_t instances_max) {
  return pool_of(compile(name), instances_max);
}

static ExtismPlugin *get(const ExtismPool *pool) {
  ExtismPlugin *plugin = NULL;
  CHECK(extism_pool_get(pool, 60000, &plugin, NULL) == EXTISM_STATUS_OK);
  return plugin;
}

static ExtismPoolStats stats(const ExtismPool *pool) {
  ExtismPoolStats value;
  memset(&value, 0, sizeof value);
  value.size = sizeof value;
  CHECK(extism_pool_stats(pool, &value) == EXTISM_STATUS_OK);
  CHECK(value.size == sizeof value);
  return value;
}

static void no_more_than_allowed(void) {
  ExtismPool *pool = new_pool("echo.wat", 2);
  ExtismPlugin *one = get(pool);
  ExtismPlugin *two = get(pool);
  ExtismPlugin *three = (ExtismPlugin *)&pool;
  ExtismError *error = NULL;
  CHECK(extism_pool_get(pool, 1, &three, &error) ==
        EXTISM_STATUS_WAIT_TIMEOUT);
  CHECK(three == NULL);
  CHECK(extism_error_status(error) == EXTISM_STATUS_WAIT_TIMEOUT);
  CHECK_TEXT(extism_error_message(error),
             "no plug-in of the pool came back within 1ms");
  extism_error_free(error);
  CHECK(call(one, "echo", "one") == 0 && output_is(one, "one"));
  CHECK(stats(pool).alive == 2 && stats(pool).idle == 0);
  extism_plugin_free(one);
  CHECK(stats(pool).idle == 1 && stats(pool).instances_max == 2);
  one = get(pool);
  CHECK(output_is(one, "") && stats(pool).made == 2);
  extism_plugin_free(one);
  extism_pool_free(pool);
  /* The borrowed one lives on. */
  CHECK(call(two, "echo", "two") == 0 && output_is(two, "two"));
  extism_plugin_free(two);
  check_nothing_alive();
}

static void borrowers_leave_nothing_behind(void) {
  ExtismPool *pool = new_pool("store.wat", 1);
  ExtismPlugin *plugin = get(pool);
  CHECK(extism_plugin_config(plugin, TEXT("{\"key\":\"changed\"}")));
  CHECK(extism_plugin_var_set(plugin, TEXT("name"), TEXT("value")) ==
        EXTISM_STATUS_OK);
  CHECK(call(plugin, "get", "name") == 0 && output_is(plugin, "value"));
  extism_plugin_free(plugin);
  plugin = get(pool);
  CHECK(call(plugin, "get", "name") == 0 && output_is(plugin, ""));
  CHECK(call(plugin, "config", "key") == 0 && output_is(plugin, ""));
  extism_plugin_free(plugin);
  CHECK(stats(pool).made == 1);
  extism_pool_free(pool);
  check_nothing_alive();
}

static void set_a_variable(ExtismCurrentPlugin *current,
                           const ExtismVal *inputs, ExtismSize n_inputs,
                           ExtismVal *outputs, ExtismSize n_outputs,
                           void *data) {
  (void)inputs;
  (void)n_inputs;
  (void)outputs;
  (void)n_outputs;
  (void)data;
  CHECK(extism_current_plugin_var_set(current, TEXT("name"),
                                      TEXT("of A")) == EXTISM_STATUS_OK);
}

/* Whoever sets it, on behalf of the borrower. */
static void host_functions_leave_nothing_behind(void) {
  static const char *text =
      "(module (import \"extism:host/user\" \"set\" (func $set))"
      "(func (export \"run\") (call $set)))";
  ExtismFunction *function = extism_function_new(
      "set", NULL, 0, NULL, 0, set_a_variable, NULL, NULL);
  const ExtismFunction *functions[1];
  ExtismCompiledPlugin *compiled;
  ExtismPool *pool;
  ExtismPlugin *plugin;
  ExtismBuffer *value = NULL;
  char *errmsg = NULL;
  functions[0] = function;
  compiled = extism_compiled_plugin_new(TEXT(text), functions, 1, false, &errmsg);
  CHECK(compiled != NULL);
  pool = pool_of(compiled, 1);
  extism_function_free(function);
  plugin = get(pool);
  CHECK(call(plugin, "run", "") == 0);
  CHECK(extism_plugin_var_get(plugin, TEXT("name"), &value) ==
        EXTISM_STATUS_OK);
  CHECK(value != NULL);
  extism_buffer_free(value);
  extism_plugin_free(plugin);
  plugin = get(pool);
  CHECK(extism_plugin_var_get(plugin, TEXT("name"), &value) ==
        EXTISM_STATUS_OK);
  CHECK(value == NULL);
  extism_plugin_free(plugin);
  extism_pool_free(pool);
  check_nothing_alive();
}

static void trapped_plugins_work_again(void) {
  ExtismPool *pool = new_pool("results.wat", 1);
  ExtismPlugin *plugin = get(pool);
  CHECK(call(plugin, "trap", "") == 134);
  extism_plugin_free(plugin);
  plugin = get(pool);
  CHECK(call(plugin, "zero", "") == 0 && extism_plugin_error(plugin) == NULL);
  extism_plugin_free(plugin);
  extism_pool_free(pool);
  check_nothing_alive();
}

static void *borrow_often(void *pool) {
  int i;
  for (i = 0; i < 200; i++) {
    ExtismPlugin *plugin = get((const ExtismPool *)pool);
    CHECK(call(plugin, "echo", "hammer") == 0 && output_is(plugin, "hammer"));
    extism_plugin_free(plugin);
  }
  return NULL;
}

static void threads_share_a_pool(void) {
  ExtismPool *pool = new_pool("echo.wat", 3);
  pthread_t threads[8];
  int i;
  for (i = 0; i < 8; i++) {
    CHECK(pthread_create(&threads[i], NULL, borrow_often, pool) == 0);
  }
  for (i = 0; i < 8; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(stats(pool).made <= 3 && stats(pool).waiting == 0);
  extism_pool_free(pool);
  check_nothing_alive();
}

static void test(void) {
  no_more_than_allowed();
  borrowers_leave_nothing_behind();
  host_functions_leave_nothing_behind();
  trapped_plugins_work_again();
  threads_share_a_pool();
}
