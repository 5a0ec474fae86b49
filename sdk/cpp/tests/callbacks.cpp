/// Host functions and log sinks: their types, failing in them, closing in them, and what outlives them.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "support.hpp"

using namespace extism;

struct OutOfPaper : std::runtime_error {
  int trays;
  explicit OutOfPaper(int count) : std::runtime_error("out of paper"), trays(count) {}
};

TEST_CASE("g06 an exception is the call's error, with itself nested") {
  const NothingAlive nothing;
  const Plugin plugin = withCallback([](std::string_view) -> std::string { throw OutOfPaper(3); });
  for (int i = 0; i < 2; i++) {
    try {
      plugin.call("run");
      FAIL("nothing was thrown");
    } catch (const HostFunctionError &error) {
      CHECK(error.status() == Status::HostFunction);
      CHECK(error.report().find("out of paper") != std::string::npos);
      try {
        std::rethrow_if_nested(error);
        FAIL("nothing is nested");
      } catch (const OutOfPaper &original) {
        CHECK(original.trays == 3);
      }
    }
    CHECK_NOTHROW(plugin.call("again"));
  }
}

TEST_CASE("whatever is thrown stops at the trampoline") {
  const NothingAlive nothing;
  const auto nestedIn = [](const Plugin &plugin, auto &&check) {
    try {
      plugin.call("run", "x");
      FAIL("nothing was thrown");
    } catch (const HostFunctionError &error) {
      try {
        std::rethrow_if_nested(error);
      } catch (decltype(check(0)) found) {
        CHECK(found == check(0));
      }
    }
  };
  nestedIn(withCallback([](int64_t) -> int64_t { throw 42; }), [](int) { return 42; });
  const std::string odd("\0\xff", 2);
  nestedIn(withCallback([=](int64_t) -> int64_t { throw odd; }), [=](int) { return odd; });
}

TEST_CASE("the error of a nested call is nested") {
  const NothingAlive nothing;
  const Plugin inner = withCallback([](std::string_view) -> std::string { throw OutOfPaper(1); });
  const Plugin outer = withCallback([&](std::string_view) { return inner.call("run"); });
  try {
    outer.call("run");
    FAIL("nothing was thrown");
  } catch (const HostFunctionError &error) {
    try {
      std::rethrow_if_nested(error);
    } catch (const HostFunctionError &nested) {
      CHECK_THROWS_AS(std::rethrow_if_nested(nested), OutOfPaper);
    }
  }
  // What the host function caught is not the call's affair.
  const Plugin patient = withCallback([&](std::string_view) {
    CHECK(statusOf([&] { inner.call("run"); }) == Status::HostFunction);
    return std::string("fine");
  });
  CHECK(patient.call("run").string() == "fine");
}

TEST_CASE("a host function knows its plug-in") {
  const NothingAlive nothing;
  PluginId seen{};
  Plugin plugin = withCallback([&](CurrentPlugin &current, std::string_view text) {
    seen = current.id();
    CHECK(!current.timeRemaining().has_value());
    CHECK(!current.varGet("name").has_value());
    current.varSet("name", text);
    CHECK(current.varGet("name")->string() == "text");
    current.varSet("gone", "x");
    current.varRemove("gone");
    CHECK(!current.varGet("gone").has_value());
    current.setError("not this");
    current.setError("");
    return text;
  });
  CHECK(plugin.call("run", "text").string() == "text");
  CHECK(seen == plugin.id());
  CHECK(plugin.varGet("name")->string() == "text");
  const Plugin failing = withCallback([&](CurrentPlugin &current, std::string_view text) {
    current.setError("but this");
    return text;
  });
  CHECK_THROWS_AS(failing.call("run"), GuestError);
}

TEST_CASE("g07 the current plug-in ends with its function") {
  const NothingAlive nothing;
  std::optional<CurrentPlugin> stash;
  int context = 5;
  const Plugin plugin = withCallback([&](CurrentPlugin &current, std::string_view text) {
    stash = current;
    CHECK(current.hostContext<int>() == &context);
    std::thread([&] { CHECK(statusOf([&] { stash->memory(); }) == Status::Closed); }).join();
    return text;
  });
  CHECK(statusOf([&] { plugin.callWithHostContext("run", "text", &context); }) == Status::Ok);
  REQUIRE(stash.has_value());
  CHECK_THROWS_AS(stash->get(), Closed);
  CHECK_THROWS_AS(stash->hostContext<int>(), Closed);
  CHECK_THROWS_AS(stash->mustStop(), Closed);
  CHECK_THROWS_AS(stash->timeRemaining(), Closed);
  CHECK_THROWS_AS(stash->id(), Closed);
  CHECK_THROWS_AS(stash->varGet("x"), Closed);
  CHECK_THROWS_AS(stash->varSet("x", "y"), Closed);
  CHECK_THROWS_AS(stash->setError("x"), Closed);
  CHECK_THROWS_AS(stash->block(64), Closed);
  CHECK_THROWS_AS(stash->write("x"), Closed);
  CHECK_THROWS_AS(stash->memory(), Closed);
  CHECK_THROWS_AS(stash->memoryLength(64), Closed);
  CHECK_THROWS_AS(stash->memoryAlloc(1), Closed);
  CHECK_THROWS_AS(stash->memoryFree(64), Closed);
  CHECK_THROWS_AS(stash->inputVal(0), Closed);
  CHECK_THROWS_AS(stash->outputVal(0), Closed);
  CHECK_THROWS_AS(stash->inputString(), Closed);
  CHECK_THROWS_AS(stash->output("x"), Closed);
}

