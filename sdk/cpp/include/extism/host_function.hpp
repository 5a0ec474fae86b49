/// \file
/// Functions of the host that plug-ins may import.
///
/// Must not know: plug-ins. Invariant: what a function throws stops here and becomes the call's error; what it
/// captured is released once, when the last of its copies and the plug-ins that have it is gone.
#ifndef EXTISM_HOST_FUNCTION_HPP
#define EXTISM_HOST_FUNCTION_HPP

#include "value.hpp"

#include <functional>

namespace extism {

/// A host function that fetches its arguments and sets its results itself.
using FunctionType = std::function<void(CurrentPlugin, void *)>;

namespace detail {

using Callback = std::function<void(CurrentPlugin &)>;

/// A call of a plug-in from C++ on this thread, and what a host function threw within it.
class CallFrame {
  static inline thread_local CallFrame *top_ = nullptr;
  CallFrame *below_ = top_;
  std::exception_ptr thrown_;

public:
  CallFrame() noexcept { top_ = this; }
  CallFrame(const CallFrame &) = delete;
  CallFrame &operator=(const CallFrame &) = delete;
  ~CallFrame() { top_ = below_; }

  static void keep(std::exception_ptr thrown) noexcept {
    if (top_ != nullptr) {
      top_->thrown_ = std::move(thrown);
    }
  }

  /// Throws what the call failed with, around what a host function threw.
  [[noreturn]] void raise(const Error &error) const {
    if (thrown_ == nullptr || error.status() != Status::HostFunction) {
      detail::raise(error);
    }
    try {
      std::rethrow_exception(thrown_);
    } catch (...) {
      std::throw_with_nested(HostFunctionError(error));
    }
  }
};

inline void fail(ExtismCurrentPlugin *plugin, std::string_view message) noexcept {
  CallFrame::keep(std::current_exception());
  extism_current_plugin_fail(plugin, reinterpret_cast<const uint8_t *>(message.data()), message.size());
}

/// What the library calls. No exception leaves it.
inline void enterCallback(ExtismCurrentPlugin *plugin, const ExtismVal *inputs, ExtismSize inputCount,
                          ExtismVal *outputs, ExtismSize outputCount, void *data) noexcept {
  HostFrame frame{plugin, inputs, static_cast<size_t>(inputCount), outputs, static_cast<size_t>(outputCount),
                  HostFrame::top};
  HostFrame::top = &frame;
  try {
    CurrentPlugin current(plugin);
    (**static_cast<const std::shared_ptr<const Callback> *>(data))(current);
  } catch (const std::exception &error) {
    fail(plugin, error.what());
  } catch (...) {
    fail(plugin, "an exception that is no std::exception");
  }
  HostFrame::top = frame.below;
}

inline void freeCallback(void *data) noexcept { delete static_cast<std::shared_ptr<const Callback> *>(data); }

/// The parameters and the result of something that can be called.
template <typename F> struct Signature : Signature<decltype(&F::operator())> {};
template <typename R, typename... P> struct Signature<R (*)(P...)> {
  using Result = R;
  using Parameters = std::tuple<std::decay_t<P>...>;
};
template <typename R, typename... P> struct Signature<R (*)(P...) noexcept> : Signature<R (*)(P...)> {};
template <typename C, typename R, typename... P> struct Signature<R (C::*)(P...)> : Signature<R (*)(P...)> {};
template <typename C, typename R, typename... P> struct Signature<R (C::*)(P...) const> : Signature<R (*)(P...)> {};
template <typename C, typename R, typename... P>
struct Signature<R (C::*)(P...) noexcept> : Signature<R (*)(P...)> {};
template <typename C, typename R, typename... P>
struct Signature<R (C::*)(P...) const noexcept> : Signature<R (*)(P...)> {};

/// A function of C++ types behind the one type the library knows.
template <typename F, typename R, typename Parameters> struct Typed;

template <typename F, typename R, typename... P> struct Typed<F, R, std::tuple<P...>> {
  static constexpr std::array<ExtismValType, sizeof...(P)> inputs{Value<P>::type...};
  static constexpr auto outputs = Results<R>::types;
  F function;

  void operator()(CurrentPlugin &plugin) { run(plugin, std::index_sequence_for<P...>()); }

private:
  template <size_t... I, typename... First>
  void run(CurrentPlugin &plugin, std::index_sequence<I...>, First &...first) {
    if constexpr (std::is_void_v<R>) {
      function(first..., Value<P>::read(plugin, plugin.inputVal(I))...);
    } else {
      R result = function(first..., Value<P>::read(plugin, plugin.inputVal(I))...);
      Results<R>::write(plugin, &plugin.outputVal(0), result);
    }
  }

  friend struct Typed<F, R, std::tuple<CurrentPlugin, P...>>;
};

/// The plug-in may be the first parameter.
template <typename F, typename R, typename... P>
struct Typed<F, R, std::tuple<CurrentPlugin, P...>> : Typed<F, R, std::tuple<P...>> {
  explicit Typed(F callable) : Typed<F, R, std::tuple<P...>>{std::move(callable)} {}

