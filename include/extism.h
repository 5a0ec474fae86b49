/*
 * Extism for C: software made programmable with plug-ins compiled to WebAssembly.
 *
 * One section per noun: status and errors, values and host functions, the plug-in that calls a host
 * function, options and limits, compiled plug-ins, plug-ins, cancel handles, contexts, pools,
 * buffers, logging, the library itself. What is marked [1.x] is the interface of Extism 1.41,
 * unchanged: a program that was linked with that library runs with this one. The rest is there if
 * extism_abi_version is.
 *
 * Rules that hold everywhere:
 *
 * - Ownership. What a function returns or writes through a `T **` is the caller's and is freed
 *   once, with the `_free` function of its noun; every `_free` accepts NULL. Everything else that
 *   is pointed to is borrowed: text and bytes that are passed in are copied before the function
 *   returns, text and bytes that come out live as long as said.
 * - NULL. Any pointer may be NULL: a function then answers its documented failure. NULL with a
 *   length of 0 is an empty sequence. An out-pointer may be NULL if the caller does not want to
 *   know, unless it is the result itself. A pointer to another kind of object is answered like NULL
 *   where the library can tell.
 * - Text. Names and messages are UTF-8. Texts that are passed out end with NUL, and are cut where
 *   they contain one.
 * - Structs that begin with `size` are to be set to zero and given `size = sizeof(the struct)`
 *   before they are passed; they may grow. A struct larger than the library knows is refused unless
 *   the rest is zero.
 * - Errors. New functions that can fail for several reasons answer with an ExtismStatus and,
 *   through a last parameter `ExtismError **error`, with an object that says more; it is set to
 *   NULL on success. A panic inside the library is answered with the function's failure
 *   (EXTISM_STATUS_PANIC where it has a status); an object that was in use is then good for freeing
 *   only and answers EXTISM_STATUS_POISONED.
 * - Threads. Every function may be called from any thread. Calls of one plug-in are serialised: a
 *   second thread waits (extism_plugin_try_call answers instead). An object must not be freed while
 *   another thread is about to use it.
 * - Callbacks run on the thread that called the function they are a consequence of, with no lock of
 *   the library held that could keep them from calling it. Release callbacks (`free_user_data`) run
 *   exactly once, inside of some function of this header. No callback may be left by a C++
 *   exception or by longjmp.
 */
#ifndef EXTISM_H
#define EXTISM_H

#include <stdbool.h>
#include <stdint.h>

/** The interface described here; see extism_abi_version. */
#define EXTISM_ABI_VERSION 1

/** What extism_plugin_call answers for success. [1.x] */
#define EXTISM_SUCCESS 0

/** The value type of memory handles. [1.x] */
#define EXTISM_PTR ExtismValType_I64

/** Declares a host function. [1.x] */
#define EXTISM_FUNCTION(N)                                                     \
  extern void N(ExtismCurrentPlugin *, const ExtismVal *, ExtismSize,          \
                ExtismVal *, ExtismSize, void *)

/** Declares a host function the way cgo needs it. [1.x] */
#define EXTISM_GO_FUNCTION(N)                                                  \
  extern void N(void *, ExtismVal *, ExtismSize, ExtismVal *, ExtismSize,      \
                uintptr_t)

/** A number of bytes or of elements. [1.x] */
typedef uint64_t ExtismSize;

/**
 * A block of kernel memory, where plug-in and host exchange bytes; 0 is no block, or an empty one.
 * [1.x]
 */
typedef uint64_t ExtismMemoryHandle;

/** A plug-in that can be called. [1.x] */
typedef struct ExtismPlugin ExtismPlugin;

/** A plug-in compiled once, from which any number of instances are made. [1.x] */
typedef struct ExtismCompiledPlugin ExtismCompiledPlugin;

/** A function of the host that plug-ins may import. [1.x] */
typedef struct ExtismFunction ExtismFunction;

/**
 * The plug-in that is calling a host function. Good until that function returns, on its thread;
 * then as NULL. [1.x]
 */
typedef struct ExtismCurrentPlugin ExtismCurrentPlugin;

/** Cancels the calls of one plug-in. [1.x] */
typedef struct ExtismCancelHandle ExtismCancelHandle;

/** An arena that owns plug-ins. */
typedef struct ExtismContext ExtismContext;

/** A bounded number of plug-ins that threads borrow. */
typedef struct ExtismPool ExtismPool;

/** What went wrong, with everything that is known about it. */
typedef struct ExtismError ExtismError;

/** Bytes that the caller owns. */
typedef struct ExtismBuffer ExtismBuffer;

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status and errors --------------------------------------------------------------------- */

