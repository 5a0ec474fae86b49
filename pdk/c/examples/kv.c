/* Keeps a total in a store of the host. Shows: host functions, here `kv_read` and `kv_write` in
   `extism:host/user`, that take and give blocks. */
/* snippet: kv */
#define EXTISM_IMPLEMENTATION
#define EXTISM_USE_LIBC
#include "../extism-pdk.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

EXTISM_IMPORT_USER("kv_read") extern ExtismHandle kv_read(ExtismHandle key);
EXTISM_IMPORT_USER("kv_write") extern void kv_write(ExtismHandle key, ExtismHandle value);

static ExtismHandle key(void) { return extism_alloc_buf_from_sz("count-vowels"); }

int32_t EXTISM_EXPORTED_FUNCTION(count_vowels) {
  uint32_t count = 0;
  size_t length;
  char *text = extism_load_input_dup(&length);
  for (size_t at = 0; at < length; at++) {
    count += text[at] != '\0' && strchr("aAeEiIoOuU", text[at]) != NULL;
  }
  free(text);

  /* A handle of 0 is the empty value: there is no total yet. */
  uint32_t total = 0;
  const ExtismHandle kept = kv_read(key());
  if (kept != 0 && !extism_load_from_handle(kept, 0, &total, sizeof total)) {
    extism_error_set_buf_from_sz("the host's total is no number");
    return 1;
  }
  total += count;
  kv_write(key(), extism_alloc_buf(&total, sizeof total));

  char json[64];
  snprintf(json, sizeof json, "{\"count\":%" PRIu32 ",\"total\":%" PRIu32 "}", count, total);
  extism_output_buf_from_sz(json);
  return 0;
}
/* end snippet */
