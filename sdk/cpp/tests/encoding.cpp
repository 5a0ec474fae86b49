/// Bytes, numbers, manifests and errors: what goes in comes out.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "support.hpp"

#include <cstring>
#include <fstream>

using namespace extism;

TEST_CASE("g12 bytes are bytes") {
  const NothingAlive nothing;
  Plugin plugin(fixture("echo.wat"));
  const std::string odd("\0a\0\xff\xfe\xc3\x28\0", 8);
  CHECK(plugin.call("echo", odd).string() == odd);
  CHECK(plugin.call("echo", std::vector<uint8_t>(odd.begin(), odd.end())).string() == odd);
  CHECK(plugin.call("echo", std::array<char, 2>{'x', 0}).length == 2);
  CHECK(plugin.call("echo", std::string_view(odd)).vector() == std::vector<uint8_t>(odd.begin(), odd.end()));
  for (const Buffer &empty : {plugin.call("echo"), plugin.call("echo", ""), plugin.call("echo", Bytes()),
                              plugin.call("echo", nullptr, 0), plugin.call("echo", Bytes(nullptr))}) {
    CHECK(empty.length == 0);
    CHECK(empty.data != nullptr);
  }
  std::string large(size_t(64) << 20, '\0');
  for (size_t i = 0; i < large.size(); i++) {
    large[i] = static_cast<char>(i * 2654435761U >> 13);
  }
  CHECK(plugin.call("echo", large).string() == large);

  plugin.varSet("empty", "");
  CHECK(plugin.varGet("empty").value().empty());
  CHECK_FALSE(plugin.varGet("absent").has_value());
  CHECK(statusOf([&] { plugin.varSet(odd, odd); }) == Status::InvalidUtf8);
  CHECK(statusOf([&] { plugin.call(odd); }) == Status::InvalidUtf8);
  CHECK(statusOf([&] { plugin.call(""); }) == Status::FunctionNotFound);
}

TEST_CASE("g13 outputs stay what they are") {
  const NothingAlive nothing;
  Plugin plugin(fixture("echo.wat"));
  Buffer first = plugin.call("echo", "first");
  Buffer second = plugin.call("echo", "something longer than fits into a small text");
  CHECK(first.string() == "first");
  Buffer copy = first;
  Buffer moved = std::move(first);
  CHECK(first.length == 0);
  CHECK(copy == moved);
  CHECK(copy.data != moved.data);
  copy = std::move(second);
  auto &same = copy;
  copy = std::move(same);
  CHECK(copy.string() == "something longer than fits into a small text");
  first = copy;
  CHECK(first == copy);
  plugin.close();
  CHECK(std::string(reinterpret_cast<const char *>(moved.data), moved.length) == "first");
  const std::string text = moved;
  const std::string_view view = moved;
  CHECK(text == view);
  CHECK(std::move(copy).string().size() == 44);
  CHECK(copy.empty());
}

TEST_CASE("g14 numbers keep every bit") {
  const NothingAlive nothing;
  static const char *const module = R"((module
    (import "extism:host/user" "check" (func $check (param i32 i64 f32 f64) (result i32)))
    (func (export "run") (result i32) (call $check (i32.const -2147483648) (i64.const -9223372036854775808)
      (f32.const -nan:0x600001) (f64.const nan:0xc000000000001)))))";
  const Plugin plugin(module, false, {HostFunction("check", [](int32_t a, int64_t b, float c, double d) {
                                        uint32_t c_bits = 0;
                                        uint64_t d_bits = 0;
                                        std::memcpy(&c_bits, &c, sizeof c);
                                        std::memcpy(&d_bits, &d, sizeof d);
                                        const bool same = a == INT32_MIN && b == INT64_MIN && c_bits == 0xffe00001 &&
                                                          d_bits == 0x7ffc000000000001;
                                        return same ? 0 : 1;
                                      })});
  CHECK_NOTHROW(plugin.call("run"));
}

static void fails(const Plugin &plugin, const char *function, Status status, int32_t code, const char *part) {
  try {
    plugin.call(function, "oh no");
    FAIL("nothing was thrown");
  } catch (const Error &error) {
    CHECK(error.status() == status);
    CHECK(error.guestCode() == code);
    CHECK(std::string(error.what()).find(part) != std::string::npos);
    CHECK(error.report().find(part) != std::string::npos);
  }
}

TEST_CASE("g17 errors say what happened, by type as well") {
  const NothingAlive nothing;
  const Plugin ours(Manifest::wasmPath("fixtures/plugins/ours.wasm"));
  fails(ours, "fail", Status::GuestError, -1, "oh no");
  fails(ours, "fail_code", Status::GuestError, 7, "oh no");
  fails(ours, "absent", Status::FunctionNotFound, 0, "absent");
  fails(Plugin(fixture("exit.wat"), true), "seven", Status::GuestExit, 7, "7");
  CHECK_THROWS_AS(ours.call("fail", "x"), GuestError);
  CHECK_THROWS_AS(ours.call("fail", "x"), CallError);
  CHECK_THROWS_AS(ours.call("panic", "x"), ErrorOf<Status::GuestError>);

  auto limited = fixture("spin.wat");
  limited.setTimeout(20);
  CHECK_THROWS_AS(Plugin(limited).call("spin"), Timeout);
  CHECK_THROWS_AS(Plugin(limited).call("spin"), LimitError);
  Options options;
  options.fuel = 1000;
  const Plugin fuelled(fixture("spin.wat"), options);
  CHECK_THROWS_AS(fuelled.call("spin"), OutOfFuel);
  CHECK(fuelled.fuelConsumed() == 1000);
  CHECK_FALSE(ours.fuelConsumed().has_value());
  CHECK_THROWS_AS(Plugin("nonsense"), ErrorOf<Status::ManifestSyntax>);
  CHECK_THROWS_AS(Plugin{Manifest()}, ErrorOf<Status::NoModules>);
  CHECK_THROWS_AS(Plugin{Bytes()}, LoadError);
  CHECK_THROWS_AS(Plugin(fixture("not-there.wat")), ErrorOf<Status::NotFound>);
  const std::string broken("\0asm broken", 11);
  CHECK_THROWS_AS(Plugin{broken}, ModuleError);
  CHECK(std::string(statusName(Status::Timeout)) == "TIMEOUT");
  CHECK(Error("of the program").status() == Status::HostFunction);
  CHECK(statusOf([] { detail::raise(Error(static_cast<Status>(12345), "newer")); }) == static_cast<Status>(12345));
}