/* BEGIN GENERATED: status */
/* Written by `cargo xtask gen` from abi/status.toml. */
typedef enum ExtismStatus {
  /** Success. */
  EXTISM_STATUS_OK = 0,
  /** A pointer that must not be NULL was NULL. */
  EXTISM_STATUS_NULL_ARGUMENT = 100,
  /** A string was not valid UTF-8. */
  EXTISM_STATUS_INVALID_UTF8 = 101,
  /** The object was already freed or closed. */
  EXTISM_STATUS_CLOSED = 102,
  /** The plug-in is running: a call from one of its own host functions, or from another thread. */
  EXTISM_STATUS_BUSY = 103,
  /** The object was handed over before and cannot be used twice. */
  EXTISM_STATUS_ALREADY_USED = 104,
  /** No live object has this handle. */
  EXTISM_STATUS_BAD_HANDLE = 105,
  /** An argument is outside its documented range. */
  EXTISM_STATUS_INVALID_ARGUMENT = 106,
  /** An earlier panic left the object in an unknown state; free it and create a new one. */
  EXTISM_STATUS_POISONED = 107,
  /** Plug-ins call each other through host functions more deeply than the limit allows. */
  EXTISM_STATUS_CALL_DEPTH = 108,
  /** The pool had no plug-in to give within the time allowed. */
  EXTISM_STATUS_WAIT_TIMEOUT = 109,
  /** The manifest is neither valid JSON, nor TOML, nor a Wasm module. */
  EXTISM_STATUS_MANIFEST_SYNTAX = 200,
  /** A field of the manifest is unknown or has a value of the wrong kind. */
  EXTISM_STATUS_MANIFEST_FIELD = 201,
  /** The manifest names no Wasm module. */
  EXTISM_STATUS_NO_MODULES = 202,
  /** Two modules of the manifest have the same name. */
  EXTISM_STATUS_DUPLICATE_NAME = 203,
  /** A file or folder the manifest names does not exist. */
  EXTISM_STATUS_NOT_FOUND = 204,
  /** A file the manifest names could not be read. */
  EXTISM_STATUS_IO = 205,
  /** A manifest, module or download is larger than its limit. */
  EXTISM_STATUS_TOO_LARGE = 206,
  /** The bytes of a module do not have the SHA-256 the manifest states. */
  EXTISM_STATUS_HASH_MISMATCH = 207,
  /** A module could not be downloaded. */
  EXTISM_STATUS_DOWNLOAD_FAILED = 208,
  /** A precompiled artefact that the host trusts is damaged. */
  EXTISM_STATUS_ARTEFACT_REFUSED = 209,
  /** The bytes are not a valid Wasm module. */
  EXTISM_STATUS_MODULE_INVALID = 300,
  /** The module is valid but uses something this runtime does not offer. */
  EXTISM_STATUS_MODULE_UNSUPPORTED = 301,
  /** The module imports something nothing provides. */
  EXTISM_STATUS_IMPORT_UNKNOWN = 302,
  /** An import exists but has another type than the module expects. */
  EXTISM_STATUS_IMPORT_TYPE = 303,
  /** Modules import each other, or a module imports itself. */
  EXTISM_STATUS_IMPORT_CYCLE = 304,
  /** The module exports both `_start` and `_initialize`. */
  EXTISM_STATUS_COMMAND_AND_REACTOR = 305,
  /** The plug-in exports no function of this name. */
  EXTISM_STATUS_FUNCTION_NOT_FOUND = 400,
  /** The exported function takes parameters or has more than one result, so it cannot be called. */
  EXTISM_STATUS_FUNCTION_TYPE = 401,
  /** The plug-in reported an error, or returned a code other than 0. */
  EXTISM_STATUS_GUEST_ERROR = 402,
  /** The plug-in ended itself through `proc_exit` with a code other than 0. */
  EXTISM_STATUS_GUEST_EXIT = 403,
  /** The plug-in executed `unreachable`: an abort, a panic or a failed assertion in its source. */
  EXTISM_STATUS_TRAP_UNREACHABLE = 410,
  /** The plug-in accessed memory out of bounds. */
  EXTISM_STATUS_TRAP_MEMORY = 411,
  /** The plug-in accessed a table out of bounds. */
  EXTISM_STATUS_TRAP_TABLE = 412,
  /** Division by zero, integer overflow or an impossible conversion in the plug-in. */
  EXTISM_STATUS_TRAP_ARITHMETIC = 413,
  /** An indirect call through an empty slot or with the wrong signature. */
  EXTISM_STATUS_TRAP_INDIRECT_CALL = 414,
  /** The plug-in used up its call stack. */
  EXTISM_STATUS_TRAP_STACK = 415,
  /** Any other trap. */
  EXTISM_STATUS_TRAP_OTHER = 419,
  /** A host function answered with an error. */
  EXTISM_STATUS_HOST_FUNCTION = 420,
  /** A host function panicked. */
  EXTISM_STATUS_HOST_PANIC = 421,
  /** The plug-in passed a memory handle that names no block. */
  EXTISM_STATUS_BAD_KERNEL_HANDLE = 422,
  /** An HTTP request of the plug-in failed before there was a response. */
  EXTISM_STATUS_HTTP_FAILED = 423,
  /** The plug-in's HTTP request is malformed: its JSON, URL, method or headers. */
  EXTISM_STATUS_HTTP_REQUEST_INVALID = 424,
  /** The call took longer than the plug-in's time limit. */
  EXTISM_STATUS_TIMEOUT = 500,
  /** The host cancelled the call. */
  EXTISM_STATUS_CANCELLED = 501,
  /** The plug-in ran out of fuel. */
  EXTISM_STATUS_FUEL = 502,
  /** The plug-in needs more memory than its limit. */
  EXTISM_STATUS_MEMORY = 503,
  /** The plug-in's tables are larger than the limit. */
  EXTISM_STATUS_TABLE = 504,
  /** The plug-in has more instances, memories or tables than the limit. */
  EXTISM_STATUS_INSTANCES = 505,
  /** The output of a call is larger than the limit. */
  EXTISM_STATUS_OUTPUT = 506,
  /** The variables of the plug-in are larger than the limit. */
  EXTISM_STATUS_VARS = 507,
  /** An HTTP response is larger than the limit. */
  EXTISM_STATUS_HTTP_SIZE = 508,
  /** The plug-in made more HTTP requests in one call than the limit. */
  EXTISM_STATUS_HTTP_REQUESTS = 509,
  /** The plug-in holds more kernel memory blocks than the limit. */
  EXTISM_STATUS_BLOCKS = 510,
  /** The HTTP host is not in `allowed_hosts`. */
  EXTISM_STATUS_HOST_DENIED = 600,
  /** An HTTP redirect leads to a place that is not allowed, or there were too many of them. */
  EXTISM_STATUS_REDIRECT_DENIED = 601,
  /** The HTTP host resolves only to addresses that its pattern does not grant. */
  EXTISM_STATUS_ADDRESS_DENIED = 602,
  /** The URL scheme is not allowed. */
  EXTISM_STATUS_SCHEME_DENIED = 603,
  /** The host has disabled variables for this plug-in. */
  EXTISM_STATUS_VARS_DISABLED = 604,
  /** The runtime panicked; the object concerned is poisoned. */
  EXTISM_STATUS_PANIC = 900,
  /** The host has no memory left for a buffer of this size. */
  EXTISM_STATUS_OUT_OF_MEMORY = 901,
  /** A fault of the runtime that should not happen; please report it. */
  EXTISM_STATUS_INTERNAL = 902,
} ExtismStatus;
/* END GENERATED: status */

