/* Every kind of plug-in in one process, side by side: the published kit, the
 * 0.1 era, a reactor, a command, and a pair of modules linked by name. */
#include "support.h"

static void test(void) {
  char pair_manifest[8192];
  ExtismPlugin *published, *legacy, *reactor, *command, *pair;
  int round;
  snprintf(pair_manifest, sizeof pair_manifest,
           "{\"wasm\":[{\"name\":\"library\",\"path\":\"%s/library.wat\"},"
           "{\"name\":\"main\",\"path\":\"%s/uses_library.wat\"}]}",
           fixtures, fixtures);
  published = load("../plugins/published.wasm", NULL, 0);
  legacy = load("legacy_count_vowels.wat", NULL, 0);
  reactor = load("reactor.wat", NULL, 0);
  command = load("command.wat", NULL, 0);
  pair = from_text(pair_manifest, NULL, 0);
  for (round = 1; round <= 2; round++) {
    const char *text = "this is a test";
    CHECK(call(published, "count_vowels", text) == 0);
    CHECK(output_is(published,
                    round == 1
                        ? "{\"count\":4,\"total\":4,\"vowels\":\"aAeEiIoOuU\"}"
                        : "{\"count\":4,\"total\":8,\"vowels\":\"aAeEiIoOuU\"}"));
    CHECK(call(legacy, "count_vowels", text) == 0);
    CHECK(output_is(legacy, "{\"count\": 4}"));
    CHECK(call(reactor, "initialized", text) == 1);
    CHECK(call(command, "_start", text) == 14);
    CHECK(extism_plugin_status(command) == EXTISM_STATUS_GUEST_EXIT);
    CHECK(call(command, "_start", "") == 0);
    CHECK(call(pair, "run", text) == 28);
  }
  extism_plugin_free(published);
  extism_plugin_free(legacy);
  extism_plugin_free(reactor);
  extism_plugin_free(command);
  extism_plugin_free(pair);
  check_nothing_alive();
}
