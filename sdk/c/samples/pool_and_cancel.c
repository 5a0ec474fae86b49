/*
 * Compiles a plug-in once, borrows instances of it from a pool, and ends a call that takes too long.
 *
 *     cc -o pool_and_cancel pool_and_cancel.c $(pkg-config --cflags --libs extism)
 *
 * Run it at the root of the repository.
 */
#include <extism.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static ExtismCompiledPlugin *compile(const char *manifest) {
  ExtismCompiledPlugin *compiled = NULL;
  ExtismError *error = NULL;
  if (extism_compile(NULL, (const uint8_t *)manifest, strlen(manifest), &compiled, &error) !=
      EXTISM_STATUS_OK) {
    fprintf(stderr, "%s\n", extism_error_report(error));
    extism_error_free(error);
  }
  return compiled;
}

/* snippet: pool */
static void use_pool(const ExtismCompiledPlugin *compiled) {
  ExtismPoolOptions options = {sizeof options, 2};
  ExtismPool *pool = NULL;
  ExtismPlugin *first = NULL, *second = NULL, *third = NULL;
  ExtismStatus status;
  extism_pool_new(compiled, &options, &pool, NULL);
  extism_pool_get(pool, 1000, &first, NULL);
  extism_pool_get(pool, 1000, &second, NULL);
  /* Both are out: nobody gets a third within 10 ms. */
  status = extism_pool_get(pool, 10, &third, NULL);
  printf("third: %s\n", extism_status_name(status));
  /* Freeing gives one back. */
  extism_plugin_free(first);
  status = extism_pool_get(pool, 1000, &third, NULL);
  printf("third: %s\n", extism_status_name(status));
  extism_plugin_free(second);
  extism_plugin_free(third);
  extism_pool_free(pool);
}
/* end snippet */

/* snippet: cancel */
typedef struct Cancelling {
  const ExtismCancelHandle *handle;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool is_running;
} Cancelling;

/* A host function by which the plug-in says that it has begun. */
static void begun(ExtismCurrentPlugin *plugin, const ExtismVal *inputs, ExtismSize n_inputs,
                  ExtismVal *outputs, ExtismSize n_outputs, void *data) {
  Cancelling *cancelling = data;
  (void)plugin, (void)inputs, (void)n_inputs, (void)outputs, (void)n_outputs;
  pthread_mutex_lock(&cancelling->mutex);
  cancelling->is_running = true;
  pthread_cond_signal(&cancelling->changed);
  pthread_mutex_unlock(&cancelling->mutex);
}

static void *cancel(void *data) {
  Cancelling *cancelling = data;
  pthread_mutex_lock(&cancelling->mutex);
  while (!cancelling->is_running) {
    pthread_cond_wait(&cancelling->changed, &cancelling->mutex);
  }
  pthread_mutex_unlock(&cancelling->mutex);
  extism_plugin_cancel(cancelling->handle);
  return NULL;
}
/* end snippet */

static void cancel_a_call(void) {
  static const char module[] = "(module (import \"extism:host/user\" \"begun\" (func $begun))"
                               " (func (export \"forever\") (result i32)"
                               "  (call $begun) (loop $again (br $again)) (i32.const 0)))";
  Cancelling cancelling = {NULL, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
  ExtismFunction *function =
      extism_function_new("begun", NULL, 0, NULL, 0, begun, &cancelling, NULL);
  const ExtismFunction *functions[1];
  ExtismPlugin *plugin;
  pthread_t thread;
  functions[0] = function;
  plugin = extism_plugin_new((const uint8_t *)module, strlen(module), functions, 1, false, NULL);
  extism_function_free(function);
  cancelling.handle = extism_plugin_cancel_handle(plugin);
  pthread_create(&thread, NULL, cancel, &cancelling);
  extism_plugin_call(plugin, "forever", NULL, 0);
  pthread_join(thread, NULL);
  printf("forever: %s\n", extism_status_name(extism_plugin_status(plugin)));
  extism_plugin_free(plugin);
}

int main(void) {
  ExtismCompiledPlugin *compiled =
      compile("{\"wasm\": [{\"path\": \"examples/plugins/greet.wasm\"}]}");
  ExtismPlugin *plugin = NULL;
  if (compiled == NULL || extism_plugin_create(compiled, &plugin, NULL) != EXTISM_STATUS_OK) {
    return 1;
  }
  extism_plugin_call(plugin, "greet", (const uint8_t *)"pool", 4);
  printf("%.*s\n", (int)extism_plugin_output_length(plugin),
         (const char *)extism_plugin_output_data(plugin));
  extism_plugin_free(plugin);
  use_pool(compiled);
  extism_compiled_plugin_free(compiled);
  cancel_a_call();
  return 0;
}