/**
 * The name of a status without its prefix, such as "FUNCTION_NOT_FOUND"; "UNKNOWN" for a number
 * this version does not have. Lives as long as the process.
 */
const char *extism_status_name(ExtismStatus status);

/** What a status means, in one sentence. Lives as long as the process. */
const char *extism_status_description(ExtismStatus status);

/** The status of an error; EXTISM_STATUS_NULL_ARGUMENT for NULL. */
ExtismStatus extism_error_status(const ExtismError *error);

/** The code the plug-in returned or exited with; 0 if it did neither. */
int32_t extism_error_guest_code(const ExtismError *error);

/** The outermost message. Lives as long as the error. NULL for NULL. */
const char *extism_error_message(const ExtismError *error);

/**
 * The message and every cause below it, each on lines of its own. Lives as long as the error. NULL
 * for NULL.
 */
const char *extism_error_report(const ExtismError *error);

/** Frees an error. */
void extism_error_free(ExtismError *error);

/* ---- Values and host functions ------------------------------------------------------------- */

/**
 * The type of a value. V128 and the references exist in Wasm but do not travel between plug-in and
 * host. [1.x]
 */
typedef enum {
  ExtismValType_I32,
  ExtismValType_I64,
  ExtismValType_F32,
  ExtismValType_F64,
  ExtismValType_V128,
  ExtismValType_FuncRef,
  ExtismValType_ExternRef
} ExtismValType;

/** A value of one of four types. [1.x] */
typedef union {
  int32_t i32;
  int64_t i64;
  float f32;
  double f64;
} ExtismValUnion;

/** An argument or a result. [1.x] */
typedef struct {
  ExtismValType t;
  ExtismValUnion v;
} ExtismVal;

/**
 * A host function. [1.x]
 *
 * `inputs` and `outputs` live until it returns and are NULL where there are none. The types of
 * `outputs` are those the function was declared with, the values 0; an output whose type was
 * changed fails the call. It runs on the thread that called the plug-in, and must return.
 */
typedef void (*ExtismFunctionType)(ExtismCurrentPlugin *plugin,
                                   const ExtismVal *inputs,
                                   ExtismSize n_inputs, ExtismVal *outputs,
                                   ExtismSize n_outputs, void *data);

/**
 * A host function in the namespace "extism:host/user". [1.x]
 *
 * `user_data` is passed to `func` on every call, from any thread that calls a plug-in which has the
 * function. `free_user_data` (NULL: none) is called once with it when the last of this object and
 * the plug-ins that took the function is gone; never for a `user_data` of NULL.
 *
 * NULL if the name is NULL or not UTF-8, `func` is NULL, a type is not one of I32, I64, F32 and
 * F64, or there are more than 1,000 inputs or outputs; then `user_data` stays the caller's.
 */
ExtismFunction *extism_function_new(const char *name,
                                    const ExtismValType *inputs,
                                    ExtismSize n_inputs,
                                    const ExtismValType *outputs,
                                    ExtismSize n_outputs,
                                    ExtismFunctionType func, void *user_data,
                                    void (*free_user_data)(void *_));

/** Frees a function object. A function that a plug-in took lives on in it. [1.x] */
void extism_function_free(ExtismFunction *f);

/**
 * Sets the module name that plug-ins import the function from; does nothing once a plug-in took it.
 * [1.x]
 */
void extism_function_set_namespace(ExtismFunction *ptr, const char *namespace_);

/* ---- The plug-in that calls a host function ------------------------------------------------ */

/** The pointer that was given along with the call; NULL if there was none. [1.x] */
void *extism_current_plugin_host_context(ExtismCurrentPlugin *plugin);

/**
 * Where kernel memory begins; adding a handle gives the address of its block. [1.x]
 * Ends with the next allocation. Prefer extism_current_plugin_memory_block, which checks.
 */
uint8_t *extism_current_plugin_memory(ExtismCurrentPlugin *plugin);

/**
 * Allocates a block of `n` bytes with unspecified contents; 0 if there is no room, or `n` is 0.
 * [1.x]
 */
ExtismMemoryHandle
extism_current_plugin_memory_alloc(ExtismCurrentPlugin *plugin, ExtismSize n);

/** The length of a block in bytes; 0 if the handle names none. [1.x] */
ExtismSize extism_current_plugin_memory_length(ExtismCurrentPlugin *plugin,
                                               ExtismMemoryHandle n);

/** Frees a block; a handle that names none is ignored. [1.x] */
void extism_current_plugin_memory_free(ExtismCurrentPlugin *plugin,
                                       ExtismMemoryHandle ptr);

