/// Objects: what is left of them when they are closed or moved from, and who keeps whom alive.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "support.hpp"

#include <cstdlib>

using namespace extism;
using namespace std::chrono_literals;

static void everythingIsClosed(Plugin &plugin) {
  CHECK(plugin.isClosed());
  CHECK_THROWS_AS(plugin.call("echo", "x"), Closed);
  CHECK_THROWS_AS(plugin.call("echo", nullptr, 0), Closed);
  CHECK_THROWS_AS(plugin.callWithHostContext("echo", "x", nullptr), Closed);
  CHECK_THROWS_AS(plugin.tryCall("echo"), Closed);
  CHECK_THROWS_AS(plugin.functionExists("echo"), Closed);
  CHECK_THROWS_AS(plugin.config("{}"), Closed);
  CHECK_THROWS_AS(plugin.config(Config{}), Closed);
  CHECK_THROWS_AS(plugin.reset(), Closed);
  CHECK_THROWS_AS(plugin.renew(), Closed);
  CHECK_THROWS_AS(plugin.varGet("x"), Closed);
  CHECK_THROWS_AS(plugin.varSet("x", "y"), Closed);
  CHECK_THROWS_AS(plugin.varRemove("x"), Closed);
  CHECK_THROWS_AS(plugin.fuelConsumed(), Closed);
  CHECK_THROWS_AS(plugin.allowHttpResponseHeaders(), Closed);
  CHECK_THROWS_AS(plugin.setLogSink(LogLevel::Info, {}), Closed);
  CHECK_THROWS_AS(plugin.id(), Closed);
  CHECK_THROWS_AS(plugin.cancelHandle(), Closed);
  CHECK_THROWS_AS(plugin.get(), Closed);
  CHECK_THROWS_AS(Context().insert(std::move(plugin)), Closed);
}

TEST_CASE("g01 what is closed or moved from throws Closed") {
  const NothingAlive nothing;
  Plugin none;
  everythingIsClosed(none);
  Plugin plugin(fixture("echo.wat"));
  Plugin moved = std::move(plugin);
  everythingIsClosed(plugin);
  CHECK(moved.call("echo", "moved").string() == "moved");
  plugin = std::move(moved);
  CHECK(plugin.call("echo", "back").string() == "back");
  auto &same = plugin;
  plugin = std::move(same);
  CHECK(plugin.call("echo", "itself").string() == "itself");
  plugin.close();
  everythingIsClosed(plugin);

  CompiledPlugin compiled(fixture("echo.wat"));
  Pool pool(compiled);
  compiled.close();
  CHECK_THROWS_AS(Plugin{compiled}, Closed);
  CHECK_THROWS_AS(Pool{compiled}, Closed);
  pool.close();
  CHECK_THROWS_AS(pool.get(1ms), Closed);
  CHECK_THROWS_AS(pool.stats(), Closed);

  Context context;
  ContextPlugin child = context.plugin(fixture("echo.wat"));
  child.free();
  CHECK(statusOf([&] { child.call("echo"); }) == Status::BadHandle);
  CHECK(statusOf([&] { child.functionExists("echo"); }) == Status::BadHandle);
  CHECK(statusOf([&] { child.config("{}"); }) == Status::BadHandle);
  CHECK(statusOf([&] { child.update(fixture("echo.wat")); }) == Status::BadHandle);
  CHECK_FALSE(child.cancelHandle().cancel());
  ContextPlugin second = context.plugin(fixture("echo.wat"));
  CHECK(second.number() == 1);
  Context target;
  ContextPlugin old = target.plugin(fixture("echo.wat"));
  target = std::move(context);
  CHECK(context.isClosed());
  CHECK(statusOf([&] { old.call("echo"); }) == Status::BadHandle);
  auto &itself = target;
  target = std::move(itself);
  CHECK(second.call("echo", "still").string() == "still");
  target.close();
  CHECK(statusOf([&] { second.call("echo"); }) == Status::BadHandle);
  CHECK_THROWS_AS(context.plugin(fixture("echo.wat")), Closed);
  CHECK_THROWS_AS(context.reset(), Closed);
}

TEST_CASE("g02 closing twice does nothing") {
  const NothingAlive nothing;
  {
    CompiledPlugin compiled(fixture("echo.wat"));
    Plugin plugin(compiled);
    Pool pool(compiled);
    Context context;
    ContextPlugin child = context.plugin(compiled);
    for (int i = 0; i < 2; i++) {
      plugin.close();
      compiled.close();
      pool.close();
      child.free();
      context.close();
    }
  }
  CancelHandle handle;
  CHECK_FALSE(handle.cancel());
}

TEST_CASE("g03 any thread closes in any order, and the end of the process does") {
  const NothingAlive nothing;
  auto released = std::make_shared<int>(0);
  std::vector<Plugin> plugins;
  for (int i = 0; i < 64; i++) {
    plugins.push_back(withCallback([released](std::string_view text) { return text; }));
  }
  for (size_t i = 0; i < 64; i++) {
    std::thread([&, i] { plugins[i * 37 % 64].close(); }).join();
  }
  CHECK(released.use_count() == 1);
  // The end of the process is a time like any other.
  static const struct Last {
    ~Last() {
      if (Plugin(fixture("echo.wat")).call("echo", "last").string() != "last") {
        std::abort();
      }
    }
  } last;
}

TEST_CASE("g04 children outlive their parents") {
  const NothingAlive nothing;
  Buffer output;
  CancelHandle handle;
  {
    auto compiled = std::make_unique<CompiledPlugin>(fixture("echo.wat"));
    auto pool = std::make_unique<Pool>(*compiled);
    Plugin plugin(*compiled);
    compiled.reset();
    Plugin borrowed = pool->get(1s);
    pool.reset();
    output = plugin.call("echo", "output");
    handle = plugin.cancelHandle();
    CHECK(borrowed.call("echo", "borrowed").string() == "borrowed");
    auto context = std::make_unique<Context>();
    ContextPlugin child = context->insert(std::move(plugin));
    CHECK(child.call("echo", "child").string() == "child");
    context.reset();
    CHECK(statusOf([&] { child.call("echo"); }) == Status::BadHandle);
  }
  CHECK(output.string() == "output");
  CHECK(handle.cancel());
  handle = {};
}

TEST_CASE("g05 host functions are released once") {
  const NothingAlive nothing;
  int freed = 0;
  auto captured = std::make_shared<int>(7);
  {
    HostFunction typed("callback", [captured](std::string_view text) { return text; });
    HostFunction plain("callback", {ValType::I64}, {ValType::I64},
                       [](CurrentPlugin current, void *data) {
                         *static_cast<int *>(data) += 100;
                         current.output(current.inputStringView());
                       },
                       &freed, [](void *data) { *static_cast<int *>(data) += 1; });
    for (const HostFunction &function : {typed, plain}) {
      CHECK_THROWS_AS(CompiledPlugin(Manifest(), Options(false, {function})), LoadError);
      std::vector<Plugin> plugins;
      for (int i = 0; i < 5; i++) {
        plugins.emplace_back(fixture("callback.wat"), false, std::vector{function});
        CHECK(plugins.back().call("run", "again").string() == "again");
      }
    }
    CHECK(freed == 500);
    CHECK(captured.use_count() == 2);
  }
  CHECK(freed == 501);
  CHECK(captured.use_count() == 1);
}
