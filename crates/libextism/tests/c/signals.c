/*
 * A program with a handler of its own for the signals that traps are made of:
 * a trap is the library's, a fault of the program is the program's, whoever was
 * there first. And one that does nothing against SIGPIPE.
 */
#include "support.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile sig_atomic_t faults;

static void handle(int signal) {
  (void)signal;
  faults = faults + 1;
  siglongjmp(back, 1);
}

static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handle;
  action.sa_flags = SA_NODEFER;
  CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
  CHECK(sigaction(SIGBUS, &action, NULL) == 0);
}

/* A fault of the program itself. */
static void fault(void) {
  int before = faults;
  char *nothing = (char *)mmap(NULL, 4096, PROT_NONE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(nothing != MAP_FAILED);
  if (sigsetjmp(back, 1) == 0) {
    *(volatile char *)nothing = 1;
    CHECK(!"it can be written to");
  }
  CHECK(faults == before + 1);
  CHECK(munmap(nothing, 4096) == 0);
}

static void trap(ExtismPlugin *plugin) {
  int before = faults;
  CHECK(call(plugin, "memory", "") == 134);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_TRAP_MEMORY);
  CHECK(call(plugin, "divide", "") == 134);
  CHECK(call(plugin, "deep", "") == 134);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_TRAP_STACK);
  CHECK(call(plugin, "fine", "") == 0);
  CHECK(faults == before);
}

/* A plug-in writes to where nobody reads: that is no end of the program. */
static void no_reader(void) {
  const char *text =
      "(module (import \"wasi_snapshot_preview1\" \"fd_write\""
      " (func $write (param i32 i32 i32 i32) (result i32)))"
      " (memory (export \"memory\") 1)"
      " (data (i32.const 0) \"\\20\\00\\00\\00\\03\\00\\00\\00\")"
      " (func (export \"write\") (result i32)"
      "  (call $write (i32.const 1) (i32.const 0)"
      "   (i32.const 1) (i32.const 64))))";
  const int broken_pipe = 64;
  ExtismCompiledPlugin *compiled = NULL;
  ExtismPlugin *plugin = NULL;
  ExtismOptions options;
  int ends[2];
  int output = dup(STDOUT_FILENO);
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = EXTISM_OPTION_WASI | EXTISM_OPTION_WASI_OUTPUT;
  CHECK(extism_compile(&options, TEXT(text), &compiled, NULL) == 0);
  CHECK(extism_plugin_create(compiled, &plugin, NULL) == 0);
  CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
  CHECK(output >= 0 && pipe(ends) == 0 && close(ends[0]) == 0);
  CHECK(dup2(ends[1], STDOUT_FILENO) >= 0 && close(ends[1]) == 0);
  CHECK(call(plugin, "write", "") == broken_pipe);
  CHECK(call(plugin, "write", "") == broken_pipe);
  CHECK(dup2(output, STDOUT_FILENO) >= 0 && close(output) == 0);
  extism_plugin_free(plugin);
  extism_compiled_plugin_free(compiled);
}

static void test(void) {
  ExtismPlugin *plugin;
  int i;
  install();
  fault();
  plugin = from_text("(module (memory 1)"
                     " (func (export \"memory\")"
                     "  (i32.store (i32.const 65536) (i32.const 1)))"
                     " (func (export \"divide\")"
                     "  (drop (i32.div_u (i32.const 1) (i32.const 0))))"
                     " (func $deep (export \"deep\")"
                     "  call $deep call $deep)"
                     " (func (export \"fine\")))",
                     NULL, 0);
  for (i = 0; i < 10; i++) {
    trap(plugin);
    fault();
  }
  extism_plugin_free(plugin);
  fault();
  no_reader();
  check_nothing_alive();
}