/**
 * The bytes of a block, to read and write, and their number through `length`; NULL and 0 if the
 * handle names none or the block is empty. Ends with the next allocation.
 */
uint8_t *extism_current_plugin_memory_block(ExtismCurrentPlugin *plugin,
                                            ExtismMemoryHandle handle,
                                            ExtismSize *length);

/**
 * Makes the running call fail once the host function returns: with EXTISM_STATUS_HOST_FUNCTION and
 * this message, which is `length` bytes of UTF-8.
 */
ExtismStatus extism_current_plugin_fail(ExtismCurrentPlugin *plugin,
                                        const uint8_t *message,
                                        ExtismSize length);

/**
 * Whether the call was cancelled or its time is up: a host function that takes long should look,
 * and return.
 */
bool extism_current_plugin_must_stop(ExtismCurrentPlugin *plugin);

/**
 * How many milliseconds the call may still take; UINT64_MAX without a time limit, and 0 if it has to
 * stop.
 */
uint64_t extism_current_plugin_time_remaining_ms(ExtismCurrentPlugin *plugin);

/** Copies the identity of the plug-in, that of extism_plugin_id, to the 16 bytes at `id`. */
ExtismStatus extism_current_plugin_id(ExtismCurrentPlugin *plugin, uint8_t *id);

/**
 * Sets the plug-in's error message, as if it had done so itself; `length` bytes of UTF-8. A message
 * of no bytes clears it.
 */
ExtismStatus extism_current_plugin_set_error(ExtismCurrentPlugin *plugin,
                                             const uint8_t *message,
                                             ExtismSize length);

/** As extism_plugin_var_get, of the plug-in that calls. */
ExtismStatus extism_current_plugin_var_get(ExtismCurrentPlugin *plugin,
                                           const uint8_t *name,
                                           ExtismSize name_len,
                                           ExtismBuffer **out);

/** As extism_plugin_var_set, of the plug-in that calls. */
ExtismStatus extism_current_plugin_var_set(ExtismCurrentPlugin *plugin,
                                           const uint8_t *name,
                                           ExtismSize name_len,
                                           const uint8_t *data,
                                           ExtismSize data_len);

/** As extism_plugin_var_remove, of the plug-in that calls. */
ExtismStatus extism_current_plugin_var_remove(ExtismCurrentPlugin *plugin,
                                              const uint8_t *name,
                                              ExtismSize name_len);

/* ---- Options and limits -------------------------------------------------------------------- */

/** The value of a limit that does not limit. */
#define EXTISM_UNLIMITED UINT64_MAX

/**
 * Every bound of a plug-in. Fill it with extism_limits_default or extism_limits_untrusted, then
 * change fields: each is meant as it stands, 0 included. Fields beyond `size` have their default.
 */
typedef struct ExtismLimits {
  /** sizeof(ExtismLimits). */
  ExtismSize size;
  /** The longest a call may take, everything included, in milliseconds. */
  uint64_t call_time_ms_max;
  /** All linear memories together, in bytes. */
  uint64_t memory_bytes_max;
  /** Kernel memory alone, in bytes; at most 4 GiB. */
  uint64_t kernel_bytes_max;
  /** Blocks of kernel memory alive at the same time. */
  uint64_t blocks_max;
  /** Elements of all tables together. */
  uint64_t table_elements_max;
  /** Module instances. */
  uint64_t instances_max;
  /** Linear memories, the kernel's included. */
  uint64_t memories_max;
  /** Tables. */
  uint64_t tables_max;
  /** The Wasm call stack, in bytes. */
  uint64_t stack_bytes_max;
  /**
   * Plug-ins calling, or making, each other through host functions: how deep. Each level may use a
   * whole stack of the thread.
   */
  uint64_t call_depth_max;
  /** The output of a call, in bytes. */
  uint64_t output_bytes_max;
  /** The error message of a call, in bytes; longer ones are cut. */
  uint64_t error_bytes_max;
  /** One log message, in bytes; longer ones are cut. */
  uint64_t log_line_bytes_max;
  /** All log messages of one call, in bytes as they are written; the rest is dropped and counted. */
  uint64_t log_call_bytes_max;
  /** Log messages in one call; the rest is dropped and counted. */
  uint64_t log_call_lines_max;
  /** All variables together, in bytes. */
  uint64_t vars_bytes_max;
  /** Variables alive at the same time. */
  uint64_t vars_count_max;
  /** The name of a variable, in bytes. */
  uint64_t var_name_bytes_max;
  /** The body of an HTTP response, in bytes. */
  uint64_t http_response_bytes_max;
  /** The headers of an HTTP response, in bytes. */
  uint64_t http_header_bytes_max;
  /** Redirects followed for one HTTP request. */
  uint64_t http_redirects_max;
  /** HTTP requests in one call. */
  uint64_t http_requests_max;
  /** A manifest, in bytes. */
  uint64_t manifest_bytes_max;
  /** Modules named by one manifest. */
  uint64_t modules_max;
  /** One module, in bytes. */
  uint64_t module_bytes_max;
  /** The download of one module, in milliseconds. */
  uint64_t download_time_ms_max;
} ExtismLimits;

/**
 * The limits of plug-ins that are trusted, as extism_plugin_new has them. Set `limits->size`
 * before.
 */
ExtismStatus extism_limits_default(ExtismLimits *limits);

/** The limits for plug-ins nobody has read: 30 s, 256 MiB and so on. Set `limits->size` before. */
ExtismStatus extism_limits_untrusted(ExtismLimits *limits);

