/// Gives a plug-in two functions of the host, with which it keeps a number in a store.
///
///     c++ -std=c++17 -o host_functions host_functions.cpp $(pkg-config --cflags --libs extism-cpp)
///
/// Run it at the root of the repository.
#include <extism.hpp>
#include <iostream>
#include <map>

int main() {
  // snippet: host_function
  std::map<std::string, std::string> store;

  // Nothing is stored as long as there is no block.
  extism::HostFunction read("kv_read", [&](const std::string &key) -> std::optional<std::string> {
    const auto found = store.find(key);
    return found == store.end() ? std::nullopt : std::optional(found->second);
  });
  extism::HostFunction write("kv_write", [&](std::string key, std::string value) {
    if (value.size() > 64) {
      throw std::length_error("the value is too long");
    }
    store[std::move(key)] = std::move(value);
  });
  extism::Plugin plugin(extism::Manifest::wasmPath("examples/plugins/kv.wasm"), false, {read, write});
  // end snippet

  for (const char *text : {"this is a test", "Hello, World!"}) {
    std::cout << plugin.call("count_vowels", text).string() << "\n";
  }
  const std::string &value = store.at("count-vowels");
  std::cout << "the store holds " << value.size() << " bytes, the first of them " << int(value.front()) << "\n";
}
