/* The log of the process, kept for the host. */
#include "support.h"

static int lines;
static char last[4096];
static ExtismPlugin *plugin;

static void drain_again(const char *data, ExtismSize size);

static void count(const char *data, ExtismSize size) {
  CHECK(strlen(data) == size && size > 0 && data[size - 1] == '\n');
  CHECK(size < sizeof last);
  strcpy(last, data);
  lines++;
}

/* A handler may log and fetch. */
static void drain_again(const char *data, ExtismSize size) {
  count(data, size);
  if (lines == 1) {
    CHECK(call(plugin, "info", "from the handler") == 0);
    extism_log_drain(count);
    CHECK(lines == 2 && strstr(last, "from the handler") != NULL);
  }
}

static void test(void) {
  int i;
  plugin = load("log.wat", NULL, 0);
  extism_log_drain(count);
  CHECK(lines == 0);
  CHECK(extism_log_custom("INFO"));
  CHECK(!extism_log_custom("info") && !extism_log_file("-", "info"));
  CHECK(call(plugin, "info", "one") == 0 && call(plugin, "error", "two") == 0);
  extism_log_drain(NULL);
  extism_log_drain(drain_again);
  CHECK(lines == 3 && strstr(last, "two") != NULL);
  CHECK(strstr(last, "ERROR") != NULL);
  lines = 0;
  for (i = 0; i < 10005; i++) {
    CHECK(call(plugin, "info", "many") == 0);
  }
  CHECK(alive().log_lines_dropped == 5);
  extism_log_drain(count);
  CHECK(lines == 10001);
  extism_plugin_free(plugin);
}
