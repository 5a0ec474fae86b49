/*
 * The library as a file: loaded and unloaded, missing, of another version; beside signal handlers and forks. A copy
 * of it is the first argument, a library of another interface the second.
 */
#define _DEFAULT_SOURCE
#include "support.h"
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char *library, *foreign;

static void g15_parent_and_child_go_on_after_a_fork(void) {
  static const char limited[] =
      "{\"wasm\": [{\"path\": \"fixtures/wat/spin.wat\"}], \"timeout_ms\": 20}";
  ExtismPlugin *plugin = load(limited, NULL, NULL, NULL);
  int status = 0;
  pid_t child;
  CHECK(call(plugin, "spin", "") == 134);
  fflush(stdout);
  child = fork();
  if (child == 0) {
    /* Time limits need a thread, which the child has to start anew. Whoever waits for this process does not wait
     * for ever. */
    alarm(30);
    if (call(plugin, "spin", "") != 134 || call(plugin, "ok", "") != 0) {
      _exit(1);
    }
    _exit(0);
  }
  CHECK(call(plugin, "spin", "") == 134 && extism_plugin_status(plugin) == EXTISM_STATUS_TIMEOUT);
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  extism_plugin_free(plugin);
}

/* ISO C has no way from a pointer to a function. */
#define FIND(handle, function, name)                                                               \
  do {                                                                                             \
    void *found = dlsym(handle, name);                                                             \
    CHECK(found != NULL && sizeof found == sizeof function);                                       \
    memcpy(&(function), &found, sizeof found);                                                     \
  } while (0)

/* What a program does that looks for the library while it runs. */
static uint32_t interface_of(const char *path) {
  uint32_t (*abi_version)(void) = NULL;
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  uint32_t version = 0;
  CHECK(handle != NULL);
  if (dlsym(handle, "extism_abi_version") != NULL) {
    FIND(handle, abi_version, "extism_abi_version");
    version = abi_version();
  }
  CHECK(dlclose(handle) == 0);
  return version;
}

static void *use(void *path) {
  ExtismPlugin *(*plugin_new)(const uint8_t *, ExtismSize, const ExtismFunction **, ExtismSize, bool,
                              char **);
  int32_t (*plugin_call)(ExtismPlugin *, const char *, const uint8_t *, ExtismSize);
  void (*plugin_free)(ExtismPlugin *);
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  ExtismPlugin *plugin;
  CHECK(handle != NULL);
  FIND(handle, plugin_new, "extism_plugin_new");
  FIND(handle, plugin_call, "extism_plugin_call");
  FIND(handle, plugin_free, "extism_plugin_free");
  plugin = plugin_new(TEXT(FIXTURE("echo.wat")), NULL, 0, false, NULL);
  CHECK(plugin != NULL && plugin_call(plugin, "echo", TEXT("hello")) == 0);
  plugin_free(plugin);
  CHECK(dlclose(handle) == 0);
  return NULL;
}

/* What the library keeps for a thread ends with the thread, and may end the library with it. */
static void use_on_a_thread(char *path) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, use, path) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

static void g16_libraries_come_and_go(void) {
  int i;
  for (i = 0; i < 100; i++) {
    use(library);
    use_on_a_thread(library);
  }
  CHECK(interface_of(library) == EXTISM_ABI_VERSION);
  CHECK(interface_of(foreign) == 0);
  CHECK(dlopen("libextism-is-not-here.so", RTLD_NOW) == NULL);
  CHECK(strstr(dlerror(), "libextism-is-not-here.so") != NULL);
}

static sigjmp_buf back;
static volatile sig_atomic_t caught;

static void catch(int number) {
  (void)number;
  caught += 1;
  siglongjmp(back, 1);
}

/* Where nothing is mapped: in the page that is kept empty at the bottom. */
static int *volatile nowhere = (int *)64;

static void fault(void) {
  if (sigsetjmp(back, 1) == 0) {
    *nowhere = 1;
  }
}

static void trap(ExtismPlugin *plugin) {
  CHECK(call(plugin, "beyond", "") == 134);
  CHECK(extism_plugin_status(plugin) == EXTISM_STATUS_TRAP_MEMORY);
}

static void g18_signal_handlers_of_the_program_still_work(void) {
  static const char module[] = "(module (memory 1) (func (export \"beyond\") (result i32)"
                               " (i32.load (i32.const 0x7fffffff))))";
  struct sigaction action, old;
  ExtismPlugin *plugin;
  memset(&action, 0, sizeof action);
  action.sa_handler = catch;
  sigemptyset(&action.sa_mask);
  CHECK(sigaction(SIGSEGV, &action, &old) == 0);
  plugin = load(module, NULL, NULL, NULL);
  trap(plugin);
  fault();
  CHECK(caught == 1);
  trap(plugin);
  fault();
  CHECK(caught == 2);
  extism_plugin_free(plugin);
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  library = argv[1];
  foreign = argv[2];
  /* The handler has to be there before the library's. */
  RUN(g18_signal_handlers_of_the_program_still_work);
  RUN(g15_parent_and_child_go_on_after_a_fork);
  RUN(g16_libraries_come_and_go);
  check_nothing_alive();
  return 0;
}