TEST_CASE("closing within a callback is put off") {
  const NothingAlive nothing;
  Plugin closed;
  closed = withCallback([&](std::string_view text) {
    closed.close();
    CHECK_THROWS_AS(closed.call("again"), Closed);
    return text;
  });
  CHECK(closed.call("run", "the last").string() == "the last");
  NothingAlive::check();

  auto destroyed = std::make_unique<Plugin>();
  *destroyed = withCallback([&](std::string_view text) {
    destroyed.reset();
    return text;
  });
  CHECK(destroyed->call("run", "the last").string() == "the last");
  NothingAlive::check();

  auto context = std::make_unique<Context>();
  const HostFunction function("callback", [&](std::string_view text) {
    context.reset();
    return text;
  });
  ContextPlugin child = context->plugin(fixture("callback.wat"), false, std::vector{function});
  CHECK(statusOf([&] { child.call("run", "the last"); }) == Status::BadHandle);
}

TEST_CASE("a plug-in in use refuses its own host functions") {
  const NothingAlive nothing;
  Plugin plugin;
  plugin = withCallback([&](std::string_view text) {
    CHECK_THROWS_AS(plugin.call("again"), Busy);
    CHECK_THROWS_AS(plugin.tryCall("again"), Busy);
    CHECK_THROWS_AS(plugin.reset(), Busy);
    CHECK_THROWS_AS(plugin.config("{}"), Busy);
    CHECK_THROWS_AS(plugin.varGet("x"), Busy);
    CHECK_THROWS_AS(Context().insert(std::move(plugin)), Busy);
    CHECK_FALSE(plugin.isClosed());
    return text;
  });
  CHECK(plugin.call("run", "text").string() == "text");
  plugin.close();
}

TEST_CASE("functions have the types of their callables") {
  const NothingAlive nothing;
  std::vector<HostFunction> functions{
      {"i32_id", [](int32_t value) { return value; }},
      {"i64_id", [](uint64_t value) { return value; }},
      {"f32_id", +[](float value) noexcept { return value; }},
      {"f64_id", [owned = std::make_unique<int>(1)](double value) mutable { return value; }},
      HostFunction("i32_id", [](uint32_t value) { return value + 1; }).withNamespace("elsewhere"),
      {"many", [](CurrentPlugin, int a, int64_t b, float, double, int c, int64_t d, float, double, int e, int64_t f,
                  float, double, int g, int64_t h, float, double, int i) {
         return std::make_tuple(a + c + e + g + i, b + d + f + h);
       }}};
  const Plugin plugin(fixture("values.wat"), false, functions);
  for (const char *function : {"i32", "i64", "f32", "f64", "elsewhere", "many"}) {
    CHECK_NOTHROW(plugin.call(function));
  }
  const HostFunction wrong("callback", [](float) {});
  CHECK(statusOf([&] { Plugin(fixture("callback.wat"), false, {wrong}); }) == Status::ImportType);
}

TEST_CASE("text comes and goes in every form") {
  const NothingAlive nothing;
  CHECK(withCallback([](std::string text) { return text; }).call("run", "a").string() == "a");
  CHECK(withCallback([](const std::string &text) { return text + "!"; }).call("run", "a").string() == "a!");
  CHECK(withCallback([](std::vector<uint8_t> text) { return text; }).call("run", "b").string() == "b");
  CHECK(withCallback([](Bytes text) { return text; }).call("run", "c").string() == "c");
  CHECK(withCallback([](Buffer text) { return text; }).call("run", "d").string() == "d");
  CHECK(withCallback([](std::string_view text) { return text.substr(1); }).call("run", "ef").string() == "f");
  CHECK(withCallback([](std::string_view) { return "literal"; }).call("run").string() == "literal");
  CHECK(withCallback([](Bytes) { return std::optional<std::string>(); }).call("run", "g").string() == "");
  CHECK(withCallback([](CurrentPlugin &current, MemoryHandle handle) {
          return current.write(Buffer(current.block(handle)));
        }).call("run", "h").string() == "h");
}

TEST_CASE("log sinks hear their plug-in, and may throw") {
  const NothingAlive nothing;
  std::vector<std::string> heard;
  auto captured = std::make_shared<int>(0);
  Options options;
  options.logLevel = LogLevel::Warn;
  options.logSink = [&, captured](const LogMessage &message) {
    heard.push_back(std::to_string(static_cast<int>(message.level)) + std::string(message.text));
    throw OutOfPaper(0);
  };
  Plugin plugin(fixture("log.wat"), options);
  options.logSink = nullptr;
  plugin.call("info", "not this");
  plugin.call("error", "this");
  CHECK(heard == std::vector<std::string>{"4this"});
  PluginId id{};
  plugin.setLogSink(LogLevel::Trace, [&](const LogMessage &message) { id = message.pluginId; });
  plugin.call("info", "that");
  CHECK(id == plugin.id());
  plugin.setLogSink(LogLevel::Trace, {});
  plugin.call("error", "nobody");
  CHECK(heard.size() == 1);
  CHECK(captured.use_count() == 2);
  plugin.close();
  CHECK(captured.use_count() == 1);
}

TEST_CASE("the log of the process is kept and drained") {
  CHECK(setLogCustom("info"));
  CHECK_FALSE(setLogFile("-", "info"));
  const Plugin plugin(fixture("log.wat"));
  plugin.call("error", "for everybody");
  std::string all;
  drainLog([&](std::string_view line) { all += line; });
  CHECK(all.find("for everybody") != std::string::npos);
  plugin.call("error", "once more");
  CHECK_THROWS_AS(drainLog([](std::string_view) { throw OutOfPaper(2); }), OutOfPaper);
  CHECK_NOTHROW(drainLog([](std::string_view) {}));
}
