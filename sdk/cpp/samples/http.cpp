/// Lets a plug-in fetch a page, but only from the host its manifest allows.
///
///     c++ -std=c++17 -o http http.cpp $(pkg-config --cflags --libs extism-cpp)
///
/// Run it at the root of the repository, with the address of a page on 127.0.0.1.
#include <extism.hpp>
#include <iostream>

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "which page?\n";
    return 2;
  }
  // snippet: http
  auto manifest = extism::Manifest::wasmPath("examples/plugins/http.wasm");
  manifest.allowHost("127.0.0.1");
  extism::Plugin plugin(manifest);
  std::cout << plugin.call("fetch", argv[1]).string();
  try {
    plugin.call("fetch", "http://somewhere.example/");
  } catch (const extism::Denied &error) {
    std::cout << statusName(error.status()) << "\n";
  }
  // end snippet
}
