/// A program in the words of the published SDK, which compiles and runs as it is.
#include <extism.hpp>

#include <fstream>
#include <iostream>
#include <thread>

using namespace extism;

static std::vector<uint8_t> read(const char *filename) {
  std::ifstream file(filename, std::ios::binary);
  return std::vector<uint8_t>((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

static void expect(bool holds, const char *what) {
  if (!holds) {
    throw Error(std::string("not so: ") + what);
  }
}

static void manifests() {
  Manifest manifest = Manifest::wasmPath("examples/plugins/count_vowels.wasm");
  manifest.setConfig("vowels", "a");
  manifest.allowHost("example.com");
  manifest.allowPath("examples", "/examples");
  manifest.setTimeout(60000);
  manifest.config["more"] = "yes";
  Plugin plugin(manifest, true);
  Buffer buf = plugin.call("count_vowels", "a test");
  expect((std::string)buf == "{\"count\":1,\"total\":1,\"vowels\":\"a\"}", "manifest");
  std::string response(buf.string());
  auto out = plugin.call(std::string("count_vowels"), std::vector<uint8_t>{'a'});
  expect(out.length == 34, "length");
  out = plugin.call("count_vowels", reinterpret_cast<const uint8_t *>("a"), 1);
  expect(out.data[0] == '{' && out.vector().size() == out.length, "data");

  Manifest byHand;
  byHand.addWasmPath("examples/plugins/greet.wasm");
  byHand.timeout = 1000;
  expect(Plugin(byHand).call("greet", "you").string() == "Hello, you!", "by hand");
  expect(!byHand.json().empty(), "json");
  try {
    Plugin plugin(Manifest{});
    expect(false, "an empty manifest is refused");
  } catch (const Error &error) {
    expect(std::string(error.what()) == "No wasm files specified in Extism manifest", error.what());
  }
}

static void plugins() {
  auto wasm = read("examples/plugins/count_vowels.wasm");
  Plugin plugin(wasm);
  expect(!plugin.functionExists("bad_function"), "bad_function");
  expect(plugin.functionExists(std::string("count_vowels")), "count_vowels");
  Config config;
  config["vowels"] = "xyz";
  plugin.config(config);
  plugin.config(std::string("{\"vowels\": \"b\"}"));
  plugin.config("{}", 2);
  expect(plugin.call("count_vowels", "bbb").string().find("\"count\":3") != std::string::npos, "config");
  expect(plugin.reset(), "reset");
  expect(plugin.get() != nullptr, "get");
  Plugin::CancelHandle handle = plugin.cancelHandle();
  expect(handle.cancel(), "cancel");
  Plugin sized(wasm.data(), wasm.size(), true);
  Plugin moved = std::move(sized);
  expect(moved.call("count_vowels").length > 0, "no input");
}

static void hostFunctions() {
  std::map<std::string, std::vector<uint8_t>> kvStore;
  auto t = std::vector<extism::ValType>{extism::ValType::I64};
  auto old = std::vector<extism::ValType>{extism::ValType::ExtismValType_I64, extism::ValType::ExtismValType_I64};
  auto kvRead = extism::Function("kv_read", t, t, [&kvStore](extism::CurrentPlugin plugin, void *) {
    const auto it = kvStore.find(plugin.inputString());
    if (it == kvStore.end()) {
      const std::vector<uint8_t> zeros{0, 0, 0, 0};
      plugin.output(zeros.data(), zeros.size());
      return;
    }
    plugin.output(it->second.data(), it->second.size());
  });
  int freed = 0;
  {
    auto kvWrite = extism::Function(
        "kv_write", old, {},
        [&kvStore](extism::CurrentPlugin plugin, void *) {
          const auto key = plugin.inputString(0);
          auto value = plugin.inputBuffer(1);
          expect(plugin.memoryLength((MemoryHandle)plugin.inputVal(1).v.i64) == value.length, "memoryLength");
          expect(*plugin.memory((MemoryHandle)plugin.inputVal(1).v.i64) == value.data[0], "memory");
          size_t length = 0;
          expect(plugin.inputBytes(&length, 0) != nullptr && length == key.size(), "inputBytes");
          expect(plugin.inputStringView(0) == key, "inputStringView");
          kvStore[key] = value.vector();
        },
        &freed, [](void *data) { *static_cast<int *>(data) += 1; });
    extism::Plugin plugin(Manifest::wasmPath("examples/plugins/kv.wasm"), true, {kvRead, kvWrite});
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++) {
      threads.push_back(std::thread([&plugin] { plugin.call("count_vowels", "aaa"); }));
    }
    for (auto &thread : threads) {
      thread.join();
    }
    expect(plugin.call("count_vowels", "aaa").string() == "{\"count\":3,\"total\":12}", "kv");
  }
  expect(freed == 1, "freed");
  auto null0 = extism::Function("ns", "trace", t, {}, [](extism::CurrentPlugin, void *) {}, NULL, NULL);
  null0.setNamespace("other");
}

int main() {
  expect(setLogFile("stderr", "error"), "setLogFile");
  manifests();
  plugins();
  hostFunctions();
  std::string version = extism::version();
  std::cout << "ok " << version << "\n";
}
