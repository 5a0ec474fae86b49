/* What needs a second thread: calls that are cancelled, and calls side by side. */
#define _POSIX_C_SOURCE 200809L
#include "driver.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Cancels a call that has run long enough, until it has ended. */
typedef struct Canceller {
  const ExtismCancelHandle *handle;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  struct timespec due;
  bool is_over;
} Canceller;

static void add_ms(struct timespec *time, uint64_t ms) {
  uint64_t ns = (uint64_t)time->tv_nsec + ms % 1000 * 1000000;
  time->tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
  time->tv_nsec = (long)(ns % 1000000000);
}

/* A cancel before the call has begun hits nothing, so it is repeated. */
static void *cancel(void *data) {
  Canceller *canceller = data;
  pthread_mutex_lock(&canceller->mutex);
  while (!canceller->is_over) {
    if (pthread_cond_timedwait(&canceller->changed, &canceller->mutex, &canceller->due) != 0) {
      extism_plugin_cancel(canceller->handle);
      add_ms(&canceller->due, 1);
    }
  }
  pthread_mutex_unlock(&canceller->mutex);
  return NULL;
}

static ExtismStatus call(Call *call, const char *function, Bytes input, int32_t *code,
                         ExtismError **error) {
  if (call->context == NULL) {
    return extism_plugin_try_call(call->plugin, function, strlen(function), input.data,
                                  input.length, call, code, error);
  }
  *code = extism_context_plugin_call(call->context, call->number, function, input.data,
                                     input.length, call);
  return extism_context_status(call->context, call->number);
}

ExtismStatus timed_call(Call *what, const char *function, Bytes input, const char *cancel_ms,
                        int32_t *code, ExtismError **error) {
  Canceller canceller = {
      NULL, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {0, 0}, false};
  pthread_t thread;
  ExtismStatus status;
  if (cancel_ms == NULL) {
    return call(what, function, input, code, error);
  }
  canceller.handle = what->context == NULL
                         ? extism_plugin_cancel_handle(what->plugin)
                         : extism_context_plugin_cancel_handle(what->context, what->number);
  clock_gettime(CLOCK_REALTIME, &canceller.due);
  add_ms(&canceller.due, number(cancel_ms));
  pthread_create(&thread, NULL, cancel, &canceller);
  status = call(what, function, input, code, error);
  pthread_mutex_lock(&canceller.mutex);
  canceller.is_over = true;
  pthread_cond_signal(&canceller.changed);
  pthread_mutex_unlock(&canceller.mutex);
  pthread_join(thread, NULL);
  return status;
}

/* One of the threads of THREADS, and what became of it. */
typedef struct Worker {
  pthread_t thread;
  const ExtismCompiledPlugin *compiled;
  const char *function;
  Bytes input, output;
  uint64_t calls, outputs;
  ExtismStatus status;
  ExtismError *error;
  bool differs;
} Worker;

static bool is_same(Bytes bytes, const uint8_t *data, size_t length) {
  return bytes.length == length && (length == 0 || memcmp(bytes.data, data, length) == 0);
}

static void *work(void *data) {
  Worker *worker = data;
  Call with = {NULL, NULL, 0, {NULL, 0}};
  uint64_t i;
  int32_t code;
  worker->status = extism_plugin_create(worker->compiled, &with.plugin, &worker->error);
  for (i = 0; i < worker->calls && worker->status == EXTISM_STATUS_OK; i++) {
    const uint8_t *output;
    size_t length;
    worker->status = call(&with, worker->function, worker->input, &code, &worker->error);
    if (worker->status != EXTISM_STATUS_OK) {
      break;
    }
    output = extism_plugin_output_data(with.plugin);
    length = extism_plugin_output_length(with.plugin);
    if (worker->outputs++ == 0) {
      worker->output.data = scratch(length + 1);
      worker->output.length = length;
      memcpy(worker->output.data, output, length);
    } else if (!is_same(worker->output, output, length)) {
      worker->differs = true;
    }
  }
  extism_plugin_free(with.plugin);
  return NULL;
}

void threads(const ExtismCompiledPlugin *compiled, const Request *request) {
  uint64_t count = number(word(request, 2)), outputs = 0, i;
  Worker *workers = scratch((size_t)count * sizeof *workers);
  const Worker *failed = NULL;
  bool differs = false;
  memset(workers, 0, (size_t)count * sizeof *workers);
  for (i = 0; i < count; i++) {
    workers[i].compiled = compiled;
    workers[i].calls = number(word(request, 3));
    workers[i].function = (const char *)decode(word(request, 4)).data;
    workers[i].input = decode(word(request, 5));
    pthread_create(&workers[i].thread, NULL, work, &workers[i]);
  }
  for (i = 0; i < count; i++) {
    pthread_join(workers[i].thread, NULL);
    outputs += workers[i].outputs;
    differs |= workers[i].differs ||
               !is_same(workers[0].output, workers[i].output.data, workers[i].output.length);
    failed = failed == NULL && workers[i].status != EXTISM_STATUS_OK ? &workers[i] : failed;
  }
  if (failed != NULL) {
    say_error(failed->status, extism_error_guest_code(failed->error),
              extism_error_report(failed->error));
  } else if (differs) {
    say_error(EXTISM_STATUS_OK, 0, "outputs differ");
  } else {
    printf("OK %llu", (unsigned long long)outputs);
    if (outputs > 0) {
      say_bytes(workers[0].output.data, workers[0].output.length);
    }
  }
  for (i = 0; i < count; i++) {
    extism_error_free(workers[i].error);
  }
}
