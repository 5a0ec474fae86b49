/// Configures a plug-in, and reads and writes the variables it keeps between calls.
///
///     c++ -std=c++17 -o config_and_vars config_and_vars.cpp $(pkg-config --cflags --libs extism-cpp)
///
/// Run it at the root of the repository.
#include <extism.hpp>
#include <iostream>

static void countVowels(const extism::Plugin &plugin) {
  std::cout << plugin.call("count_vowels", "Yellow, World!").string() << "\n";
}

int main() {
  // snippet: config_and_vars
  auto manifest = extism::Manifest::wasmPath("examples/plugins/count_vowels.wasm");
  manifest.setConfig("vowels", "aeiouyAEIOUY");
  extism::Plugin plugin(manifest);
  countVowels(plugin);

  plugin.config({{"vowels", "o"}});
  countVowels(plugin);
  // The plug-in keeps its total in a variable of four bytes, the lowest first.
  std::cout << "total: " << int(plugin.varGet("total").value().data[0]) << "\n";

  plugin.varSet("total", std::vector<uint8_t>{100, 0, 0, 0});
  plugin.config(R"({"vowels": null})");
  countVowels(plugin);

  plugin.varRemove("total");
  countVowels(plugin);
  // end snippet

  try {
    plugin.config("[1, 2]");
  } catch (const extism::LoadError &) {
    std::cout << "not a configuration: refused\n";
  }
}