/** The plug-in may import WASI preview 1, and with it reach the manifest's `allowed_paths`. */
#define EXTISM_OPTION_WASI UINT64_C(1)
/** Standard output and error of a plug-in with WASI are those of the process. */
#define EXTISM_OPTION_WASI_OUTPUT UINT64_C(2)
/** The plug-in sees the headers of HTTP responses. */
#define EXTISM_OPTION_HTTP_RESPONSE_HEADERS UINT64_C(4)
/** Machine code in precompiled artefacts is used: only for files that nobody else can write. */
#define EXTISM_OPTION_TRUST_ARTEFACTS UINT64_C(8)
/** Compiled code is not kept for the next time the same module is loaded. */
#define EXTISM_OPTION_NO_CACHE UINT64_C(16)
/** Calls for kernel memory stay calls. The results are the same; the fuel a call uses is not. */
#define EXTISM_OPTION_NO_REWRITE UINT64_C(32)
/**
 * The manifest may give modules as `{"data": {"ptr": address, "len": bytes}}`, read from this
 * process as they are.
 */
#define EXTISM_OPTION_DATA_POINTERS UINT64_C(64)

/** The level of a log message. */
typedef enum ExtismLogLevel {
  EXTISM_LOG_TRACE = 0,
  EXTISM_LOG_DEBUG = 1,
  EXTISM_LOG_INFO = 2,
  EXTISM_LOG_WARN = 3,
  EXTISM_LOG_ERROR = 4
} ExtismLogLevel;

/**
 * Receives one log message of a plug-in, on the thread that calls it. `plugin_id` is 16 bytes;
 * `message` ends with NUL, control characters in it are escaped, and it lives until the callback
 * returns.
 */
typedef void (*ExtismLogSinkFunctionType)(void *user_data,
                                          const uint8_t *plugin_id,
                                          ExtismLogLevel level,
                                          const char *message,
                                          ExtismSize length);

/** What a host chooses for a plug-in. All zeros but `size` are the defaults. */
typedef struct ExtismOptions {
  /** sizeof(ExtismOptions). */
  ExtismSize size;
  /** Any of EXTISM_OPTION_*. Unknown flags are refused. */
  uint64_t flags;
  /** The functions the plug-in may import. Taken if the operation succeeds. */
  const ExtismFunction **functions;
  ExtismSize n_functions;
  /** NULL: extism_limits_default. A manifest may ask for less. */
  const ExtismLimits *limits;
  /** Fuel for each call; 0 does not count. */
  uint64_t fuel;
  /** Fuel for making and initialising an instance; 0: as `fuel`. */
  uint64_t fuel_for_start;
  /** Keep compiled code on disk as this file of the engine says; NULL: in this process alone. */
  const char *cache_config;
  /** Arguments a plug-in with WASI sees. */
  const char *const *wasi_args;
  ExtismSize n_wasi_args;
  /** Environment variables a plug-in with WASI sees, each "NAME=value". */
  const char *const *wasi_env;
  ExtismSize n_wasi_env;
  /**
   * Where the log messages of this plug-in go beside the process's log: an ExtismLogLevel, and NULL
   * for nowhere else.
   */
  uint64_t log_level;
  ExtismLogSinkFunctionType log_sink;
  /**
   * Passed to `log_sink`; released once, when the last plug-in that has it is gone. Taken if the
   * operation succeeds.
   */
  void *log_user_data;
  void (*free_log_user_data)(void *);
} ExtismOptions;

/* ---- Compiled plug-ins --------------------------------------------------------------------- */

/**
 * Compiles a plug-in: a Wasm module, binary or text, or a manifest in JSON or TOML. Options of NULL
 * are the defaults. What the options hand over (functions, log user data) stays the caller's if
 * this fails.
 */
ExtismStatus extism_compile(const ExtismOptions *options, const uint8_t *wasm,
                            ExtismSize wasm_size, ExtismCompiledPlugin **out,
                            ExtismError **error);

/**
 * Compiles a plug-in. [1.x]
 *
 * `functions` are taken, whether or not it can be compiled, unless the list itself is refused:
 * because it contains a NULL or a function that was taken before. NULL on failure, with a text in
 * `*errmsg` (if `errmsg` is not NULL) that extism_plugin_new_error_free frees. A manifest may give
 * modules as pointers into this process: they are trusted.
 */
ExtismCompiledPlugin *extism_compiled_plugin_new(
    const uint8_t *wasm, ExtismSize wasm_size, const ExtismFunction **functions,
    ExtismSize n_functions, bool with_wasi, char **errmsg);

/** As extism_compiled_plugin_new; each call gets `fuel_limit` units of fuel. [1.x] */
ExtismCompiledPlugin *extism_compiled_plugin_new_with_fuel_limit(
    const uint8_t *wasm, ExtismSize wasm_size, const ExtismFunction **functions,
    ExtismSize n_functions, bool with_wasi, uint64_t fuel_limit, char **errmsg);

/** Frees a compiled plug-in. Plug-ins made from it live on. [1.x] */
void extism_compiled_plugin_free(ExtismCompiledPlugin *plugin);

/**
 * Compiles a plug-in of one module ahead of time: the module with its machine code in a custom
 * section. It loads anywhere as a module, and faster where EXTISM_OPTION_TRUST_ARTEFACTS is set.
 * What the options hand over stays the caller's.
 */
ExtismStatus extism_precompile(const ExtismOptions *options,
                               const uint8_t *wasm, ExtismSize wasm_size,
                               ExtismBuffer **out, ExtismError **error);

/**
 * Describes a plug-in without running it, in JSON: what it exports, imports and was built with.
 * What the options hand over stays the caller's.
 */