TEST_CASE("an error a plug-in sets is thrown whatever code its function returns") {
  const NothingAlive nothing;
  const Context context;
  const ContextPlugin child = context.plugin(fixture("results.wat"));
  const Plugin plugin(fixture("results.wat"));
  const std::pair<const char *, int32_t> functions[] = {{"error_zero", 0}, {"error_seven", 7}};
  for (const auto &[function, code] : functions) {
    for (const bool inContext : {true, false}) {
      try {
        inContext ? child.call(function) : plugin.call(function);
        FAIL(std::string(function), " was to throw");
      } catch (const GuestError &error) {
        CHECK(error.status() == Status::GuestError);
        CHECK(error.guestCode() == code);
        CHECK(error.message().substr(0, 2) == "hi");
      }
    }
  }
  CHECK(child.call("zero").size() == 0);
}

TEST_CASE("manifests are JSON, whatever is in them") {
  CHECK(Manifest().json() == R"({"wasm":[],"memory":{}})");
  Manifest manifest({Wasm::path("a\"\\\n\x01é").setName("lib"), Wasm::bytes("\xff\x00", "beef"),
                     Wasm::url("https://example.com", "", "POST", {{"K", "V"}})});
  manifest.setConfig("key", "value");
  manifest.allowHost("a");
  manifest.allowHost("b");
  manifest.allowPath("ro:/host", "/guest");
  manifest.allowPath("/same");
  manifest.setTimeout(UINT64_MAX);
  manifest.memory.maxPages = 4;
  manifest.memory.maxVarBytes = 0;
  CHECK(manifest.json() ==
        R"({"wasm":[{"path":"a\"\\\u000a\u0001é","name":"lib"},{"data":"/w==","hash":"beef"},)"
        R"({"url":"https://example.com","method":"POST","headers":{"K":"V"}}],"config":{"key":"value"},)"
        R"("allowed_hosts":["a","b"],"allowed_paths":{"/same":"/same","ro:/host":"/guest"},)"
        R"("timeout_ms":18446744073709551615,"memory":{"max_pages":4,"max_var_bytes":0}})");
  CHECK(detail::base64("") == "");
  CHECK(detail::base64("f") == "Zg==");
  CHECK(detail::base64("fo") == "Zm8=");
  CHECK(detail::base64("foo") == "Zm9v");
  CHECK(detail::base64(std::string("\0\xfb\xff\xff", 4)) == "APv//w==");
}

TEST_CASE("modules come as files, bytes, text and manifests") {
  const NothingAlive nothing;
  std::ifstream file("examples/plugins/greet.wasm", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::vector<uint8_t> numbers(bytes.begin(), bytes.end());
  CHECK(Plugin(bytes).call("greet", "a").string() == "Hello, a!");
  CHECK(Plugin(numbers).call("greet", "b").string() == "Hello, b!");
  CHECK(Plugin(numbers.data(), numbers.size()).call("greet", "c").string() == "Hello, c!");
  CHECK(Plugin(Manifest::wasmBytes(bytes)).call("greet", "d").string() == "Hello, d!");
  CHECK(Plugin(Manifest::wasmBytes(bytes).json()).call("greet", "e").string() == "Hello, e!");
  CHECK(Plugin("[[wasm]]\npath = \"examples/plugins/greet.wasm\"").call("greet", "f").string() == "Hello, f!");

  const Buffer artefact = precompile(bytes);
  CHECK(Plugin(artefact).call("greet", "g").string() == "Hello, g!");
  CHECK(inspect(fixture("echo.wat")).find("\"echo\"") != std::string::npos);
}

TEST_CASE("limits, WASI and configuration") {
  const NothingAlive nothing;
  Options options;
  options.limits = Limits::untrusted();
  options.limits->output_bytes_max = 4;
  Plugin plugin(fixture("echo.wat"), options);
  CHECK(plugin.call("echo", "four").string() == "four");
  CHECK(statusOf([&] { plugin.call("echo", "fives"); }) == Status::Output);
  CHECK(Limits().call_time_ms_max == EXTISM_UNLIMITED);
  CHECK(plugin.reset());
  plugin.varSet("name", "value");
  plugin.renew();
  CHECK_FALSE(plugin.varGet("name").has_value());

  Plugin store(fixture("store.wat"));
  store.config({{"quoted \"key\"", "line\nfeed"}});
  CHECK(store.call("config", "quoted \"key\"").string() == "line\nfeed");
  CHECK(statusOf([&] { store.config("{\"a\": 1}"); }) == Status::ManifestSyntax);
}
