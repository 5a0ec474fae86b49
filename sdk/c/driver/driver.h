/*
 * The conformance driver: what its parts know of each other.
 *
 * Must not know: what is right. Invariant: a request gets exactly one line of answer, and never ends the
 * process.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include <extism.h>
#include <stddef.h>

enum { WORDS_MAX = 64, LIST_MAX = 32 };

/** Bytes of a request. `data` is NULL for none at all. */
typedef struct Bytes {
  uint8_t *data;
  size_t length;
} Bytes;

/** A request: its words, and the options behind them as `name=value`. */
typedef struct Request {
  char *words[WORDS_MAX];
  size_t n_words;
  char *options[WORDS_MAX];
  size_t n_options;
} Request;

/** What host functions find as the host context of every call. */
typedef struct Call {
  ExtismPlugin *plugin;
  ExtismContext *context;
  int32_t number;
  Bytes bytes;
} Call;

/* words.c */

/** Cuts a line into a request. */
Request split(char *line);

/** A word of a request; "" if there is none. */
const char *word(const Request *request, size_t at);

/** The value of the next option of this name from `*at` on, or NULL. */
const char *next_option(const Request *request, const char *name, size_t *at);

/** The value of an option, or NULL. */
const char *option(const Request *request, const char *name);

/** A number; 0 if there is no such word. */
uint64_t number(const char *word);

/** The bytes that a word stands for, with a NUL behind them. Freed after the request. */
Bytes decode(const char *word);

/** Memory that is freed after the request. */
void *scratch(size_t length);

/** Frees what the request used. */
void end_request(void);

/** Writes bytes as a word, with a space in front. */
void say_bytes(const uint8_t *data, size_t length);

/** Answers with an error, which may have no more than a status. */
void say_error(ExtismStatus status, int32_t guest_code, const char *message);

/** Answers `OK`, or with the error, which is freed. */
void say_outcome(ExtismStatus status, ExtismError *error);

/* options.c */

/** Reads the options of a request that takes a source. False if one is not known. */
bool read_options(const Request *request, ExtismOptions *options);

/** Frees the functions of options that were used. */
void free_functions(const ExtismOptions *options);

/** Writes the log messages of a plug-in as words, and forgets them. */
void say_logs(const uint8_t *plugin_id);

/* catalogue.c */

/** A host function of the catalogue, or NULL. */
ExtismFunction *catalogue_function(const char *name);

/* driver.c */

/** The plug-in of this identifier, or NULL. */
ExtismPlugin *find_plugin(const char *id);

/* threads.c */

/** Calls, and cancels the call from another thread once it has run for `cancel_ms` (NULL: never). */
ExtismStatus timed_call(Call *call, const char *function, Bytes input, const char *cancel_ms,
                        int32_t *code, ExtismError **error);

/** THREADS. */
void threads(const ExtismCompiledPlugin *compiled, const Request *request);

#endif