ExtismStatus extism_inspect(const ExtismOptions *options, const uint8_t *wasm,
                            ExtismSize wasm_size, ExtismBuffer **out,
                            ExtismError **error);

/* ---- Plug-ins ------------------------------------------------------------------------------ */

/** An instance of a compiled plug-in. */
ExtismStatus extism_plugin_create(const ExtismCompiledPlugin *compiled,
                                  ExtismPlugin **out, ExtismError **error);

/** Compiles and instantiates a plug-in: as extism_compiled_plugin_new. [1.x] */
ExtismPlugin *extism_plugin_new(const uint8_t *wasm, ExtismSize wasm_size,
                                const ExtismFunction **functions,
                                ExtismSize n_functions, bool with_wasi,
                                char **errmsg);

/** As extism_plugin_new; each call gets `fuel_limit` units of fuel. [1.x] */
ExtismPlugin *extism_plugin_new_with_fuel_limit(
    const uint8_t *wasm, ExtismSize wasm_size, const ExtismFunction **functions,
    ExtismSize n_functions, bool with_wasi, uint64_t fuel_limit, char **errmsg);

/** An instance of a compiled plug-in; NULL and a text in `*errmsg` on failure. [1.x] */
ExtismPlugin *
extism_plugin_new_from_compiled(const ExtismCompiledPlugin *compiled,
                                char **errmsg);

/** Frees a text that the functions above left in `*errmsg`. [1.x] */
void extism_plugin_new_error_free(char *err);

/**
 * Frees a plug-in, or gives one of a pool back. [1.x] Waits until a call on another thread has
 * ended; from one of the plug-in's own host functions it is put off until the call ends.
 */
void extism_plugin_free(ExtismPlugin *plugin);

/**
 * The 16 bytes of the plug-in's identity, a UUID, as in its log messages. Live as long as the
 * plug-in. [1.x]
 */
const uint8_t *extism_plugin_id(ExtismPlugin *plugin);

/**
 * Calls a function of the plug-in with `data_len` bytes of input. [1.x]
 *
 * 0 for success, the plug-in's own code if it returned or exited with one, 134 for a trap, a
 * timeout or a cancel, -1 for everything else. What went wrong is in extism_plugin_error and
 * extism_plugin_status, what came out in extism_plugin_output_data. While another thread calls the
 * plug-in this waits; from one of the plug-in's own host functions it answers -1, "cannot make
 * reentrant calls into plugin".
 */
int32_t extism_plugin_call(ExtismPlugin *plugin, const char *func_name,
                           const uint8_t *data, ExtismSize data_len);

/**
 * As extism_plugin_call, with a pointer that the host functions get from
 * extism_current_plugin_host_context. [1.x]
 */
int32_t extism_plugin_call_with_host_context(ExtismPlugin *plugin,
                                             const char *func_name,
                                             const uint8_t *data,
                                             ExtismSize data_len,
                                             void *host_context);

/**
 * As extism_plugin_call_with_host_context, for those who do not want to wait and want to know
 * everything at once: while the plug-in is in use it answers EXTISM_STATUS_BUSY. `*code` is what
 * extism_plugin_call would answer.
 */
ExtismStatus extism_plugin_try_call(ExtismPlugin *plugin, const char *name,
                                    ExtismSize name_len, const uint8_t *data,
                                    ExtismSize data_len, void *host_context,
                                    int32_t *code, ExtismError **error);

/**
 * What went wrong in the last operation: what the plug-in itself said, or the reason with its
 * causes; NULL if nothing is to be said. Lives until the next operation on the plug-in. [1.x]
 */
const char *extism_plugin_error(ExtismPlugin *plugin);

/** The older name of extism_plugin_error. [1.x] */
const char *extism_error(ExtismPlugin *plugin);

/** The status of the last operation. */
ExtismStatus extism_plugin_status(ExtismPlugin *plugin);

/** The code the plug-in itself returned or exited with in the last call; 0 if it did neither. */
int32_t extism_plugin_guest_code(ExtismPlugin *plugin);

/** The length of the last call's output in bytes. [1.x] */
ExtismSize extism_plugin_output_length(ExtismPlugin *plugin);

/**
 * The last call's output, until the next operation on the plug-in; not NULL unless the plug-in is.
 * [1.x]
 */
const uint8_t *extism_plugin_output_data(ExtismPlugin *plugin);

/**
 * Merges a JSON object of strings into the plug-in's configuration; `null` removes a key. [1.x]
 * False if the JSON is not valid, with the reason in extism_plugin_error.
 */
bool extism_plugin_config(ExtismPlugin *plugin, const uint8_t *json,
                          ExtismSize json_size);

/** Whether the plug-in exports a function of this name that can be called. [1.x] */
bool extism_plugin_function_exists(ExtismPlugin *plugin, const char *func_name);

/** Lets the plug-in see the headers of HTTP responses from now on. [1.x] */
void extism_plugin_allow_http_response_headers(ExtismPlugin *plugin);

/**
 * Overwrites what the last call left in kernel memory with zeros. False if the plug-in is in use or
 * unusable. [1.x]
 */
bool extism_plugin_reset(ExtismPlugin *plugin);

/**
 * Makes the plug-in as new: a fresh instance, no variables, the configuration of the manifest. Its
 * identity, its cancel handles and its log sink stay.
 */
ExtismStatus extism_plugin_renew(ExtismPlugin *plugin, ExtismError **error);

/** The fuel the last call used; false, and 0, if fuel is not counted. */
bool extism_plugin_fuel_consumed(ExtismPlugin *plugin, uint64_t *fuel);

