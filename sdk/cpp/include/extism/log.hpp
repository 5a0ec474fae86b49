/// \file
/// Log messages: of one plug-in to a function, of the process to a file or kept.
///
/// Must not know: how messages look. Invariant: a sink that throws disturbs nobody.
#ifndef EXTISM_LOG_HPP
#define EXTISM_LOG_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <extism.h>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace extism {

/// The identity of a plug-in, a UUID.
using PluginId = std::array<uint8_t, 16>;

/// How much a log message matters.
enum class LogLevel { Trace, Debug, Info, Warn, Error };

/// A message of a plug-in; the text lives until the sink returns.
struct LogMessage {
  PluginId pluginId;
  LogLevel level;
  std::string_view text;
};

/// Receives the messages of a plug-in, on the thread that calls it. What it throws is dropped.
using LogSink = std::function<void(const LogMessage &)>;

namespace detail {

inline void receiveLog(void *sink, const uint8_t *id, ExtismLogLevel level, const char *text,
                       ExtismSize length) noexcept {
  try {
    LogMessage message{{}, static_cast<LogLevel>(level), {text, static_cast<size_t>(length)}};
    std::copy(id, id + message.pluginId.size(), message.pluginId.begin());
    (*static_cast<const LogSink *>(sink))(message);
  } catch (...) { // There is nobody to tell.
  }
}

inline void freeLogSink(void *sink) noexcept { delete static_cast<LogSink *>(sink); }

} // namespace detail

/// Sends the log of the process to a file ("-" or "stderr", "stdout" are those), from a level such as "info" upwards.
/// Once per process: false after that, or if the file cannot be opened.
inline bool setLogFile(const char *filename, const char *level) noexcept { return extism_log_file(filename, level); }
inline bool setLogFile(const std::string &filename, const std::string &level) noexcept {
  return setLogFile(filename.c_str(), level.c_str());
}

/// Keeps the log of the process for drainLog. Once per process, this or setLogFile.
inline bool setLogCustom(const std::string &level) noexcept { return extism_log_custom(level.c_str()); }

/// Hands every line that was kept to a function.
inline void drainLog(const std::function<void(std::string_view)> &receive) {
  // The function of the library takes no user data, but calls on this thread.
  static thread_local const std::function<void(std::string_view)> *receiver = nullptr;
  static thread_local std::exception_ptr thrown;
  const auto *outer = receiver;
  receiver = &receive;
  extism_log_drain([](const char *data, ExtismSize size) {
    try {
      if (!thrown) {
        (*receiver)({data, static_cast<size_t>(size)});
      }
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  receiver = outer;
  if (thrown) {
    std::rethrow_exception(std::exchange(thrown, nullptr));
  }
}

} // namespace extism

#endif
