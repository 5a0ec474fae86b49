/* Objects: what is left of them when they are gone, and who keeps whom alive. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static int released;

static void release(void *data) { *(int *)data += 1; }

HOST_FUNCTION(echo) {
  UNUSED;
  outputs[0] = inputs[0];
}

/* C cannot tell a pointer that was freed; what it can set to NULL answers, and what the library knows by a number
 * is never taken for another. */
static void g01_what_is_gone_answers(void) {
  ExtismPlugin *plugin = load(FIXTURE("echo.wat"), NULL, NULL, NULL);
  const ExtismCancelHandle *handle = extism_plugin_cancel_handle(plugin);
  ExtismContext *context = extism_context_new();
  ExtismError *error = NULL;
  ExtismPlugin *none = NULL;
  int32_t number = extism_context_plugin_new(context, TEXT(FIXTURE("echo.wat")), NULL, 0, false);
  CHECK(extism_plugin_cancel(handle));
  extism_plugin_free(plugin);
  CHECK(!extism_plugin_cancel(handle));
  CHECK(extism_cancel_handle_clone(handle) == NULL);

  CHECK(number == 0);
  extism_context_plugin_free(context, number);
  CHECK(extism_context_plugin_call(context, number, "echo", NULL, 0, NULL) == -1);
  CHECK(extism_context_status(context, number) == EXTISM_STATUS_BAD_HANDLE);
  CHECK(extism_context_plugin_output_data(context, number) == NULL);
  CHECK(extism_context_plugin_new(context, TEXT(FIXTURE("echo.wat")), NULL, 0, false) == 1);
  extism_context_free(context);

  CHECK(call(none, "echo", "") == -1);
  CHECK(extism_plugin_status(none) == EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(extism_plugin_output_data(none) == NULL && extism_plugin_output_length(none) == 0);
  CHECK(extism_plugin_create(NULL, &none, &error) == EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(none == NULL && extism_error_status(error) == EXTISM_STATUS_NULL_ARGUMENT);
  extism_error_free(error);
  check_nothing_alive();
}

static void g02_freeing_nothing_does_nothing(void) {
  ExtismPlugin *plugin = load(FIXTURE("echo.wat"), NULL, NULL, NULL);
  const ExtismCancelHandle *copy =
      extism_cancel_handle_clone(extism_plugin_cancel_handle(plugin));
  int i;
  for (i = 0; i < 2; i++) {
    extism_plugin_free(NULL);
    extism_compiled_plugin_free(NULL);
    extism_function_free(NULL);
    extism_context_free(NULL);
    extism_context_plugin_free(NULL, 0);
    extism_pool_free(NULL);
    extism_buffer_free(NULL);
    extism_error_free(NULL);
    extism_plugin_new_error_free(NULL);
    extism_cancel_handle_free(NULL);
    /* Handles are numbers, so that even twice is harmless. */
    extism_cancel_handle_free(copy);
  }
  extism_plugin_free(plugin);
  check_nothing_alive();
}

/* This program, and what it leaves alive when it is told to. */
static const char *program;
static ExtismPlugin *left;

static void *free_plugin(void *plugin) {
  extism_plugin_free(plugin);
  return NULL;
}

/* Freed on another thread than the one that made them, in any order, or not at all when the process ends. */
static void g03_any_thread_frees_in_any_order(void) {
  enum { COUNT = 64 };
  ExtismPlugin *plugins[COUNT];
  int status = 0, i;
  pid_t child;
  released = 0;
  for (i = 0; i < COUNT; i++) {
    plugins[i] = load(FIXTURE("callback.wat"), echo, &released, release);
  }
  for (i = 0; i < COUNT; i++) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, free_plugin, plugins[i * 37 % COUNT]) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  CHECK(released == COUNT);
  check_nothing_alive();
  fflush(stdout);
  child = fork();
  if (child == 0) {
    execl(program, program, "leave", (char *)NULL);
    _exit(127);
  }
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void g04_children_outlive_parents(void) {
  ExtismCompiledPlugin *compiled = compile(FIXTURE("echo.wat"));
  ExtismPool *pool = NULL;
  ExtismPlugin *plugin = NULL, *borrowed = NULL;
  ExtismBuffer *value = NULL;
  CHECK(extism_plugin_create(compiled, &plugin, NULL) == EXTISM_STATUS_OK);
  CHECK(extism_pool_new(compiled, NULL, &pool, NULL) == EXTISM_STATUS_OK);
  extism_compiled_plugin_free(compiled);
  CHECK(extism_pool_get(pool, 1000, &borrowed, NULL) == EXTISM_STATUS_OK);
  extism_pool_free(pool);
  CHECK(call(plugin, "echo", "alone") == 0 && output_is(plugin, "alone"));
  CHECK(call(borrowed, "echo", "alone") == 0 && output_is(borrowed, "alone"));
  CHECK(extism_plugin_var_set(plugin, TEXT("name"), TEXT("value")) == EXTISM_STATUS_OK);
  CHECK(extism_plugin_var_get(plugin, TEXT("name"), &value) == EXTISM_STATUS_OK);
  extism_plugin_free(plugin);
  extism_plugin_free(borrowed);
  check_nothing_alive();
  CHECK(extism_buffer_length(value) == 5);
  CHECK(memcmp(extism_buffer_data(value), "value", 5) == 0);
  extism_buffer_free(value);
}

static void g05_host_functions_are_released_once(void) {
  enum { COUNT = 10 };
  const ExtismValType handle = EXTISM_PTR;
  ExtismFunction *function =
      extism_function_new("callback", &handle, 1, &handle, 1, echo, &released, release);
  const ExtismFunction *functions[1];
  ExtismOptions options;
  ExtismCompiledPlugin *compiled = NULL, *second = NULL;
  ExtismPlugin *plugins[COUNT];
  int i;
  released = 0;
  functions[0] = function;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.functions = functions;
  options.n_functions = 1;
  /* What fails takes nothing. */
  CHECK(extism_compile(&options, TEXT("{}"), &compiled, NULL) == EXTISM_STATUS_NO_MODULES);
  CHECK(extism_compile(&options, TEXT(FIXTURE("callback.wat")), &compiled, NULL) == 0);
  /* What was handed over is not handed over again. */
  CHECK(extism_compile(&options, TEXT(FIXTURE("callback.wat")), &second, NULL) ==
        EXTISM_STATUS_ALREADY_USED);
  extism_function_free(function);
  for (i = 0; i < COUNT; i++) {
    CHECK(extism_plugin_create(compiled, &plugins[i], NULL) == EXTISM_STATUS_OK);
  }
  extism_compiled_plugin_free(compiled);
  for (i = 0; i < COUNT; i++) {
    CHECK(released == 0);
    CHECK(call(plugins[i], "run", "input") == 0 && output_is(plugins[i], "input"));
    extism_plugin_free(plugins[i]);
  }
  CHECK(released == 1);
  check_nothing_alive();
}

int main(int argc, char **argv) {
  program = argv[0];
  if (argc == 2) {
    left = load(FIXTURE("callback.wat"), echo, &released, release);
    return call(left, "run", "x");
  }
  RUN(g01_what_is_gone_answers);
  RUN(g02_freeing_nothing_does_nothing);
  RUN(g03_any_thread_frees_in_any_order);
  RUN(g04_children_outlive_parents);
  RUN(g05_host_functions_are_released_once);
  return 0;
}
