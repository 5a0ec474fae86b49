/*
 * A process that forks after it has used plug-ins: parent and child both make
 * plug-ins, call them and have their calls stopped. Files are the parent's: the
 * workers of WASI do not come along, nor do those of the compiler, which a
 * module nobody has compiled needs.
 */
#include "support.h"
#include <sys/wait.h>
#include <unistd.h>

static const char *endless(void) {
  static char text[8192];
  snprintf(text, sizeof text, "%s",
           manifest("spin.wat", ",\"timeout_ms\":100"));
  return text;
}

static void works(void) {
  ExtismPlugin *plugin = load("echo.wat", NULL, 0);
  ExtismPlugin *spin = from_text(endless(), NULL, 0);
  CHECK(call(plugin, "echo", "hello") == 0 && output_is(plugin, "hello"));
  CHECK(call(spin, "spin", "") == 134);
  CHECK(extism_plugin_status(spin) == EXTISM_STATUS_TIMEOUT);
  extism_plugin_free(spin);
  extism_plugin_free(plugin);
}

/* A file through WASI: its contents, or at least an end. */
static void reads(ExtismPlugin *plugin) {
  CHECK(call(plugin, "read", "/x/file") == 0 && output_is(plugin, "contents"));
}

/* A module that no other process of this program has. */
static void compiles(int number) {
  char text[256];
  ExtismPlugin *plugin;
  snprintf(text, sizeof text,
           "(module (func (export \"a\") (result i32) i32.const %d)"
           "(func (export \"b\") (result i32) i32.const 0))",
           number);
  plugin = from_text(text, NULL, 0);
  CHECK(call(plugin, "a", "") == number && call(plugin, "b", "") == 0);
  extism_plugin_free(plugin);
}

/* A thread that does not come along is waited for without an end. */
static void end_in_time(void) { alarm(120); }

static void test(void) {
  char more[8192];
  char path[4096];
  ExtismPlugin *kept;
  ExtismPlugin *files;
  FILE *file;
  int i;
  end_in_time();
  snprintf(path, sizeof path, "%s/file", scratch);
  file = fopen(path, "wb");
  CHECK(file != NULL && fputs("contents", file) >= 0 && fclose(file) == 0);
  snprintf(more, sizeof more,
           ",\"allowed_paths\":{\"%s\":\"/x\"},\"timeout_ms\":20000", scratch);
  files = from_text(manifest("files.wat", more), NULL, 0);
  reads(files);
  kept = load("echo.wat", NULL, 0);
  works();
  for (i = 0; i < 8; i++) {
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      end_in_time();
      compiles(1000 + i);
      works();
      CHECK(call(kept, "echo", "kept") == 0 && output_is(kept, "kept"));
      reads(files);
      extism_plugin_free(files);
      extism_plugin_free(kept);
      _exit(0);
    }
    works();
    compiles(2000 + i);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  reads(files);
  extism_plugin_free(files);
  extism_plugin_free(kept);
  check_nothing_alive();
}
