/*
 * Write Extism plug-ins in C, or in C++. This header is all there is.
 *
 * Exactly one source file of a plug-in defines EXTISM_IMPLEMENTATION before it includes the header; the
 * others only include it. Defined before every inclusion, or on the command line:
 *
 *   EXTISM_USE_LIBC              there is a libc: adds the functions that end in _dup, which use malloc
 *   EXTISM_ENABLE_LOW_LEVEL_API  adds the functions that take addresses and check nothing
 *
 *   #define EXTISM_IMPLEMENTATION
 *   #include "extism-pdk.h"
 *
 *   int32_t EXTISM_EXPORTED_FUNCTION(greet) {
 *     extism_output_buf_from_sz("Hello!");
 *     return 0;
 *   }
 *
 *   clang --target=wasm32 -nostdlib -O2 -Wl,--no-entry greet.c -o greet.wasm
 *
 * A handle names a block of memory that belongs to the host: input, output, and whatever is exchanged. 0 is
 * no block, and the empty one. Handles last until the call ends. A function that returns bool returns false,
 * and does nothing, when a range is not inside of its block.
 *
 * Copies go through two exported functions, __extism_bulk_load and __extism_bulk_store. They are loops that
 * work on every host; one that knows the names copies in one instruction instead.
 */
#ifndef EXTISM_PDK_H
#define EXTISM_PDK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t ExtismHandle;

#define EXTISM_ENV_MODULE "extism:host/env"
#define EXTISM_USER_MODULE "extism:host/user"

/* Exports the function that follows under a name of its own. */
#define EXTISM_EXPORT_AS(name) __attribute__((export_name(name)))

/* Begins a function that the host can call: int32_t EXTISM_EXPORTED_FUNCTION(name) { ... return 0; } */
#define EXTISM_EXPORTED_FUNCTION(name) EXTISM_EXPORT_AS(#name) name(void)

/* Declares the function that follows as imported: from any module, from the kernel's, from the host's. */
#define EXTISM_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXTISM_IMPORT_ENV(name) EXTISM_IMPORT(EXTISM_ENV_MODULE, name)
#define EXTISM_IMPORT_USER(name) EXTISM_IMPORT(EXTISM_USER_MODULE, name)

/* --- What hosts offer, as it is imported --------------------------------------------------------------- */

/* A new block of so many bytes; 0 if there is no room for it, or for 0 bytes. */
EXTISM_IMPORT_ENV("alloc") extern ExtismHandle extism_alloc(const uint64_t length);

/* Frees a block. A handle that names none is ignored. */
EXTISM_IMPORT_ENV("free") extern void extism_free(ExtismHandle handle);

/* Length of a block in bytes. The first is for handles that are known to name one. */
EXTISM_IMPORT_ENV("length_unsafe") extern uint64_t extism_length(const ExtismHandle handle);
EXTISM_IMPORT_ENV("length") extern uint64_t extism_length_safe(const ExtismHandle handle);

/* The block that holds the input, and its length in bytes. */
EXTISM_IMPORT_ENV("input_offset") extern ExtismHandle extism_input_offset(void);
EXTISM_IMPORT_ENV("input_length") extern uint64_t extism_input_length(void);

/* Makes a block the error message of this call; 0 for none. */
EXTISM_IMPORT_ENV("error_set") extern void extism_error_set(const ExtismHandle message);

/* The configured value for a key; 0 if there is none, or it is empty. */
EXTISM_IMPORT_ENV("config_get") extern ExtismHandle extism_config_get(const ExtismHandle key);

/* A copy of the variable for a key; 0 if there is none, or it is empty. */
EXTISM_IMPORT_ENV("var_get") extern ExtismHandle extism_var_get(const ExtismHandle key);

/* Sets the variable for a key, or removes it when the value is 0. */
EXTISM_IMPORT_ENV("var_set") extern void extism_var_set(ExtismHandle key, const ExtismHandle value);

