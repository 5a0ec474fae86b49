/// \file
/// What a host chooses for a plug-in.
///
/// Must not know: the value of any default. Invariant: what is not set is the library's choice, and what is handed
/// over is released once, whether or not it was taken.
#ifndef EXTISM_OPTIONS_HPP
#define EXTISM_OPTIONS_HPP

#include "host_function.hpp"
#include "log.hpp"
#include "version.hpp"

namespace extism {

/// Every bound of a plug-in; the fields are those of ExtismLimits.
///
/// \code
/// auto limits = extism::Limits::untrusted();
/// limits.memory_bytes_max = 64 << 20;
/// \endcode
struct Limits : ExtismLimits {
  /// The limits of plug-ins that are trusted.
  Limits() : ExtismLimits() {
    size = sizeof(ExtismLimits);
    detail::check(extism_limits_default(this));
  }

  /// The limits for plug-ins nobody has read.
  static Limits untrusted() {
    Limits limits;
    detail::check(extism_limits_untrusted(&limits));
    return limits;
  }
};

/// What a host chooses for a plug-in.
///
/// \code
/// extism::Options options;
/// options.wasi = true;
/// options.limits = extism::Limits::untrusted();
/// options.logSink = [](const extism::LogMessage &message) { std::clog << message.text << "\n"; };
/// extism::Plugin plugin(manifest, options);
/// \endcode
struct Options {
  /// The plug-in may import WASI preview 1, and with it reach the manifest's allowed paths.
  bool wasi = false;
  /// Standard output and error of a plug-in with WASI are those of the process.
  bool wasiOutput = false;
  /// The plug-in sees the headers of HTTP responses.
  bool httpResponseHeaders = false;
  /// Machine code in precompiled artefacts is used: only for files that nobody else can write.
  bool trustArtefacts = false;
  /// Compiled code is not kept for the next time the same module is loaded.
  bool noCache = false;
  /// Calls for kernel memory stay calls. The results are the same; the fuel a call uses is not.
  bool noRewrite = false;
  /// The functions the plug-in may import.
  std::vector<HostFunction> functions;
  /// The bounds of the plug-in; a manifest may ask for less.
  std::optional<Limits> limits;
  /// Fuel for each call; 0 does not count.
  uint64_t fuel = 0;
  /// Fuel for making and initialising an instance; 0: as `fuel`.
  uint64_t fuelForStart = 0;
  /// Keep compiled code on disk as this file of the engine says; empty: in this process alone.
  std::string cacheConfig;
  /// Arguments a plug-in with WASI sees.
  std::vector<std::string> wasiArgs;
  /// Environment variables a plug-in with WASI sees, each "NAME=value".
  std::vector<std::string> wasiEnv;
  /// From which level on messages go to `logSink`.
  LogLevel logLevel = LogLevel::Trace;
  /// Where the log messages of the plug-in go beside the process's log.
  LogSink logSink;

  Options() = default;

  /// The choices of the constructors without options.
  Options(bool withWasi, std::vector<HostFunction> hostFunctions)
      : wasi(withWasi), functions(std::move(hostFunctions)) {}
};

namespace detail {

struct FreeFunction {
  void operator()(ExtismFunction *function) const noexcept { extism_function_free(function); }
};

/// Options as the library reads them, for one operation.
class Request {
  ExtismOptions options_{};
  std::vector<std::unique_ptr<ExtismFunction, FreeFunction>> owned_;
  std::vector<const ExtismFunction *> functions_;
  std::vector<const char *> args_;
  std::vector<const char *> env_;
  std::unique_ptr<LogSink> logSink_;

  static const char *const *texts(const std::vector<std::string> &from, std::vector<const char *> &to) {
    for (const std::string &text : from) {
      to.push_back(text.c_str());
    }
    return to.data();
  }

public:
  explicit Request(const Options &options) {
    checkInterface();
    options_.size = sizeof options_;
    options_.flags = (options.wasi ? EXTISM_OPTION_WASI : 0) | (options.wasiOutput ? EXTISM_OPTION_WASI_OUTPUT : 0) |
                     (options.httpResponseHeaders ? EXTISM_OPTION_HTTP_RESPONSE_HEADERS : 0) |
                     (options.trustArtefacts ? EXTISM_OPTION_TRUST_ARTEFACTS : 0) |
                     (options.noCache ? EXTISM_OPTION_NO_CACHE : 0) |
                     (options.noRewrite ? EXTISM_OPTION_NO_REWRITE : 0);
    for (const HostFunction &function : options.functions) {
      owned_.emplace_back(function.create());
      functions_.push_back(owned_.back().get());
    }
    options_.functions = functions_.data();
    options_.n_functions = functions_.size();
    options_.limits = options.limits ? &*options.limits : nullptr;
    options_.fuel = options.fuel;
    options_.fuel_for_start = options.fuelForStart;
    options_.cache_config = options.cacheConfig.empty() ? nullptr : options.cacheConfig.c_str();
    options_.wasi_args = texts(options.wasiArgs, args_);
    options_.n_wasi_args = args_.size();
    options_.wasi_env = texts(options.wasiEnv, env_);
    options_.n_wasi_env = env_.size();
    if (options.logSink) {
      logSink_ = std::make_unique<LogSink>(options.logSink);
      options_.log_level = static_cast<uint64_t>(options.logLevel);
      options_.log_sink = receiveLog;
      options_.log_user_data = logSink_.get();
      options_.free_log_user_data = freeLogSink;
    }
  }

  Request(const Request &) = delete;
  Request &operator=(const Request &) = delete;

  const ExtismOptions *get() const noexcept { return &options_; }

  /// The operation took what was handed over.
  void taken() noexcept { logSink_.release(); }
};

} // namespace detail
} // namespace extism

#endif
