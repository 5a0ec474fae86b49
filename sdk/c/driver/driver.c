/*
 * Does with the C library what the conformance runner asks for on standard input. The protocol is
 * conformance/protocol.md.
 */
#define _POSIX_C_SOURCE 200809L
#include "driver.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an identifier stands for; the letter of the identifier tells the kind. */
typedef struct Slot {
  struct Slot *next;
  void *object;
  char id[];
} Slot;

static Slot *slots;

static Slot *slot(const char *id) {
  Slot *at;
  for (at = slots; at != NULL; at = at->next) {
    if (strcmp(at->id, id) == 0) {
      return at;
    }
  }
  at = malloc(sizeof *at + strlen(id) + 1);
  if (at == NULL) {
    exit(1);
  }
  strcpy(at->id, id);
  at->object = NULL;
  at->next = slots;
  slots = at;
  return at;
}

static void empty(Slot *at) {
  void *object = at->object;
  at->object = NULL;
  switch (at->id[0]) {
  case 'p':
    extism_plugin_free(object);
    break;
  case 'c':
    extism_compiled_plugin_free(object);
    break;
  case 'x':
    extism_context_free(object);
    break;
  case 'q':
    extism_pool_free(object);
    break;
  default:
    break;
  }
}

static void fill(const char *id, void *object) {
  Slot *at = slot(id);
  empty(at);
  at->object = object;
}

ExtismPlugin *find_plugin(const char *id) { return slot(id)->object; }

static void *object(const Request *request) { return slot(word(request, 1))->object; }

static void say_ok(bool is_ok) { fputs(is_ok ? "OK 1" : "OK 0", stdout); }

static void say_status(ExtismStatus status) { say_outcome(status, NULL); }

/* For functions that leave their error in the plug-in. */
static void say_plugin_error(ExtismPlugin *plugin) {
  say_error(extism_plugin_status(plugin), extism_plugin_guest_code(plugin),
            extism_plugin_error(plugin));
}

static void say_context_error(ExtismContext *context, int32_t number) {
  ExtismStatus status = extism_context_status(context, number);
  say_error(status, 0, extism_context_error(context, number));
}

static void say_buffer(ExtismStatus status, ExtismBuffer *buffer, ExtismError *error) {
  say_outcome(status, error);
  if (status == EXTISM_STATUS_OK) {
    say_bytes(extism_buffer_data(buffer), extism_buffer_length(buffer));
  }
  extism_buffer_free(buffer);
}

static void hello(const Request *request) {
  const char *version = extism_version();
  (void)request;
  printf("OK sdk=c version=%s library=%s features=host_context,cancel,threads,nested,reenter,fuel,limits,"
         "vars,logs,pool,context,compiled,precompile,inspect,renew,namespace,wasi,http,fs,headers,stats",
         version, version);
}

static bool is_compiled_id(const char *text) {
  return text[0] == 'c' && text[1] != '\0' && strspn(text + 1, "0123456789") == strlen(text + 1);
}

static ExtismStatus compile(const Request *request, size_t source, ExtismCompiledPlugin **compiled,
                            ExtismError **error) {
  ExtismOptions options;
  Bytes bytes = decode(word(request, source));
  ExtismStatus status = EXTISM_STATUS_INVALID_ARGUMENT;
  if (read_options(request, &options)) {
    status = extism_compile(&options, bytes.data, bytes.length, compiled, error);
  }
  free_functions(&options);
  return status;
}

static void compile_(const Request *request) {
  ExtismCompiledPlugin *compiled = NULL;
  ExtismError *error = NULL;
  ExtismStatus status = compile(request, 2, &compiled, &error);
  fill(word(request, 1), compiled);
  say_outcome(status, error);
}

static void new_(const Request *request) {
  ExtismCompiledPlugin *compiled = NULL;
  ExtismPlugin *plugin = NULL;
  ExtismError *error = NULL;
  ExtismStatus status;
  if (is_compiled_id(word(request, 2))) {
    compiled = slot(word(request, 2))->object;
    status = compiled == NULL ? EXTISM_STATUS_CLOSED
                              : extism_plugin_create(compiled, &plugin, &error);
  } else {
    status = compile(request, 2, &compiled, &error);
    if (status == EXTISM_STATUS_OK) {
      status = extism_plugin_create(compiled, &plugin, &error);
    }
    extism_compiled_plugin_free(compiled);
  }
  fill(word(request, 1), plugin);
  say_outcome(status, error);
}

/* INSPECT and PRECOMPILE. */
static void describe(const Request *request) {
  bool inspects = strcmp(word(request, 0), "INSPECT") == 0;
  ExtismOptions options;
  Bytes bytes = decode(word(request, 1));
  ExtismBuffer *buffer = NULL;
  ExtismError *error = NULL;
  ExtismStatus status = EXTISM_STATUS_INVALID_ARGUMENT;
  if (read_options(request, &options)) {
    status = (inspects ? extism_inspect : extism_precompile)(&options, bytes.data, bytes.length,
                                                             &buffer, &error);
  }
  say_buffer(status, buffer, error);
  free_functions(&options);
}

