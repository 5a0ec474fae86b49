/* A driver of the conformance protocol (conformance/protocol.md) on the 33 functions of the published
 * library, and nothing else: so the same cases run there.
 *
 * That library says what went wrong in words alone. A status is read off the text and the code where they
 * tell; what does not tell is the plug-in's own error (402) with the code of the call. */

#define _POSIX_C_SOURCE 200809L
#include <extism.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_MAX 32
#define FUNCTIONS_MAX 12
#define WORDS_MAX 32

typedef struct {
  char *data;
  size_t length;
} Bytes;

/* A plug-in `p…` or a compiled one `c…`, with the host functions it uses. */
typedef struct {
  char id[16];
  ExtismPlugin *plugin;
  ExtismCompiledPlugin *compiled;
  ExtismFunction *functions[FUNCTIONS_MAX];
  size_t function_count;
  int log_level;
} Object;

typedef struct {
  int wasi;
  int headers;
  uint64_t fuel;
  const char *functions;
  Bytes namespace;
  int log_level;
} Options;

static Object objects[OBJECTS_MAX];

/* --- Bytes and words */

static void *demand(void *memory) {
  if (memory == NULL) {
    fputs("no memory left\n", stderr);
    exit(1);
  }
  return memory;
}

static int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/* The bytes of a word, with a zero behind them. */
static Bytes decode(const char *word) {
  const char *star = strchr(word, '*');
  const size_t digits = star == NULL ? strlen(word) : (size_t)(star - word);
  const size_t times = star == NULL ? 1 : strtoul(star + 1, NULL, 10);
  const size_t once = word[0] == '-' || word[0] == '?' ? 0 : digits / 2;
  Bytes bytes = {demand(malloc(once * times + 1)), once * times};
  for (size_t at = 0; at < once; at++) {
    bytes.data[at] = (char)(digit(word[2 * at]) * 16 + digit(word[2 * at + 1]));
  }
  for (size_t at = once; at < bytes.length; at++) {
    bytes.data[at] = bytes.data[at - once];
  }
  bytes.data[bytes.length] = '\0';
  return bytes;
}

static void put_bytes(const char *data, size_t length) {
  if (length == 0) {
    putchar('-');
  }
  for (size_t at = 0; at < length; at++) {
    printf("%02x", (unsigned char)data[at]);
  }
}

static void put_ok(const char *data, size_t length) {
  fputs("OK ", stdout);
  put_bytes(data, length);
}

static void put_error(int status, int guest_code, const char *message) {
  printf("ERR %d %d ", status, guest_code);
  put_bytes(message, strlen(message));
}

/* --- The catalogue of host functions */

#define HOST_FUNCTION(name)                                                                                \
  static void name(ExtismCurrentPlugin *plugin, const ExtismVal *in, ExtismSize n_in, ExtismVal *out,      \
                   ExtismSize n_out, void *data)
#define UNUSED (void)plugin, (void)in, (void)n_in, (void)out, (void)n_out, (void)data

static Bytes text_of(ExtismCurrentPlugin *plugin, int64_t handle) {
  uint8_t *memory = extism_current_plugin_memory(plugin);
  Bytes text = {(char *)memory + handle, extism_current_plugin_memory_length(plugin, (uint64_t)handle)};
  return text;
}

/* A new block with two texts. Allocating may move the memory that they are in. */
static int64_t block_of(ExtismCurrentPlugin *plugin, Bytes left, Bytes right) {
  const size_t length = left.length + right.length;
  char *copy = demand(malloc(length + 1));
  memcpy(copy, left.data, left.length);
  memcpy(copy + left.length, right.data, right.length);
  const ExtismMemoryHandle block = extism_current_plugin_memory_alloc(plugin, length);
  memcpy(extism_current_plugin_memory(plugin) + block, copy, length);
  free(copy);
  return (int64_t)block;
}

static const Bytes nothing_more = {(char *)"", 0};

HOST_FUNCTION(upper) {
  UNUSED;
  const int64_t block = block_of(plugin, text_of(plugin, in[0].v.i64), nothing_more);
  const Bytes text = text_of(plugin, block);
  for (size_t at = 0; at < text.length; at++) {
    text.data[at] = (char)(text.data[at] >= 'a' && text.data[at] <= 'z' ? text.data[at] - 32 : text.data[at]);
  }
  out[0].v.i64 = block;
}

HOST_FUNCTION(concat) {
  UNUSED;
  out[0].v.i64 = block_of(plugin, text_of(plugin, in[0].v.i64), text_of(plugin, in[1].v.i64));
}

