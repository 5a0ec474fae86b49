/* The log of the process in a file. */
#include "support.h"

static void test(void) {
  char path[4096];
  char text[4096];
  size_t length;
  FILE *file;
  ExtismPlugin *plugin = load("log.wat", NULL, 0);
  snprintf(path, sizeof path, "%s/no/such/folder/log", scratch);
  CHECK(!extism_log_file(path, "info"));
  snprintf(path, sizeof path, "%s/log", scratch);
  CHECK(extism_log_file(path, "info"));
  CHECK(!extism_log_file(path, "info"));
  CHECK(!extism_log_custom("info"));
  CHECK(call(plugin, "info", "hello\nworld") == 0);
  CHECK(call(plugin, "error", "oh no") == 0);
  extism_plugin_free(plugin);
  file = fopen(path, "r");
  CHECK(file != NULL);
  length = fread(text, 1, sizeof text - 1, file);
  text[length] = 0;
  fclose(file);
  CHECK(strstr(text, " INFO ") != NULL);
  CHECK(strstr(text, "hello\\nworld") != NULL);
  CHECK(strstr(text, "ERROR ") != NULL && strstr(text, "oh no") != NULL);
}
