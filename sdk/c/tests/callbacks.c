/* Host functions and log sinks: failing in them, freeing in them, and what outlives them. */
#include "support.h"

static const char message[] = "the store is full";

HOST_FUNCTION(fail) {
  UNUSED;
  CHECK(extism_current_plugin_fail(plugin, TEXT(message)) == EXTISM_STATUS_OK);
}

static void g06_a_failure_is_the_calls_error(void) {
  ExtismPlugin *plugin = load(FIXTURE("callback.wat"), fail, NULL, NULL);
  ExtismError *error = NULL;
  int32_t code = 0;
  int i;
  for (i = 0; i < 2; i++) {
    CHECK(extism_plugin_try_call(plugin, "run", 3, NULL, 0, NULL, &code, &error) ==
          EXTISM_STATUS_HOST_FUNCTION);
    CHECK(code == -1 && extism_error_guest_code(error) == 0);
    CHECK(strstr(extism_error_report(error), message) != NULL);
    extism_error_free(error);
    /* The plug-in is good for the next call. */
    CHECK(call(plugin, "again", "") == 0);
  }
  extism_plugin_free(plugin);
  check_nothing_alive();
}

static ExtismCurrentPlugin *stashed;

HOST_FUNCTION(stash) {
  UNUSED;
  stashed = plugin;
  CHECK(extism_current_plugin_host_context(plugin) == data);
}

static void g07_the_current_plugin_ends_with_its_function(void) {
  int there = 0;
  ExtismSize length = 1;
  ExtismPlugin *plugin = load(FIXTURE("callback.wat"), stash, &there, NULL);
  CHECK(extism_plugin_call_with_host_context(plugin, "run", NULL, 0, &there) == 0);
  CHECK(stashed != NULL);
  CHECK(extism_current_plugin_host_context(stashed) == NULL);
  CHECK(extism_current_plugin_memory(stashed) == NULL);
  CHECK(extism_current_plugin_memory_alloc(stashed, 8) == 0);
  CHECK(extism_current_plugin_memory_length(stashed, 64) == 0);
  CHECK(extism_current_plugin_memory_block(stashed, 64, &length) == NULL && length == 0);
  CHECK(extism_current_plugin_fail(stashed, TEXT("late")) == EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(!extism_current_plugin_must_stop(stashed));
  extism_current_plugin_memory_free(stashed, 64);
  extism_plugin_free(plugin);
  check_nothing_alive();
}

HOST_FUNCTION(free_the_caller) {
  UNUSED;
  extism_plugin_free(*(ExtismPlugin **)data);
  outputs[0] = inputs[0];
}

static void freeing_within_a_callback_is_put_off(void) {
  ExtismPlugin *plugin = NULL;
  plugin = load(FIXTURE("callback.wat"), free_the_caller, &plugin, NULL);
  CHECK(call(plugin, "run", "input") == 0);
  check_nothing_alive();
}

HOST_FUNCTION(call_the_caller) {
  ExtismPlugin *caller = *(ExtismPlugin **)data;
  UNUSED;
  CHECK(call(caller, "again", "") == -1);
  CHECK(extism_plugin_try_call(caller, "again", 5, NULL, 0, NULL, NULL, NULL) ==
        EXTISM_STATUS_BUSY);
  CHECK(extism_plugin_status(caller) == EXTISM_STATUS_BUSY);
  CHECK(!extism_plugin_reset(caller));
}

static void calling_the_caller_answers_busy(void) {
  ExtismPlugin *plugin = NULL;
  plugin = load(FIXTURE("callback.wat"), call_the_caller, &plugin, NULL);
  CHECK(call(plugin, "run", "input") == 0);
  extism_plugin_free(plugin);
  check_nothing_alive();
}

typedef struct Log {
  char text[64];
  int released;
} Log;

static void keep(void *data, const uint8_t *plugin_id, ExtismLogLevel level, const char *text,
                 ExtismSize length) {
  Log *log = data;
  CHECK(plugin_id != NULL && strlen(text) == length);
  snprintf(log->text, sizeof log->text, "%d %s", (int)level, text);
}

static void release(void *data) { ((Log *)data)->released += 1; }

static void log_sinks_hear_their_plugin(void) {
  Log log = {"", 0};
  ExtismPlugin *plugin = load(FIXTURE("log.wat"), NULL, NULL, NULL);
  CHECK(extism_plugin_set_log_sink(plugin, EXTISM_LOG_WARN, keep, &log, release) == 0);
  CHECK(call(plugin, "info", "not this") == 0 && strcmp(log.text, "") == 0);
  CHECK(call(plugin, "error", "a\x1b") == 0 && strcmp(log.text, "4 a\\u{1b}") == 0);
  CHECK(extism_plugin_set_log_sink(plugin, EXTISM_LOG_TRACE, NULL, NULL, NULL) == 0);
  CHECK(log.released == 1);
  CHECK(call(plugin, "error", "nobody") == 0 && strcmp(log.text, "4 a\\u{1b}") == 0);
  extism_plugin_free(plugin);
  CHECK(log.released == 1);
}

int main(void) {
  RUN(g06_a_failure_is_the_calls_error);
  RUN(g07_the_current_plugin_ends_with_its_function);
  RUN(freeing_within_a_callback_is_put_off);
  RUN(calling_the_caller_answers_busy);
  RUN(log_sinks_hear_their_plugin);
  return 0;
}
