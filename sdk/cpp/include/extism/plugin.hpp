/// \file
/// Plug-ins: calling them, and what they keep between calls.
///
/// Must not know: pools, contexts. Invariant: the output of a call is copied before another thread can call; a plug-in
/// that is closed while it runs is freed when its call has ended.
#ifndef EXTISM_PLUGIN_HPP
#define EXTISM_PLUGIN_HPP

#include "cancel_handle.hpp"
#include "compiled_plugin.hpp"
#include "gate.hpp"

namespace extism {

/// A plug-in that can be called. Threads may share one: calls wait for each other.
///
/// \code
/// extism::Plugin plugin(extism::Manifest::wasmPath("count_vowels.wasm"));
/// std::cout << plugin.call("count_vowels", "Hello, World!").string() << "\n";
/// \endcode
///
/// It can be moved and not copied. What was moved from or closed throws `Closed`.
class Plugin {
  struct State {
    ExtismPlugin *pointer;
    detail::Gate gate;

    explicit State(ExtismPlugin *plugin) noexcept : pointer(plugin) {}
    State(const State &) = delete;
    State &operator=(const State &) = delete;
    ~State() { extism_plugin_free(pointer); }
  };

  detail::Holder<State> holder_;

  struct Use {
    std::shared_ptr<State> state;
    detail::Gate::Turn turn;

    Use(const Plugin &plugin, detail::Wait wait) : state(plugin.holder_.open()), turn(state->gate, wait) {}
    operator ExtismPlugin *() const noexcept { return state->pointer; }
  };

  Use use() const { return {*this, detail::Wait::Yes}; }

  Buffer run(std::string_view function, Bytes input, void *context, detail::Wait wait) const {
    const Use plugin(*this, wait);
    const detail::CallFrame frame;
    detail::ErrorPlace error;
    const ExtismStatus status = extism_plugin_try_call(plugin, function.data(), function.size(), input.data(),
                                                       input.size(), context, nullptr, error);
    if (status != EXTISM_STATUS_OK) {
      frame.raise(error.take(status));
    }
    return {extism_plugin_output_data(plugin), static_cast<size_t>(extism_plugin_output_length(plugin))};
  }

  /// Throws what the last operation failed with.
  [[noreturn]] static void raiseLast(ExtismPlugin *plugin) {
    const char *text = extism_plugin_error(plugin);
    const auto status = static_cast<Status>(extism_plugin_status(plugin));
    detail::raise({status, text == nullptr ? statusDescription(status) : text, extism_plugin_guest_code(plugin)});
  }

  friend class Context;

public:
  using CancelHandle = extism::CancelHandle;

  /// One that is closed.
  Plugin() noexcept = default;

  /// Takes what a function of the C interface made.
  explicit Plugin(ExtismPlugin *plugin) {
    holder_ = std::make_shared<State>(plugin);
  }

  /// An instance of a compiled plug-in.
  explicit Plugin(const CompiledPlugin &compiled) {
    ExtismPlugin *made = nullptr;
    detail::ErrorPlace error;
    error.check(extism_plugin_create(compiled.holder_.open().get(), &made, error));
    *this = Plugin(made);
  }

  /// Loads a module, binary or text, or a manifest in JSON or TOML.
  Plugin(Bytes source, const Options &options) : Plugin(CompiledPlugin(source, options)) {}
  Plugin(const Manifest &manifest, const Options &options) : Plugin(CompiledPlugin(manifest, options)) {}
  Plugin(Bytes source, bool withWasi = false, std::vector<HostFunction> functions = {})
      : Plugin(source, Options(withWasi, std::move(functions))) {}
  Plugin(const Manifest &manifest, bool withWasi = false, std::vector<HostFunction> functions = {})
      : Plugin(manifest, Options(withWasi, std::move(functions))) {}
  Plugin(const uint8_t *wasm, size_t length, bool withWasi = false, std::vector<HostFunction> functions = {})
      : Plugin(Bytes(wasm, length), withWasi, std::move(functions)) {}

  Plugin(Plugin &&) noexcept = default;
  Plugin &operator=(Plugin &&) noexcept = default;
  Plugin(const Plugin &) = delete;
  Plugin &operator=(const Plugin &) = delete;
  ~Plugin() = default;

  /// Frees the plug-in, or gives it back to its pool; if it is running, when that has ended. Twice is allowed.
  void close() noexcept { holder_.take(); }