/* Sends the request that a block of JSON describes, {"url", "method", "headers"}, with a body or 0. The
   result is the response's body. */
EXTISM_IMPORT_ENV("http_request")
extern ExtismHandle extism_http_request(const ExtismHandle request, const ExtismHandle body);

/* The status of the last response. */
EXTISM_IMPORT_ENV("http_status_code") extern int32_t extism_http_status_code(void);

/* The headers of the last response as a JSON object; 0 where the host does not show them. */
EXTISM_IMPORT_ENV("http_headers") extern ExtismHandle extism_http_headers(void);

/* Logs a block as text. */
EXTISM_IMPORT_ENV("log_trace") extern void extism_log_trace(const ExtismHandle message);
EXTISM_IMPORT_ENV("log_debug") extern void extism_log_debug(const ExtismHandle message);
EXTISM_IMPORT_ENV("log_info") extern void extism_log_info(const ExtismHandle message);
EXTISM_IMPORT_ENV("log_warn") extern void extism_log_warn(const ExtismHandle message);
EXTISM_IMPORT_ENV("log_error") extern void extism_log_error(const ExtismHandle message);

/* The lowest level that is logged: 0 trace, 1 debug, 2 info, 3 warn, 4 error, INT32_MAX none. */
EXTISM_IMPORT_ENV("get_log_level") extern int32_t extism_get_log_level(void);

/* --- Blocks -------------------------------------------------------------------------------------------- */

/* Copies n bytes of a block, from src_offset on. */
bool extism_load_from_handle(const ExtismHandle src, const uint64_t src_offset, void *dest, const size_t n);

/* Copies n - 1 bytes of a block, from src_offset on, and ends them with a zero. */
bool extism_load_sz(const ExtismHandle src, uint64_t src_offset, char *dest, const size_t n);

/* Copies n bytes into a block, from dest_offset on. */
bool extism_store_to_handle(ExtismHandle dest, const uint64_t dest_offset, const void *buffer,
                            const size_t n);

/* A new block with these bytes, or with the text without its zero. 0 if there is no room for it. */
ExtismHandle extism_alloc_buf(const void *src, const size_t n);
ExtismHandle extism_alloc_buf_from_sz(const char *sz);

__attribute__((deprecated("use extism_alloc_buf"))) static inline ExtismHandle
extism_alloc_string(const char *s, const size_t n) {
  return extism_alloc_buf(s, n);
}

#ifdef EXTISM_USE_LIBC
/* The bytes of a block in memory of malloc, with their number in *out_size if it is not NULL; NULL if there
   is no memory for them. The second adds a zero, which counts. */
void *extism_load_dup(const ExtismHandle handle, size_t *out_size);
char *extism_load_sz_dup(const ExtismHandle handle, size_t *out_size);
#endif

/* --- Input, output and error --------------------------------------------------------------------------- */

/* As the functions without _input, from the input. */
static inline bool extism_load_input(const uint64_t src_offset, void *dest, const size_t n) {
  return extism_load_from_handle(extism_input_offset(), src_offset, dest, n);
}

static inline bool extism_load_input_sz(const uint64_t src_offset, char *dest, const size_t n) {
  return extism_load_sz(extism_input_offset(), src_offset, dest, n);
}

#ifdef EXTISM_USE_LIBC
static inline void *extism_load_input_dup(size_t *out_size) {
  return extism_load_dup(extism_input_offset(), out_size);
}

static inline char *extism_load_input_sz_dup(size_t *out_size) {
  return extism_load_sz_dup(extism_input_offset(), out_size);
}
#endif

/* Makes a block, a part of one, a copy of bytes or of a text the output of this call. The last one counts. The
   call ends by a trap where there is no room for the copy. */
void extism_output_handle(const ExtismHandle handle);
bool extism_output_set_from_handle(const ExtismHandle handle, const uint64_t offset, const uint64_t n);
void extism_output_buf(const void *src, const size_t n);
void extism_output_buf_from_sz(const char *sz);

