/* Every name of the published header, version 1.1, in every form its users write: what compiles with it
   compiles with ours, as C and as C++, with and without a libc, with and without the functions that take
   addresses. Another source file has the implementation, unless EXTISM_IMPLEMENTATION is defined. */
#include "extism-pdk.h"

#ifdef __cplusplus
extern "C" {
#endif

EXTISM_IMPORT_USER("upper") extern ExtismHandle upper(ExtismHandle text);
EXTISM_IMPORT(EXTISM_USER_MODULE, "add_i64") extern int64_t add_i64(int64_t left, int64_t right);
EXTISM_IMPORT_ENV("length") extern uint64_t length_by_another_name(const ExtismHandle handle);

int32_t EXTISM_EXPORTED_FUNCTION(blocks) {
  char text[8];
  const ExtismHandle made = extism_alloc(8);
  const ExtismHandle copied = extism_alloc_buf("bytes", 5);
  const ExtismHandle string = extism_alloc_buf_from_sz("text");
  bool done = extism_store_to_handle(made, 0, "eight by", 8);
  done = done && extism_load_from_handle(copied, 1, text, 4);
  done = done && extism_load_sz(string, 0, text, 5);
  done = done && extism_load_input(0, text, 0);
  done = done && extism_load_input_sz(0, text, 1);
  const uint64_t length = extism_length(extism_input_offset()) + extism_input_length();
  extism_free(made);
  return done && length == length_by_another_name(made) ? 0 : 1;
}

EXTISM_EXPORT_AS("another name") int32_t answers(void) {
  const ExtismHandle key = extism_alloc_buf_from_sz("key");
  extism_output_handle(upper(key));
  extism_output_buf("bytes", 5);
  extism_output_buf_from_sz("text");
  extism_error_set(0);
  extism_error_set_buf("bytes", 5);
  extism_error_set_buf_from_sz("text");
  return extism_output_set_from_handle(key, 1, 1) ? (int32_t)add_i64(0, 0) : -1;
}

int32_t EXTISM_EXPORTED_FUNCTION(keeps) {
  const char *name = "name";
  ExtismHandle value = extism_config_get(extism_alloc_buf_from_sz(name));
  value += extism_config_get_buf(name, 4) + extism_config_get_buf_from_sz(name);
  value += extism_var_get(extism_alloc_buf_from_sz(name));
  value += extism_var_get_buf(name, 4) + extism_var_get_buf_from_sz(name);
  extism_var_set(extism_alloc_buf_from_sz(name), value);
  extism_var_set_buf(name, 4, value);
  extism_var_set_buf_from_sz(name, 0);
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(asks) {
  const ExtismHandle request = extism_alloc_buf_from_sz("{\"url\":\"http://localhost/\"}");
  extism_output_handle(extism_http_request(request, 0));
  return extism_http_status_code();
}

int32_t EXTISM_EXPORTED_FUNCTION(logs) {
  const ExtismLog levels[] = {ExtismLogInfo, ExtismLogDebug, ExtismLogWarn, ExtismLogError};
  for (size_t at = 0; at < 4; at++) {
    extism_log("bytes", 5, levels[at]);
    extism_log_sz("text", levels[at]);
  }
  extism_log_info(extism_alloc_buf_from_sz("info"));
  extism_log_debug(extism_alloc_buf_from_sz("debug"));
  extism_log_warn(extism_alloc_buf_from_sz("warn"));
  extism_log_error(extism_alloc_buf_from_sz("error"));
  return 0;
}

#ifdef EXTISM_USE_LIBC
#include <stdlib.h>

int32_t EXTISM_EXPORTED_FUNCTION(duplicates) {
  size_t size = 0;
  free(extism_load_dup(extism_input_offset(), &size));
  free(extism_load_input_dup(NULL));
  char *text = extism_load_sz_dup(extism_input_offset(), &size);
  free(text);
  free(extism_load_input_sz_dup(NULL));
  return (int32_t)size;
}
#endif

#ifdef EXTISM_ENABLE_LOW_LEVEL_API
int32_t EXTISM_EXPORTED_FUNCTION(addresses) {
  char text[16];
  const ExtismPointer address = extism_alloc(16);
  extism_store_u8(address, extism_load_u8(address));
  extism_store_u64(address, extism_load_u64(address));
  extism_store(address, "sixteen bytes...", 16);
  extism_load(address, text, 16);
  extism_load_sz_unsafe(address, text, 16);
  extism_output_set(address, extism_length_safe(address));
  return (int32_t)extism_input_load_u8(0) + (int32_t)extism_input_load_u64(0);
}
#endif

#ifdef __cplusplus
}
#endif
