/*
 * Two copies of the library in one process do not disturb each other: traps of
 * both are caught, in any order.
 */
#include "support.h"
#include <dlfcn.h>

typedef ExtismPlugin *New(const uint8_t *, ExtismSize, const ExtismFunction **,
                          ExtismSize, bool, char **);
typedef void Free(ExtismPlugin *);
typedef int32_t Call(ExtismPlugin *, const char *, const uint8_t *, ExtismSize);

/* ISO C has no conversion from an object pointer to a function pointer; POSIX promises that this works. */
static void find(void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  CHECK(found != NULL);
  memcpy(function, &found, sizeof found);
}

static void test(void) {
  char path[4096];
  void *copy;
  New *copy_new;
  Call *copy_call;
  Free *copy_free;
  ExtismPlugin *mine = load("results.wat", NULL, 0);
  ExtismPlugin *theirs;
  int i;
  snprintf(path, sizeof path, "%s/copy.so", scratch);
  copy = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK(copy != NULL);
  find(copy, "extism_plugin_new", &copy_new);
  find(copy, "extism_plugin_call", &copy_call);
  find(copy, "extism_plugin_free", &copy_free);
  CHECK(copy_new != extism_plugin_new);
  theirs = copy_new(TEXT(manifest("results.wat", "")), NULL, 0, false, NULL);
  CHECK(theirs != NULL && alive().plugins == 1);
  for (i = 0; i < 10; i++) {
    CHECK(call(mine, "trap", "") == 134);
    CHECK(copy_call(theirs, "trap", NULL, 0) == 134);
    CHECK(copy_call(theirs, "divide", NULL, 0) == 134);
    CHECK(call(mine, "divide", "") == 134);
    CHECK(call(mine, "seven", "") == 7);
    CHECK(copy_call(theirs, "seven", NULL, 0) == 7);
  }
  extism_plugin_free(mine);
  copy_free(theirs);
}
