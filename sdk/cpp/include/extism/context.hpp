/// \file
/// Arenas that own plug-ins.
///
/// Must not know: how plug-ins run. Invariant: a plug-in that its context freed throws, whoever still holds it.
#ifndef EXTISM_CONTEXT_HPP
#define EXTISM_CONTEXT_HPP

#include "plugin.hpp"

namespace extism {

class Context;

/// A plug-in that a context owns; copies are the same plug-in.
class ContextPlugin {
  std::shared_ptr<ExtismContext> context_;
  std::shared_ptr<detail::Gate> gate_;
  int32_t number_;

  friend class Context;

  ContextPlugin(std::shared_ptr<ExtismContext> context, int32_t number)
      : context_(std::move(context)), gate_(std::make_shared<detail::Gate>()), number_(number) {}

  detail::Gate::Turn turn() const { return {*gate_, detail::Wait::Yes}; }

  Error last(int32_t code) const {
    const auto status = static_cast<Status>(extism_context_status(context_.get(), number_));
    const char *text = extism_context_error(context_.get(), number_);
    const bool isGuests = status == Status::GuestError || status == Status::GuestExit;
    return {status, text == nullptr ? statusDescription(status) : text, isGuests ? code : 0};
  }

  void checkLast() const {
    if (extism_context_status(context_.get(), number_) != EXTISM_STATUS_OK) {
      detail::raise(last(0));
    }
  }

public:
  /// By which the context knows it.
  int32_t number() const noexcept { return number_; }

  /// As Plugin::call.
  Buffer call(const std::string &function, Bytes input = {}, void *hostContext = nullptr) const {
    const auto turn = this->turn();
    const detail::CallFrame frame;
    const int32_t code = extism_context_plugin_call(context_.get(), number_, function.c_str(), input.data(),
                                                    input.size(), hostContext);
    // A plug-in may report an error and still return 0.
    if (code != 0 || extism_context_status(context_.get(), number_) != EXTISM_STATUS_OK) {
      frame.raise(last(code));
    }
    // Copied by the library: another thread may free the plug-in now that the call is over.
    ExtismBuffer *output = nullptr;
    detail::check(extism_context_plugin_output(context_.get(), number_, &output));
    return detail::takeBuffer(output);
  }

  /// As Plugin::functionExists.
  bool functionExists(const std::string &function) const {
    const auto turn = this->turn();
    const bool exists = extism_context_plugin_function_exists(context_.get(), number_, function.c_str());
    checkLast();
    return exists;
  }

  /// As Plugin::config.
  void config(std::string_view json) {
    const auto turn = this->turn();
    if (!extism_context_plugin_config(context_.get(), number_, Bytes(json).data(), json.size())) {
      detail::raise(last(0));
    }
  }
  void config(const Config &values) { config(detail::Json().value(values).text()); }

  /// Puts another plug-in in the place of this, which keeps its number and nothing else. If that fails, the old one
  /// stays.
  void update(const CompiledPlugin &compiled) {
    const auto turn = this->turn();
    detail::ErrorPlace error;
    error.check(extism_context_plugin_replace(context_.get(), number_, compiled.holder_.open().get(), error));
  }
  void update(Bytes source, const Options &options) { update(CompiledPlugin(source, options)); }
  void update(const Manifest &manifest, const Options &options) { update(CompiledPlugin(manifest, options)); }
  void update(Bytes source, bool withWasi = false, std::vector<HostFunction> functions = {}) {
    update(source, Options(withWasi, std::move(functions)));
  }
  void update(const Manifest &manifest, bool withWasi = false, std::vector<HostFunction> functions = {}) {
    update(manifest, Options(withWasi, std::move(functions)));
  }

  /// As Plugin::cancelHandle.
  CancelHandle cancelHandle() const {
    return CancelHandle(extism_context_plugin_cancel_handle(context_.get(), number_));
  }

  /// Frees the plug-in; if it is running, when that has ended. Twice is allowed.
  void free() noexcept { extism_context_plugin_free(context_.get(), number_); }
};

/// Owns plug-ins, and frees them all at once.
///
/// \code
/// extism::Context context;
/// extism::ContextPlugin plugin = context.plugin(extism::Manifest::wasmPath("plugin.wasm"));
/// plugin.call("greet", "world");
/// context.reset(); // frees it
/// \endcode
class Context {
  detail::Holder<ExtismContext> holder_;

public:
  Context() {
    detail::checkInterface();
    holder_ = {extism_context_new(), [](ExtismContext *context) noexcept { extism_context_free(context); }};
  }

  /// Makes a plug-in; the arguments are those of Plugin.
  template <typename... Arguments> ContextPlugin plugin(Arguments &&...arguments) const {
    holder_.open();
    return insert(Plugin(std::forward<Arguments>(arguments)...));
  }

  /// Takes a plug-in. One that is running stays the caller's, and this throws `Busy`.
  ContextPlugin insert(Plugin &&plugin) const {
    auto context = holder_.open();
    detail::ErrorPlace error;
    int32_t number = -1;
    {
      const Plugin::Use use(plugin, detail::Wait::No);
      error.check(extism_context_plugin_insert(context.get(), use, &number, error));
      use.state->pointer = nullptr;
    }
    plugin.close();
    return {std::move(context), number};
  }

  /// Frees the plug-ins of the context.
  void reset() { extism_context_reset(holder_.open().get()); }

  /// Frees the context and its plug-ins. Twice is allowed.
  void close() noexcept {
    if (const auto context = holder_.take()) {
      extism_context_reset(context.get());
    }
  }

  ~Context() { close(); }
  Context(Context &&) noexcept = default;
  Context &operator=(Context &&other) noexcept {
    auto taken = other.holder_.take();
    close();
    holder_ = std::move(taken);
    return *this;
  }
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  bool isClosed() const noexcept { return holder_.isClosed(); }
};

} // namespace extism

#endif