static void call(const Request *request) {
  const char *context = option(request, "context");
  Bytes function = decode(word(request, 2)), input = decode(word(request, 3));
  Call with = {object(request), NULL, 0, decode(context == NULL ? "?" : context)};
  ExtismError *error = NULL;
  int32_t code;
  ExtismStatus status = timed_call(&with, (const char *)function.data, input,
                                   option(request, "cancel_ms"), &code, &error);
  say_outcome(status, error);
  if (status == EXTISM_STATUS_OK) {
    say_bytes(extism_plugin_output_data(with.plugin), extism_plugin_output_length(with.plugin));
  }
}

static void exists(const Request *request) {
  Bytes function = decode(word(request, 2));
  say_ok(extism_plugin_function_exists(object(request), (const char *)function.data));
}

static void config(const Request *request) {
  Bytes json = decode(word(request, 2));
  if (extism_plugin_config(object(request), json.data, json.length)) {
    fputs("OK", stdout);
  } else {
    say_plugin_error(object(request));
  }
}

static void var(const Request *request) {
  ExtismPlugin *plugin = object(request);
  const char *what = word(request, 2);
  Bytes name = decode(word(request, 3));
  if (strcmp(what, "get") == 0) {
    ExtismBuffer *buffer = NULL;
    ExtismStatus status = extism_plugin_var_get(plugin, name.data, name.length, &buffer);
    if (status == EXTISM_STATUS_OK && buffer == NULL) {
      fputs("OK ?", stdout);
    } else {
      say_buffer(status, buffer, NULL);
    }
  } else if (strcmp(what, "set") == 0) {
    Bytes value = decode(word(request, 4));
    say_status(extism_plugin_var_set(plugin, name.data, name.length, value.data, value.length));
  } else {
    say_status(extism_plugin_var_remove(plugin, name.data, name.length));
  }
}

static void reset(const Request *request) {
  if (extism_plugin_reset(object(request))) {
    fputs("OK", stdout);
  } else {
    say_plugin_error(object(request));
  }
}

static void renew(const Request *request) {
  ExtismError *error = NULL;
  ExtismStatus status = extism_plugin_renew(object(request), &error);
  say_outcome(status, error);
}

static void cancel(const Request *request) {
  extism_plugin_cancel(extism_plugin_cancel_handle(object(request)));
  fputs("OK", stdout);
}

static void headers(const Request *request) {
  extism_plugin_allow_http_response_headers(object(request));
  fputs("OK", stdout);
}

static void id(const Request *request) {
  fputs("OK", stdout);
  say_bytes(extism_plugin_id(object(request)), 16);
}

static void fuel(const Request *request) {
  uint64_t used;
  if (extism_plugin_fuel_consumed(object(request), &used)) {
    printf("OK %llu", (unsigned long long)used);
  } else {
    fputs("OK ?", stdout);
  }
}

static void logs(const Request *request) {
  fputs("OK", stdout);
  say_logs(extism_plugin_id(object(request)));
}

static void context(const Request *request) {
  fill(word(request, 1), extism_context_new());
  fputs("OK", stdout);
}

static void context_new(const Request *request) {
  ExtismCompiledPlugin *compiled = NULL;
  ExtismError *error = NULL;
  int32_t made = -1;
  ExtismStatus status = compile(request, 2, &compiled, &error);
  if (status == EXTISM_STATUS_OK) {
    status = extism_context_plugin_create(object(request), compiled, &made, &error);
  }
  extism_compiled_plugin_free(compiled);
  say_outcome(status, error);
  if (status == EXTISM_STATUS_OK) {
    printf(" %d", (int)made);
  }
}

static int32_t plugin_number(const Request *request) { return atoi(word(request, 2)); }

static void context_update(const Request *request) {
  ExtismCompiledPlugin *compiled = NULL;
  ExtismError *error = NULL;
  ExtismStatus status = compile(request, 3, &compiled, &error);
  if (status == EXTISM_STATUS_OK) {
    status = extism_context_plugin_replace(object(request), plugin_number(request), compiled, &error);
  }
  extism_compiled_plugin_free(compiled);
  say_outcome(status, error);
}

static void context_call(const Request *request) {
  const char *bytes = option(request, "context");
  Bytes function = decode(word(request, 3)), input = decode(word(request, 4));
  Call with = {NULL, object(request), plugin_number(request), decode(bytes == NULL ? "?" : bytes)};
  ExtismError *error = NULL;
  int32_t code;
  ExtismStatus status = timed_call(&with, (const char *)function.data, input,
                                   option(request, "cancel_ms"), &code, &error);
  if (status == EXTISM_STATUS_OK) {
    fputs("OK", stdout);
    say_bytes(extism_context_plugin_output_data(with.context, with.number),
              extism_context_plugin_output_length(with.context, with.number));
    return;
  }
  /* The code is the plug-in's own where it had a say. */
  if (status != EXTISM_STATUS_GUEST_ERROR && status != EXTISM_STATUS_GUEST_EXIT) {
    code = 0;
  }
  say_error(status, code, extism_context_error(with.context, with.number));
}