/* Makes a copy of a text the error message of this call. The function should return another number than 0. */
void extism_error_set_buf(const char *message, const size_t message_length);
void extism_error_set_buf_from_sz(const char *message);

/* --- Configuration, variables and log ------------------------------------------------------------------ */

ExtismHandle extism_config_get_buf(const char *name, const size_t name_length);
ExtismHandle extism_config_get_buf_from_sz(const char *name);

ExtismHandle extism_var_get_buf(const char *name, const size_t name_length);
ExtismHandle extism_var_get_buf_from_sz(const char *name);

/* The call ends by a trap where there is no room for the name. */
void extism_var_set_buf(const char *name, const size_t name_length, const ExtismHandle value);
void extism_var_set_buf_from_sz(const char *name, const ExtismHandle value);

/* The numbers are those of this header, not those of extism_get_log_level. */
typedef enum { ExtismLogInfo, ExtismLogDebug, ExtismLogWarn, ExtismLogError, ExtismLogTrace } ExtismLog;

void extism_log(const char *s, const size_t len, const ExtismLog level);
void extism_log_sz(const char *s, const ExtismLog level);

#ifdef __cplusplus
}
#endif
#endif /* EXTISM_PDK_H */

/* --- Addresses ----------------------------------------------------------------------------------------- */

#if defined(EXTISM_ENABLE_LOW_LEVEL_API) || defined(EXTISM_IMPLEMENTATION)
#ifndef EXTISM_PDK_LOW_LEVEL_H
#define EXTISM_PDK_LOW_LEVEL_H

#ifdef __cplusplus
extern "C" {
#endif

/* Host memory by address: a handle plus an offset. What is not inside of host memory reads as 0, and is not
   written. */
EXTISM_IMPORT_ENV("load_u8") extern uint8_t __extism_load_u8(const uint64_t address);
EXTISM_IMPORT_ENV("load_u64") extern uint64_t __extism_load_u64(const uint64_t address);
EXTISM_IMPORT_ENV("store_u8") extern void __extism_store_u8(uint64_t address, const uint8_t byte);
EXTISM_IMPORT_ENV("store_u64") extern void __extism_store_u64(uint64_t address, const uint64_t word);

/* The input by offset; 0 unless all that is read is inside of it. */
EXTISM_IMPORT_ENV("input_load_u8") extern uint8_t __extism_input_load_u8(const uint64_t offset);
EXTISM_IMPORT_ENV("input_load_u64") extern uint64_t __extism_input_load_u64(const uint64_t offset);

EXTISM_IMPORT_ENV("output_set") extern void __extism_output_set(const uint64_t address, const uint64_t n);

/* The two functions that copy. */
void __extism_bulk_load(uint64_t address, void *dest, size_t n);
void __extism_bulk_store(uint64_t address, const void *src, size_t n);

#ifdef __cplusplus
}
#endif
#endif /* EXTISM_PDK_LOW_LEVEL_H */
#endif

#if defined(EXTISM_ENABLE_LOW_LEVEL_API) && !defined(EXTISM_PDK_LOW_LEVEL_NAMES)
#define EXTISM_PDK_LOW_LEVEL_NAMES

typedef uint64_t ExtismPointer;

#define extism_load_u8 __extism_load_u8
#define extism_load_u64 __extism_load_u64
#define extism_store_u8 __extism_store_u8
#define extism_store_u64 __extism_store_u64
#define extism_input_load_u8 __extism_input_load_u8
#define extism_input_load_u64 __extism_input_load_u64
#define extism_output_set __extism_output_set
#define extism_load __extism_load
#define extism_store __extism_store

/* Copy n bytes from and to an address. */
static inline void __extism_load(const ExtismPointer src, void *dest, const size_t n) {
  __extism_bulk_load(src, dest, n);
}

static inline void __extism_store(ExtismPointer dest, const void *buffer, const size_t n) {
  __extism_bulk_store(dest, buffer, n);
}

