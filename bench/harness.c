/* See harness.h. */

#define _POSIX_C_SOURCE 200809L

#include "harness.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double sample_ns;

_Noreturn void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

uint64_t number(const char *text) {
  char *end;
  uint64_t value = strtoull(text, &end, 10);
  if (end == text || *end != '\0' || value == 0) {
    fail("%s is not a number above 0", text);
  }
  return value;
}

struct bytes read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
    fail("cannot read %s", path);
  }
  long length = ftell(file);
  uint8_t *data = length > 0 ? malloc((size_t)length) : NULL;
  rewind(file);
  if (data == NULL || fread(data, 1, (size_t)length, file) != (size_t)length) {
    fail("cannot read %s", path);
  }
  fclose(file);
  return (struct bytes){data, (size_t)length};
}

double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double timed(operation_t operation, void *state, uint64_t count) {
  double start = now_ns();
  operation(state, count);
  return now_ns() - start;
}

uint64_t calibrate(operation_t operation, void *state) {
  uint64_t count = 1;
  for (;;) {
    double elapsed = timed(operation, state, count);
    if (elapsed >= sample_ns) {
      return count;
    }
    /* At most ten times as many at once: the first operations are slower than the rest. */
    double factor = elapsed > 0 ? 1.1 * sample_ns / elapsed : 10;
    count = (uint64_t)((double)count * (factor > 10 ? 10 : factor)) + 1;
  }
}

double median_of_three(double a, double b, double c) {
  double low = a < b ? a : b;
  double high = a < b ? b : a;
  return c < low ? low : c > high ? high : c;
}

double ns_per_operation(operation_t operation, void *state) {
  uint64_t count = calibrate(operation, state);
  double a = timed(operation, state, count);
  double b = timed(operation, state, count);
  double c = timed(operation, state, count);
  return median_of_three(a, b, c) / (double)count;
}

void print_row(const char *row, const char *unit, double value, uint64_t count) {
  printf("{\"row\":\"%s\",\"%s\":%.3f", row, unit, value);
  if (count != 0) {
    printf(",\"count\":%" PRIu64, count);
  }
  printf("}\n");
  fflush(stdout);
}
