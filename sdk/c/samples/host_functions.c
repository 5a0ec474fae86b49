/*
 * Gives a plug-in two functions of the host, with which it keeps a number in a store.
 *
 *     cc -o host_functions host_functions.c $(pkg-config --cflags --libs extism)
 *
 * Run it at the root of the repository.
 */
#include <extism.h>
#include <stdio.h>
#include <string.h>

/* snippet: host_function */
/* A store of one value, in the bytes the plug-in gave. */
typedef struct Store {
  uint8_t value[64];
  ExtismSize length;
} Store;

/* (key) -> value: nothing was stored as long as the length is 0. */
static void kv_read(ExtismCurrentPlugin *plugin, const ExtismVal *inputs, ExtismSize n_inputs,
                    ExtismVal *outputs, ExtismSize n_outputs, void *data) {
  const Store *store = data;
  ExtismMemoryHandle handle = extism_current_plugin_memory_alloc(plugin, store->length);
  uint8_t *block = extism_current_plugin_memory_block(plugin, handle, NULL);
  (void)inputs, (void)n_inputs, (void)n_outputs;
  if (block != NULL) {
    memcpy(block, store->value, store->length);
  }
  outputs[0].v.i64 = (int64_t)handle;
}

/* (key, value) */
static void kv_write(ExtismCurrentPlugin *plugin, const ExtismVal *inputs, ExtismSize n_inputs,
                     ExtismVal *outputs, ExtismSize n_outputs, void *data) {
  Store *store = data;
  ExtismSize length = 0;
  uint64_t handle = (uint64_t)inputs[1].v.i64;
  const uint8_t *block = extism_current_plugin_memory_block(plugin, handle, &length);
  (void)n_inputs, (void)outputs, (void)n_outputs;
  if (length > sizeof store->value) {
    static const char message[] = "the value is too long";
    extism_current_plugin_fail(plugin, (const uint8_t *)message, strlen(message));
    return;
  }
  if (block != NULL) {
    memcpy(store->value, block, length);
  }
  store->length = length;
}

static ExtismPlugin *load(Store *store) {
  static const char manifest[] = "{\"wasm\": [{\"path\": \"examples/plugins/kv.wasm\"}]}";
  const ExtismValType handles[2] = {EXTISM_PTR, EXTISM_PTR};
  ExtismFunction *read = extism_function_new("kv_read", handles, 1, handles, 1, kv_read, store, NULL);
  ExtismFunction *write =
      extism_function_new("kv_write", handles, 2, NULL, 0, kv_write, store, NULL);
  const ExtismFunction *functions[2];
  ExtismPlugin *plugin;
  functions[0] = read;
  functions[1] = write;
  plugin =
      extism_plugin_new((const uint8_t *)manifest, strlen(manifest), functions, 2, false, NULL);
  /* The plug-in has the functions now. */
  extism_function_free(read);
  extism_function_free(write);
  return plugin;
}
/* end snippet */

int main(void) {
  static const char *const texts[] = {"this is a test", "Hello, World!"};
  Store store = {{0}, 0};
  ExtismPlugin *plugin = load(&store);
  size_t i;
  for (i = 0; i < 2; i++) {
    const uint8_t *text = (const uint8_t *)texts[i];
    if (extism_plugin_call(plugin, "count_vowels", text, strlen(texts[i])) != EXTISM_SUCCESS) {
      fprintf(stderr, "%s\n", extism_plugin_error(plugin));
      return 1;
    }
    printf("%.*s\n", (int)extism_plugin_output_length(plugin),
           (const char *)extism_plugin_output_data(plugin));
  }
  printf("the store holds %d bytes, the first of them %d\n", (int)store.length, store.value[0]);
  extism_plugin_free(plugin);
  return 0;
}