/* Copies n - 1 bytes from an address and ends them with a zero. n is not 0. */
static inline void extism_load_sz_unsafe(const ExtismPointer src, char *dest, const size_t n) {
  __extism_bulk_load(src, dest, n - 1);
  dest[n - 1] = '\0';
}

#endif /* EXTISM_PDK_LOW_LEVEL_NAMES */

/* --- Implementation ------------------------------------------------------------------------------------ */

#if defined(EXTISM_IMPLEMENTATION) && !defined(EXTISM_PDK_IMPLEMENTED)
#define EXTISM_PDK_IMPLEMENTED

#ifdef EXTISM_USE_LIBC
#include <stdlib.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Eight bytes at any address. */
typedef struct {
  uint64_t value;
} __attribute__((packed, may_alias)) ExtismUnalignedWord;

/* Not inlined: a host that knows the name replaces this function, not copies of its loops. */
__attribute__((noinline)) EXTISM_EXPORT_AS("__extism_bulk_load") void
__extism_bulk_load(uint64_t address, void *dest, size_t n) {
  uint8_t *bytes = (uint8_t *)dest;
  const size_t words = n & ~(size_t)7;
  size_t at = 0;
  for (; at < words; at += 8) {
    ((ExtismUnalignedWord *)(void *)(bytes + at))->value = __extism_load_u64(address + at);
  }
  for (; at < n; at++) {
    bytes[at] = __extism_load_u8(address + at);
  }
}

__attribute__((noinline)) EXTISM_EXPORT_AS("__extism_bulk_store") void
__extism_bulk_store(uint64_t address, const void *src, size_t n) {
  const uint8_t *bytes = (const uint8_t *)src;
  const size_t words = n & ~(size_t)7;
  size_t at = 0;
  for (; at < words; at += 8) {
    __extism_store_u64(address + at, ((const ExtismUnalignedWord *)(const void *)(bytes + at))->value);
  }
  for (; at < n; at++) {
    __extism_store_u8(address + at, bytes[at]);
  }
}

static bool extism_is_inside(const ExtismHandle handle, const uint64_t offset, const uint64_t n) {
  const uint64_t length = extism_length(handle);
  return offset <= length && n <= length - offset;
}

/* Without the attribute a compiler may take the loop for strlen, and there may be none. */
__attribute__((no_builtin("strlen"))) static size_t extism_sz_length(const char *sz) {
  size_t length = 0;
  while (sz[length] != '\0') {
    length++;
  }
  return length;
}

bool extism_load_from_handle(const ExtismHandle src, const uint64_t src_offset, void *dest, const size_t n) {
  if (!extism_is_inside(src, src_offset, n)) {
    return false;
  }
  __extism_bulk_load(src + src_offset, dest, n);
  return true;
}

bool extism_load_sz(const ExtismHandle src, uint64_t src_offset, char *dest, const size_t n) {
  if (n == 0 || !extism_load_from_handle(src, src_offset, dest, n - 1)) {
    return false;
  }
  dest[n - 1] = '\0';
  return true;
}

bool extism_store_to_handle(ExtismHandle dest, const uint64_t dest_offset, const void *buffer,
                            const size_t n) {
  if (!extism_is_inside(dest, dest_offset, n)) {
    return false;
  }
  __extism_bulk_store(dest + dest_offset, buffer, n);
  return true;
}

ExtismHandle extism_alloc_buf(const void *src, const size_t n) {
  const ExtismHandle handle = extism_alloc(n);
  /* Without a block the bytes would go to whatever is at the bottom of host memory. */
  if (handle != 0) {
    __extism_bulk_store(handle, src, n);
  }
  return handle;
}

ExtismHandle extism_alloc_buf_from_sz(const char *sz) { return extism_alloc_buf(sz, extism_sz_length(sz)); }