/** A copy of the value of a variable; success and NULL in `*out` if there is none of this name. */
ExtismStatus extism_plugin_var_get(ExtismPlugin *plugin, const uint8_t *name,
                                   ExtismSize name_len, ExtismBuffer **out);

/** Sets a variable. The host is not bound by the plug-in's limit, but what it stores counts. */
ExtismStatus extism_plugin_var_set(ExtismPlugin *plugin, const uint8_t *name,
                                   ExtismSize name_len, const uint8_t *data,
                                   ExtismSize data_len);

/** Removes a variable, if there is one of this name. */
ExtismStatus extism_plugin_var_remove(ExtismPlugin *plugin, const uint8_t *name,
                                      ExtismSize name_len);

/**
 * Sends the plug-in's log messages from `log_level` upwards to `log_sink`, beside the process's
 * log; NULL: nowhere else. `free_user_data` (NULL: none) is called once when the sink is replaced
 * or the plug-in is gone. If this fails, `user_data` stays the caller's.
 */
ExtismStatus extism_plugin_set_log_sink(ExtismPlugin *plugin,
                                        ExtismLogLevel log_level,
                                        ExtismLogSinkFunctionType log_sink,
                                        void *user_data,
                                        void (*free_user_data)(void *));

/* ---- Cancel handles ------------------------------------------------------------------------ */

/**
 * The cancel handle of a plug-in. [1.x]
 * It belongs to the plug-in and is never freed. Using it after the plug-in was freed is harmless.
 */
const ExtismCancelHandle *
extism_plugin_cancel_handle(const ExtismPlugin *plugin);

/**
 * Cancels the running call, from any thread: Wasm at its next loop or call, WASI and HTTP while
 * they wait. [1.x] Does nothing if no call runs, and never hits a later one. False if there is no
 * such plug-in any more.
 */
bool extism_plugin_cancel(const ExtismCancelHandle *handle);

/**
 * Another handle of the same plug-in, which the caller frees; NULL if there is no such plug-in any
 * more.
 */
const ExtismCancelHandle *
extism_cancel_handle_clone(const ExtismCancelHandle *handle);

/** Frees a handle made by extism_cancel_handle_clone; ignores any other. */
void extism_cancel_handle_free(const ExtismCancelHandle *handle);

/* ---- Contexts ------------------------------------------------------------------------------ */

/*
 * A context owns plug-ins, each known by a number from 0 up. Numbers are not given out again: that
 * of a plug-in that was freed answers EXTISM_STATUS_BAD_HANDLE. Threads may share a context; a
 * plug-in of it is used by one at a time, and meanwhile answers EXTISM_STATUS_BUSY to others. What
 * is freed while it runs is gone when it has ended.
 */

/** An empty context. */
ExtismContext *extism_context_new(void);

/** Frees a context and its plug-ins. */
void extism_context_free(ExtismContext *context);

/** Frees the plug-ins of a context. */
void extism_context_reset(ExtismContext *context);

/** Makes a plug-in in a context, with arguments as those of extism_plugin_new; -1 on failure. */
int32_t extism_context_plugin_new(ExtismContext *context, const uint8_t *wasm,
                                  ExtismSize wasm_size,
                                  const ExtismFunction **functions,
                                  ExtismSize n_functions, bool with_wasi);

/**
 * Puts another plug-in in the place of one, which keeps its number and nothing else. On failure the
 * old one stays.
 */
bool extism_context_plugin_update(ExtismContext *context, int32_t plugin,
                                  const uint8_t *wasm, ExtismSize wasm_size,
                                  const ExtismFunction **functions,
                                  ExtismSize n_functions, bool with_wasi);

/** Makes an instance of a compiled plug-in in a context; `*out` is its number, -1 on failure. */
ExtismStatus extism_context_plugin_create(ExtismContext *context,
                                          const ExtismCompiledPlugin *compiled,
                                          int32_t *out, ExtismError **error);

/**
 * Puts an instance of a compiled plug-in in the place of a plug-in, which keeps its number and
 * nothing else. On failure the old one stays.
 */
ExtismStatus extism_context_plugin_replace(ExtismContext *context,
                                           int32_t plugin,
                                           const ExtismCompiledPlugin *compiled,
                                           ExtismError **error);

/**
 * Puts a plug-in into a context, which owns it from now on: the pointer is not to be used any more.
 * One that is in use stays the caller's, with EXTISM_STATUS_BUSY.
 */
ExtismStatus extism_context_plugin_insert(ExtismContext *context,
                                          ExtismPlugin *plugin, int32_t *out,
                                          ExtismError **error);

/** Frees a plug-in of a context. */
void extism_context_plugin_free(ExtismContext *context, int32_t plugin);

/** As extism_plugin_config. */
bool extism_context_plugin_config(ExtismContext *context, int32_t plugin,
                                  const uint8_t *json, ExtismSize json_size);

/** As extism_plugin_function_exists. */
bool extism_context_plugin_function_exists(ExtismContext *context,
                                           int32_t plugin,
                                           const char *func_name);

/** As extism_plugin_call_with_host_context. */
int32_t extism_context_plugin_call(ExtismContext *context, int32_t plugin,
                                   const char *func_name, const uint8_t *data,
                                   ExtismSize data_len, void *host_context);

/**
 * As extism_plugin_error, for a plug-in; for -1, what went wrong last that is no plug-in's affair.
 * The latter lives until the next failure in the context.
 */
const char *extism_context_error(ExtismContext *context, int32_t plugin);

/** As extism_plugin_status, for a plug-in; for -1, of what extism_context_error says. */
ExtismStatus extism_context_status(ExtismContext *context, int32_t plugin);