  void operator()(CurrentPlugin &plugin) { this->run(plugin, std::index_sequence_for<P...>(), plugin); }
};

} // namespace detail

/// A function of the host that plug-ins may import, by default from "extism:host/user".
///
/// Its parameters and result are those of the callable: `int32_t`, `int64_t` (or unsigned), `float`, `double`, and for
/// blocks of memory `std::string_view`, `extism::Bytes`, `std::string` or `std::vector<uint8_t>`. A result may be a
/// `std::optional` of those for no block, or a `std::tuple` for more than one result. The first parameter may be a
/// `CurrentPlugin &`. Views end when the function allocates or returns. What the function throws becomes the error of
/// the call.
///
/// \code
/// extism::HostFunction lookUp("look_up", [&](std::string_view key) -> std::optional<std::string> {
///   const auto found = store.find(key);
///   return found == store.end() ? std::nullopt : std::optional(found->second);
/// });
/// extism::Plugin plugin(manifest, false, {lookUp});
/// \endcode
///
/// It may be given to any number of plug-ins, and is then called on each thread that calls one of them.
class HostFunction {
  std::string name_;
  std::optional<std::string> namespace_;
  std::vector<ExtismValType> inputs_;
  std::vector<ExtismValType> outputs_;
  std::shared_ptr<const detail::Callback> callback_;

public:
  /// A function whose types are those of the callable.
  template <typename F, typename Signature = detail::Signature<std::decay_t<F>>>
  HostFunction(std::string name, F &&function) : name_(std::move(name)) {
    using Typed = detail::Typed<std::decay_t<F>, typename Signature::Result, typename Signature::Parameters>;
    inputs_.assign(Typed::inputs.begin(), Typed::inputs.end());
    outputs_.assign(Typed::outputs.begin(), Typed::outputs.end());
    // What was captured may be for moving alone.
    auto typed = std::make_shared<Typed>(Typed{std::forward<F>(function)});
    callback_ = std::make_shared<const detail::Callback>([typed](CurrentPlugin &plugin) { (*typed)(plugin); });
  }

  /// A function with types that are given. `free` is called once with `userData`, if that is not null.
  HostFunction(std::string name, const std::vector<ValType> &inputs, const std::vector<ValType> &outputs,
               FunctionType function, void *userData = nullptr, std::function<void(void *)> free = nullptr)
      : name_(std::move(name)), inputs_(inputs.begin(), inputs.end()), outputs_(outputs.begin(), outputs.end()) {
    std::shared_ptr<void> owned(userData, [free = std::move(free)](void *data) {
      if (data != nullptr && free) {
        free(data);
      }
    });
    callback_ = std::make_shared<const detail::Callback>(
        [function = std::move(function), owned = std::move(owned)](CurrentPlugin &plugin) {
          function(plugin, owned.get());
        });
  }

  /// As above, in another module than "extism:host/user".
  HostFunction(std::string moduleName, std::string name, const std::vector<ValType> &inputs,
               const std::vector<ValType> &outputs, FunctionType function, void *userData = nullptr,
               std::function<void(void *)> free = nullptr)
      : HostFunction(std::move(name), inputs, outputs, std::move(function), userData, std::move(free)) {
    setNamespace(std::move(moduleName));
  }

  const std::string &name() const noexcept { return name_; }

  /// Sets the module from which plug-ins import the function.
  void setNamespace(std::string moduleName) { namespace_ = std::move(moduleName); }

  /// The function in another module.
  HostFunction withNamespace(std::string moduleName) const {
    HostFunction function = *this;
    function.setNamespace(std::move(moduleName));
    return function;
  }

  /// A function object of the C interface, to be freed by extism_function_free.
  ExtismFunction *create() const {
    auto data = std::make_unique<std::shared_ptr<const detail::Callback>>(callback_);
    ExtismFunction *function =
        extism_function_new(name_.c_str(), inputs_.data(), inputs_.size(), outputs_.data(), outputs_.size(),
                            detail::enterCallback, data.get(), detail::freeCallback);
    if (function == nullptr) {
      detail::raise(Status::InvalidArgument);
    }
    data.release();
    if (namespace_) {
      extism_function_set_namespace(function, namespace_->c_str());
    }
    return function;
  }
};

using Function = HostFunction;

} // namespace extism

#endif
