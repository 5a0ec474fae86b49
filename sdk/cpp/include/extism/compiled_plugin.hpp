/// \file
/// Plug-ins compiled once, from which any number of instances are made.
///
/// Must not know: instances. Invariant: a compiled plug-in may be closed before its instances.
#ifndef EXTISM_COMPILED_PLUGIN_HPP
#define EXTISM_COMPILED_PLUGIN_HPP

#include "holder.hpp"
#include "manifest.hpp"
#include "options.hpp"

namespace extism {

/// A plug-in compiled once. Threads may share it.
///
/// \code
/// extism::CompiledPlugin compiled(extism::Manifest::wasmPath("plugin.wasm"));
/// extism::Plugin first(compiled), second(compiled);
/// \endcode
class CompiledPlugin {
  detail::Holder<ExtismCompiledPlugin> holder_;

  friend class ContextPlugin;
  friend class Plugin;
  friend class Pool;

public:
  /// One that is closed.
  CompiledPlugin() noexcept = default;

  /// Compiles a module, binary or text, or a manifest in JSON or TOML.
  explicit CompiledPlugin(Bytes source, const Options &options = {}) {
    detail::Request request(options);
    ExtismCompiledPlugin *made = nullptr;
    detail::ErrorPlace error;
    error.check(extism_compile(request.get(), source.data(), source.size(), &made, error));
    request.taken();
    holder_ = {made, [](ExtismCompiledPlugin *plugin) noexcept { extism_compiled_plugin_free(plugin); }};
  }

  explicit CompiledPlugin(const Manifest &manifest, const Options &options = {})
      : CompiledPlugin(Bytes(manifest.json()), options) {}

  /// Instances that were made live on. Twice is allowed.
  void close() noexcept { holder_.take(); }

  bool isClosed() const noexcept { return holder_.isClosed(); }

  /// For functions of the C interface; still owned by this, which must not be closed meanwhile.
  const ExtismCompiledPlugin *get() const { return holder_.open().get(); }
};

namespace detail {

template <typename Function> Buffer describe(Function &&function, Bytes source, const Options &options) {
  const Request request(options);
  ExtismBuffer *buffer = nullptr;
  ErrorPlace error;
  error.check(function(request.get(), source.data(), source.size(), &buffer, error));
  return takeBuffer(buffer);
}

} // namespace detail

/// Compiles a plug-in of one module ahead of time: the module with its machine code. It loads anywhere as a module, and
/// faster where Options::trustArtefacts is set.
inline Buffer precompile(Bytes source, const Options &options = {}) {
  const auto function = [](auto &&...arguments) { return extism_precompile(arguments...); };
  return detail::describe(function, source, options);
}
inline Buffer precompile(const Manifest &manifest, const Options &options = {}) {
  return precompile(Bytes(manifest.json()), options);
}

/// Describes a plug-in without running it, in JSON: what it exports, imports and was built with.
inline std::string inspect(Bytes source, const Options &options = {}) {
  const auto function = [](auto &&...arguments) { return extism_inspect(arguments...); };
  return detail::describe(function, source, options).string();
}
inline std::string inspect(const Manifest &manifest, const Options &options = {}) {
  return inspect(Bytes(manifest.json()), options);
}

} // namespace extism

#endif
