/* Greets whoever the input names, in a language the host chooses. Shows: a host function that takes a text
   and gives one, in handles of blocks. Needs no libc. */
/* snippet: host_call */
#define EXTISM_IMPLEMENTATION
#include "../extism-pdk.h"

#define NAME_BYTES_MAX 128

EXTISM_IMPORT_USER("translate") extern ExtismHandle translate(ExtismHandle text);

int32_t EXTISM_EXPORTED_FUNCTION(greet) {
  static const char hello[] = "Hello, ";
  const size_t begin = sizeof hello - 1;
  const uint64_t length = extism_input_length();
  char name[NAME_BYTES_MAX];
  if (length > sizeof name || !extism_load_input(0, name, (size_t)length)) {
    extism_error_set_buf_from_sz("the name is too long");
    return 1;
  }

  const ExtismHandle text = extism_alloc(begin + length + 1);
  extism_store_to_handle(text, 0, hello, begin);
  extism_store_to_handle(text, begin, name, (size_t)length);
  extism_store_to_handle(text, begin + length, "!", 1);
  extism_output_handle(translate(text));
  return 0;
}
/* end snippet */
