/// Modules that are loaded and unloaded, libraries of other versions, forks and signals. The module is the first
/// argument.
#define DOCTEST_CONFIG_IMPLEMENT
#include "support.hpp"

#include <csetjmp>
#include <csignal>
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace extism;

static const char *module = nullptr;

TEST_CASE("g15 parent and child go on after a fork") {
  auto manifest = fixture("spin.wat");
  manifest.setTimeout(20);
  const Plugin plugin(manifest);
  CHECK_THROWS_AS(plugin.call("spin"), Timeout);
  const pid_t child = fork();
  if (child == 0) {
    // Whoever waits for this process does not wait for ever.
    alarm(30);
    _exit(statusOf([&] { plugin.call("spin"); }) == Status::Timeout ? 0 : 1);
  }
  CHECK_THROWS_AS(plugin.call("spin"), Timeout);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("g16 modules that use the library come and go") {
  const NothingAlive nothing;
  for (int i = 0; i < 100; i++) {
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    REQUIRE(handle != nullptr);
    void *found = dlsym(handle, "useAndThrow");
    REQUIRE(found != nullptr);
    CHECK(reinterpret_cast<int (*)()>(found)() == 420);
    CHECK(dlclose(handle) == 0);
  }
}

static sigjmp_buf back;
static volatile std::sig_atomic_t caught = 0;

static void fault() {
  // In the page that is kept empty at the bottom.
  static int *volatile nowhere = reinterpret_cast<int *>(64);
  if (sigsetjmp(back, 1) == 0) {
    *nowhere = 1;
  }
}

static void trapAndFault() {
  const Plugin plugin("(module (memory 1) (func (export \"beyond\") (result i32)"
                      " (i32.load (i32.const 0x7fffffff))))");
  for (int i = 1; i <= 2; i++) {
    CHECK(statusOf([&] { plugin.call("beyond"); }) == Status::TrapMemory);
    fault();
    CHECK(caught == i);
  }
}

TEST_CASE("g18 signal handlers of the program still work") { trapAndFault(); }

int main(int argc, char **argv) {
  // The handler has to be there before the library's.
  std::signal(SIGSEGV, [](int) {
    caught = caught + 1;
    siglongjmp(back, 1);
  });
  module = argc > 1 ? argv[1] : "";
  return doctest::Context().run();
}
