/* A plug-in. Every function begun with EXTISM_EXPORTED_FUNCTION can be called by a host. */
#define EXTISM_IMPLEMENTATION
#include "extism-pdk.h"

#define NAME_BYTES_MAX 256

/* Greets whoever the input names. */
int32_t EXTISM_EXPORTED_FUNCTION(greet) {
  static const char hello[] = "Hello, ";
  const size_t begin = sizeof hello - 1;
  const uint64_t length = extism_input_length();
  char name[NAME_BYTES_MAX];
  if (length > sizeof name || !extism_load_input(0, name, (size_t)length)) {
    extism_error_set_buf_from_sz("the name is too long");
    return 1;
  }

  const ExtismHandle greeting = extism_alloc(begin + length + 1);
  extism_store_to_handle(greeting, 0, hello, begin);
  extism_store_to_handle(greeting, begin, name, (size_t)length);
  extism_store_to_handle(greeting, begin + length, "!", 1);
  extism_output_handle(greeting);
  return 0;
}
