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

#define VOWELS_BYTES_MAX 64

int32_t EXTISM_EXPORTED_FUNCTION(count_vowels) {
  char vowels[VOWELS_BYTES_MAX + 1] = "aAeEiIoOuU";
  const ExtismHandle configured = extism_config_get_buf_from_sz("vowels");
  const bool fits = configured == 0 || extism_length(configured) <= VOWELS_BYTES_MAX;
  if (configured != 0 && fits) {
    extism_load_sz(configured, 0, vowels, (size_t)extism_length(configured) + 1);
  }
  /* They become a part of JSON: what would end the text there is refused. */
  if (!fits || strpbrk(vowels, "\"\\\n\r\t") != NULL) {
    extism_error_set_buf_from_sz("these vowels are too many, or none");
    return 1;
  }

  size_t length;
  char *text = extism_load_input_dup(&length);
  uint32_t count = 0;
  for (size_t at = 0; at < length; at++) {
    count += text[at] != '\0' && strchr(vowels, text[at]) != NULL;
  }
  free(text);

  uint32_t total = 0;
  const ExtismHandle kept = extism_var_get_buf_from_sz("total");
  if (kept != 0) {
    extism_load_from_handle(kept, 0, &total, sizeof total);
  }
  total += count;
  extism_var_set_buf_from_sz("total", extism_alloc_buf(&total, sizeof total));

  char json[256];
  snprintf(json, sizeof json, "{\"count\":%" PRIu32 ",\"total\":%" PRIu32 ",\"vowels\":\"%s\"}", count,
           total, vowels);
  extism_output_buf_from_sz(json);
  return 0;
}
/* end snippet */
