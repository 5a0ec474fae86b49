/// Compiles a plug-in once, borrows instances of it from a pool, and ends a call that takes too long.
///
///     c++ -std=c++17 -o pool_and_cancel pool_and_cancel.cpp $(pkg-config --cflags --libs extism-cpp)
///
/// Run it at the root of the repository.
#include <extism.hpp>
#include <future>
#include <iostream>

static void usePool() {
  using namespace std::chrono_literals;
  // snippet: pool
  extism::CompiledPlugin compiled(extism::Manifest::wasmPath("examples/plugins/greet.wasm"));
  std::cout << extism::Plugin(compiled).call("greet", "pool").string() << "\n";

  extism::PoolOptions options;
  options.instancesMax = 2;
  extism::Pool pool(compiled, options);
  extism::Plugin first = pool.get(1s), second = pool.get(1s);
  try {
    pool.get(10ms);
  } catch (const extism::WaitTimeout &error) {
    std::cout << "third: " << statusName(error.status()) << "\n";
  }
  first.close(); // gives it back
  extism::Plugin third = pool.get(1s);
  // end snippet
  std::cout << "third: OK\n";
}

static void cancelACall() {
  const char *module = R"((module (import "extism:host/user" "begun" (func $begun))
    (func (export "forever") (result i32)
      (call $begun) (loop $again (br $again)) (i32.const 0))))";
  // snippet: cancel
  std::promise<void> begun;
  extism::HostFunction function("begun", [&] { begun.set_value(); });
  extism::Plugin plugin(module, false, {function});
  auto impatient = std::async(std::launch::async, [&, handle = plugin.cancelHandle()] {
    begun.get_future().wait();
    handle.cancel();
  });
  try {
    plugin.call("forever");
  } catch (const extism::Cancelled &error) {
    std::cout << "forever: " << statusName(error.status()) << "\n";
  }
  // end snippet
}

int main() {
  usePool();
  cancelACall();
}