HOST_FUNCTION(add_i64) {
  UNUSED;
  out[0].v.i64 = (int64_t)((uint64_t)in[0].v.i64 + (uint64_t)in[1].v.i64);
}

HOST_FUNCTION(add_i32) {
  UNUSED;
  out[0].v.i32 = (int32_t)((uint32_t)in[0].v.i32 + (uint32_t)in[1].v.i32);
}

HOST_FUNCTION(mul_f32) {
  UNUSED;
  out[0].v.f32 = in[0].v.f32 * in[1].v.f32;
}

HOST_FUNCTION(f64_id) {
  UNUSED;
  out[0].v.f64 = in[0].v.f64;
}

HOST_FUNCTION(mix) {
  UNUSED;
  out[0].v.f64 = (double)in[0].v.i32 + (double)in[1].v.i64 + (double)in[2].v.f32 + in[3].v.f64;
}

HOST_FUNCTION(nothing) { UNUSED; }

HOST_FUNCTION(ctx_get) {
  UNUSED;
  const Bytes *context = extism_current_plugin_host_context(plugin);
  out[0].v.i64 = context == NULL ? 0 : block_of(plugin, *context, nothing_more);
}

HOST_FUNCTION(bad_handle) {
  UNUSED;
  out[0].v.i64 = (int64_t)1 << 40;
}

#define I32 ExtismValType_I32
#define I64 ExtismValType_I64
#define F32 ExtismValType_F32
#define F64 ExtismValType_F64

static const struct {
  const char *name;
  ExtismFunctionType function;
  size_t n_in, n_out;
  ExtismValType in[4], out[1];
} catalogue[] = {
    {"upper", upper, 1, 1, {I64}, {I64}},
    {"concat", concat, 2, 1, {I64, I64}, {I64}},
    {"add_i64", add_i64, 2, 1, {I64, I64}, {I64}},
    {"add_i32", add_i32, 2, 1, {I32, I32}, {I32}},
    {"mul_f32", mul_f32, 2, 1, {F32, F32}, {F32}},
    {"f64_id", f64_id, 1, 1, {F64}, {F64}},
    {"mix", mix, 4, 1, {I32, I64, F32, F64}, {F64}},
    {"nothing", nothing, 0, 0, {I32}, {I32}},
    {"ctx_get", ctx_get, 0, 1, {I32}, {I64}},
    {"bad_handle", bad_handle, 0, 1, {I32}, {I64}},
};

/* Makes the functions of a list with commas; 0 if one is not in the catalogue. */
static int make_functions(Object *object, const Options *options) {
  for (const char *name = options->functions; name != NULL && *name != '\0';) {
    const size_t length = strcspn(name, ",");
    const size_t count = sizeof catalogue / sizeof catalogue[0];
    size_t at = 0;
    while (at < count &&
           (strncmp(catalogue[at].name, name, length) != 0 || catalogue[at].name[length] != '\0')) {
      at++;
    }
    if (at == count || object->function_count == FUNCTIONS_MAX) {
      return 0;
    }
    ExtismFunction *function =
        extism_function_new(catalogue[at].name, catalogue[at].in, catalogue[at].n_in, catalogue[at].out,
                            catalogue[at].n_out, catalogue[at].function, NULL, NULL);
    if (options->namespace.data != NULL) {
      extism_function_set_namespace(function, options->namespace.data);
    }
    object->functions[object->function_count++] = function;
    name += length + (name[length] == ',');
  }
  return 1;
}

/* --- Objects */

static Object *find(const char *id) {
  for (size_t at = 0; at < OBJECTS_MAX; at++) {
    if (strcmp(objects[at].id, id) == 0) {
      return &objects[at];
    }
  }
  return NULL;
}

static void release(Object *object) {
  if (object == NULL) {
    return;
  }
  extism_plugin_free(object->plugin);
  extism_compiled_plugin_free(object->compiled);
  for (size_t at = 0; at < object->function_count; at++) {
    extism_function_free(object->functions[at]);
  }
  memset(object, 0, sizeof *object);
}

static Object *fresh(const char *id) {
  release(find(id));
  Object *object = find("");
  if (object != NULL) {
    snprintf(object->id, sizeof object->id, "%s", id);
  }
  return object;
}

/* --- Errors */

/* What the library's words stand for. The first that fits counts. */
static const struct {
  const char *text;
  int status;
} meanings[] = {
    {"is not allowed", 600},
    {"unknown import", 302},
    {"Function not found", 400},
    {"invalid handle offset", 422},
    {"Variable store is full", 507},
    {"Vars are disabled", 604},
    {"exceeds the configured maximum number of bytes", 508},
    {"oom", 503},
    {"timeout", 500},
    {"plugin ran out of fuel", 502},
    {"Invalid URL", 424},
};