  bool isClosed() const noexcept { return holder_.isClosed(); }

  /// Calls a function and answers its output. Throws what the table of errors says, and `Busy` from within one of the
  /// plug-in's own host functions. While another thread calls the plug-in this waits.
  Buffer call(std::string_view function, Bytes input = {}) const {
    return run(function, input, nullptr, detail::Wait::Yes);
  }
  Buffer call(std::string_view function, const uint8_t *input, size_t length) const {
    return call(function, Bytes(input, length));
  }

  /// As call, with something for the host functions to find by CurrentPlugin::hostContext.
  Buffer callWithHostContext(std::string_view function, Bytes input, void *context) const {
    return run(function, input, context, detail::Wait::Yes);
  }

  /// As callWithHostContext, but throws `Busy` where that would wait.
  Buffer tryCall(std::string_view function, Bytes input = {}, void *context = nullptr) const {
    return run(function, input, context, detail::Wait::No);
  }

  /// Whether the plug-in exports a function of this name that can be called.
  bool functionExists(const std::string &function) const {
    return extism_plugin_function_exists(use(), function.c_str());
  }

  /// Merges a JSON object of strings into the configuration; `null` removes a key.
  void config(std::string_view json) {
    const Use plugin = use();
    if (!extism_plugin_config(plugin, Bytes(json).data(), json.size())) {
      raiseLast(plugin);
    }
  }
  void config(const char *json, size_t length) { config(std::string_view(json, length)); }
  void config(const Config &values) { config(detail::Json().value(values).text()); }

  /// Overwrites what the last call left in the plug-in's kernel memory. False if the plug-in is unusable.
  bool reset() const { return extism_plugin_reset(use()); }

  /// Makes the plug-in as new: a fresh instance, no variables, the configuration of the manifest.
  void renew() {
    detail::ErrorPlace error;
    error.check(extism_plugin_renew(use(), error));
  }

  /// The value of a variable, if there is one of this name.
  std::optional<Buffer> varGet(std::string_view name) const {
    ExtismBuffer *value = nullptr;
    detail::check(extism_plugin_var_get(use(), Bytes(name).data(), name.size(), &value));
    return value == nullptr ? std::nullopt : std::optional(detail::takeBuffer(value));
  }

  /// Sets a variable.
  void varSet(std::string_view name, Bytes value) {
    detail::check(extism_plugin_var_set(use(), Bytes(name).data(), name.size(), value.data(), value.size()));
  }

  /// Removes a variable, if there is one of this name.
  void varRemove(std::string_view name) {
    detail::check(extism_plugin_var_remove(use(), Bytes(name).data(), name.size()));
  }

  /// The fuel the last call used, if fuel is counted.
  std::optional<uint64_t> fuelConsumed() const {
    uint64_t fuel = 0;
    return extism_plugin_fuel_consumed(use(), &fuel) ? std::optional(fuel) : std::nullopt;
  }

  /// Lets the plug-in see the headers of HTTP responses from now on.
  void allowHttpResponseHeaders() { extism_plugin_allow_http_response_headers(use()); }

  /// Sends the plug-in's log messages from a level upwards to a function, beside the process's log; an empty one:
  /// nowhere else.
  void setLogSink(LogLevel level, LogSink sink) {
    const bool isEmpty = !sink;
    auto owned = std::make_unique<LogSink>(std::move(sink));
    detail::check(extism_plugin_set_log_sink(use(), static_cast<ExtismLogLevel>(level),
                                             isEmpty ? nullptr : detail::receiveLog, owned.get(),
                                             isEmpty ? nullptr : detail::freeLogSink));
    if (!isEmpty) {
      owned.release();
    }
  }

  /// The identity of the plug-in, as in its log messages.
  PluginId id() const {
    PluginId id{};
    const auto state = holder_.open();
    const uint8_t *bytes = extism_plugin_id(state->pointer);
    std::copy(bytes, bytes + id.size(), id.begin());
    return id;
  }

  /// What cancels the calls of this plug-in.
  CancelHandle cancelHandle() const { return CancelHandle(extism_plugin_cancel_handle(holder_.open()->pointer)); }

  /// For functions of the C interface; still owned by this, which must not be closed meanwhile.
  ExtismPlugin *get() const { return holder_.open()->pointer; }
};

} // namespace extism

#endif
