/// \file
/// What every test program needs: the fixtures, and the counts of what is alive.
///
/// Must not know: any guarantee. Invariant: a test that leaves something alive fails.
#ifndef SUPPORT_HPP
#define SUPPORT_HPP

#include <extism.hpp>

// Traps of plug-ins are signals, whose handlers are the library's.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#include <condition_variable>
#include <doctest/doctest.h>
#include <memory>

/// A fixture of fixtures/wat; programs run at the root of the repository.
inline extism::Manifest fixture(const std::string &name) {
  return extism::Manifest::wasmPath("fixtures/wat/" + name);
}

/// A plug-in whose function `run` calls a host function with its input, and puts out what that answers.
template <typename F> extism::Plugin withCallback(F &&function) {
  return {fixture("callback.wat"), false, {extism::HostFunction("callback", std::forward<F>(function))}};
}

/// Nothing is alive, neither before a test nor after it.
struct NothingAlive {
  NothingAlive() { check(); }
  ~NothingAlive() { check(); }

  static void check() {
    const extism::Stats alive = extism::stats();
    CHECK(alive.plugins == 0);
    CHECK(alive.compiledPlugins == 0);
    CHECK(alive.hostFunctions == 0);
    CHECK(alive.cancelHandles == 0);
  }
};

/// Threads that wait for each other.
class Stage {
  std::mutex mutex_;
  std::condition_variable changed_;
  int stage_ = 0;

public:
  void reach(int stage) {
    const std::lock_guard lock(mutex_);
    stage_ = stage;
    changed_.notify_all();
  }

  void waitFor(int stage) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stage_ >= stage; });
  }
};

/// The status of what an expression throws; Ok if it does not.
template <typename F> extism::Status statusOf(F &&run) {
  try {
    run();
  } catch (const extism::Error &error) {
    return error.status();
  }
  return extism::Status::Ok;
}

#endif