/* The code of a call that was ended by a trap, and how its text begins. A host function that fails gives the
 * same text with the code -1. */
#define TRAPPED 134
#define BACKTRACE "error while executing at wasm backtrace"

static void put_failure(int32_t code, const char *text) {
  for (size_t at = 0; at < sizeof meanings / sizeof meanings[0]; at++) {
    if ((code == -1 || code == TRAPPED) && strstr(text, meanings[at].text) != NULL) {
      put_error(meanings[at].status, 0, text);
      return;
    }
  }
  if (strncmp(text, BACKTRACE, strlen(BACKTRACE)) == 0) {
    put_error(code == TRAPPED ? 410 : 420, 0, text);
  } else {
    put_error(402, code, text);
  }
}

/* --- Requests */

/* Reads `name=value` words; the first that cannot be followed, or NULL. */
static const char *read_options(char **words, Options *options) {
  memset(options, 0, sizeof *options);
  options->log_level = -1;
  for (; *words != NULL; words++) {
    const char *value = strchr(*words, '=');
    if (value == NULL) {
      return *words;
    }
    const size_t length = (size_t)(value++ - *words);
    if (strncmp(*words, "wasi", length) == 0) {
      options->wasi = atoi(value);
    } else if (strncmp(*words, "headers", length) == 0) {
      options->headers = atoi(value);
    } else if (strncmp(*words, "fuel", length) == 0) {
      options->fuel = strtoull(value, NULL, 10);
    } else if (strncmp(*words, "functions", length) == 0) {
      options->functions = value;
    } else if (strncmp(*words, "namespace", length) == 0) {
      options->namespace = decode(value);
    } else if (strncmp(*words, "log", length) == 0) {
      options->log_level = atoi(value);
    } else if (strncmp(*words, "rewrite", length) != 0 && strncmp(*words, "cache", length) != 0) {
      return *words;
    }
  }
  return NULL;
}

/* COMPILE and NEW: `words` begin with the id. */
static void load(char **words, int compile) {
  Options options;
  const char *unknown = read_options(words + 2, &options);
  Object *from = find(words[1]);
  Object *object = unknown == NULL ? fresh(words[0]) : NULL;
  if (object == NULL || !make_functions(object, &options)) {
    release(object);
    printf("CANNOT %s", unknown != NULL ? unknown : "make these functions");
    return;
  }
  char *error = NULL;
  const ExtismFunction **functions = (const ExtismFunction **)object->functions;
  Bytes source = {NULL, 0};
  if (from != NULL) {
    object->plugin = extism_plugin_new_from_compiled(from->compiled, &error);
  } else if (words[1][0] == 'c') {
    release(object);
    put_error(102, 0, "the compiled plug-in is closed");
    return;
  } else {
    source = decode(words[1]);
    const uint8_t *data = (const uint8_t *)source.data;
    const size_t count = object->function_count;
    if (compile && options.fuel > 0) {
      object->compiled = extism_compiled_plugin_new_with_fuel_limit(data, source.length, functions, count,
                                                                    options.wasi, options.fuel, &error);
    } else if (compile) {
      object->compiled =
          extism_compiled_plugin_new(data, source.length, functions, count, options.wasi, &error);
    } else if (options.fuel > 0) {
      object->plugin = extism_plugin_new_with_fuel_limit(data, source.length, functions, count, options.wasi,
                                                         options.fuel, &error);
    } else {
      object->plugin = extism_plugin_new(data, source.length, functions, count, options.wasi, &error);
    }
  }
  free(source.data);
  free(options.namespace.data);
  object->log_level = from == NULL ? options.log_level : from->log_level;
  if (object->plugin == NULL && object->compiled == NULL) {
    put_failure(-1, error == NULL ? "" : error);
    extism_plugin_new_error_free(error);
    release(object);
    return;
  }
  if (options.headers && object->plugin != NULL) {
    extism_plugin_allow_http_response_headers(object->plugin);
  }
  fputs("OK", stdout);
}

static void call(ExtismPlugin *plugin, char **words) {
  Bytes function = decode(words[0]);
  Bytes input = decode(words[1]);
  Bytes context = {NULL, 0};
  if (words[2] != NULL && strncmp(words[2], "context=", 8) == 0) {
    context = decode(words[2] + 8);
  } else if (words[2] != NULL) {
    printf("CANNOT %s", words[2]);
    return;
  }
  void *shown = context.data == NULL ? NULL : &context;
  const int32_t code = extism_plugin_call_with_host_context(
      plugin, function.data, (const uint8_t *)input.data, input.length, shown);
  const char *error = extism_plugin_error(plugin);
  if (code == 0) {
    put_ok((const char *)extism_plugin_output_data(plugin), extism_plugin_output_length(plugin));
  } else {
    put_failure(code, error == NULL ? "" : error);
  }
  free(function.data);
  free(input.data);
  free(context.data);
}

