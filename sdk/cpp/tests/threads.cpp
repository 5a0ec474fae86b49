/// Threads: of one plug-in, of many, and one that stops another.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "support.hpp"

#include <future>

using namespace extism;

static constexpr int CALLS = 1000;

TEST_CASE("g08 two threads are told or wait") {
  const NothingAlive nothing;
  const Plugin plugin(fixture("echo.wat"));
  std::atomic<int> done{0}, busy{0};
  const auto tryOften = [&](const std::string &text) {
    for (int i = 0; i < CALLS; i++) {
      try {
        done += plugin.tryCall("echo", text).string() == text;
      } catch (const Busy &) {
        busy++;
      }
    }
  };
  std::thread other(tryOften, "other");
  tryOften("this");
  other.join();
  CHECK(done > 0);
  CHECK(done + busy == 2 * CALLS);

  done = 0;
  const auto callOften = [&](const std::string &text) {
    for (int i = 0; i < CALLS; i++) {
      done += plugin.call("echo", text).string() == text;
      plugin.functionExists("echo");
    }
  };
  std::thread waiting(callOften, "other");
  callOften("this");
  waiting.join();
  CHECK(done == 2 * CALLS);
}

TEST_CASE("g09 a call holds nobody else up") {
  const NothingAlive nothing;
  Stage stage;
  Plugin held = withCallback([&](std::string_view text) {
    stage.reach(1);
    stage.waitFor(2);
    return text;
  });
  std::thread runner([&] { held.call("run", "held"); });
  stage.waitFor(1);
  CHECK_THROWS_AS(held.tryCall("again"), Busy);
  CHECK(held.id() != PluginId{});
  for (int i = 0; i < 100; i++) {
    CHECK(Plugin(fixture("echo.wat")).call("echo", "meanwhile").string() == "meanwhile");
  }
  stage.reach(2);
  runner.join();
}

static const char *const FOREVER = R"((module
  (import "extism:host/user" "begun" (func $begun))
  (func (export "forever") (result i32) (call $begun) (loop $again (br $again)) (i32.const 0))
  (func (export "ok") (result i32) (i32.const 0))))";

TEST_CASE("g10 another thread cancels a call") {
  const NothingAlive nothing;
  Stage stage;
  std::chrono::steady_clock::time_point cancelled;
  const HostFunction begun("begun", [&] { stage.reach(1); });
  const Plugin plugin(FOREVER, false, {begun});
  std::thread impatient([&, handle = plugin.cancelHandle()] {
    stage.waitFor(1);
    cancelled = std::chrono::steady_clock::now();
    CHECK(handle.cancel());
  });
  CHECK_THROWS_AS(plugin.call("forever"), Cancelled);
  const auto ended = std::chrono::steady_clock::now();
  impatient.join();
  CHECK(ended - cancelled <= std::chrono::milliseconds(250));
  CHECK_NOTHROW(plugin.call("ok"));

  Context context;
  ContextPlugin child = context.plugin(FOREVER, false, std::vector<HostFunction>{begun});
  stage.reach(0);
  std::thread second([&, handle = child.cancelHandle()] {
    stage.waitFor(1);
    CHECK(handle.cancel());
  });
  CHECK_THROWS_AS(child.call("forever"), Cancelled);
  second.join();
}

TEST_CASE("g11 a call in a future leaves its owner free") {
  const NothingAlive nothing;
  Stage stage;
  const Plugin plugin(FOREVER, false, {HostFunction("begun", [&] { stage.reach(1); })});
  auto result = std::async(std::launch::async, [&] { return plugin.call("forever"); });
  stage.waitFor(1);
  int beats = 0;
  while (beats < 10 && result.wait_for(std::chrono::milliseconds(10)) == std::future_status::timeout) {
    beats++;
  }
  CHECK(beats == 10);
  plugin.cancelHandle().cancel();
  CHECK_THROWS_AS(result.get(), Cancelled);
}

TEST_CASE("a pool serves more threads than it has plug-ins") {
  const NothingAlive nothing;
  PoolOptions options;
  options.instancesMax = 2;
  const Pool pool(CompiledPlugin(fixture("echo.wat")), options);
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 6; thread++) {
    threads.emplace_back([&, text = std::to_string(thread)] {
      for (int i = 0; i < 50; i++) {
        done += pool.get(std::chrono::minutes(1)).call("echo", text).string() == text;
      }
    });
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
  CHECK(done == 300);
  CHECK(pool.stats().made <= 2);
  CHECK(pool.stats().idle == pool.stats().alive);
}

/// One thread uses an object until another closes it.
template <typename Use, typename Close> static void closeWhileUsed(Use &&use, Close &&close) {
  Stage stage;
  std::thread user([&] {
    Status status = statusOf(use);
    CHECK(status == Status::Ok);
    stage.reach(1);
    while (status == Status::Ok) {
      status = statusOf(use);
    }
    CHECK(status == Status::Closed);
  });
  stage.waitFor(1);
  close();
  close();
  user.join();
}

TEST_CASE("any thread closes what others use") {
  const NothingAlive nothing;
  for (int i = 0; i < 10; i++) {
    CompiledPlugin compiled(fixture("echo.wat"));
    Context context;
    Plugin plugin(compiled);
    Pool pool(compiled);
    closeWhileUsed([&] { context.insert(Plugin(compiled)); }, [&] { context.close(); });
    closeWhileUsed([&] { plugin.call("echo", "text"); }, [&] { plugin.close(); });
    closeWhileUsed([&] { pool.get(std::chrono::minutes(1)).call("echo", "text"); }, [&] { pool.close(); });
    closeWhileUsed([&] { Plugin{compiled}.call("echo", "text"); }, [&] { compiled.close(); });
    CHECK((context.isClosed() && plugin.isClosed() && pool.isClosed() && compiled.isClosed()));
  }
}

TEST_CASE("a context is reset while others call") {
  const NothingAlive nothing;
  Context context;
  std::atomic<bool> isOver{false};
  ContextPlugin child = context.plugin(fixture("echo.wat"));
  std::thread caller([&, child] {
    while (!isOver) {
      std::string output = "text";
      const Status status = statusOf([&] { output = child.call("echo", "text").string(); });
      CHECK(output == "text");
      CHECK((status == Status::Ok || status == Status::BadHandle));
      isOver = status == Status::BadHandle;
    }
  });
  context.reset();
  caller.join();
}
