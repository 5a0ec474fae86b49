/// Loads a plug-in, calls it twice, and shows what an error looks like.
///
///     c++ -std=c++17 -o basic basic.cpp $(pkg-config --cflags --libs extism-cpp)
///
/// Run it at the root of the repository.
#include <extism.hpp>
#include <iostream>

int main() {
  // snippet: basic
  extism::Plugin plugin(extism::Manifest::wasmPath("examples/plugins/count_vowels.wasm"));
  std::cout << plugin.call("count_vowels", "this is a test").string() << "\n";
  std::cout << plugin.call("count_vowels", "Hello, World!").string() << "\n";
  try {
    plugin.call("no_such_function");
  } catch (const extism::FunctionNotFound &error) {
    std::cout << statusName(error.status()) << ": " << error.what() << "\n";
  }
  // end snippet
}