/* --- Log: lines of the whole process, of which those are a plug-in's that have its field */

static int log_least;

static void put_line(const char *line, ExtismSize size) {
  static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};
  Bytes text = {demand(malloc(size + 1)), size};
  memcpy(text.data, line, size);
  text.data[size] = '\0';
  char *message = strstr(text.data, "extism::pdk: ");
  char *end = message == NULL ? NULL : strstr(message, " plugin=");
  for (int level = log_least; end != NULL && level < 5; level++) {
    char *name = strstr(text.data, levels[level]);
    if (name != NULL && name < message) {
      message += strlen("extism::pdk: ");
      printf(" %d:", level);
      put_bytes(message, (size_t)(end - message));
    }
  }
  free(text.data);
}

static void drop_line(const char *line, ExtismSize size) { (void)line, (void)size; }

/* --- The loop */

/* Requests about a plug-in: `words` begin behind its name. */
static void about_plugin(const char *verb, Object *object, char **words) {
  ExtismPlugin *plugin = object->plugin;
  Bytes text = {NULL, 0};
  if (strcmp(verb, "CALL") == 0) {
    call(plugin, words);
  } else if (strcmp(verb, "EXISTS") == 0) {
    text = decode(words[0]);
    printf("OK %d", extism_plugin_function_exists(plugin, text.data));
  } else if (strcmp(verb, "CONFIG") == 0) {
    text = decode(words[0]);
    if (extism_plugin_config(plugin, (const uint8_t *)text.data, text.length)) {
      fputs("OK", stdout);
    } else {
      put_failure(-1, "the configuration was refused");
    }
  } else if (strcmp(verb, "RESET") == 0) {
    fputs(extism_plugin_reset(plugin) ? "OK" : "CANNOT reset", stdout);
  } else if (strcmp(verb, "CANCEL") == 0) {
    extism_plugin_cancel(extism_plugin_cancel_handle(plugin));
    fputs("OK", stdout);
  } else if (strcmp(verb, "HEADERS") == 0) {
    extism_plugin_allow_http_response_headers(plugin);
    fputs("OK", stdout);
  } else if (strcmp(verb, "ID") == 0) {
    put_ok((const char *)extism_plugin_id(plugin), 16);
  } else if (strcmp(verb, "LOGS") == 0) {
    log_least = object->log_level < 0 ? 5 : object->log_level;
    fputs("OK", stdout);
    extism_log_drain(put_line);
  } else {
    printf("CANNOT %s", verb);
  }
  free(text.data);
}

static void answer(char **words) {
  const char *verb = words[0];
  if (strcmp(verb, "HELLO") == 0) {
    const char *version = extism_version();
    printf("OK sdk=published version=%s library=%s features=compiled,fs,fuel,headers,host_context,http,logs,"
           "namespace,wasi",
           version, version);
  } else if (strcmp(verb, "BYE") == 0 || strcmp(verb, "GC") == 0) {
    fputs("OK", stdout);
  } else if (words[1] == NULL) {
    printf("CANNOT %s", verb);
  } else if (strcmp(verb, "FREE") == 0) {
    release(find(words[1]));
    fputs("OK", stdout);
  } else if (strcmp(verb, "COMPILE") == 0 || strcmp(verb, "NEW") == 0) {
    /* What others have logged so far is not this plug-in's. */
    extism_log_drain(drop_line);
    load(words + 1, verb[0] == 'C');
  } else if (find(words[1]) == NULL) {
    put_error(102, 0, "the plug-in is closed");
  } else {
    about_plugin(verb, find(words[1]), words + 2);
  }
}

int main(void) {
  char *line = NULL;
  size_t room = 0;
  ssize_t length;
  extism_log_custom("extism::pdk=trace");
  while ((length = getline(&line, &room, stdin)) > 0) {
    char *words[WORDS_MAX + 1] = {NULL};
    size_t count = 0;
    for (char *word = strtok(line, " \n"); word != NULL && count < WORDS_MAX; word = strtok(NULL, " \n")) {
      words[count++] = word;
    }
    if (count == 0) {
      continue;
    }
    const int done = strcmp(words[0], "BYE") == 0;
    answer(words);
    putchar('\n');
    fflush(stdout);
    if (done) {
      break;
    }
  }
  for (size_t at = 0; at < OBJECTS_MAX; at++) {
    release(&objects[at]);
  }
  free(line);
  return 0;
}
