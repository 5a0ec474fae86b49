/* The conformance plug-in: the 24 functions that every kit builds, as pdk/conformance.md describes them.
   It needs no libc. Compiles as C and as C++. */
#define EXTISM_IMPLEMENTATION
#define EXTISM_ENABLE_LOW_LEVEL_API
#include "../extism-pdk.h"

/* What failed functions return when nothing else is asked for, as in the other kits. */
#define FAILED (-1)

#ifdef __cplusplus
extern "C" {
#endif

EXTISM_IMPORT_USER("upper") extern ExtismHandle upper(ExtismHandle text);
EXTISM_IMPORT_USER("add_i64") extern int64_t add_i64(int64_t left, int64_t right);
EXTISM_IMPORT_USER("f64_id") extern double f64_id(double number);
EXTISM_IMPORT("conformance", "shout") extern ExtismHandle shout(ExtismHandle text);

/* --- Memory of the plug-in: given out from the end of its data on, and anew in every call */

extern uint8_t __heap_base;

#define PAGE_BYTES 65536

static size_t taken;

static uint8_t *take(size_t length) {
  const size_t start = (size_t)&__heap_base + taken;
  const size_t end = start + length + 8;
  const size_t size = __builtin_wasm_memory_size(0) * (size_t)PAGE_BYTES;
  if (end > size && __builtin_wasm_memory_grow(0, (end - size) / PAGE_BYTES + 1) == (size_t)-1) {
    __builtin_trap();
  }
  taken += (length + 8) & ~(size_t)7;
  return (uint8_t *)start;
}

/* --- Texts: bytes and their number, which a zero follows */

typedef struct {
  char *bytes;
  size_t length;
} Text;

static Text text_of_handle(ExtismHandle handle) {
  Text text;
  text.length = (size_t)extism_length(handle);
  text.bytes = (char *)take(text.length + 1);
  if (!extism_load_sz(handle, 0, text.bytes, text.length + 1)) {
    __builtin_trap();
  }
  return text;
}

static Text input(void) {
  taken = 0;
  return text_of_handle(extism_input_offset());
}

static Text text_of(const char *sz) {
  Text text = {(char *)sz, 0};
  while (sz[text.length] != '\0') {
    text.length++;
  }
  return text;
}

static Text joined(Text left, Text right) {
  Text text = {(char *)take(left.length + right.length + 1), left.length + right.length};
  for (size_t at = 0; at < left.length; at++) {
    text.bytes[at] = left.bytes[at];
  }
  for (size_t at = 0; at < right.length; at++) {
    text.bytes[left.length + at] = right.bytes[at];
  }
  text.bytes[text.length] = '\0';
  return text;
}

static Text decimal(uint64_t number) {
  Text text = {(char *)take(21), 0};
  char reversed[20];
  do {
    reversed[text.length++] = (char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  for (size_t at = 0; at < text.length; at++) {
    text.bytes[at] = reversed[text.length - 1 - at];
  }
  text.bytes[text.length] = '\0';
  return text;
}

static Text signed_decimal(int64_t number) {
  return number < 0 ? joined(text_of("-"), decimal(-(uint64_t)number)) : decimal((uint64_t)number);
}

/* Where a byte is; the length if it is not there. */
static size_t position(Text text, char byte) {
  size_t at = 0;
  while (at < text.length && text.bytes[at] != byte) {
    at++;
  }
  return at;
}

/* The bytes from `at` on; none behind the end. */
static Text from(Text text, size_t at) {
  if (at > text.length) {
    at = text.length;
  }
  Text rest = {text.bytes + at, text.length - at};
  return rest;
}

static Text until(Text text, size_t at) {
  Text part = {text.bytes, at < text.length ? at : text.length};
  return part;
}

/* Reads a decimal number, possibly with a minus, at the beginning; how many bytes it has. */
static size_t number_at(Text text, int64_t *number) {
  const bool negative = text.length > 0 && text.bytes[0] == '-';
  size_t at = negative ? 1 : 0;
  uint64_t sum = 0;
  for (; at < text.length && text.bytes[at] >= '0' && text.bytes[at] <= '9'; at++) {
    sum = sum * 10 + (uint64_t)(text.bytes[at] - '0');
  }
  *number = (int64_t)(negative ? -sum : sum);
  return at == (negative ? 1 : 0) ? 0 : at;
}

/* What follows the first appearance of `wanted`; none if there is no such place. */
static Text after(Text text, Text wanted) {
  for (size_t at = 0; at + wanted.length <= text.length; at++) {
    size_t same = 0;
    while (same < wanted.length && text.bytes[at + same] == wanted.bytes[same]) {
      same++;
    }
    if (same == wanted.length) {
      return from(text, at + wanted.length);
    }
  }
  return from(text, text.length);
}

static int32_t give(Text text) {
  extism_output_buf(text.bytes, text.length);
  return 0;
}

static int32_t refuse(const char *message) {
  extism_error_set_buf_from_sz(message);
  return FAILED;
}

/* `=value`, or `?` where there is none. */
static int32_t give_found(ExtismHandle value) {
  return give(value == 0 ? text_of("?") : joined(text_of("="), text_of_handle(value)));
}

/* --- The functions */

int32_t EXTISM_EXPORTED_FUNCTION(echo) { return give(input()); }

int32_t EXTISM_EXPORTED_FUNCTION(count_vowels) {
  const Text text = input();
  const ExtismHandle configured = extism_config_get_buf_from_sz("vowels");
  const Text vowels = configured == 0 ? text_of("aAeEiIoOuU") : text_of_handle(configured);
  uint32_t count = 0;
  for (size_t at = 0; at < text.length; at++) {
    count += position(vowels, text.bytes[at]) < vowels.length;
  }
  uint32_t total = 0;
  const ExtismHandle kept = extism_var_get_buf_from_sz("total");
  if (kept != 0 && !extism_load_from_handle(kept, 0, &total, sizeof(total))) {
    return refuse("the variable total is no number");
  }
  total += count;
  extism_var_set_buf_from_sz("total", extism_alloc_buf(&total, sizeof(total)));
  Text json = joined(text_of("{\"count\":"), decimal(count));
  json = joined(joined(json, text_of(",\"total\":")), decimal(total));
  json = joined(joined(json, text_of(",\"vowels\":\"")), vowels);
  return give(joined(json, text_of("\"}")));
}

int32_t EXTISM_EXPORTED_FUNCTION(json) {
  const Text text = input();
  int64_t left = 0;
  int64_t right = 0;
  if (number_at(after(text, text_of("\"left\":")), &left) == 0 ||
      number_at(after(text, text_of("\"right\":")), &right) == 0) {
    return refuse("expected {\"left\", \"right\"}");
  }
  const int32_t sum = (int32_t)(uint32_t)(left + right);
  return give(joined(joined(text_of("{\"sum\":"), signed_decimal(sum)), text_of("}")));
}

int32_t EXTISM_EXPORTED_FUNCTION(input_part) {
  taken = 0;
  const uint64_t length = extism_input_length();
  Text part = {NULL, length > 2 ? (size_t)length - 2 : 0};
  part.bytes = (char *)take(part.length);
  if (part.length > 0 && !extism_load_input(1, part.bytes, part.length)) {
    return refuse("the input cannot be read");
  }
  return give(part);
}

int32_t EXTISM_EXPORTED_FUNCTION(output_twice) {
  extism_output_buf_from_sz("first");
  extism_output_buf_from_sz("second");
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(nothing) { return 0; }

int32_t EXTISM_EXPORTED_FUNCTION(fail) {
  const Text text = input();
  extism_error_set_buf(text.bytes, text.length);
  return FAILED;
}

int32_t EXTISM_EXPORTED_FUNCTION(fail_code) {
  const Text text = input();
  int64_t code = 0;
  const Text message = from(text, number_at(text, &code) + 1);
  if (message.length > 0) {
    extism_error_set_buf(message.bytes, message.length);
  }
  return (int32_t)code;
}

int32_t EXTISM_EXPORTED_FUNCTION(message) {
  const Text text = input();
  extism_error_set_buf(text.bytes, text.length);
  extism_output_buf_from_sz("done");
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(trap) { __builtin_trap(); }

int32_t EXTISM_EXPORTED_FUNCTION(config_get) {
  const Text key = input();
  return give_found(extism_config_get_buf(key.bytes, key.length));
}

int32_t EXTISM_EXPORTED_FUNCTION(var_get) {
  const Text name = input();
  return give_found(extism_var_get_buf(name.bytes, name.length));
}

int32_t EXTISM_EXPORTED_FUNCTION(var_set) {
  const Text text = input();
  const size_t at = position(text, '=');
  const Text value = from(text, at + 1);
  extism_var_set_buf(text.bytes, at, extism_alloc_buf(value.bytes, value.length));
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(var_remove) {
  const Text name = input();
  extism_var_set_buf(name.bytes, name.length, 0);
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(count) {
  taken = 0;
  uint64_t count = 0;
  const ExtismHandle kept = extism_var_get_buf_from_sz("count");
  if (kept != 0 && !extism_load_from_handle(kept, 0, &count, sizeof(count))) {
    return refuse("the variable count is no number");
  }
  count++;
  extism_var_set_buf_from_sz("count", extism_alloc_buf(&count, sizeof(count)));
  return give(decimal(count));
}

int32_t EXTISM_EXPORTED_FUNCTION(log_all) {
  static const struct {
    const char *name;
    ExtismLog level;
  } levels[] = {{"trace ", ExtismLogTrace},
                {"debug ", ExtismLogDebug},
                {"info ", ExtismLogInfo},
                {"warn ", ExtismLogWarn},
                {"error ", ExtismLogError}};
  const Text text = input();
  for (size_t at = 0; at < sizeof(levels) / sizeof(levels[0]); at++) {
    const Text line = joined(text_of(levels[at].name), text);
    extism_log(line.bytes, line.length, levels[at].level);
  }
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(log_level) {
  taken = 0;
  return give(signed_decimal(extism_get_log_level()));
}

int32_t EXTISM_EXPORTED_FUNCTION(http_send) {
  const Text text = input();
  const size_t end = position(text, '\n');
  const Text body = from(text, end + 1);
  const ExtismHandle request = extism_alloc_buf(text.bytes, end);
  const ExtismHandle response = extism_http_request(request, extism_alloc_buf(body.bytes, body.length));
  const Text status = joined(signed_decimal(extism_http_status_code()), text_of("\n"));
  return give(joined(status, text_of_handle(response)));
}

int32_t EXTISM_EXPORTED_FUNCTION(http_header) {
  const Text text = input();
  const size_t at = position(text, ' ');
  const Text request = joined(joined(text_of("{\"url\":\""), from(text, at + 1)), text_of("\"}"));
  extism_http_request(extism_alloc_buf(request.bytes, request.length), 0);
  const ExtismHandle headers = extism_http_headers();
  const Text key = joined(joined(text_of("\""), until(text, at)), text_of("\":\""));
  const Text value = after(headers == 0 ? text_of("") : text_of_handle(headers), key);
  const size_t end = position(value, '"');
  return give(end == value.length ? text_of("?") : joined(text_of("="), until(value, end)));
}

int32_t EXTISM_EXPORTED_FUNCTION(host_text) {
  extism_output_handle(upper(extism_input_offset()));
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(host_number) {
  struct {
    int64_t left;
    int64_t right;
    double number;
  } numbers;
  if (!extism_load_input(0, &numbers, sizeof(numbers))) {
    return refuse("three numbers");
  }
  struct {
    int64_t sum;
    double same;
  } answer = {add_i64(numbers.left, numbers.right), f64_id(numbers.number)};
  extism_output_buf(&answer, sizeof(answer));
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(host_module) {
  extism_output_handle(shout(extism_input_offset()));
  return 0;
}

int32_t EXTISM_EXPORTED_FUNCTION(block) {
  const Text text = input();
  const ExtismHandle made = extism_alloc_buf(text.bytes, text.length);
  const Text kept = text_of_handle(made);
  uint64_t same = kept.length == text.length;
  for (size_t at = 0; at < kept.length && same; at++) {
    same = kept.bytes[at] == text.bytes[at];
  }
  Text line = joined(text_of("length="), decimal(extism_length_safe(made)));
  line = joined(joined(line, text_of(" same=")), decimal(same));
  line = joined(joined(line, text_of(" inside=")), decimal(extism_length_safe(made + 1)));
  extism_free(made);
  line = joined(joined(line, text_of(" freed=")), decimal(extism_length_safe(made)));
  return give(joined(joined(line, text_of(" none=")), decimal(extism_alloc(0))));
}

int32_t EXTISM_EXPORTED_FUNCTION(blocks) {
  int64_t count = 0;
  if (number_at(input(), &count) == 0 || count < 0) {
    return refuse("expected a number");
  }
  ExtismHandle *made = (ExtismHandle *)(void *)take((size_t)count * sizeof(ExtismHandle));
  for (uint64_t at = 0; at < (uint64_t)count; at++) {
    made[at] = extism_alloc_buf(&at, sizeof(at));
  }
  uint64_t sum = 0;
  for (uint64_t at = 0; at < (uint64_t)count; at++) {
    sum += extism_load_u64(made[at]);
    extism_free(made[at]);
  }
  return give(decimal(sum));
}

#ifdef __cplusplus
}
#endif
