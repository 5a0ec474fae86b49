/// A module that a program loads while it runs: it uses the library, and catches what it throws.
#include <extism.hpp>

extern "C" int useAndThrow();

extern "C" int useAndThrow() {
  const extism::HostFunction function("callback", [](std::string_view) -> std::string {
    throw std::runtime_error("thrown within the module");
  });
  const extism::Plugin plugin(extism::Manifest::wasmPath("fixtures/wat/callback.wat"), false, {function});
  try {
    plugin.call("run");
  } catch (const extism::HostFunctionError &error) {
    return static_cast<int>(error.status());
  }
  return 0;
}