/** As extism_plugin_output_length. */
ExtismSize extism_context_plugin_output_length(ExtismContext *context,
                                               int32_t plugin);

/**
 * As extism_plugin_output_data, until another thread frees the plug-in; NULL if there is no such
 * plug-in.
 */
const uint8_t *extism_context_plugin_output_data(ExtismContext *context,
                                                 int32_t plugin);

/**
 * A copy of the last call's output: for those who share the context with threads that free its
 * plug-ins.
 */
ExtismStatus extism_context_plugin_output(ExtismContext *context,
                                          int32_t plugin, ExtismBuffer **out);

/** As extism_plugin_cancel_handle; NULL if there is no such plug-in. */
const ExtismCancelHandle *
extism_context_plugin_cancel_handle(ExtismContext *context, int32_t plugin);

/* ---- Pools --------------------------------------------------------------------------------- */

/** What a host chooses for a pool. All zeros but `size` are the defaults. */
typedef struct ExtismPoolOptions {
  /** sizeof(ExtismPoolOptions). */
  ExtismSize size;
  /** How many plug-ins may exist at the same time; 0: as many as the machine runs threads. */
  uint64_t instances_max;
} ExtismPoolOptions;

/** What a pool is doing. */
typedef struct ExtismPoolStats {
  /** sizeof(ExtismPoolStats). */
  ExtismSize size;
  /** How many plug-ins may exist. */
  uint64_t instances_max;
  /** How many exist or are being made. */
  uint64_t alive;
  /** How many wait to be borrowed. */
  uint64_t idle;
  /** How many threads wait for one. */
  uint64_t waiting;
  /** How many were made since the pool was. */
  uint64_t made;
  /** How many were replaced because they were not fit for another borrower. */
  uint64_t replaced;
} ExtismPoolStats;

/**
 * An empty pool of instances of a compiled plug-in, which may be freed meanwhile. Options of NULL
 * are the defaults.
 */
ExtismStatus extism_pool_new(const ExtismCompiledPlugin *compiled,
                             const ExtismPoolOptions *options, ExtismPool **out,
                             ExtismError **error);

/**
 * Borrows a plug-in, waiting up to `timeout_ms` for one to come back (EXTISM_STATUS_WAIT_TIMEOUT if
 * none does). extism_plugin_free gives it back. The next borrower finds it as new if this one
 * changed its configuration, variables, log sink or sight of response headers through this header,
 * or it trapped or was stopped; otherwise with its memory as it is, but input, output and blocks
 * erased. A cancel handle of one borrower stops no call of the next.
 */
ExtismStatus extism_pool_get(const ExtismPool *pool, uint64_t timeout_ms,
                             ExtismPlugin **out, ExtismError **error);

/** What the pool is doing now. Set `stats->size` before. */
ExtismStatus extism_pool_stats(const ExtismPool *pool, ExtismPoolStats *stats);

/** Frees a pool. Plug-ins that are borrowed live on until they are freed. */
void extism_pool_free(ExtismPool *pool);

/* ---- Buffers ------------------------------------------------------------------------------- */

/** The bytes of a buffer; not NULL unless the buffer is. Live as long as the buffer. */
const uint8_t *extism_buffer_data(const ExtismBuffer *buffer);

/** How many bytes there are. */
ExtismSize extism_buffer_length(const ExtismBuffer *buffer);

/** Frees a buffer. */
void extism_buffer_free(ExtismBuffer *buffer);

/* ---- Logging ------------------------------------------------------------------------------- */

/**
 * Receives one line of the log, which ends with a line feed and NUL and lives until the callback
 * returns. [1.x]
 */
typedef void (*ExtismLogDrainFunctionType)(const char *data, ExtismSize size);

/**
 * Sends the log of the process to a file that is appended to: of plug-ins and of the library. [1.x]
 *
 * NULL, "-" and "stderr" are standard error, "stdout" is standard output. The level is one of
 * "trace", "debug", "info", "warn" and "error" (NULL: "error"), or a list of directives such as
 * "extism=trace,wasmtime=debug". Once per process, this or extism_log_custom: false after that, or
 * if the file cannot be opened.
 */
bool extism_log_file(const char *filename, const char *log_level);

/**
 * Keeps the log of the process for extism_log_drain: up to 10,000 lines and 8 MiB, the newest.
 * [1.x]
 */
bool extism_log_custom(const char *log_level);

/** Hands every line that was kept to `handler`, which may call anything. [1.x] */
void extism_log_drain(ExtismLogDrainFunctionType handler);

/* ---- The library itself -------------------------------------------------------------------- */

/** The version of the library, such as "1.42.0". Lives as long as the process. [1.x] */
const char *extism_version(void);

/**
 * Which interface the library has: at least EXTISM_ABI_VERSION of the header a program was compiled
 * with, or it lacks functions. The libraries of Extism 1.x before this one do not have this
 * function.
 */
uint32_t extism_abi_version(void);

/** How many objects are alive in this process. */
typedef struct ExtismStats {
  /** sizeof(ExtismStats). */
  ExtismSize size;
  /** Plug-ins. */
  uint64_t plugins;
  /** Compiled plug-ins. A plug-in keeps the one it was made from. */
  uint64_t compiled_plugins;
  /** Host functions whose user data has not been released. */
  uint64_t host_functions;
  /** Cancel handles. */
  uint64_t cancel_handles;
  /** Lines of the log that were dropped since the process began, because nobody fetched them. */
  uint64_t log_lines_dropped;
} ExtismStats;

/** Counts what is alive now. Set `stats->size` before. */
ExtismStatus extism_stats(ExtismStats *stats);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* EXTISM_H */
