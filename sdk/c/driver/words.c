/* Lines: requests taken apart, and replies put together. */
#define _POSIX_C_SOURCE 200809L
#include "driver.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the running request allocated, on any thread: requests come one after the other. */
typedef struct Scratch {
  struct Scratch *next;
} Scratch;

static Scratch *allocated;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void *scratch(size_t length) {
  Scratch *made = malloc(sizeof *made + length);
  if (made == NULL) {
    fputs("no memory\n", stderr);
    exit(1);
  }
  pthread_mutex_lock(&mutex);
  made->next = allocated;
  allocated = made;
  pthread_mutex_unlock(&mutex);
  return made + 1;
}

void end_request(void) {
  while (allocated != NULL) {
    Scratch *next = allocated->next;
    free(allocated);
    allocated = next;
  }
}

Request split(char *line) {
  Request request = {{NULL}, 0, {NULL}, 0};
  char *at;
  for (at = strtok(line, " \n"); at != NULL; at = strtok(NULL, " \n")) {
    if (strchr(at, '=') != NULL && request.n_options < WORDS_MAX) {
      request.options[request.n_options++] = at;
    } else if (request.n_words < WORDS_MAX) {
      request.words[request.n_words++] = at;
    }
  }
  return request;
}

const char *word(const Request *request, size_t at) {
  return at < request->n_words ? request->words[at] : "";
}

const char *next_option(const Request *request, const char *name, size_t *at) {
  size_t length = strlen(name);
  while (*at < request->n_options) {
    const char *found = request->options[(*at)++];
    if (strncmp(found, name, length) == 0 && found[length] == '=') {
      return found + length + 1;
    }
  }
  return NULL;
}

const char *option(const Request *request, const char *name) {
  size_t at = 0;
  return next_option(request, name, &at);
}

uint64_t number(const char *text) { return strtoull(text, NULL, 10); }

static unsigned digit(char letter) {
  return (unsigned)(letter <= '9' ? letter - '0' : letter - 'a' + 10);
}

Bytes decode(const char *text) {
  Bytes bytes = {NULL, 0};
  const char *star = strchr(text, '*');
  size_t once = star == NULL ? strlen(text) / 2 : (size_t)(star - text) / 2;
  size_t times = star == NULL ? 1 : (size_t)number(star + 1);
  size_t i;
  if (*text == '?') {
    return bytes;
  }
  if (*text == '-') {
    once = 0;
  }
  bytes.length = once * times;
  bytes.data = scratch(bytes.length + 1);
  for (i = 0; i < once && times > 0; i++) {
    bytes.data[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
  }
  for (i = once; i < bytes.length; i++) {
    bytes.data[i] = bytes.data[i - once];
  }
  bytes.data[bytes.length] = 0;
  return bytes;
}

void say_bytes(const uint8_t *data, size_t length) {
  static const char digits[] = "0123456789abcdef";
  size_t i;
  putchar(' ');
  if (length == 0) {
    putchar('-');
  }
  for (i = 0; i < length; i++) {
    putchar(digits[data[i] >> 4]);
    putchar(digits[data[i] & 15]);
  }
}

void say_error(ExtismStatus status, int32_t guest_code, const char *message) {
  if (message == NULL) {
    message = extism_status_description(status);
  }
  printf("ERR %d %d", (int)status, (int)guest_code);
  say_bytes((const uint8_t *)message, strlen(message));
}

void say_outcome(ExtismStatus status, ExtismError *error) {
  if (status == EXTISM_STATUS_OK) {
    fputs("OK", stdout);
  } else {
    say_error(status, extism_error_guest_code(error), extism_error_report(error));
  }
  extism_error_free(error);
}