/* Where a function says nothing of how it went, going on without the block would lose what is in it. */
static ExtismHandle extism_alloc_buf_or_trap(const void *src, const size_t n) {
  const ExtismHandle handle = extism_alloc_buf(src, n);
  if (handle == 0 && n != 0) {
    __builtin_trap();
  }
  return handle;
}

#ifdef EXTISM_USE_LIBC
void *extism_load_dup(const ExtismHandle handle, size_t *out_size) {
  const uint64_t length = extism_length(handle);
  void *bytes = length > SIZE_MAX ? NULL : malloc((size_t)length);
  if (bytes != NULL) {
    __extism_bulk_load(handle, bytes, (size_t)length);
    if (out_size != NULL) {
      *out_size = (size_t)length;
    }
  }
  return bytes;
}

char *extism_load_sz_dup(const ExtismHandle handle, size_t *out_size) {
  const uint64_t length = extism_length(handle);
  char *text = length >= SIZE_MAX ? NULL : (char *)malloc((size_t)length + 1);
  if (text != NULL) {
    __extism_bulk_load(handle, text, (size_t)length);
    text[length] = '\0';
    if (out_size != NULL) {
      *out_size = (size_t)length + 1;
    }
  }
  return text;
}
#endif

void extism_output_handle(const ExtismHandle handle) { __extism_output_set(handle, extism_length(handle)); }

bool extism_output_set_from_handle(const ExtismHandle handle, const uint64_t offset, const uint64_t n) {
  if (!extism_is_inside(handle, offset, n)) {
    return false;
  }
  __extism_output_set(handle + offset, n);
  return true;
}

void extism_output_buf(const void *src, const size_t n) {
  __extism_output_set(extism_alloc_buf_or_trap(src, n), n);
}

void extism_output_buf_from_sz(const char *sz) { extism_output_buf(sz, extism_sz_length(sz)); }

void extism_error_set_buf(const char *message, const size_t message_length) {
  extism_error_set(extism_alloc_buf(message, message_length));
}

void extism_error_set_buf_from_sz(const char *message) {
  extism_error_set_buf(message, extism_sz_length(message));
}

/* Keys and messages are not freed below: the host does that, and may have given their place to the answer. */

ExtismHandle extism_config_get_buf(const char *name, const size_t name_length) {
  const ExtismHandle key = extism_alloc_buf(name, name_length);
  if (key == 0) {
    return 0;
  }
  return extism_config_get(key);
}

ExtismHandle extism_config_get_buf_from_sz(const char *name) {
  return extism_config_get_buf(name, extism_sz_length(name));
}

ExtismHandle extism_var_get_buf(const char *name, const size_t name_length) {
  const ExtismHandle key = extism_alloc_buf(name, name_length);
  if (key == 0 && name_length != 0) {
    return 0;
  }
  return extism_var_get(key);
}

ExtismHandle extism_var_get_buf_from_sz(const char *name) {
  return extism_var_get_buf(name, extism_sz_length(name));
}

void extism_var_set_buf(const char *name, const size_t name_length, const ExtismHandle value) {
  extism_var_set(extism_alloc_buf_or_trap(name, name_length), value);
}

void extism_var_set_buf_from_sz(const char *name, const ExtismHandle value) {
  extism_var_set_buf(name, extism_sz_length(name), value);
}

void extism_log(const char *s, const size_t len, const ExtismLog level) {
  const ExtismHandle message = extism_alloc_buf(s, len);
  if (message == 0) {
    return;
  }
  switch (level) {
  case ExtismLogInfo:
    extism_log_info(message);
    break;
  case ExtismLogDebug:
    extism_log_debug(message);
    break;
  case ExtismLogWarn:
    extism_log_warn(message);
    break;
  case ExtismLogError:
    extism_log_error(message);
    break;
  case ExtismLogTrace:
    extism_log_trace(message);
    break;
  }
}

void extism_log_sz(const char *s, const ExtismLog level) { extism_log(s, extism_sz_length(s), level); }

#ifdef __cplusplus
}
#endif
#endif /* EXTISM_PDK_IMPLEMENTED */
