/* Configuration: merged, removed, refused. */
#include "support.h"

static void test(void) {
  static const char *const bad[] = {
      "",  "{",           "[]",         "null", "{\"a\":1}", "{\"a\":[]}",
      "1", "{\"a\":{}}", "\xff\xfe", "{}x",  "{\"a\"}",  "\"a\""};
  ExtismPlugin *plugin = from_text(
      manifest("store.wat", ",\"config\":{\"key\":\"value\",\"gone\":\"x\"}"),
      NULL, 0);
  size_t i;
  CHECK(call(plugin, "config", "key") == 0 && output_is(plugin, "value"));
  CHECK(call(plugin, "nope", "") == -1 && extism_plugin_error(plugin) != NULL);
  CHECK(extism_plugin_config(
      plugin, TEXT("{\"key\":\"other\",\"gone\":null,\"new\":\"\"}")));
  CHECK(extism_plugin_error(plugin) == NULL);
  CHECK(call(plugin, "config", "key") == 0 && output_is(plugin, "other"));
  CHECK(call(plugin, "config", "gone") == 0 && output_is(plugin, ""));
  CHECK(extism_plugin_config(plugin, TEXT("{}")));
  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK(!extism_plugin_config(plugin, TEXT(bad[i])));
    CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_MANIFEST_SYNTAX);
    CHECK(strstr(extism_plugin_error(plugin),
                 "the configuration is not valid") != NULL);
  }
  CHECK(!extism_plugin_config(plugin, NULL, 0));
  CHECK(!extism_plugin_config(plugin, NULL, 5));
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_NULL_ARGUMENT);
  CHECK(call(plugin, "config", "key") == 0 && output_is(plugin, "other"));
  extism_plugin_free(plugin);
}
