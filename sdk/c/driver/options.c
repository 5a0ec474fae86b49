/* The options of everything that is made from a source, and the log messages they collect. */
#define _POSIX_C_SOURCE 200809L
#include "driver.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT(name) {#name, offsetof(ExtismLimits, name)}

static const struct {
  const char *name;
  size_t offset;
} limits[] = {
    LIMIT(call_time_ms_max),   LIMIT(memory_bytes_max),        LIMIT(kernel_bytes_max),
    LIMIT(blocks_max),         LIMIT(table_elements_max),      LIMIT(instances_max),
    LIMIT(memories_max),       LIMIT(tables_max),              LIMIT(stack_bytes_max),
    LIMIT(call_depth_max),     LIMIT(output_bytes_max),        LIMIT(error_bytes_max),
    LIMIT(log_line_bytes_max), LIMIT(log_call_bytes_max),      LIMIT(log_call_lines_max),
    LIMIT(vars_bytes_max),     LIMIT(vars_count_max),          LIMIT(var_name_bytes_max),
    LIMIT(http_header_bytes_max), LIMIT(http_response_bytes_max), LIMIT(http_redirects_max),
    LIMIT(http_requests_max),  LIMIT(manifest_bytes_max),      LIMIT(modules_max),
    LIMIT(module_bytes_max),   LIMIT(download_time_ms_max),
};

static const struct {
  const char *name;
  uint64_t flag;
} flags[] = {
    {"wasi=1", EXTISM_OPTION_WASI},         {"headers=1", EXTISM_OPTION_HTTP_RESPONSE_HEADERS},
    {"rewrite=0", EXTISM_OPTION_NO_REWRITE}, {"trust=1", EXTISM_OPTION_TRUST_ARTEFACTS},
    {"cache=0", EXTISM_OPTION_NO_CACHE},
};

/* A message of any plug-in: which one is asked for comes later. */
typedef struct Message {
  struct Message *next;
  uint8_t plugin_id[16];
  int level;
  size_t length;
  char text[];
} Message;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static Message *messages;

static void collect(void *user_data, const uint8_t *plugin_id, ExtismLogLevel level,
                    const char *text, ExtismSize length) {
  Message *message = malloc(sizeof *message + length);
  Message **end = &messages;
  (void)user_data;
  if (message == NULL) {
    return;
  }
  message->next = NULL;
  message->level = (int)level;
  message->length = length;
  memcpy(message->plugin_id, plugin_id, sizeof message->plugin_id);
  memcpy(message->text, text, length);
  pthread_mutex_lock(&mutex);
  while (*end != NULL) {
    end = &(*end)->next;
  }
  *end = message;
  pthread_mutex_unlock(&mutex);
}

void say_logs(const uint8_t *plugin_id) {
  Message **at = &messages;
  pthread_mutex_lock(&mutex);
  while (*at != NULL) {
    Message *message = *at;
    size_t i;
    if (memcmp(message->plugin_id, plugin_id, sizeof message->plugin_id) != 0) {
      at = &message->next;
      continue;
    }
    printf(" %d:", message->level);
    for (i = 0; i < message->length; i++) {
      printf("%02x", (unsigned char)message->text[i]);
    }
    fputs(message->length == 0 ? "-" : "", stdout);
    *at = message->next;
    free(message);
  }
  pthread_mutex_unlock(&mutex);
}

static bool read_limit(const char *text, ExtismLimits *values) {
  const char *value = strchr(text, '=') + 1;
  size_t length = (size_t)(value - text) - 1;
  size_t i;
  for (i = 0; i < sizeof limits / sizeof *limits; i++) {
    if (strlen(limits[i].name) == length && strncmp(limits[i].name, text, length) == 0) {
      uint64_t limit = number(value);
      memcpy((char *)values + limits[i].offset, &limit, sizeof limit);
      return true;
    }
  }
  return false;
}

static bool read_limits(const Request *request, ExtismOptions *options) {
  ExtismLimits *values = scratch(sizeof *values);
  const char *start = option(request, "limits");
  size_t i;
  memset(values, 0, sizeof *values);
  values->size = sizeof *values;
  if (start != NULL && strcmp(start, "untrusted") == 0) {
    extism_limits_untrusted(values);
    options->limits = values;
  } else {
    extism_limits_default(values);
  }
  for (i = 0; i < request->n_options; i++) {
    if (strncmp(request->options[i], "limit.", 6) == 0) {
      options->limits = values;
      if (!read_limit(request->options[i] + 6, values)) {
        return false;
      }
    }
  }
  return true;
}

static bool read_functions(const Request *request, ExtismOptions *options) {
  const char *names = option(request, "functions");
  const char *namespace_ = option(request, "namespace");
  const ExtismFunction **list = scratch(LIST_MAX * sizeof *list);
  options->functions = list;
  while (names != NULL && *names != '\0' && options->n_functions < LIST_MAX) {
    size_t length = strcspn(names, ",");
    char *name = scratch(length + 1);
    ExtismFunction *function;
    memcpy(name, names, length);
    name[length] = '\0';
    function = catalogue_function(name);
    if (function == NULL) {
      return false;
    }
    if (namespace_ != NULL) {
      extism_function_set_namespace(function, (const char *)decode(namespace_).data);
    }
    list[options->n_functions++] = function;
    names += length + (names[length] == ',');
  }
  return true;
}

static const char *const *read_texts(const Request *request, const char *name, ExtismSize *count) {
  const char **list = scratch(WORDS_MAX * sizeof *list);
  const char *value;
  size_t at = 0;
  while ((value = next_option(request, name, &at)) != NULL) {
    list[(*count)++] = (const char *)decode(value).data;
  }
  return list;
}

bool read_options(const Request *request, ExtismOptions *options) {
  const char *fuel = option(request, "fuel");
  const char *log = option(request, "log");
  size_t i, j;
  memset(options, 0, sizeof *options);
  options->size = sizeof *options;
  for (i = 0; i < request->n_options; i++) {
    for (j = 0; j < sizeof flags / sizeof *flags; j++) {
      if (strcmp(request->options[i], flags[j].name) == 0) {
        options->flags |= flags[j].flag;
      }
    }
  }
  options->fuel = fuel == NULL ? 0 : number(fuel);
  options->wasi_args = read_texts(request, "arg", &options->n_wasi_args);
  options->wasi_env = read_texts(request, "env", &options->n_wasi_env);
  if (log != NULL) {
    options->log_level = number(log);
    options->log_sink = collect;
  }
  return read_limits(request, options) && read_functions(request, options);
}

void free_functions(const ExtismOptions *options) {
  ExtismSize i;
  for (i = 0; i < options->n_functions; i++) {
    extism_function_free((ExtismFunction *)options->functions[i]);
  }
}
