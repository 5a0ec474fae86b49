/* Counts the vowels of a text: this call's in `count`, those of all calls so far in `total`. Shows:
   structured output, a variable that lasts between calls, and a config key, `vowels`, that says which letters
   count. */
/* snippet: count_vowels */
#define EXTISM_IMPLEMENTATION
#define EXTISM_USE_LIBC
#include "../extism-pdk.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static char *text_of(ExtismHandle handle, const char *otherwise) {
  return handle == 0 ? strdup(otherwise) : extism_load_sz_dup(handle, NULL);
}

int32_t EXTISM_EXPORTED_FUNCTION(count_vowels) {
  char *text = text_of(extism_input_offset(), "");
  char *vowels = text_of(extism_config_get_buf_from_sz("vowels"), "aAeEiIoOuU");
  uint32_t count = 0;
  for (const char *letter = text; *letter != '\0'; letter++) {
    count += strchr(vowels, *letter) != NULL;
  }

  uint32_t total = 0;
  const ExtismHandle kept = extism_var_get_buf_from_sz("total");
  if (kept != 0) {
    extism_load_from_handle(kept, 0, &total, sizeof total);
  }
  total += count;
  extism_var_set_buf_from_sz("total", extism_alloc_buf(&total, sizeof total));

  char json[256];
  snprintf(json, sizeof json, "{\"count\":%" PRIu32 ",\"total\":%" PRIu32 ",\"vowels\":\"%.64s\"}", count,
           total, vowels);
  extism_output_buf_from_sz(json);
  free(text);
  free(vowels);
  return 0;
}
/* end snippet */