/* A plug-in that is not there has no function, so its status tells more. */
static void context_exists(const Request *request) {
  ExtismContext *arena = object(request);
  Bytes function = decode(word(request, 3));
  int32_t n = plugin_number(request);
  bool is_there = extism_context_plugin_function_exists(arena, n, (const char *)function.data);
  if (extism_context_status(arena, n) == EXTISM_STATUS_OK) {
    say_ok(is_there);
  } else {
    say_context_error(arena, n);
  }
}

static void context_config(const Request *request) {
  Bytes json = decode(word(request, 3));
  int32_t n = plugin_number(request);
  if (extism_context_plugin_config(object(request), n, json.data, json.length)) {
    fputs("OK", stdout);
  } else {
    say_context_error(object(request), n);
  }
}

static void context_free(const Request *request) {
  extism_context_plugin_free(object(request), plugin_number(request));
  fputs("OK", stdout);
}

static void context_reset(const Request *request) {
  extism_context_reset(object(request));
  fputs("OK", stdout);
}

static void pool(const Request *request) {
  ExtismPoolOptions options = {sizeof options, number(word(request, 3))};
  const ExtismCompiledPlugin *compiled = slot(word(request, 2))->object;
  ExtismPool *made = NULL;
  ExtismError *error = NULL;
  ExtismStatus status = compiled == NULL ? EXTISM_STATUS_CLOSED
                                         : extism_pool_new(compiled, &options, &made, &error);
  fill(word(request, 1), made);
  say_outcome(status, error);
}

static void get(const Request *request) {
  ExtismPlugin *plugin = NULL;
  ExtismError *error = NULL;
  ExtismStatus status = extism_pool_get(object(request), number(word(request, 3)), &plugin, &error);
  fill(word(request, 2), plugin);
  say_outcome(status, error);
}

static void pool_stats(const Request *request) {
  ExtismPoolStats stats = {sizeof stats, 0, 0, 0, 0, 0, 0};
  extism_pool_stats(object(request), &stats);
  printf("OK %llu %llu %llu %llu %llu %llu", (unsigned long long)stats.instances_max,
         (unsigned long long)stats.alive, (unsigned long long)stats.idle,
         (unsigned long long)stats.waiting, (unsigned long long)stats.made,
         (unsigned long long)stats.replaced);
}

static void threads_(const Request *request) { threads(object(request), request); }

static void free_(const Request *request) {
  empty(slot(word(request, 1)));
  fputs("OK", stdout);
}

static void nothing(const Request *request) {
  (void)request;
  fputs("OK", stdout);
}

static void stats(const Request *request) {
  ExtismStats alive = {sizeof alive, 0, 0, 0, 0, 0};
  (void)request;
  extism_stats(&alive);
  printf("OK %llu %llu %llu %llu", (unsigned long long)alive.plugins,
         (unsigned long long)alive.compiled_plugins, (unsigned long long)alive.host_functions,
         (unsigned long long)alive.cancel_handles);
}

static const struct {
  const char *verb;
  /* Whether the first word has to be an object that is there. */
  bool needs_object;
  void (*answer)(const Request *request);
} verbs[] = {
    {"HELLO", false, hello},          {"COMPILE", false, compile_},
    {"NEW", false, new_},             {"INSPECT", false, describe},
    {"PRECOMPILE", false, describe},  {"CALL", true, call},
    {"EXISTS", true, exists},         {"CONFIG", true, config},
    {"VAR", true, var},               {"RESET", true, reset},
    {"RENEW", true, renew},           {"CANCEL", true, cancel},
    {"HEADERS", true, headers},       {"ID", true, id},
    {"FUEL", true, fuel},             {"LOGS", true, logs},
    {"CONTEXT", false, context},      {"CTXNEW", true, context_new},
    {"CTXUPDATE", true, context_update}, {"CTXCALL", true, context_call},
    {"CTXEXISTS", true, context_exists}, {"CTXCONFIG", true, context_config},
    {"CTXFREE", true, context_free},  {"CTXRESET", true, context_reset},
    {"POOL", false, pool},            {"GET", true, get},
    {"POOLSTATS", true, pool_stats},  {"THREADS", true, threads_},
    {"FREE", false, free_},           {"GC", false, nothing},
    {"STATS", false, stats},          {"BYE", false, nothing},
};

static void answer(const Request *request) {
  size_t i;
  for (i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    if (strcmp(verbs[i].verb, word(request, 0)) == 0) {
      if (verbs[i].needs_object && object(request) == NULL) {
        say_status(EXTISM_STATUS_CLOSED);
      } else {
        verbs[i].answer(request);
      }
      return;
    }
  }
  printf("CANNOT %s is not known", word(request, 0));
}

int main(void) {
  char *line = NULL;
  size_t room = 0;
  bool is_over = false;
  while (!is_over && getline(&line, &room, stdin) > 0) {
    Request request = split(line);
    answer(&request);
    putchar('\n');
    fflush(stdout);
    end_request();
    is_over = strcmp(word(&request, 0), "BYE") == 0;
  }
  free(line);
  while (slots != NULL) {
    Slot *next = slots->next;
    empty(slots);
    free(slots);
    slots = next;
  }
  return 0;
}
