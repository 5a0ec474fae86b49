/* The library is loaded, used and unloaded again and again. */
#include "support.h"
#include <dirent.h>
#include <dlfcn.h>

enum { ROUNDS = 100 };

typedef ExtismPlugin *New(const uint8_t *, ExtismSize, const ExtismFunction **,
                          ExtismSize, bool, char **);
typedef int32_t Call(ExtismPlugin *, const char *, const uint8_t *, ExtismSize);
typedef void Free(ExtismPlugin *);

static void find(void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  CHECK(found != NULL);
  memcpy(function, &found, sizeof found);
}

/* How many entries a folder has; 0 where there is no such folder. */
static int entries(const char *path) {
  DIR *folder = opendir(path);
  int count = 0;
  if (folder != NULL) {
    while (readdir(folder) != NULL) {
      count++;
    }
    closedir(folder);
  }
  return count;
}

static void use(const char *path) {
  New *new_plugin;
  Call *call_plugin;
  Free *free_plugin;
  ExtismPlugin *plugin;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK(library != NULL);
  find(library, "extism_plugin_new", &new_plugin);
  find(library, "extism_plugin_call", &call_plugin);
  find(library, "extism_plugin_free", &free_plugin);
  /* A limit, so that the thread that watches over it is there. */
  plugin = new_plugin(TEXT(manifest("spin.wat", ",\"timeout_ms\":5")), NULL, 0,
                      false, NULL);
  CHECK(plugin != NULL);
  CHECK(call_plugin(plugin, "spin", NULL, 0) == 134);
  free_plugin(plugin);
  CHECK(dlclose(library) == 0);
}

static void test(void) {
  char path[4096];
  int files, threads, i;
  snprintf(path, sizeof path, "%s/copy.so", scratch);
  use(path);
  use(path);
  files = entries("/proc/self/fd");
  threads = entries("/proc/self/task");
  for (i = 0; i < ROUNDS; i++) {
    use(path);
  }
  CHECK(entries("/proc/self/fd") <= files);
  CHECK(entries("/proc/self/task") <= threads);
}
