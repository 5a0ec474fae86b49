/* What the functions of the header answer, above all at the ends of blocks. Each check that fails gives the
   number of its line as the code of the call. */
#define EXTISM_IMPLEMENTATION
#define EXTISM_ENABLE_LOW_LEVEL_API
#include "extism-pdk.h"

#define CHECK(condition)                                                                                   \
  do {                                                                                                     \
    if (!(condition)) {                                                                                    \
      return __LINE__;                                                                                     \
    }                                                                                                      \
  } while (0)

static bool same(const char *left, const char *right) {
  for (; *left == *right; left++, right++) {
    if (*left == '\0') {
      return true;
    }
  }
  return false;
}

/* The input is `0123456789`. */
int32_t EXTISM_EXPORTED_FUNCTION(input_is_read_in_bounds) {
  char text[16] = {'x', '\0'};
  CHECK(extism_input_length() == 10);
  CHECK(extism_load_input_sz(0, text, 11) && same(text, "0123456789"));
  CHECK(extism_load_input_sz(7, text, 4) && same(text, "789"));
  CHECK(extism_load_input_sz(10, text, 1) && same(text, ""));
  text[0] = 'x';
  CHECK(!extism_load_input_sz(0, text, 12));
  CHECK(!extism_load_input_sz(8, text, 4));
  CHECK(!extism_load_input_sz(0, text, 0));
  CHECK(!extism_load_input(11, text, 0));
  CHECK(!extism_load_input(UINT64_MAX, text, 2));
  CHECK(!extism_load_input(1, text, SIZE_MAX));
  CHECK(text[0] == 'x');
  CHECK(extism_load_input(10, text, 0));
  CHECK(extism_input_load_u8(9) == '9' && extism_input_load_u8(10) == 0);
  CHECK(extism_input_load_u64(2) == 0x3938373635343332 && extism_input_load_u64(3) == 0);
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(blocks_are_written_in_bounds) {
  char text[16];
  const ExtismHandle block = extism_alloc_buf("0123456789", 10);
  const ExtismHandle next = extism_alloc_buf("untouched", 9);
  CHECK(extism_length(block) == 10 && extism_length_safe(block) == 10 && extism_length_safe(block + 1) == 0);
  CHECK(extism_store_to_handle(block, 3, "abc", 3) && extism_store_to_handle(block, 9, "z", 1));
  CHECK(!extism_store_to_handle(block, 9, "yy", 2));
  CHECK(!extism_store_to_handle(block, UINT64_MAX, "yy", 2));
  CHECK(!extism_store_to_handle(block, 11, "", 0));
  CHECK(extism_load_sz(block, 0, text, 11) && same(text, "012abc678z"));
  CHECK(extism_load_sz(next, 0, text, 10) && same(text, "untouched"));
  extism_free(block);
  CHECK(extism_length_safe(block) == 0);
  CHECK(extism_alloc(0) == 0 && extism_alloc_buf_from_sz("") == 0 && extism_alloc_buf("", 0) == 0);
  CHECK(extism_length(0) == 0);
  return 0;
}

/* Copies of every length around the words, from and to every alignment. */
int32_t EXTISM_EXPORTED_FUNCTION(copies_are_exact) {
  static uint8_t from[64];
  static uint8_t to[64];
  for (size_t at = 0; at < sizeof from; at++) {
    from[at] = (uint8_t)(at * 7 + 1);
  }
  const ExtismHandle block = extism_alloc(64);
  for (size_t skip = 0; skip < 8; skip++) {
    for (size_t length = 0; length < 34; length++) {
      for (size_t at = 0; at < sizeof to; at++) {
        to[at] = 0xee;
      }
      extism_store(block + skip, from + skip, length);
      extism_load(block + skip, to + skip, length);
      for (size_t at = 0; at < sizeof to; at++) {
        const bool inside = at >= skip && at < skip + length;
        CHECK(to[at] == (inside ? from[at] : 0xee));
      }
    }
  }
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(what_is_empty_is_nothing) {
  CHECK(extism_config_get_buf_from_sz("") == 0 && extism_config_get_buf_from_sz("none") == 0);
  CHECK(extism_var_get_buf_from_sz("") == 0 && extism_var_get_buf_from_sz("none") == 0);
  extism_var_set_buf_from_sz("", extism_alloc_buf_from_sz("value"));
  CHECK(extism_length(extism_var_get_buf_from_sz("")) == 5);
  extism_var_set_buf_from_sz("", 0);
  CHECK(extism_var_get_buf_from_sz("") == 0);
  extism_log_sz("", ExtismLogError);
  extism_error_set_buf_from_sz("");
  extism_output_buf_from_sz("");
  CHECK(extism_http_status_code() == 0 && extism_http_headers() == 0);
  CHECK(extism_get_log_level() >= 0);
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(a_part_is_the_output) {
  const ExtismHandle block = extism_alloc_buf_from_sz("0123456789");
  CHECK(!extism_output_set_from_handle(block, 9, 2) && !extism_output_set_from_handle(block, UINT64_MAX, 2));
  CHECK(extism_output_set_from_handle(block, 3, 4));
  return 0;
}

static void take_all_memory(void) {
  for (uint64_t length = 1 << 20; length > 0; length >>= 1) {
    while (extism_alloc(length) != 0) {
    }
  }
}

/* What is lost when it has no room is not lost in silence. */
int32_t EXTISM_EXPORTED_FUNCTION(an_output_without_room) {
  extism_output_buf_from_sz("first");
  take_all_memory();
  extism_output_buf_from_sz("second");
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(a_variable_without_room) {
  const ExtismHandle value = extism_alloc_buf_from_sz("value");
  take_all_memory();
  extism_var_set_buf_from_sz("name", value);
  return 0;
}
